"""All ledgers of an installation, found without knowing the names of the sets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from world import DOMAIN, PROJECT, open_world

from reconciler.backends import settings
from reconciler.backends.flyte1.backend import Flyte1
from reconciler.backends.flyte1.channel import connect
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Ledger

HERE, THERE = Place(PROJECT, DOMAIN), Place(PROJECT, "staging")
KEY = Key("FlyteLaunchPlan", PROJECT, DOMAIN, "daily")


async def test_the_newest_ledger_of_every_set_is_found(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        chosen = settings.for_endpoint(world.endpoint, chosen_by="test", insecure=True)
        async with connect(chosen, read_only=False) as channel:
            backend = Flyte1(channel)
            for name, home, writes in (("one", HERE, 12), ("two", HERE, 1), ("three", THERE, 3)):
                ledger = Ledger(name)
                for number in range(writes):
                    ledger = replace(ledger, adopted={KEY: f"v{number}"})
                    ledger = await backend.write_ledger(ledger, home)
            await world.register_workflow()  # a task that is no ledger
            before = world.calls()
            found = await backend.ledgers(await backend.places())
            calls = world.calls() - before
    assert {name: (item.revision, item.home) for name, item in found.items()} == {
        "one": (12, HERE),
        "two": (1, HERE),
        "three": (3, THERE),
    }
    assert found["one"].adopted == {KEY: "v11"}
    assert calls == {"ListProjects": 1, "ListTasks": 3 + 3}, "one per place and one per set"
