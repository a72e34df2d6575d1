"""A declared backfill: what is decided at first sight, and what is wrong with a window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from backfill_world import PLACE, run_of

from reconciler.model.drive import Drive
from reconciler.model.key import Key
from reconciler.model.ledger import Driven
from reconciler.model.live import Runs
from reconciler.model.origin import Origin
from reconciler.model.pursuit import Pursuit
from reconciler.model.resource import Resource
from reconciler.model.run import Phase
from reconciler.plan.backfill.pursue import Target, cancelled, pursue
from reconciler.schedule.window import show

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAILY = {"cron": "0 6 * * *"}
EVERY = {"every": 360}
KEY = Key("FlyteBackfill", PLACE.project, PLACE.domain, "november")


def pursued(
    body: dict[str, Any],
    schedule: dict[str, Any] | None = None,
    *,
    now: datetime = NOW,
    frozen: Any = None,
    last: datetime | None = None,
    found: tuple[Any, ...] = (),
) -> Drive:
    resource = Resource(key=KEY, body={"from": "-3d", **body}, origin=Origin("x.yaml", 1, 1))
    pursuit = Pursuit(
        resource=resource,
        content="",
        runs=Runs(found=found),
        held=Driven(frozen=frozen or {}),
        now=now,
    )
    return pursue(
        pursuit,
        Target(
            schedule=DAILY if schedule is None else schedule,
            body=lambda tick: {"tick": show(tick)},
            scheduler=lambda tick: f"f{tick:%Y%m%d%H}",
            last=last,
        ),
    )


def ticks(found: Drive) -> list[str]:
    return [show(row.scheduled_at) for row in found.rows if row.scheduled_at]


def test_relative_window_stays_as_it_was_first_seen() -> None:
    first = pursued({})
    assert ticks(first) == [f"2026-11-{day}T06:00:00Z" for day in (28, 29, 30)]
    assert first.frozen == {
        "written": ["-3d", "now"],
        "from": "2026-11-27T12:00:00Z",
        "to": "2026-11-30T12:00:00Z",
    }
    later = pursued({}, now=NOW + timedelta(days=9), frozen=first.frozen)
    assert ticks(later) == ticks(first)
    assert later.frozen == first.frozen


def test_another_window_is_another_first_sight() -> None:
    first = pursued({})
    other = pursued({"from": "-1d"}, now=NOW + timedelta(days=1), frozen=first.frozen)
    assert ticks(other) == ["2026-12-01T06:00:00Z"]
    assert other.frozen["to"] == "2026-12-01T12:00:00Z"


def test_pausing_is_no_other_window() -> None:
    first = pursued({})
    paused = pursued({"state": "Paused"}, now=NOW + timedelta(days=9), frozen=first.frozen)
    assert paused.frozen == first.frozen


def test_window_without_a_tick_tells_the_first_one_after_it() -> None:
    found = pursued({"from": "2026-11-30T07:00:00Z", "to": "2026-11-30T09:00:00Z"})
    assert found.failure == (
        '"0 6 * * *" UTC has no tick in [2026-11-30T07:00:00Z, 2026-11-30T09:00:00Z); '
        "the first one after it is 2026-12-01T06:00:00Z"
    )


def test_window_that_is_empty_when_it_is_seen_is_a_failure() -> None:
    assert "is not before" in pursued({"from": "2026-12-01T00:00:00Z"}).failure


def test_window_of_too_many_ticks_is_a_failure() -> None:
    found = pursued({"from": "-365d"}, {"cron": "* * * * *"})
    assert found.failure == "the window has more than 20,000 ticks; write a shorter one"
    assert found.launches == ()


def test_fixed_rate_without_anchor_is_a_failure_that_says_what_to_write() -> None:
    found = pursued({}, EVERY)
    assert "write anchor" in found.failure


def test_fixed_rate_counts_from_its_anchor() -> None:
    found = pursued({"anchor": "2026-01-01T01:30:00Z", "from": "-1d"}, EVERY)
    assert [one[11:16] for one in ticks(found)] == ["13:30", "19:30", "01:30", "07:30"]
    assert "every 6h, counted from 2026-01-01T01:30:00Z" in found.notes
    assert "anchor" not in found.frozen


def test_fixed_rate_counts_from_the_last_scheduled_run_and_goes_on_from_it() -> None:
    last = datetime(2026, 11, 30, 7, 0, 5, tzinfo=UTC)
    first = pursued({"from": "-1d"}, EVERY, last=last)
    assert first.frozen["anchor"] == "2026-11-30T07:00:05Z"
    restarted = last + timedelta(hours=1)
    later = pursued({"from": "-1d"}, EVERY, last=restarted, frozen=first.frozen)
    assert ticks(later) == ticks(first)


def test_budget_keeps_what_was_started() -> None:
    first = pursued({"maxRuns": 2, "parallelism": 1})
    (launch,) = first.launches
    assert first.frozen["begun"] == launch.id.name
    assert "begun" not in pursued({}).frozen
    there = run_of(launch.scheduled_at or NOW, name=launch.id.name)
    second = pursued({"maxRuns": 2}, frozen=first.frozen, found=(there,))
    assert len(str(second.frozen["begun"]).split()) == 2


@pytest.mark.parametrize("terminate", [True, False])
def test_cancelled_backfill_of_what_is_gone_ends_what_it_started(terminate: bool) -> None:
    body = {"from": "-3d", "state": "Cancelled", "terminate": terminate}
    mine = run_of(NOW, Phase.RUNNING, name="mine")
    ending = run_of(NOW, Phase.ABORTING, name="ending")
    others = (run_of(NOW, Phase.RUNNING, name="theirs"), run_of(NOW, name="old"))
    pursuit = Pursuit(
        resource=Resource(key=KEY, body=body, origin=Origin("x.yaml", 1, 1)),  # type: ignore[arg-type]  # plain values
        content="",
        runs=Runs(found=(mine, ending, *others)),
        held=Driven(started=frozenset({"mine", "ending", "old"})),
        now=NOW,
    )
    found = cancelled(pursuit, Drive(waits="launch plan etl is not there"))
    if terminate:
        assert (found.stops, found.is_done) == ((mine.id,), False)
        assert found.waits == "2 runs that it started must end"
    else:
        assert (found.stops, found.is_done, found.waits) == ((), True, "")


def test_schedule_that_cannot_be_read_is_a_failure() -> None:
    assert pursued({}, {"cron": "0 6 * *"}).failure.startswith("its schedule cannot be read")


@pytest.mark.parametrize(
    ("body", "is_scheduler"),
    [({}, True), ({"overwriteCache": True}, True), ({"inputs": {"a": 1}}, False)],
)
def test_name_is_the_scheduler_s_unless_inputs_differ(
    body: dict[str, Any], is_scheduler: bool
) -> None:
    name = pursued(body).launches[0].id.name
    assert (name == "f2026112806") is is_scheduler


def test_all_once_more_is_another_backfill_by_its_name() -> None:
    found = pursued({"coverage": "All"}, found=(run_of(NOW.replace(day=28, hour=6)),))
    assert found.launches[0].id.name.startswith("b")
    assert found.launches[0].scheduled_at == datetime(2026, 11, 28, 6, tzinfo=UTC)


def test_plan_shows_window_and_counts() -> None:
    found = pursued({"parallelism": 2})
    assert found.notes == (
        "window [2026-11-27T12:00:00Z, 2026-11-30T12:00:00Z)",
        "3 ticks: 3 missing",
    )
    assert found.waits == "1 of 2 runs must end first"
