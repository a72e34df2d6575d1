"""A scheduled plan with runs, as far as a backfill can see: what it starts, ends or finds there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from reconciler.model.backfill import Coverage
from reconciler.model.drive import Drive
from reconciler.model.entity import Reference, What
from reconciler.model.key import Place
from reconciler.model.run import Launch, Mode, Phase, Run, RunId
from reconciler.plan.backfill.cover import there_before
from reconciler.plan.backfill.due import drive
from reconciler.plan.backfill.names import Naming
from reconciler.plan.backfill.wish import Wish
from reconciler.schedule.identity import execution_name

PLACE = Place("sales", "production")
FIRST = datetime(2026, 5, 1, 6, tzinfo=UTC)
NOW = FIRST + timedelta(days=60)
DAY = timedelta(days=1)


def daily(count: int) -> tuple[datetime, ...]:
    return tuple(FIRST + DAY * index for index in range(count))


def scheduler_name(tick: datetime, version: str = "v1") -> str:
    return execution_name(
        project="sales", domain="production", name="etl", version=version, scheduled_at=tick
    )


def naming(*, with_scheduler: bool = True, salt: str = "", **body: object) -> Naming:
    return Naming(
        place=PLACE,
        body=lambda tick: {"plan": "etl", "day": tick.isoformat(), **body},  # type: ignore[dict-item]  # plain values
        scheduler=scheduler_name if with_scheduler else None,
        salt=salt,
    )


def run_of(
    tick: datetime,
    phase: Phase = Phase.SUCCEEDED,
    *,
    name: str = "",
    mode: Mode = Mode.SCHEDULED,
    created_at: datetime | None = None,
    version: str = "v1",
) -> Run:
    made = created_at or tick + timedelta(seconds=5)
    return Run(
        id=RunId(PLACE, name or scheduler_name(tick, version)),
        phase=phase,
        mode=mode,
        entity=Reference(what=What.LAUNCH_PLANS, name="etl", version=version),
        scheduled_at=tick,
        created_at=made,
        started_at=made,
        ended_at=made + timedelta(minutes=10) if phase.is_terminal else None,
    )


@dataclass(slots=True)
class World:
    """What is there, by name, and the backfill that looks at it."""

    ticks: tuple[datetime, ...]
    wish: Wish
    naming: Naming = field(default_factory=naming)
    now: datetime = NOW
    runs: dict[str, Run] = field(default_factory=dict)
    started: list[Launch] = field(default_factory=list)
    refused: list[Launch] = field(default_factory=list)

    def look(self) -> Drive:
        return drive(
            self.ticks, self.runs.values(), wish=self.wish, naming=self.naming, now=self.now
        )

    def start(self, launch: Launch) -> bool:
        """Start a run, as Flyte does: a name that is there is not started again."""
        if launch.id.name in self.runs:
            self.refused.append(launch)
            return False
        assert launch.scheduled_at is not None
        self.runs[launch.id.name] = run_of(
            launch.scheduled_at, Phase.RUNNING, name=launch.id.name, created_at=self.now
        )
        self.started.append(launch)
        return True

    def first_seen(self) -> None:
        """Remember what is there now as not the backfill's own."""
        before = there_before(
            self.ticks, self.runs.values(), wish=self.wish, naming=self.naming, now=self.now
        )
        self.wish = replace(self.wish, before=before)

    def add(self, run: Run) -> None:
        self.runs.setdefault(run.id.name, run)

    def end(self, name: str, phase: Phase = Phase.SUCCEEDED) -> None:
        run = self.runs[name]
        self.runs[name] = replace(run, phase=phase, ended_at=self.now)

    @property
    def alive(self) -> list[str]:
        return [name for name, run in self.runs.items() if not run.phase.is_terminal]

    def one_pass(self) -> Drive:
        """Look, start what is due, and let everything that was started succeed."""
        found = self.look()
        for launch in found.launches:
            self.start(launch)
        for name in self.alive:
            self.end(name)
        self.now += timedelta(minutes=10)
        return found


def world(
    ticks: int = 5, *, coverage: Coverage = Coverage.MISSING, salt: str = "", **wish: object
) -> World:
    return World(
        daily(ticks),
        Wish(coverage=coverage, **wish),  # type: ignore[arg-type]  # by their names
        naming(with_scheduler=coverage is Coverage.MISSING, salt=salt),
    )
