from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.backends.flyte1.adapters import TRAITS
from reconciler.model.document import Json
from reconciler.model.key import Key
from reconciler.model.ledger import Ledger
from reconciler.model.live import Live, Record
from reconciler.model.origin import Origin
from reconciler.model.resource import Desired, Resource, State
from reconciler.plan import settle
from reconciler.plan.compute import compute
from reconciler.plan.context import Context
from reconciler.plan.plan import Block, Plan

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROJECT = Key("FlyteProject", "ranking")
LAUNCH_PLAN = Key("FlyteLaunchPlan", "ranking", "production", "daily")
ACTIVE: dict[str, Json] = {"displayName": "ranking", "state": "Active"}


def plan(
    body: dict[str, Json],
    fields: dict[str, Json] | None,
    ledger: Ledger,
    *,
    with_plan: bool = True,
    is_whole: bool = True,
) -> Plan:
    resources = {PROJECT: Resource(key=PROJECT, body=body, origin=Origin("p"), digest="d")}
    if with_plan:
        resources[LAUNCH_PLAN] = Resource(
            key=LAUNCH_PLAN,
            body={"workflow": {"name": "w", "version": "v1"}},
            origin=Origin("p"),
            digest="amx3w5b2m7qd4ztr",
            version="ranking-prod.amx3w5b2m7qd4ztr",
            state=State.ACTIVE,
        )
    desired = Desired(resources, is_whole=is_whole)
    context = Context(
        set_name="ranking-prod", traits=TRAITS, ledger=ledger, now=NOW, desired_digest="d"
    )
    live = Live({} if fields is None else {PROJECT: Record(fields)})
    return compute(desired, live, context, backend={})


def ledger(*rows: str) -> Ledger:
    return Ledger("ranking-prod", revision=1, rows={PROJECT: frozenset(rows)} if rows else {})


@pytest.mark.parametrize(
    ("body", "fields", "gate"),
    [
        ({}, None, "create"),
        ({"state": "Active"}, {"displayName": "ranking", "state": "Archived"}, "update"),
    ],
)
def test_what_is_in_a_project_waits_until_the_project_takes_work(
    body: dict[str, Json], fields: dict[str, Json] | None, gate: str
) -> None:
    made = plan(body, fields, ledger("state"))
    actions = [one for change in made.changes for one in change.actions if one.key.domain]
    assert actions
    assert all(f"{PROJECT}#{gate}" in action.waits for action in actions)


def test_labels_of_a_project_hold_nothing_up() -> None:
    made = plan({"labels/a": "b"}, ACTIVE, ledger())
    assert not [
        name
        for change in made.changes
        for one in change.actions
        if one.key.domain
        for name in one.waits
        if name.startswith(str(PROJECT))
    ]


def test_project_is_archived_after_everything_in_it() -> None:
    made = plan({"state": "Archived"}, ACTIVE, ledger("state"))
    (archive,) = [one for change in made.changes for one in change.actions if one.key == PROJECT]
    others = [one for change in made.changes for one in change.actions if one.key.domain]
    assert "settled:ranking" in archive.waits
    assert others
    assert all("settled:ranking" in action.opens for action in others)
    (alone,) = plan({"state": "Archived"}, ACTIVE, ledger("state"), with_plan=False).changes
    assert alone.actions[0].waits == ()


def test_what_was_held_back_does_not_become_ours() -> None:
    known = ledger("labels/b")
    made = plan({"labels/a": "ours"}, {**ACTIVE, "labels/a": "theirs"}, known, with_plan=False)
    assert [change.block for change in made.changes] == [Block.ADOPTION]
    after = settle.after(known, made, done={}, now=NOW)
    assert after.rows == known.rows
    again = plan({"labels/a": "ours"}, {**ACTIVE, "labels/a": "theirs"}, after, with_plan=False)
    assert [change.block for change in again.changes] == [Block.ADOPTION]


def test_part_of_a_set_neither_removes_nor_forgets_a_field() -> None:
    known = ledger("labels/a", "labels/b")
    fields: dict[str, Json] = {**ACTIVE, "labels/a": "1", "labels/b": "2"}
    made = plan({"labels/a": "1"}, fields, known, with_plan=False, is_whole=False)
    assert made.changes == ()
    after = settle.after(known, made, done={}, now=NOW)
    assert after.rows == known.rows
