"""Ticks that a live schedule missed: which they are, and what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from backfill_world import PLACE, run_of

from reconciler.model.drive import Drive
from reconciler.model.key import Key
from reconciler.model.ledger import Driven
from reconciler.model.live import Runs
from reconciler.model.origin import Origin
from reconciler.model.pursuit import Pursuit
from reconciler.model.resource import Resource
from reconciler.model.run import Mode, Phase, Run
from reconciler.plan.backfill import gaps
from reconciler.plan.backfill.pursue import Target
from reconciler.schedule.window import show

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=100)
KEY = Key("FlyteBackfill", PLACE.project, PLACE.domain, "etl:gaps")
DAY = timedelta(days=1)


def tick(day: int) -> datetime:
    return datetime(2026, 11, day, 6, tzinfo=UTC)


def kept(
    *found: Run,
    how: str = "Fill",
    activated_at: datetime | None = LONG_AGO,
    frozen: Any = None,
    now: datetime = NOW,
    schedule: Any = None,
) -> Drive:
    body: dict[str, Any] = {"gaps": how, "launchPlan": "etl", "lookBack": 3 * 24 * 60}
    pursuit = Pursuit(
        resource=Resource(key=KEY, body=body, origin=Origin("x.yaml", 1, 1)),
        content="",
        runs=Runs(found=found),
        held=Driven(frozen=frozen or {}),
        now=now,
    )
    target = Target(
        schedule=schedule or {"cron": "0 6 * * *"},
        body=lambda at: {"tick": show(at)},
        scheduler=lambda at: f"f{at:%Y%m%d%H}",
    )
    return gaps.keep(pursuit, target, activated_at)


def started(found: Drive) -> list[datetime | None]:
    return [launch.scheduled_at for launch in found.launches]


def test_missed_ticks_of_the_look_back_are_filled() -> None:
    found = kept(run_of(tick(29)))
    assert started(found) == [tick(28), tick(30)]
    assert found.missed == (tick(28), tick(30))
    told = "2 ticks since 2026-11-27T11:58:00Z have no run, first 2026-11-28T06:00:00Z"
    assert (found.notes, found.waits) == ((told,), "2 runs must end first")
    assert not found.is_done


def test_missed_ticks_are_told_and_left_where_that_is_asked_for() -> None:
    found = kept(run_of(tick(28)), run_of(tick(29)), how="Report")
    assert found.launches == ()
    assert found.waits == (
        "1 tick since 2026-11-27T11:58:00Z has no run, first 2026-11-30T06:00:00Z; "
        "write gaps: Fill, or see `reconcile backfill`"
    )


def test_nothing_missing_is_quiet_and_never_done() -> None:
    found = kept(*(run_of(tick(day)) for day in (28, 29, 30)))
    assert (found.is_idle, found.is_done, found.waits) == (True, False, "")
    assert found.missed == ()


def test_failed_run_is_no_gap() -> None:
    assert started(kept(run_of(tick(28), Phase.FAILED), run_of(tick(29)))) == [tick(30)]


def test_run_of_another_version_is_no_gap() -> None:
    assert started(kept(*(run_of(tick(day), version="v0") for day in (28, 29, 30)))) == []


def test_runs_that_runs_started_fill_nothing() -> None:
    child = run_of(tick(28), name="child", mode=Mode.CHILD)
    assert tick(28) in started(kept(child))


def test_t2_plan_that_says_active_and_does_not_fire_is_told_by_its_gaps() -> None:
    found = kept(how="Report")
    assert found.waits.startswith("3 ticks since")


def test_ticks_before_the_activation_are_no_gaps() -> None:
    assert started(kept(activated_at=tick(29) + timedelta(hours=1))) == [tick(30)]


def test_first_activation_stays_while_versions_change() -> None:
    first = kept(activated_at=LONG_AGO)
    assert first.frozen == {"since": show(LONG_AGO)}
    later = kept(activated_at=NOW - timedelta(hours=1), frozen=first.frozen)
    assert len(started(later)) == 3


def test_pause_is_no_gap() -> None:
    pursuit = Pursuit(
        resource=Resource(key=KEY, body={}, origin=Origin("x.yaml", 1, 1)),
        content="",
        runs=Runs(),
        held=Driven(frozen={"since": show(LONG_AGO)}),
        now=NOW,
    )
    paused = gaps.idle(pursuit)
    assert (paused.is_idle, paused.frozen, paused.missed) == (True, {"since": ""}, ())
    resumed = kept(activated_at=NOW - timedelta(hours=1), frozen=paused.frozen)
    assert resumed.is_idle


def test_t20_tick_that_has_just_passed_is_no_gap_yet() -> None:
    now = tick(30) + timedelta(seconds=90)
    others = tuple(run_of(tick(day)) for day in (27, 28, 29))
    assert kept(*others, now=now).is_idle
    assert started(kept(*others, now=now + timedelta(seconds=60))) == [tick(30)]


def test_many_gaps_are_filled_within_a_limit() -> None:
    found = kept(schedule={"cron": "0 * * * *"})
    assert len(found.launches) == gaps.AT_ONCE
    assert found.waits == "1 of 5 runs must end first"
    assert len(found.rows) == 72
