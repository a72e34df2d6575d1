from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.digest import canonical
from reconciler.model.key import Key, Place
from reconciler.model.ledger import (
    Claim,
    Driven,
    Entry,
    Flips,
    Held,
    Hold,
    Ledger,
    Removal,
    about,
    decode,
    encode,
    mark,
    mark_of,
)
from reconciler.model.policy import Prune

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOME = Place("p", "d")
A, B = Key("FlyteLaunchPlan", "p", "d", "a"), Key("FlyteLaunchPlan", "p", "d", "b")
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
NAME = st.text("ab._-", min_size=1, max_size=6)
KEYS = st.builds(Key, st.just("FlyteLaunchPlan"), NAME, NAME, NAME) | (
    st.builds(Key, st.just("FlyteProject"), NAME)
)
TIMES = st.integers(0, 10**9).map(lambda seconds: NOW + timedelta(seconds=seconds))
WORD = st.text("ab.", min_size=1, max_size=4)
DRIVEN = st.builds(
    Driven,
    done=st.lists(WORD, max_size=2).map(tuple),
    frozen=st.dictionaries(TEXT, TEXT, max_size=2),
    started=st.frozensets(WORD, max_size=2),
)
LEDGERS = st.builds(
    Ledger,
    set_name=NAME,
    revision=st.just(7),
    home=st.just(HOME),
    claim=st.none() | st.builds(Claim, TEXT, TEXT, TEXT),
    desired=TEXT,
    applied=st.frozensets(st.builds(mark, KEYS, TEXT), max_size=3),
    places=st.frozensets(st.builds(Place, NAME, NAME) | st.builds(Place, NAME), max_size=3),
    adopted=st.dictionaries(KEYS, TEXT, max_size=2),
    rows=st.dictionaries(KEYS, st.frozensets(TEXT, min_size=1, max_size=2), max_size=2),
    objects=st.dictionaries(KEYS, st.builds(Held, TEXT, TEXT, st.booleans()), max_size=2),
    runs=st.dictionaries(KEYS, DRIVEN, max_size=2),
    protected=st.frozensets(KEYS, max_size=2),
    on_removal=st.dictionaries(KEYS, st.sampled_from(Prune), max_size=2),
    archived=st.frozensets(KEYS, max_size=2),
    holds=st.lists(st.builds(Hold, TEXT, TEXT, TIMES, TEXT), max_size=2).map(tuple),
    removals=st.lists(st.builds(Removal, KEYS, TIMES), max_size=2).map(tuple),
    flips=st.dictionaries(KEYS, st.builds(Flips, st.integers(0, 9), TEXT), max_size=2),
    renamed_to=TEXT,
    entry=st.builds(
        Entry,
        at=st.none() | TIMES,
        by=TEXT,
        commit=TEXT,
        plan=TEXT,
        done=st.lists(TEXT, max_size=2).map(tuple),
        failed=st.lists(TEXT, max_size=2).map(tuple),
    ),
)


@settings(max_examples=60, derandomize=True)
@given(LEDGERS)
def test_ledger_reads_back_the_same(ledger: Ledger) -> None:
    text = json.dumps(encode(ledger))
    assert decode(json.loads(text), revision=7, home=HOME) == ledger


def test_generated_ledgers_use_every_field() -> None:
    """A field that encode forgets shows only where the test above gives it a value."""
    assert {item.name for item in fields(Ledger)} == {
        *("set_name", "revision", "home", "claim", "desired", "applied", "places", "adopted"),
        *("rows", "objects", "protected", "archived", "holds", "removals", "flips", "renamed_to"),
        *("entry", "on_removal", "runs"),
    }


def test_numbers_come_back_from_protobuf_as_floats() -> None:
    ledger = Ledger("team", 1, HOME, flips={A: Flips(2, "d")})
    value = json.loads(json.dumps(encode(ledger)), parse_int=float)
    assert decode(value, revision=1, home=HOME) == ledger


def test_objects_are_written_short() -> None:
    ledger = Ledger("team", objects={A: Held("3", "x"), B: Held("7", "y", adopted=True)})
    assert encode(ledger)["objects"] == {str(A): ["3", "x"], str(B): ["7", "y", 1]}


