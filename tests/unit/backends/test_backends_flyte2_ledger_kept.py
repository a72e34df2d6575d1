"""Ledgers as a Flyte 2 keeps them: the embedded one, and what RECONCILER_FLYTE2_ENDPOINT names."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.project import project_service_pb2
from flyteidl2.trigger import trigger_service_pb2

from reconciler.backends.flyte2 import channel, ledger, methods
from reconciler.backends.flyte2.backend import Flyte2
from reconciler.backends.flyte2.routing import Routes
from reconciler.backends.settings import for_endpoint
from reconciler.errors import ConflictError
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Ledger
from reconciler.server.embedded import open_server

ENDPOINT = os.environ.get("RECONCILER_FLYTE2_ENDPOINT", "")
KINDS = [
    pytest.param("embedded", id="embedded"),
    *([pytest.param("real", id="real", marks=pytest.mark.real)] if ENDPOINT else []),
]


@dataclass(frozen=True, slots=True)
class Kept:
    """A Flyte 2 with a project of our own, and the name of a set that nobody else has."""

    backend: Flyte2
    home: Place
    away: Place
    name: str

    async def delete(self) -> None:
        """Delete the ledger as a person would who sees a trigger."""
        name = ledger.trigger_name(self.name, self.home)
        request = trigger_service_pb2.DeleteTriggersRequest(names=[name])
        await self.backend.channel.call(methods.DELETE_TRIGGERS, request)


@pytest.fixture(params=KINDS)
async def kept(request: Any, tmp_path: Path) -> AsyncIterator[Kept]:
    if request.param == "real":
        async with _opened(ENDPOINT) as found:
            yield found
            await found.delete()
        return
    async with open_server(tmp_path / "embedded") as server, _opened(server.grpc_address) as found:
        yield found


@asynccontextmanager
async def _opened(endpoint: str) -> AsyncIterator[Kept]:
    project = f"ledger-{secrets.token_hex(4)}"
    settings = for_endpoint(endpoint, chosen_by="test", insecure=True)
    async with channel.connect(settings, read_only=False) as opened:
        wanted = project_service_pb2.Project(id=project, name=project)
        await opened.call(
            methods.CREATE_PROJECT, project_service_pb2.CreateProjectRequest(project=wanted)
        )
        home, away = Place(project, "development"), Place(project, "staging")
        name = f"set-{secrets.token_hex(3)}"
        yield Kept(Flyte2(opened, Routes(opened)), home, away, name)


async def test_ledger_is_kept_as_it_was_written(kept: Kept) -> None:
    key = Key("FlyteTrigger", kept.home.project, kept.home.domain, "task/daily")
    wanted = Ledger(kept.name, adopted={key: "7"}, places=frozenset({kept.home}))
    written = await kept.backend.write_ledger(wanted, kept.home)
    assert written == replace(wanted, revision=1, home=kept.home)
    assert await kept.backend.read_ledger(kept.name, kept.home) == written
    assert await kept.backend.read_ledger(kept.name, kept.away) == written, "looked for"
    assert (await kept.backend.ledgers([kept.home]))[kept.name] == written
    assert kept.name not in await kept.backend.ledgers([kept.away])


async def test_of_eight_first_writers_one_succeeds(kept: Kept) -> None:
    async def write(number: int) -> int:
        try:
            await kept.backend.write_ledger(Ledger(kept.name, desired=str(number)), kept.home)
        except ConflictError:
            return -1
        return number

    answers = await asyncio.gather(*(write(number) for number in range(8)))
    found = await kept.backend.read_ledger(kept.name, kept.home)
    assert [str(number) for number in answers if number >= 0] == [found.desired]
    assert found.revision == 1


async def test_write_over_an_old_revision_is_a_conflict(kept: Kept) -> None:
    first = await kept.backend.write_ledger(Ledger(kept.name), kept.home)
    second = await kept.backend.write_ledger(replace(first, desired="2"), kept.home)
    with pytest.raises(ConflictError, match="somebody else wrote revision 2 in between"):
        await kept.backend.write_ledger(replace(first, desired="3"), kept.home)
    assert await kept.backend.read_ledger(kept.name, kept.home) == second


async def test_deleted_ledger_counts_on(kept: Kept) -> None:
    await kept.backend.write_ledger(Ledger(kept.name), kept.home)
    await kept.delete()
    assert await kept.backend.read_ledger(kept.name, kept.home) == Ledger(kept.name)
    written = await kept.backend.write_ledger(Ledger(kept.name), kept.home)
    assert written.revision > 1
    assert await kept.backend.read_ledger(kept.name, kept.home) == written


async def test_ledger_of_twenty_thousand_objects_is_kept(kept: Kept) -> None:
    keys = [Key("FlyteTrigger", kept.home.project, "d", f"t/{index}") for index in range(20_000)]
    written = await kept.backend.write_ledger(
        Ledger(kept.name, adopted=dict.fromkeys(keys, "1")), kept.home
    )
    assert await kept.backend.read_ledger(kept.name, kept.home) == written
