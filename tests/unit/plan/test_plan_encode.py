from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_builders import declared, key, ledger_of, live, live_of, member, ours, plan, plan_of

from reconciler.model.key import Key, Place
from reconciler.model.ledger import Driven, Held, mark
from reconciler.model.origin import Origin
from reconciler.model.policy import Prune
from reconciler.model.resource import Reference
from reconciler.model.traits import Verb
from reconciler.plan.encode import decode, encode
from reconciler.plan.plan import (
    Action,
    Block,
    Change,
    Effect,
    FieldChange,
    Keeps,
    Plan,
    Reason,
)
from reconciler.plan.policies import Verdict, Violation

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
NAME = st.text("abc._", min_size=1, max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
KEYS = st.builds(Key, st.sampled_from(["FlyteLaunchPlan", "FlyteTask"]), NAME, NAME, NAME) | (
    st.builds(Key, st.just("FlyteProject"), NAME)
)
WORDS = st.lists(TEXT, max_size=2).map(tuple)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    about = draw(KEYS)
    actions = st.builds(
        Action,
        id=NAME,
        key=st.just(about),
        verb=st.sampled_from(Verb),
        call=NAME,
        version=TEXT,
        field=TEXT,
        revision=TEXT,
        active=st.booleans(),
        refs=st.lists(st.builds(Reference, KEYS, TEXT), max_size=2).map(tuple),
        body=st.none() | st.dictionaries(TEXT, JSON, min_size=1, max_size=2),
        waits=WORDS,
        opens=WORDS,
    )
    block = draw(st.none() | st.sampled_from(Block))
    return Change(
        key=about,
        effect=draw(st.sampled_from(Effect)),
        reason=draw(st.sampled_from(Reason)),
        fingerprint=draw(TEXT),
        origin=draw(st.none() | st.builds(Origin, TEXT, st.integers(0, 9), st.integers(0, 9))),
        group=draw(TEXT),
        awaits=draw(TEXT),
        fields=draw(st.lists(st.builds(FieldChange, TEXT, JSON, JSON), max_size=2).map(tuple)),
        actions=draw(st.lists(actions, max_size=2).map(tuple)),
        notes=draw(WORDS),
        owns=draw(TEXT),
        digest=draw(TEXT),
        asked=draw(WORDS),
        renamed_to=draw(TEXT),
        block=block,
        block_detail=draw(TEXT) if block else "",
    )


WORD = st.text("ab.", min_size=1, max_size=4)
DRIVEN = st.builds(
    Driven,
    done=st.lists(WORD, max_size=2).map(tuple),
    frozen=st.dictionaries(TEXT, JSON, max_size=2),
    started=st.frozensets(WORD, max_size=2),
)
PLACES = st.none() | st.builds(Origin, TEXT, st.integers(0, 9), st.integers(0, 9))
VIOLATIONS = st.builds(Violation, key=KEYS, path=TEXT, message=TEXT, fix=TEXT, origin=PLACES)
VERDICTS = st.builds(
    Verdict,
    policy=TEXT,
    asks=TEXT,
    checked=st.integers(0, 9),
    violations=st.lists(VIOLATIONS, max_size=2).map(tuple),
)
PLANS = st.builds(
    Plan,
    id=TEXT,
    set_name=TEXT,
    backend=st.dictionaries(TEXT, TEXT, max_size=2),
    desired=TEXT,
    changes=st.lists(changes(), max_size=3).map(tuple),
    unchanged=st.integers(0, 9),
    foreign=st.lists(KEYS, max_size=2).map(tuple),
    warnings=WORDS,
    unread=st.integers(0, 9),
    bookkeeping=WORDS,
    keeps=st.builds(
        Keeps,
        protect=st.dictionaries(KEYS, st.booleans(), max_size=2),
        on_removal=st.dictionaries(KEYS, st.none() | st.sampled_from(Prune), max_size=2),
        rows=st.dictionaries(KEYS, st.frozensets(TEXT, max_size=2), max_size=2),
        places=st.frozensets(st.builds(Place, NAME, NAME) | st.builds(Place, NAME), max_size=2),
        applied=st.frozensets(st.builds(mark, KEYS, TEXT), max_size=3),
        released=st.frozensets(KEYS, max_size=2),
        objects=st.dictionaries(KEYS, st.builds(Held, TEXT, TEXT, st.booleans()), max_size=2),
        runs=st.dictionaries(KEYS, DRIVEN, max_size=2),
    ),
    is_whole=st.booleans(),
    verdicts=st.lists(VERDICTS, max_size=2).map(tuple),
    tree=TEXT,
)


@settings(max_examples=60, derandomize=True)
@given(PLANS)
def test_saved_plan_reads_back_the_same(made: Plan) -> None:
    assert decode(json.loads(json.dumps(encode(made)))) == made


@pytest.mark.parametrize("kind", [Plan, Change, Action, Keeps])
def test_generated_plans_use_every_field(kind: type) -> None:
    """A field that encode forgets shows only where the tests above give it a value."""
    known: dict[type, set[str]] = {
        Plan: {
            *("id", "set_name", "backend", "desired", "changes", "unchanged", "foreign"),
            *("warnings", "unread", "bookkeeping", "keeps", "is_whole", "verdicts", "tree"),
            "drives",
        },
        Change: {
            *("key", "effect", "reason", "fingerprint", "origin", "group", "awaits", "fields"),
            *("actions", "notes", "owns", "digest", "asked", "renamed_to", "block", "block_detail"),
        },
        Action: {
            *("id", "key", "verb", "call", "version", "field", "revision", "active", "refs"),
            *("body", "waits", "opens"),
        },
        Keeps: {
            *("protect", "on_removal", "rows", "places", "applied", "released", "objects"),
            "runs",
        },
    }
    assert {item.name for item in fields(kind)} == known[kind]


def saved() -> dict[str, Any]:
    found = live({key("b"): live_of({ours("b", 5): 5}), key("c"): live_of({"v1": 1})})
    made = plan(
        declared(plan_of("a", protect=True), plan_of("b"), plan_of("c"), member("t")),
        found,
        ledger_of(),
    )
    value: dict[str, Any] = json.loads(json.dumps(encode(made)))
    assert decode(value) == made
    return value


def test_plan_of_another_major_format_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^plan format 2.0 is not 1.2; make the plan again$"):
        decode({**saved(), "formatVersion": "2.0"})


def test_plan_of_a_later_minor_format_is_read() -> None:
    value = saved()
    assert str(value["formatVersion"]).startswith("1.")


@pytest.mark.parametrize("broken", [{}, {"formatVersion": "1.0"}, {"formatVersion": None}])
def test_something_else_is_no_plan(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="make the plan again"):
        decode(broken)


def test_edited_plan_is_refused() -> None:
    value = saved()
    (held,) = [item for item in value["changes"] if "blocked" in item]
    del held["blocked"]
    with pytest.raises(ValueError, match="edited"):
        decode(value)


def test_plan_json_has_no_clock_in_it() -> None:
    assert json.dumps(saved(), sort_keys=True) == json.dumps(saved(), sort_keys=True)
