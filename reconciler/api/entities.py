"""What is registered on a Flyte, as a library: fetch by name, list with filters, describe.

from reconciler.api import entities

async with entities.reader("flytectl", project="ranking", domain="production") as flyte:
    task = await flyte.task("etl.load")                      # the newest version
    plan = await flyte.launch_plan("etl.daily")              # the active one, else the newest
    print(task.inputs, plan.schedule, flyte.url(plan.entity))
    async for one in flyte.entities("tasks", names=("etl.*",), created_after="7d", limit=10):
        print(one.name, one.version)

Nothing here can write: the connection refuses to send it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from reconciler.api import console, grammar
from reconciler.api.connecting import Target
from reconciler.api.opening import Opened, limited, opened
from reconciler.errors import BackendError, UsageError
from reconciler.model.asked import Asked, ordered
from reconciler.model.entity import Details, Entity, What
from reconciler.model.key import ALL, Place
from reconciler.model.near import hint

ABSENT = "EntityNotExist"
"""The `code` of the error for what is not registered."""

_NEWEST = ("", "latest")


@asynccontextmanager
async def reader(
    connection: str | Target = "",
    *,
    project: str = "",
    domain: str = "",
    cwd: Path | None = None,
) -> AsyncIterator[Reader]:
    """Open a connection for looking; no write can be sent.

    It is chosen as `opening.opened` does. Raises UsageError when none is named.
    """
    async with opened(Reader, connection, project=project, domain=domain, cwd=cwd) as found:
        yield found


@dataclass(slots=True)
class Reader(Opened):
    """Looks at one Flyte; made by `reader`."""

    @property
    def flyte(self) -> str:
        """The generation of Flyte: `Flyte1` or `Flyte2`."""
        return self.identity["flyte"]

    async def task(self, name: str, version: str = "", **place: str) -> Details:
        """Fetch a task; without a version, or with `latest`, the newest."""
        return await self.fetch(What.TASKS, name, version, **place)

    async def workflow(self, name: str, version: str = "", **place: str) -> Details:
        """Fetch a workflow of Flyte 1 with its nodes; without a version the newest."""
        return await self.fetch(What.WORKFLOWS, name, version, **place)

    async def launch_plan(self, name: str, version: str = "", **place: str) -> Details:
        """Fetch a launch plan of Flyte 1; without a version the active one, else the newest."""
        return await self.fetch(What.LAUNCH_PLANS, name, version, **place)

    async def trigger(self, task: str, name: str, **place: str) -> Details:
        """Fetch a trigger of Flyte 2 with the inputs of the task that it runs."""
        return await self.fetch(What.TRIGGERS, f"{task}/{name}", **place)

    async def secret(self, name: str, **place: str) -> Details:
        """Fetch what is known of a secret, never its value."""
        return await self.fetch(What.SECRETS, name, **place)

    async def project_of(self, name: str) -> Details:
        """Fetch a project, archived ones too."""
        return await self.fetch(What.PROJECTS, name)

    async def fetch(
        self, what: What | str, name: str, version: str = "", *, project: str = "", domain: str = ""
    ) -> Details:
        """Fetch one entity with all that the server tells of it.

        Raises UsageError where it is not named whole, BackendError with the code `ABSENT` where
        there is none, UnsupportedError for what this Flyte does not have.
        """
        kind = grammar.what_of(what)
        if not name:
            raise UsageError(f"{kind.one}: has no name; name one")
        self.backend.reading.tells(Asked(what=kind))
        if version and not kind.is_versioned:
            raise UsageError(f"{kind.one} {name}: has no versions; leave the version out")
        place = self._place(kind, project, domain)
        wanted = "" if version in _NEWEST else version
        found = await self.backend.reading.details(kind, place, name, wanted)
        if found is None:
            raise await self._absent(kind, place, name, wanted)
        return found

    def lazy(
        self, what: What | str, name: str, version: str = "", *, project: str = "", domain: str = ""
    ) -> Lazy:
        """Name an entity that is fetched when it is first asked for."""
        kind = grammar.what_of(what)
        place = self._place(kind, project, domain)
        return Lazy(self, kind, name, version, place)

    def entities(
        self,
        what: What | str,
        *,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        updated_after: datetime | str | None = None,
        updated_before: datetime | str | None = None,
        **filters: object,
    ) -> AsyncIterator[Entity]:
        """List entities, lazily: pages are read as rows are taken.

        `filters` are the other fields of `model.asked.Asked`: project, domain, names, version,
        history, state, sort, limit. Times are datetimes with a zone, RFC 3339, or how long ago.
        Raises UsageError for what the rows of this list do not tell.
        """
        times = {
            "created_after": created_after,
            "created_before": created_before,
            "updated_after": updated_after,
            "updated_before": updated_before,
        }
        now = datetime.now(UTC)
        moments = {
            name: grammar.instant(given, option=name, now=now) for name, given in times.items()
        }
        asked = Asked(what=grammar.what_of(what), **moments, **filters)  # type: ignore[arg-type]  # checked by the value
        return self.rows(self.listed(asked))

    def listed(self, asked: Asked) -> Asked:
        """Fill in the place that holds where a list names none, for what has places."""
        return self.placed(asked) if asked.what.is_placed else asked

    def rows(self, asked: Asked) -> AsyncIterator[Entity]:
        """List what is asked for, as it stands: no defaults are filled in."""
        reading = self.backend.reading
        grammar.check(asked, reading.tells(asked))
        if reading.order(asked) == asked.order:
            return limited(reading.entities(asked), asked.matches, asked.limit)
        return _sorted(reading.entities(asked), asked)

    def url(self, entity: Entity) -> str:
        """Address an entity in the console; empty where there is no page for it."""
        return console.of_entity(self.console, self.flyte, entity)

    @property
    def console(self) -> str:
        """The address of the console: what the connection says, else the endpoint's own host."""
        return self.backend.reading.console or self.backend.reading.console_guess

    def _place(self, what: What, project: str, domain: str) -> Place:
        if not what.is_placed:
            return Place("")
        place = Place(project or self.project, domain or self.domain)
        if not place.project or not place.domain:
            lacking = "domain" if place.project else "project"
            raise UsageError(f"{what.one}: no {lacking} is named; give --{lacking}")
        return place

    async def _absent(self, what: What, place: Place, name: str, version: str) -> BackendError:
        """Say what is not there, and what has a similar name."""
        asked = Asked(
            what=what,
            project=place.project or ALL,
            domain=place.domain or ALL,
            names=(name,) if version else (),
            history=bool(version),
            state="all" if not version and self._has_states(what) else "",
        )
        try:
            rows = [
                row
                async for row in limited(
                    self.backend.reading.entities(asked), asked.matches, asked.limit
                )
            ]
        except BackendError:
            rows = []
        near = {row.version if version else row.name for row in rows}
        fix = hint(version or name, near, f"see `reconcile get {what}`")
        where = f" in {place}" if place.project else ""
        of = f" version {version}" if version else ""
        message = f"{what.one} {name}{of}: is not registered{where}; {fix}"
        return BackendError(message, code=ABSENT)

    def _has_states(self, what: What) -> bool:
        return bool(self.backend.reading.tells(Asked(what=what)).states)


@dataclass(slots=True, repr=False)
class Lazy:
    """An entity by name, fetched once, when it is first awaited; showing it fetches nothing."""

    reader: Reader
    what: What
    name: str
    version: str = ""
    place: Place = Place("")  # noqa: RUF009 - frozen
    _found: Details | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __repr__(self) -> str:
        state = "fetched" if self.is_fetched else "not fetched"
        of = f" version {self.version}" if self.version else ""
        return f"<{self.what.one} {self.place}/{self.name}{of}, {state}>"

    @property
    def is_fetched(self) -> bool:
        """Whether it was fetched already."""
        return self._found is not None

    async def get(self) -> Details:
        """Fetch it, at the first call alone; raises as `Reader.fetch` does."""
        async with self._lock:
            if self._found is None:
                self._found = await self.reader.fetch(
                    self.what,
                    self.name,
                    self.version,
                    project=self.place.project,
                    domain=self.place.domain,
                )
            return self._found


async def _sorted(rows: AsyncIterator[Entity], asked: Asked) -> AsyncIterator[Entity]:
    found = ordered([row async for row in rows if asked.matches(row)], asked.order)
    for row in found[: asked.limit or None]:
        yield row
