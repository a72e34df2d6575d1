from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_builders import NOW, PLACE

from reconciler.model.key import Key
from reconciler.model.ledger import Driven
from reconciler.model.live import Runs
from reconciler.model.origin import Origin
from reconciler.model.pursuit import Pursuit
from reconciler.model.resource import Resource
from reconciler.model.run import Phase, Run, RunId, Values
from reconciler.plan.run.drive import LONGEST_OUTPUT, drive
from reconciler.plan.run.names import prefix_of, run_name

FLYTE2 = re.compile(r"[a-z]([-a-z0-9]{0,28}[a-z0-9])?")
KEY = Key("FlyteRun", PLACE.project, PLACE.domain, "release")
KUBERNETES = st.from_regex(r"\A[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?\Z")


@given(KUBERNETES)
def test_every_name_of_a_document_makes_a_name_that_flyte_2_takes(name: str) -> None:
    made = run_name(KEY, {"prefix": prefix_of(name)}, "content", longest=30)
    assert FLYTE2.fullmatch(made), made


def test_place_document_and_content_are_in_the_name() -> None:
    keys = [
        KEY,
        Key("FlyteRun", "other", "d", "release"),
        Key("FlyteRun", "p", "other", "release"),
        Key("FlyteRun", "p", "d", "other"),
    ]
    made = {run_name(one, {"prefix": "a"}, content, longest=63) for one in keys for content in "cd"}
    assert len(made) == 8
    assert run_name(KEY, {"name": "whole"}, "c", longest=63) == "whole"


@pytest.mark.parametrize(("name", "prefix"), [("a.b", "a-b"), ("1st", "r1st"), ("plain", "plain")])
def test_prefix_begins_with_a_letter(name: str, prefix: str) -> None:
    assert prefix_of(name) == prefix


def pursuit(*, frozen: str = "", values: Values | None = None, phase: Phase) -> Pursuit:
    found = Run(id=RunId(PLACE, "whole"), phase=phase)
    return Pursuit(
        resource=Resource(key=KEY, body={"name": "whole", "launch": {}}, origin=Origin("a", 1, 1)),
        content="c",
        runs=Runs(found=(found,), outputs={"whole": values} if values else {}),
        held=Driven(frozen={"content": frozen} if frozen else {}),
        now=NOW,
    )


def test_whole_name_that_is_there_is_taken_at_first_sight_and_remembered() -> None:
    first = drive(pursuit(phase=Phase.RUNNING), longest=63)
    assert (first.waits, first.frozen) == ("run whole is running", {"content": "c"})
    other = drive(pursuit(phase=Phase.RUNNING, frozen="b"), longest=63)
    assert "was started for another content" in other.failure


def test_outputs_are_written_as_people_do_and_long_ones_are_cut() -> None:
    text = {"scalar": {"primitive": {"stringValue": "x" * (LONGEST_OUTPUT + 1)}}}
    count = {"scalar": {"primitive": {"integer": "7"}}}
    odd = {"scalar": {"error": {"message": "?"}}}
    values = Values(
        literals={"long": text, "count": count, "odd": odd},
        types={"long": {"simple": "STRING"}, "count": {"simple": "INTEGER"}},
    )
    found = drive(pursuit(phase=Phase.SUCCEEDED, values=values), longest=63)
    assert found.is_done
    assert found.outputs["count"] == 7
    assert found.outputs["long"] == "(1,003 characters)"
    assert str(found.outputs["odd"]).startswith("(")
    assert found.literals == values.literals
