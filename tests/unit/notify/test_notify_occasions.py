"""What is worth saying is said once, and again only when it is new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.notify import occasions
from reconciler.notify.occasions import AGAIN, MOST_NAMED, PATIENCE, Seen, Told, messages
from reconciler.specs.notify import Occasion

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
GOOD: dict[str, Any] = {"is_ready": True, "reason": "ReconciliationSucceeded", "message": "fine"}
BAD: dict[str, Any] = {"is_ready": False, "reason": "InvalidSpec", "message": "a.yaml:1: wrong"}
AWAY: dict[str, Any] = {"is_ready": False, "is_passing": True, "reason": "BackendUnavailable"}


def seen(after: timedelta = timedelta(), /, **more: Any) -> Seen:
    return Seen(name="team", at=NOON + after, **more)


def said(*states: Seen) -> list[str]:
    """Name what is said while a set goes through some states."""
    told, found = Told(), []
    for state in states:
        new, told = messages(state, told)
        found += [str(one.occasion) for one in new]
    return found


def test_a_set_that_is_well_is_no_news() -> None:
    assert said(seen(**GOOD), seen(**GOOD)) == []


def test_failure_is_told_once_and_its_end_too() -> None:
    assert said(seen(**GOOD), seen(**BAD), seen(**BAD), seen(**GOOD), seen(**GOOD)) == [
        "Failed",
        "Recovered",
    ]


def test_another_failure_is_another_message() -> None:
    other = {**BAD, "reason": "ClaimRefused"}
    assert said(seen(**BAD), seen(**other)) == ["Failed", "Failed"]
    assert said(seen(**BAD, revision="a"), seen(**BAD, revision="b")) == ["Failed", "Failed"]


def test_failures_that_take_turns_are_told_once_each() -> None:
    other = {**BAD, "reason": "ClaimRefused"}
    turns = [seen(**BAD), seen(**other)] * 20
    assert said(*turns) == ["Failed", "Failed"]
    assert said(*turns, seen(**GOOD), *turns) == [*["Failed"] * 2, "Recovered", *["Failed"] * 2]


def test_failure_that_goes_on_is_told_daily() -> None:
    assert said(seen(**BAD), seen(AGAIN / 2, **BAD), seen(AGAIN, **BAD)) == ["Failed", "Failed"]


def test_what_may_pass_is_given_time() -> None:
    assert said(seen(**AWAY), seen(PATIENCE / 2, **AWAY), seen(PATIENCE, **GOOD)) == []
    assert said(seen(**AWAY), seen(PATIENCE, **AWAY)) == ["Failed"]


def test_changes_are_told_by_plan() -> None:
    one, two = {"changes": 2, "plan": "p1"}, {"changes": 1, "plan": "p2"}
    assert said(seen(**GOOD, **one), seen(**GOOD, **one), seen(**GOOD, **two)) == [
        "Applied",
        "Applied",
    ]


def test_only_new_objects_are_named() -> None:
    first = seen(**GOOD, drifted=frozenset({"a"}))
    second = seen(**GOOD, drifted=frozenset({"a", "b"}))
    _, told = messages(first, Told())
    (message,), told = messages(second, told)
    assert (message.occasion, message.names) == (Occasion.DRIFT, ("b",))
    assert message.text == "1 object was changed by somebody else"
    assert said(first, seen(**GOOD), first) == ["Drift", "Drift"]


def test_contested_objects_and_missed_ticks_are_told() -> None:
    state = seen(**BAD, contested=frozenset({"a"}), missed=frozenset({"x at 1", "x at 2"}))
    found, _ = messages(state, Told())
    assert [str(one.occasion) for one in found] == ["Failed", "Contested", "MissedTicks"]
    assert found[2].text == "2 ticks were missed"


def test_long_lists_are_counted() -> None:
    names = frozenset(f"n{number:03}" for number in range(MOST_NAMED + 5))
    (message,), _ = messages(seen(**GOOD, drifted=names), Told())
    assert (len(message.names), message.more) == (MOST_NAMED, 5)
    assert "- and 5 more" in list(message.lines())


def test_messages_of_other_moments_have_other_ids() -> None:
    (first,), _ = messages(seen(**BAD), Told())
    (again,), _ = messages(seen(**BAD), Told())
    (later,), _ = messages(seen(AGAIN, **BAD), Told())
    assert first.id == again.id != later.id


NAMES = st.frozensets(st.sampled_from("abc"))


@given(
    st.lists(
        st.tuples(st.sampled_from([GOOD, BAD, AWAY]), NAMES, NAMES, st.integers(0, 3)), max_size=12
    )
)
def test_a_process_that_is_started_anew_says_nothing_twice(states: list[Any]) -> None:
    """Keeping what was told as JSON between any two looks changes nothing."""
    told = kept = Told()
    for number, (base, drifted, contested, changes) in enumerate(states):
        state = seen(
            timedelta(minutes=number),
            **base,
            drifted=drifted,
            contested=contested,
            changes=changes,
            plan=f"p{changes}",
        )
        new, told = messages(state, told)
        again, kept = messages(state, occasions.decode(occasions.encode(kept)))
        assert again == new
        twice, same = messages(state, told)
        assert twice == ()
        assert same == told
