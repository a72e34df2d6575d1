"""A Flyte that only has runs: what the port says, from lists that a test fills."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.api.runs import Runs
from reconciler.errors import BackendError, UnsupportedError
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.entity import Reference, What
from reconciler.model.key import Place
from reconciler.model.run import (
    Data,
    Gate,
    Launch,
    Line,
    Mode,
    Phase,
    Run,
    RunId,
    Span,
    Started,
    Step,
    Stopping,
    Values,
)

PLACE = Place("flytesnacks", "development")
NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
PLAN = Reference(
    what=What.LAUNCH_PLANS, name="orders", project=PLACE.project, domain=PLACE.domain, version="v1"
)


def a_run(name: str, phase: Phase = Phase.RUNNING, /, *, minutes: int = 0, **rest: Any) -> Run:
    """Make a run that was made some minutes after noon."""
    rest.setdefault("mode", Mode.MANUAL)
    rest.setdefault("entity", PLAN)
    rest.setdefault("created_at", NOON + timedelta(minutes=minutes))
    return Run(id=RunId(rest.pop("place", PLACE), name), phase=phase, **rest)


def integer(value: int) -> dict[str, Any]:
    """Make an integer literal."""
    return {"scalar": {"primitive": {"integer": str(value)}}}


INTEGER = {"type": {"simple": "INTEGER"}}


def integers(**values: int) -> Values:
    """Make values that all are integers."""
    return Values(
        literals={name: integer(value) for name, value in values.items()},
        types=dict.fromkeys(values, INTEGER),
    )


@dataclass
class FakeRunning:
    """The port over lists; `told` are the states that following a run goes through."""

    all: list[Run] = field(default_factory=list)
    trees: dict[str, tuple[Step, ...]] = field(default_factory=dict)
    datas: dict[tuple[str, str], Data] = field(default_factory=dict)
    told: dict[str, list[Run]] = field(default_factory=dict)
    gates_of: list[Gate] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    reports: dict[tuple[str, str], bytes] = field(default_factory=dict)
    addresses: dict[str, Values | bytes] = field(default_factory=dict)
    span: Span = Span(name="all")  # noqa: RUF009 - frozen
    has_logs: bool = True
    files: dict[str, list[bytes]] = field(default_factory=dict)
    pieces: int = 0
    hangs: bool = False
    pause: float = 0.0
    done: list[tuple[Any, ...]] = field(default_factory=list)
    asked: AskedRuns = AskedRuns()  # noqa: RUF009 - frozen

    async def runs(self, asked: AskedRuns) -> AsyncIterator[Run]:
        self.asked = asked
        for run in sorted(self.all, key=lambda run: run.created_at or NOON, reverse=True):
            yield run

    async def run(self, run_id: RunId) -> Run | None:
        return next((run for run in self.all if run.id == run_id), None)

    async def steps(self, run_id: RunId) -> tuple[Step, ...]:
        return self.trees.get(run_id.name, ())

    async def data(self, run_id: RunId, step: str = "") -> Data:
        return self.datas.get((run_id.name, step), Data())

    async def follow(self, run_id: RunId) -> AsyncIterator[Run]:
        for state in self.told.get(run_id.name) or [run for run in self.all if run.id == run_id]:
            self._put(state)
            yield state
            await asyncio.sleep(self.pause)
        await self._hang()

    async def logs(self, run_id: RunId, step: str = "", attempt: int = 0) -> AsyncIterator[Line]:
        self.done.append(("logs", run_id.name, step, attempt))
        if not self.has_logs:
            raise UnsupportedError("logs: Flyte 1 keeps none; these pages have them")
        for line in self.lines:
            yield line
        await self._hang()

    async def content(self, uri: str) -> AsyncIterator[bytes]:
        self.done.append(("content", uri))
        if uri not in self.files:
            raise UnsupportedError("files: are not handed out")
        for piece in self.files[uri]:
            self.pieces += 1
            yield piece

    async def report(self, run_id: RunId, step: str = "") -> bytes:
        found = self.reports.get((run_id.name, step))
        if found is None:
            raise BackendError(f"run {run_id}: has no report")
        return found

    async def addressed(self, address: str) -> Values | bytes | None:
        self.done.append(("addressed", address))
        return self.addresses.get(address)

    async def spans(self, run_id: RunId) -> Span:
        self.done.append(("spans", run_id.name))
        return self.span

    async def there(self, launch: Launch) -> Run | None:
        return await self.run(launch.id)

    async def start(self, launch: Launch) -> Started:
        run = Run(id=launch.id, phase=Phase.QUEUED)
        self._put(run)
        return Started(run=run)

    async def terminate(self, run_id: RunId, cause: str, step: str = "") -> Stopping:
        self.done.append(("terminate", run_id.name, cause, step))
        found = await self.run(run_id)
        assert found is not None
        if found.phase.is_terminal:
            return Stopping.OVER
        if found.phase is Phase.ABORTING:
            return Stopping.UNDER_WAY
        self._put(replace(found, phase=Phase.ABORTED, cause=cause))
        return Stopping.ASKED

    async def recover(self, run_id: RunId, name: str = "") -> Run:
        self.done.append(("recover", run_id.name, name))
        return self._put(a_run(name or "recovered", Phase.QUEUED, mode=Mode.RECOVERED))

    async def relaunch(
        self, run_id: RunId, name: str = "", inputs: Mapping[str, Any] | None = None
    ) -> Run:
        self.done.append(("relaunch", run_id.name, name, inputs))
        return self._put(a_run(name or "relaunched", Phase.QUEUED, mode=Mode.RELAUNCHED))

    async def gates(self, run_id: RunId) -> tuple[Gate, ...]:
        return tuple(gate for gate in self.gates_of if gate.run == run_id)

    async def answer(self, gate: Gate, literal: Mapping[str, Any]) -> None:
        self.done.append(("answer", gate.run.name, gate.signal, literal))

    def url(self, run_id: RunId, step: str = "") -> str:
        return f"https://console/{run_id}" + (f"/{step}" if step else "")

    async def waiting(self, place: Place) -> tuple[Gate, ...]:
        return tuple(g for g in self.gates_of if g.run.place == place and not g.is_answered)

    async def _hang(self) -> None:
        """Stay open for good, as a stream whose end is not near."""
        if self.hangs:
            await asyncio.Event().wait()

    def _put(self, run: Run) -> Run:
        self.all = [one for one in self.all if one.id != run.id] + [run]
        return run


@dataclass
class FakeBackend:
    """A backend with runs and nothing else."""

    running: FakeRunning


def library(running: FakeRunning, place: Place = PLACE) -> Runs:
    """Hand out the library on a fake Flyte."""
    backend: Any = FakeBackend(running)
    return Runs(backend, {"flyte": "Flyte1"}, place.project, place.domain)


def connected(running: FakeRunning, place: Place = PLACE) -> Any:
    """Stand in for `api.runs.client`; `read_only` is kept with what was done."""

    @asynccontextmanager
    async def client(*_: Any, read_only: bool = False, **__: Any) -> AsyncIterator[Runs]:
        running.done.append(("open", "read only" if read_only else "writing"))
        yield library(running, place)

    return client
