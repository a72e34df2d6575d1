"""What a backfill starts, waits for and tells."""

from __future__ import annotations

from datetime import timedelta

import pytest
from backfill_world import DAY, FIRST, NOW, PLACE, daily, naming, run_of, scheduler_name, world

from reconciler.model.backfill import Coverage, Going, OnFailure, Order
from reconciler.model.drive import Outside
from reconciler.model.run import Mode, Phase, RunId
from reconciler.plan.backfill.share import share
from reconciler.plan.backfill.wish import GRACE


def starts(found: object) -> list[int]:
    """The days whose ticks are started."""
    launches = found.launches  # type: ignore[attr-defined]  # a drive
    return [(launch.scheduled_at - FIRST) // DAY for launch in launches]


def test_missing_ticks_start_oldest_first_as_many_as_may_run() -> None:
    one = world(5, parallelism=2)
    one.add(run_of(daily(5)[1]))
    assert starts(one.look()) == [0, 2]


def test_newest_first_where_that_is_asked_for() -> None:
    assert starts(world(5, parallelism=2, order=Order.NEWEST).look()) == [4, 3]


def test_next_ones_wait_for_what_is_in_flight() -> None:
    one = world(5, parallelism=2)
    one.start(one.look().launches[0])
    second = one.look()
    assert starts(second) == [1]
    assert second.waits == "1 of 2 runs must end first"


def test_one_at_a_time_goes_in_order() -> None:
    one = world(3)
    assert [starts(one.one_pass()) for _ in range(4)] == [[0], [1], [2], []]
    assert one.look().is_done


def test_first_attempt_has_the_name_of_the_scheduler() -> None:
    launch = world(1).look().launches[0]
    assert launch.id.name == scheduler_name(FIRST)
    assert launch.scheduled_at == FIRST


def test_other_inputs_have_names_of_their_own() -> None:
    first = naming(with_scheduler=False, rows=1).name(FIRST, 1)
    assert first != naming(with_scheduler=False, rows=2).name(FIRST, 1)
    assert first == naming(with_scheduler=False, rows=1).name(FIRST, 1)
    assert first != naming(with_scheduler=False, rows=1).name(FIRST, 2)
    assert first != naming(with_scheduler=False, rows=1).name(FIRST + DAY, 1)
    assert len(first) == 25


def test_t8_run_of_another_version_covers_its_tick() -> None:
    one = world(2, parallelism=2)
    one.add(run_of(FIRST, version="v0"))
    assert scheduler_name(FIRST, "v0") != scheduler_name(FIRST)
    assert starts(one.look()) == [1]


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.RUNNING, Phase.UNDEFINED, Phase.ABORTING])
def test_run_that_has_not_ended_covers_its_tick(phase: Phase) -> None:
    one = world(2, parallelism=3)
    one.add(run_of(FIRST, phase))
    one.first_seen()
    found = one.look()
    assert starts(found) == [1]
    assert found.rows[0].is_covered


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.ABORTED, Phase.TIMED_OUT])
def test_earlier_run_that_failed_leaves_its_tick_missing(phase: Phase) -> None:
    one = world(1)
    one.add(run_of(FIRST, phase))
    one.first_seen()
    (launch,) = one.look().launches
    assert launch.attempt == 2
    assert launch.id.name == one.naming.name(FIRST, 2)
    one.one_pass()
    assert one.look().is_done


@pytest.mark.parametrize("mode", [Mode.SYSTEM, Mode.CHILD])
def test_runs_that_other_runs_started_cover_nothing(mode: Mode) -> None:
    one = world(1)
    one.add(run_of(FIRST, name="child", mode=mode))
    assert starts(one.look()) == [0]


@pytest.mark.parametrize("mode", [Mode.RELAUNCHED, Mode.RECOVERED])
def test_relaunch_keeps_the_tick_and_covers_it(mode: Mode) -> None:
    one = world(1)
    one.add(run_of(FIRST, Phase.FAILED))
    one.add(run_of(FIRST, name="again", mode=mode))
    assert one.look().is_done


def test_t9_tick_that_the_concurrency_policy_skipped_stays_missing() -> None:
    one = world(2, parallelism=2)
    skipped = one.look().launches[0]
    one.start(one.look().launches[1])
    assert skipped in one.look().launches


def test_t20_tick_that_has_just_passed_is_left_to_the_scheduler() -> None:
    one = world(2, parallelism=2)
    one.now = FIRST + DAY + GRACE - timedelta(seconds=1)
    found = one.look()
    assert starts(found) == [0]
    assert found.rows[1].why == "not due yet"
    one.now += timedelta(seconds=1)
    assert starts(one.look()) == [0, 1]


