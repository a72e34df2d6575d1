"""Backfills as a library: runs for the ticks of a schedule, without a document.

from reconciler.api import backfills

async with backfills.client("flytectl", project="ranking", domain="production") as flyte:
    backfill = flyte.backfill({"launchPlan": {"name": "etl"}, "from": "-30d", "parallelism": 8})
    drive = await backfill.look()                 # the ticks, and what covers each
    done = await backfill.fill()                  # until nothing is missing, or one failed
    print(done.notes, done.failure)

The fields are those of FlyteBackfill.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.api.opening import Opened, opened
from reconciler.backends.flyte1.backend import Flyte1
from reconciler.backends.flyte1.backfill import as_workflow as workflows
from reconciler.engine.filling import Filling, Told, fill
from reconciler.errors import UsageError
from reconciler.model.digest import UNCLAIMED
from reconciler.model.document import Document, Json
from reconciler.model.drive import Drive
from reconciler.model.key import Key, Place
from reconciler.model.origin import Origin, Severity
from reconciler.resolve.context import Context
from reconciler.schedule import window as windows
from reconciler.schedule.window import WindowError
from reconciler.specs.registry import API_VERSION
from reconciler.specs.validate import validate

if TYPE_CHECKING:
    from reconciler.api.connecting import Target
    from reconciler.model.origin import Problem
    from reconciler.model.run import Started

KIND = "FlyteBackfill"
INTERVAL = timedelta(seconds=5)
"""How often runs are looked at while waiting for them."""


@dataclass(slots=True)
class Backfill:
    """One backfill on one Flyte."""

    filling: Filling

    @property
    def key(self) -> Key:
        """Which backfill it is."""
        return self.filling.resource.key

    async def look(self) -> Drive:
        """Read what there is: each tick, what covers it, and what would start now."""
        return await self.filling.look(_now())

    async def once(self) -> int:
        """Start what may be in flight now; returns how many were started."""
        return await self.filling.start(await self.look())

    async def fill(self, *, interval: timedelta = INTERVAL, told: Told | None = None) -> Drive:
        """Go on until nothing is missing, or nothing may follow; `told` hears each look."""
        return await fill(self.filling, clock=_now, interval=interval, told=told or _silent)


@dataclass(slots=True)
class Backfills(Opened):
    """The backfills of one Flyte; made by `client`."""

    def backfill(self, spec: Mapping[str, Json], *, name: str = "command-line") -> Backfill:
        """Make a backfill of the fields of a FlyteBackfill; raises UsageError for what is wrong.

        `name` tells apart what is run once more (`coverage: All`).
        """
        value: dict[str, Json] = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": name},
            "spec": dict(spec),
        }
        found = validate([Document(value, Origin("backfill", 1, 1))])
        _refuse(found.problems)
        (declared,) = found.declared
        context = Context(
            set_name=UNCLAIMED,
            now=_now(),
            default_project=self.project,
            default_domain=self.domain,
        )
        resolved = self.backend.adapters[KIND].resolve(declared, context)
        _refuse(resolved.problems)
        (resource,) = resolved.resources
        return Backfill(Filling(self.backend, resource))

    async def as_workflow(
        self,
        launch_plan: str,
        *,
        start: str,
        end: str = "now",
        version: str = "",
        **shape: Any,
    ) -> workflows.Built:
        """Build one workflow of all ticks of a window, as FlyteRemote does; Flyte 1 only.

        `shape` are the fields of its `Shape`. Raises UsageError where there can be none.
        """
        try:
            window = windows.window(start, end, now=_now())
        except WindowError as error:
            raise UsageError(f"backfill: {error}") from None
        return await workflows.build(
            self._flyte1().channel,
            Place(self.project, self.domain),
            launch_plan,
            version=version,
            window=window,
            shape=workflows.Shape(**shape),
        )

    async def run_workflow(
        self, built: workflows.Built, *, name: str = "", is_started: bool = True
    ) -> Started | None:
        """Register a built workflow, and start it once, under a name."""
        channel = self._flyte1().channel
        await workflows.register(channel, built)
        if not is_started:
            return None
        return await workflows.execute(channel, built, name=name)

    def _flyte1(self) -> Flyte1:
        if not isinstance(self.backend, Flyte1):
            raise UsageError("--as-workflow: is of Flyte 1 only; leave it out")
        return self.backend


@asynccontextmanager
async def client(
    connection: str | Target = "",
    *,
    project: str = "",
    domain: str = "",
    cwd: Path | None = None,
    read_only: bool = False,
) -> AsyncIterator[Backfills]:
    """Open a connection; it is chosen as `opening.opened` does."""
    async with opened(
        Backfills, connection, project=project, domain=domain, cwd=cwd, read_only=read_only
    ) as found:
        yield found


def _refuse(problems: tuple[Problem, ...]) -> None:
    errors = [item for item in problems if item.severity is Severity.ERROR]
    if errors:
        told = [f"{item.path or 'spec'}: {item.message}; {item.fix}" for item in errors]
        raise UsageError(f"backfill: {'; '.join(told).replace('spec.', '')}")


def _now() -> datetime:
    return datetime.now(UTC)


def _silent(_drive: Drive) -> None:
    """Tell nobody."""
