"""What a filter lets through, and in which order rows come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.model.asked import Asked, ordered
from reconciler.model.entity import Entity, What
from reconciler.model.key import Place

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def row(name: str = "etl.load", **parts: Any) -> Entity:
    parts = {"project": "p", "domain": "d", "version": "v1", "created_at": NOW, **parts}
    return Entity(what=parts.pop("what", What.TASKS), name=name, **parts)


@pytest.mark.parametrize(
    ("filters", "is_shown"),
    [
        ({}, True),
        ({"project": "p", "domain": "d"}, True),
        ({"project": "q"}, False),
        ({"domain": "prod*"}, False),
        ({"names": ("etl.*",)}, True),
        ({"names": ("etl",)}, False),
        ({"names": ("x", "etl.load")}, True),
        ({"version": "v?"}, True),
        ({"version": "v"}, False),
        ({"created_after": NOW}, True),
        ({"created_after": NOW + SECOND}, False),
        ({"created_before": NOW}, False),
        ({"created_before": NOW + SECOND}, True),
        ({"updated_after": NOW}, False),
    ],
)
def test_filter_shows_what_it_says(filters: dict[str, Any], is_shown: bool) -> None:
    assert Asked(what=What.TASKS, **filters).matches(row()) is is_shown


@pytest.mark.parametrize(
    ("state", "names", "is_shown"),
    [
        ("", (), False),
        ("", ("etl.*",), False),
        ("", ("etl.load",), True),
        ("all", (), True),
        ("archived", (), True),
        ("active", (), False),
    ],
)
def test_archived_is_hidden_unless_named_or_asked_for(
    state: str, names: tuple[str, ...], is_shown: bool
) -> None:
    asked = Asked(what=What.TASKS, state=state, names=names)
    assert asked.matches(row(state="archived")) is is_shown


def test_trigger_is_meant_by_its_own_name_too() -> None:
    trigger = row("etl.load/daily", what=What.TRIGGERS)
    for name in ("daily", "dai*", "etl.load/daily", "etl.*"):
        assert Asked(what=What.TRIGGERS, names=(name,)).matches(trigger), name
    assert not Asked(what=What.TRIGGERS, names=("load",)).matches(trigger)


def test_one_place_is_known_where_nothing_is_a_glob() -> None:
    assert Asked(what=What.TASKS, project="p", domain="d").place == Place("p", "d")
    assert Asked(what=What.TASKS, project="p").place is None
    assert Asked(what=What.TASKS, project="p", domain="[dp]*").place is None


def test_version_filter_means_a_row_for_each_version() -> None:
    assert Asked(what=What.TASKS, version="v*").is_history
    assert not Asked(what=What.TRIGGERS, history=True).is_history
    assert Asked(what=What.TASKS, history=True).order == "-created"
    assert Asked(what=What.TASKS).order == "name"


def test_order_turns_the_field_and_not_what_follows() -> None:
    rows = [row("b"), row("a"), row("c", created_at=NOW + SECOND), row("d", created_at=None)]
    assert [one.name for one in ordered(rows, "-created")] == ["c", "a", "b", "d"]
    assert [one.name for one in ordered(rows, "created")] == ["d", "a", "b", "c"]
    assert [one.name for one in ordered(rows, "-name")] == ["d", "c", "b", "a"]


def test_row_as_json_leaves_out_what_is_empty() -> None:
    shown = row(version="team.abcdefghijklmnop").to_dict()
    assert shown == {
        "kind": "task",
        "project": "p",
        "domain": "d",
        "name": "etl.load",
        "version": "team.abcdefghijklmnop",
        "createdAt": "2026-05-01T12:00:00Z",
        "set": "team",
    }