def test_declarations_of_runs_are_written_short() -> None:
    ledger = Ledger(
        "s",
        runs={
            A: Driven(("c1", "c2"), {}, frozenset({"b", "a"})),
            B: Driven(("c3",)),
        },
    )
    assert encode(ledger)["runs"] == {str(A): ["c1 c2", {}, "a b"], str(B): ["c3"]}


def test_what_somebody_else_made_is_adopted_whatever_its_shape() -> None:
    ledger = Ledger("team", adopted={A: "v1"}, objects={B: Held("7", "y", adopted=True)})
    assert ledger.is_adopted(A)
    assert ledger.is_adopted(B)
    assert not Ledger("team", objects={B: Held("7", "y")}).is_adopted(B)


def test_content_is_written_the_same_whatever_order_it_was_gathered_in() -> None:
    one = Ledger("team", adopted={A: "v1", B: "v2"}, flips={A: Flips(1, "x"), B: Flips(2, "y")})
    two = Ledger("team", adopted={B: "v2", A: "v1"}, flips={B: Flips(2, "y"), A: Flips(1, "x")})
    assert json.dumps(encode(one)) == json.dumps(encode(two))
    canonical(encode(one))


def test_empty_parts_are_not_written() -> None:
    assert encode(Ledger("team")) == {"format": 1, "set": "team"} | {
        name: part for name, part in encode(Ledger("team")).items() if name == "entry"
    }


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"format": 2, "set": "x"},
        {"format": 1},
        {"format": 1, "set": "x", "claim": {"id": "x"}},
        {"format": 1, "set": "x", "holds": [{}]},
        {
            "format": 1,
            "set": "x",
            "holds": [{"pattern": "*", "reason": "", "until": "soon", "by": ""}],
        },
        {"format": 1, "set": "x", "adopted": {"nonsense": "v1"}},
        {"format": 1, "set": "x", "objects": {"nonsense": ["1", "x"]}},
        {"format": 1, "set": "x", "objects": {str(A): ["1"]}},
        {"format": 1, "set": "x", "objects": {str(A): 1}},
        {"format": 1, "set": "x", "flips": {str(A): [1]}},
        {"format": 1, "set": "x", "flips": {str(A): ["many", "x"]}},
        {"format": 1, "set": "x", "removals": [["x"]]},
    ],
)
def test_damaged_content_is_an_error_and_never_an_empty_ledger(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(value, revision=1, home=HOME)  # type: ignore[arg-type]


def test_same_content_looks_at_neither_revision_nor_audit_line() -> None:
    one = Ledger("team", revision=1, home=HOME, entry=Entry(by="me"))
    assert one.same_content(Ledger("team", revision=2))
    assert not one.same_content(replace(one, desired="x"))
    assert not one.same_content(replace(one, claim=Claim("i", "s", "c")))


def test_hold_that_lasts_longest_is_the_one_in_force() -> None:
    short = Hold("*/a", "short", NOW + timedelta(hours=1))
    long = Hold("FlyteLaunchPlan/*", "long", NOW + timedelta(hours=2))
    over = Hold("*", "over", NOW)
    ledger = Ledger("team", holds=(short, long, over))
    assert ledger.hold_on(A, NOW) == long
    assert ledger.hold_on(A, NOW + timedelta(hours=2)) is None
    assert ledger.hold_on(Key("FlyteProject", "p"), NOW) is None


def test_pattern_of_a_hold_is_case_sensitive_and_whole() -> None:
    hold = Hold("FlyteLaunchPlan/p/d/a", "x", NOW + timedelta(hours=1))
    assert hold.matches(A)
    assert not hold.matches(Key("FlyteLaunchPlan", "p", "d", "A"))
    assert not hold.matches(Key("FlyteLaunchPlan", "p", "d", "ab"))


def test_mark_tells_object_and_content() -> None:
    marks = {mark(A, "x"), mark(A, "y"), mark(B, "x")}
    assert len(marks) == 3
    assert {about(item) for item in marks} == {mark_of(A), mark_of(B)}
    assert {len(item) for item in marks} == {12}


def test_marks_of_a_large_set_stay_small() -> None:
    keys = [Key("FlyteLaunchPlan", "p", "d", f"plan-{index}") for index in range(10_000)]
    ledger = Ledger("team", applied=frozenset(mark(key, "x") for key in keys))
    assert len(json.dumps(encode(ledger))) < 130_000