def test_ticks_to_come_are_waited_for() -> None:
    one = world(2, parallelism=2)
    one.now = FIRST + timedelta(hours=1)
    one.one_pass()
    found = one.look()
    left = "the tick at 2026-05-02T06:00:00Z is left to the scheduler until 2026-05-02T06:02:00Z"
    assert found.waits == left
    assert not found.is_done


def test_failure_stops_the_others() -> None:
    one = world(3)
    one.start(one.look().launches[0])
    one.end(scheduler_name(FIRST), Phase.FAILED)
    found = one.look()
    assert found.launches == ()
    assert found.failure == "1 of 3 ticks failed, first 2026-05-01T06:00:00Z"
    assert [row.why for row in found.rows] == ["", "another tick failed", "another tick failed"]
    assert not found.is_done


def test_failure_does_not_stop_the_others_where_they_go_on() -> None:
    one = world(2, on_failure=OnFailure.CONTINUE)
    one.start(one.look().launches[0])
    one.end(scheduler_name(FIRST), Phase.FAILED)
    assert one.look().failure == ""
    assert starts(one.one_pass()) == [1]
    last = one.look()
    assert last.failure == "1 of 2 ticks failed, first 2026-05-01T06:00:00Z"
    assert not last.is_done


def test_failed_tick_that_somebody_repaired_is_done() -> None:
    one = world(1)
    one.first_seen()
    one.start(one.look().launches[0])
    one.end(scheduler_name(FIRST), Phase.FAILED)
    one.add(run_of(FIRST, name="by-hand", mode=Mode.RELAUNCHED))
    assert one.look().is_done


def test_failed_tick_is_tried_again_before_the_next() -> None:
    one = world(2, retries=1)
    one.start(one.look().launches[0])
    one.end(scheduler_name(FIRST), Phase.FAILED)
    (again,) = one.look().launches
    assert (again.scheduled_at, again.attempt) == (FIRST, 2)
    one.start(again)
    one.end(again.id.name, Phase.FAILED)
    found = one.look()
    assert found.launches == ()
    assert found.rows[0].attempts == 2
    assert found.rows[0].run == again.id


def test_budget_of_runs_ends_the_backfill() -> None:
    one = world(4, parallelism=3, max_runs=2)
    one.add(run_of(FIRST + 3 * DAY))
    one.first_seen()
    assert starts(one.one_pass()) == [0, 1]
    found = one.look()
    assert found.launches == ()
    assert found.failure == (
        "its budget of 2 runs is used up and 1 tick missing; raise budget.maxRuns"
    )


def test_all_are_run_once_more_and_only_once() -> None:
    one = world(3, parallelism=3, coverage=Coverage.ALL, salt="again")
    for tick in one.ticks:
        one.add(run_of(tick))
    first = one.look()
    assert starts(first) == [0, 1, 2]
    assert not {launch.id.name for launch in first.launches} & set(one.runs)
    one.one_pass()
    assert one.look().is_done
    assert len(one.started) == 3


def test_pause_starts_nothing_and_says_so() -> None:
    found = world(2, going=Going.PAUSED).look()
    assert found.launches == ()
    assert found.waits == "it is paused; write state: Running"
    assert {row.why for row in found.rows} == {"paused"}


def test_cancelled_backfill_leaves_its_runs_alone() -> None:
    one = world(2, parallelism=2)
    one.start(one.look().launches[0])
    cancelled = world(2, going=Going.CANCELLED)
    cancelled.runs = one.runs
    found = cancelled.look()
    assert (found.launches, found.stops, found.is_done) == ((), (), True)


def test_cancelled_backfill_ends_what_it_started_where_that_is_asked_for() -> None:
    known = frozenset({scheduler_name(FIRST + 2 * DAY)})
    one = world(4, parallelism=2, going=Going.CANCELLED, is_ending=True, known=known)
    theirs = run_of(FIRST, Phase.RUNNING, name="theirs", created_at=NOW)
    scheduled = run_of(FIRST + DAY, Phase.RUNNING, created_at=NOW)
    ours = run_of(FIRST + 2 * DAY, Phase.RUNNING, created_at=NOW)
    failed = run_of(FIRST + 3 * DAY, Phase.FAILED)
    again = one.naming.name(FIRST + 3 * DAY, 2)
    second = run_of(FIRST + 3 * DAY, Phase.RUNNING, name=again, created_at=NOW)
    for run in (theirs, scheduled, ours, failed, second):
        one.add(run)
    found = one.look()
    assert found.stops == (ours.id, second.id)
    assert found.cause == "its backfill was cancelled"
    assert not found.is_done
    one.end(ours.id.name, Phase.ABORTED)
    one.end(again, Phase.ABORTED)
    assert one.look().is_done


