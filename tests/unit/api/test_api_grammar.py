"""The grammar of filters: kinds, moments, and what is refused instead of shown as nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.api import grammar
from reconciler.errors import UsageError
from reconciler.model.asked import Asked, Told
from reconciler.model.entity import What

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
EVERYTHING = Told(
    frozenset({"name", "version", "state", "created", "updated"}), frozenset({"active"})
)


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("task", What.TASKS),
        ("Tasks", What.TASKS),
        ("FlyteLaunchPlan", What.LAUNCH_PLANS),
        ("launch-plans", What.LAUNCH_PLANS),
        ("lp", What.LAUNCH_PLANS),
        ("wf", What.WORKFLOWS),
        ("secrets", What.SECRETS),
        ("domain", What.DOMAINS),
    ],
)
def test_kinds_are_read_as_people_write_them(word: str, what: What) -> None:
    assert grammar.what_of(word) is what


def test_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        grammar.what_of("pods")

    assert str(caught.value) == (
        "pods: is no kind that can be listed; write one of projects, domains, tasks, workflows, "
        "launchplans, triggers, secrets, runs, steps, signals"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-04-30T12:00:00Z", NOW - timedelta(days=1)),
        ("2026-04-30T14:00:00+02:00", NOW - timedelta(days=1)),
        ("2h", NOW - timedelta(hours=2)),
        ("1h30m", NOW - timedelta(minutes=90)),
        ("7d", NOW - timedelta(days=7)),
        ("1d12h", NOW - timedelta(hours=36)),
        ("0s", NOW),
    ],
)
def test_moment_is_a_time_or_how_long_ago(text: str, expected: datetime) -> None:
    assert grammar.moment(text, option="--created-after", now=NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "-2h", "2026-04-30T12:00:00", "2026-04-30", "7"])
def test_other_moments_are_refused_with_the_option(text: str) -> None:
    with pytest.raises(UsageError, match="--created-after: ") as caught:
        grammar.moment(text, option="--created-after", now=NOW)

    assert "duration such as 2h or 7d" in str(caught.value)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (
            {"created_after": NOW},
            "projects: the server does not tell when they were made; leave that filter out",
        ),
        (
            {"updated_before": NOW},
            "projects: the server does not tell when they changed; leave that filter out",
        ),
        ({"version": "v*"}, "projects: they have no versions; leave that filter out"),
        ({"history": True}, "projects: they have no versions; leave that filter out"),
        ({"state": "active"}, "--state: projects have no state here; leave it out"),
        (
            {"sort": "-created"},
            "--sort: -created: projects are sorted by name, with - in front for the largest first",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_filter_on_what_rows_do_not_tell_is_refused(filters: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        grammar.check(Asked(what=What.PROJECTS, **filters), Told(frozenset({"name"})))

    assert str(caught.value) == message


def test_unknown_state_names_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        grammar.check(Asked(what=What.TASKS, state="on"), EVERYTHING)

    assert str(caught.value) == "--state: on: is none of active, all"


@pytest.mark.parametrize(
    "filters",
    [{}, {"state": "all"}, {"sort": "-updated"}, {"created_after": NOW, "version": "v1"}],
    ids=["none", "state", "sort", "several"],
)
def test_filter_on_what_rows_tell_is_accepted(filters: dict[str, Any]) -> None:
    grammar.check(Asked(what=What.TASKS, **filters), EVERYTHING)
