"""The same histories on a Flyte 2, whose triggers have no versions: whoever writes last wins."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.trigger import trigger_service_pb2
from laws_world import DOMAINS, NAMES, Flyte, Hand, Wanted, Where
from world import PROJECT
from world2 import COUNT, LEDGER, TASK, World2, open_world2, trigger_document

WRITES_TO_TRIGGERS = frozenset({"DeployTrigger", "UpdateTriggers", "DeleteTriggers"})


def daily(tick: int) -> dict[str, Any]:
    """A schedule as others deploy it, with the time as the only way to the input."""
    schedule = {"cron": {"expression": f"0 {tick} * * *"}, "kickoffTimeInputArg": "day"}
    return {"type": "TYPE_SCHEDULE", "schedule": schedule}


class Flyte2(Flyte):
    """A Flyte 2 with somebody who watches every call."""

    kind: ClassVar[str] = "FlyteTrigger"
    world: World2

    def document(self, where: Where, wanted: Wanted) -> dict[str, Any]:
        """The document of one trigger; its name is its domain's own."""
        domain, name = where
        spec: dict[str, Any] = {
            "domain": domain,
            "name": name,
            "state": wanted.state,
            "schedule": {"cron": f"0 {wanted.tick} * * *", "kickoffInput": "day"},
            "inputs": None,
        }
        if wanted.adopt:
            spec["adopt"] = True
        if wanted.description:
            spec["description"] = wanted.description
        return trigger_document(f"{name}-{domain}", **spec)

    async def stop(self, where: Where) -> None:
        """Deactivate a trigger in the console."""
        await self.world.switch(where[1], active=False, domain=where[0])

    async def meddle(self, hand: Hand) -> None:
        """Deploy a trigger over whatever is there, or switch it: `v2` is who only switches."""
        domain, name = hand.where
        if hand.version == "v2":
            await self.world.switch(name, active=hand.active, domain=domain)
            return
        ratio = {"scalar": {"primitive": {"floatValue": 0.5}}}
        await self.world.deploy(
            name,
            domain=domain,
            active=hand.active,
            automation=daily(hand.tick),
            inputs={
                "literals": [{"name": "count", "value": COUNT}, {"name": "ratio", "value": ratio}],
                "context": [{"key": "_u_kickoff_time_input_arg", "value": "day"}],
            },
        )

    async def snapshot(self) -> dict[tuple[str, str, str], tuple[str, bytes]]:
        """Every trigger with its switch and content; ledgers and revisions are left out."""
        found = {}
        for domain in (*DOMAINS, "production"):
            answer = await self.world.triggers.ListTriggers(
                trigger_service_pb2.ListTriggersRequest(
                    project_id=identifier_pb2.ProjectIdentifier(name=PROJECT, domain=domain),
                    request=list_pb2.ListRequest(limit=200),
                )
            )
            for one in answer.triggers:
                if one.id.name.task_name == LEDGER:
                    continue
                details = await self.world.details(one.id.name.name, domain=domain)
                details.spec.ClearField("active")
                content = details.spec.SerializeToString(deterministic=True)
                content += details.automation_spec.SerializeToString(deterministic=True)
                state = "ACTIVE" if one.active else "INACTIVE"
                found[domain, one.id.name.name, ""] = (state, content)
        return found

    def watch(self, method: str, request: Any) -> None:
        """Nothing is noted: a switch that flips nothing moves nothing."""


@asynccontextmanager
async def open_flyte2(*, strict: bool = False) -> AsyncIterator[Flyte2]:
    """Open a world with a task everywhere, and triggers of others outside of the scope."""
    with tempfile.TemporaryDirectory() as directory:
        async with open_world2(Path(directory), strict=strict) as world:
            flyte = Flyte2(world)
            world.server.on_call = flyte.on_call
            world.server.after_call = flyte.after_call
            default = [
                {
                    "name": "count",
                    "parameter": {"var": {"type": {"simple": "INTEGER"}}, "default": COUNT},
                }
            ]
            for domain in (*DOMAINS, "production"):
                await world.deploy_task(TASK, domain=domain, defaults=default)
            for name in NAMES:
                await world.deploy(name, domain="production", automation=daily(1))
            yield flyte
