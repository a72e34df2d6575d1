"""Executions of Flyte 1 and runs of Flyte 2, as a library: find, wait, read, end, answer.

from reconciler.api import runs

async with runs.client("flytectl", project="ranking", domain="production") as flyte:
    async for one in flyte.runs(phases="failed", created_after="1d"):
        print(one.id.name, one.cause)
    run = await flyte.run("f6b2d4a1c")
    await run.wait(timeout=timedelta(hours=1))
    print(run.phase, (await run.outputs())["o0"])

`runs.client(read_only=True)` cannot send a write.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.api import addresses, grammar
from reconciler.api.addresses import Address
from reconciler.api.opening import Opened, limited, opened
from reconciler.engine.waiting import ABSENT
from reconciler.errors import BackendError, UsageError
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.key import Place
from reconciler.model.near import hint

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.api.connecting import Target
    from reconciler.api.run_handle import RunHandle
    from reconciler.backends.running import Running
    from reconciler.model.run import Gate, Run

_NEAR = 200
"""Newest runs among which a close name is looked for."""

_TIMES = frozenset({"created_after", "created_before", "updated_after", "updated_before"})
NEWEST = "-created"
SORTED: Mapping[str, Callable[[Run], tuple[str, ...]]] = {
    "created": lambda run: (_text(run.created_at), str(run.id)),
    "updated": lambda run: (_text(run.updated_at), str(run.id)),
    "started": lambda run: (_text(run.started_at), str(run.id)),
    "name": lambda run: (str(run.id),),
    "phase": lambda run: (run.phase.value, str(run.id)),
}
"""What runs can be sorted by."""


@asynccontextmanager
async def client(
    connection: str | Target = "",
    *,
    project: str = "",
    domain: str = "",
    cwd: Path | None = None,
    read_only: bool = False,
) -> AsyncIterator[Runs]:
    """Open a connection to the runs of a Flyte; it is chosen as `opening.opened` does."""
    async with opened(
        Runs, connection, project=project, domain=domain, cwd=cwd, read_only=read_only
    ) as found:
        yield found


@dataclass(slots=True)
class Runs(Opened):
    """The runs of one Flyte; made by `client`."""

    @property
    def running(self) -> Running:
        """The port below; raises UnsupportedError where this Flyte's runs are not served."""
        return self.backend.running

    async def run(self, name: str, *, project: str = "", domain: str = "") -> RunHandle:
        """Fetch a run by its name, or by `PROJECT/DOMAIN/RUN`.

        Raises BackendError with the code `ABSENT` and close names where there is none.
        """
        from reconciler.api.run_handle import RunHandle

        at = self.at(name, project=project, domain=domain)
        if at.step:
            raise UsageError(f"run {name}: names a step; leave it out, and ask the run for it")
        found = await self.running.run(at.run)
        if found is None:
            raise await self._absent(at)
        return RunHandle(self, found)

    async def launch(
        self,
        kind: str,
        name: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        version: str = "",
        run: str = "",
        **options: Any,
    ) -> RunHandle:
        """Start a launch plan, a workflow, a task or a trigger (`TASK/NAME`), and hand the run out.

        Without a version it is the active one of a launch plan, else the newest. `run` names the
        run: the same one that is there under that name is handed out and not started again. Without
        it a name is made up. `options` are fields of FlyteRun; `project` and `domain` say where.
        Raises SpecError for what does not fit, BackendError with the code `ABSENT` for what is not
        there, ConflictError where another run has the name, which is left as it is.
        """
        from reconciler.api import launching
        from reconciler.api.run_handle import RunHandle

        place = Place(options.get("project") or self.project, options.get("domain") or self.domain)
        prepared = await launching.prepare(
            self.backend,
            launching.Asked(kind, name, version, options),
            lambda _: dict(inputs or {}),
            place=place,
            name=run or launching.made_up("", self.identity["flyte"]),
        )
        if prepared.run is not None:
            return RunHandle(self, prepared.run)
        return RunHandle(self, (await self.running.start(prepared.launch)).run)

    def runs(
        self, *, phases: str = "", modes: str = "", sort: str = "", **filters: Any
    ) -> AsyncIterator[Run]:
        """List runs, lazily, the newest first.

        `phases` and `modes` are words separated by commas; `filters` are the other fields of
        `model.asked_runs.AskedRuns`, times as for entities.
        """
        now = datetime.now(UTC)
        moments = {
            name: grammar.instant(given, option=name, now=now)
            for name, given in filters.items()
            if name in _TIMES
        }
        asked = AskedRuns(
            phases=addresses.phases(phases) if phases else frozenset(),
            modes=addresses.modes(modes) if modes else frozenset(),
            **{**filters, **moments},
        )
        return self.rows(self.placed(asked), sort)

    def recent(self, limit: int = 100) -> AsyncIterator[Run]:
        """List the newest runs of the place."""
        return self.runs(limit=limit)

    def rows(self, asked: AskedRuns, sort: str = "") -> AsyncIterator[Run]:
        """List what is asked for, as it stands; in another order everything is read first."""
        field = sort.removeprefix("-")
        if sort and field not in SORTED:
            raise UsageError(
                f"--sort: {sort}: runs are sorted by {', '.join(SORTED)}, with - in front for the "
                "largest first"
            )
        if sort in {"", NEWEST}:
            return limited(self.running.runs(asked), asked.matches, asked.limit)
        read = self.running.runs(replace(asked, limit=0))
        return _sorted(read, asked, sort)

    async def get(self, address: str, **how: Any) -> Any:
        """Read what a short address of Flyte 1, `flyte://v1/...`, names; None where there is none.

        It is `Literals` for inputs or outputs (`how` is what they take besides), a single value
        where the address ends in its name, and bytes of HTML for a deck.
        """
        from reconciler.api.literals import Literals
        from reconciler.api.stored import Store

        found = await self.running.addressed(address)
        if found is None or isinstance(found, bytes):
            return found
        literals = Literals(found, store=Store(self.running), **how)
        name = address.rpartition("/")[2]
        return literals[name] if name not in {"i", "o"} else literals

    async def gates(self, place: Place | None = None) -> tuple[Gate, ...]:
        """List the open gates of all runs of a place, which is the one that holds by default."""
        where = place or Place(self.project, self.domain)
        if not where.is_single:
            lacking = "domain" if where.project else "project"
            raise UsageError(f"signals: no {lacking} is named; give --{lacking}, or name a run")
        return await self.running.waiting(where)

    def at(self, text: str, *, project: str = "", domain: str = "") -> Address:
        """Read an address of a run or step, with the place that holds where it names none."""
        return addresses.address(
            text, project=project or self.project, domain=domain or self.domain
        )

    async def _absent(self, at: Address) -> BackendError:
        """Say which run is not there, and what has a similar name."""
        place = at.run.place
        asked = AskedRuns(project=place.project, domain=place.domain, archived=True, limit=_NEAR)
        try:
            near = [
                run.id.name
                async for run in limited(self.running.runs(asked), asked.matches, asked.limit)
            ]
        except BackendError:
            near = []
        fix = hint(at.run.name, near, "see `reconcile get runs`")
        return BackendError(f"run {at.run.name}: is not there in {place}; {fix}", code=ABSENT)


async def _sorted(rows: AsyncIterator[Run], asked: AskedRuns, sort: str) -> AsyncIterator[Run]:
    """Sort rows; the largest first turns only the field round, not what follows it."""
    key = SORTED[sort.removeprefix("-")]
    found = sorted([row async for row in rows if asked.matches(row)], key=SORTED["name"])
    found.sort(key=lambda run: key(run)[0], reverse=sort.startswith("-"))
    for row in found[: asked.limit or None]:
        yield row


def _text(moment: datetime | None) -> str:
    return moment.isoformat(timespec="microseconds") if moment else ""