def test_cancelled_backfill_ends_what_it_started_of_another_version() -> None:
    old = run_of(FIRST, Phase.RUNNING, version="v0", created_at=NOW)
    moved = run_of(FIRST + timedelta(hours=3), Phase.RUNNING, name="moved", created_at=NOW)
    known = frozenset({old.id.name, moved.id.name})
    one = world(2, going=Going.CANCELLED, is_ending=True, known=known)
    for run in (old, moved, run_of(FIRST + DAY, Phase.RUNNING, version="v0", created_at=NOW)):
        one.add(run)
    found = one.look()
    assert (found.stops, found.is_done) == ((old.id, moved.id), False)
    assert found.waits == "2 runs that it started must end"


def test_budget_counts_runs_of_versions_before() -> None:
    old = [run_of(FIRST + DAY * day, version="v0", created_at=NOW) for day in (0, 1)]
    begun = frozenset(run.id.name for run in old) | {"announced-and-never-started"}
    one = world(5, parallelism=5, max_runs=3, begun=begun)
    for run in old:
        one.add(run)
    assert starts(one.look()) == [2]
    one.start(one.look().launches[0])
    assert starts(one.look()) == []
    one.end(scheduler_name(FIRST + 2 * DAY))
    assert one.look().failure.startswith("its budget of 3 runs is used up and 2 ticks missing")


def test_run_that_is_being_ended_keeps_its_cause_and_is_waited_for() -> None:
    one = world(1, going=Going.CANCELLED, is_ending=True, known=frozenset({scheduler_name(FIRST)}))
    one.add(run_of(FIRST, Phase.ABORTING, created_at=NOW))
    found = one.look()
    assert (found.stops, found.is_done) == ((), False)
    assert found.waits == "1 run that it started must end"


def test_table_has_a_row_for_each_tick() -> None:
    one = world(4, parallelism=1)
    one.add(run_of(FIRST))
    one.first_seen()
    one.start(one.look().launches[0])
    rows = one.look().rows
    assert [row.scheduled_at for row in rows] == list(daily(4))
    assert [(row.phase, row.is_covered, row.attempts, row.why) for row in rows] == [
        (Phase.SUCCEEDED, True, 0, ""),
        (Phase.RUNNING, False, 1, ""),
        (None, False, 0, "waits its turn"),
        (None, False, 0, "waits its turn"),
    ]
    assert rows[0].run == RunId(one.naming.place, scheduler_name(FIRST))


def test_counts_and_estimate_are_told() -> None:
    one = world(10, parallelism=2)
    for tick in one.ticks[:4]:
        one.add(run_of(tick))
    assert one.look().notes == ("10 ticks: 4 covered, 6 missing", "about 30m to go")
    assert one.look().estimate == timedelta(minutes=30)


def test_backfills_share_what_may_be_in_flight() -> None:
    first, second = world(4, parallelism=4), world(4, parallelism=4)
    second.runs["other"] = run_of(FIRST, Phase.RUNNING, name="other")
    one, other = share([(first.look(), 3), (second.look(), 3)])
    assert starts(one) == [0, 1]
    assert one.waits == "at most 3 runs of all backfills may be in flight"
    assert starts(other) == [1], "the first one starts it too, and it counts once"
    assert other.waits == "at most 3 runs of all backfills may be in flight"
    assert other.rows[2].why == "waits for other backfills"
    third = world(4, coverage=Coverage.ALL, parallelism=4)
    one, other = share([(first.look(), 3), (third.look(), 3)])
    assert (starts(one), starts(other)) == ([0, 1, 2], [])


def test_backfill_without_a_limit_takes_no_part_in_sharing() -> None:
    found = world(4, parallelism=4).look()
    assert share([(found, None)]) == (found,)
    assert share([(found, None)], Outside(unread="no rights")) == (found,)


def test_runs_of_other_sets_count_once_within_the_limit() -> None:
    one = world(4, parallelism=4)
    one.runs["ours"] = run_of(FIRST, Phase.RUNNING, name="ours")
    ours, theirs = RunId(PLACE, "ours"), RunId(PLACE, "theirs")
    (found,) = share([(one.look(), 3)], Outside(runs=frozenset({ours, theirs})))
    assert starts(found) == [1]
    (found,) = share([(one.look(), 2)], Outside(runs=frozenset({ours, theirs})))
    assert starts(found) == []
    assert found.waits == (
        "at most 2 runs of all backfills may be in flight, 1 elsewhere among them"
    )


def test_nothing_starts_within_a_limit_while_other_sets_cannot_be_read() -> None:
    (found,) = share([(world(4, parallelism=4).look(), 3)], Outside(unread="no rights"))
    assert starts(found) == []
    assert found.waits == "what other sets have in flight is not known: no rights"
