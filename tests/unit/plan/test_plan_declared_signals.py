"""A declared answer: what it waits for, and how its value is typed by the gate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from plan_builders import NOW, PLACE

from reconciler.model.drive import Drive
from reconciler.model.key import Key
from reconciler.model.ledger import Driven
from reconciler.model.live import Runs
from reconciler.model.origin import Origin
from reconciler.model.pursuit import Pursuit
from reconciler.model.resource import Resource
from reconciler.model.run import Gate, Phase, Run, RunId
from reconciler.plan.run.signal import drive
from reconciler.values.decode import decode

KEY = Key("FlyteSignal", PLACE.project, PLACE.domain, "go")
RUN = Run(id=RunId(PLACE, "release"), phase=Phase.RUNNING)
INTEGER: dict[str, Any] = {"simple": "INTEGER"}


def gate(type_: dict[str, Any], **rest: Any) -> Gate:
    return Gate(run=RUN.id, signal="ok", type="", literal_type=type_, **rest)


def asked(value: Any, *gates: Gate, run: Run | None = RUN, failure: str = "") -> Drive:
    other = Key("FlyteRun", PLACE.project, PLACE.domain, "release")
    return drive(
        Pursuit(
            resource=Resource(
                key=KEY, body={"signal": "ok", "value": value}, origin=Origin("a", 1, 1)
            ),
            content="c",
            runs=Runs(found=() if run is None else (run,), gates=gates, facts={"run": "release"}),
            held=Driven(),
            now=NOW,
            others={other: Drive(failure=failure)} if failure else {},
        )
    )


VALUES: list[tuple[dict[str, Any], Any, Any]] = [
    (INTEGER, 5, "many"),
    ({"simple": "FLOAT"}, 2.5, "much"),
    ({"simple": "STRING"}, "text", 5),
    ({"simple": "BOOLEAN"}, True, "yes"),
    ({"simple": "DATETIME"}, "2026-05-01T06:00:00Z", "tomorrow"),
    ({"simple": "DURATION"}, "1h30m", "soon"),
    ({"simple": "STRUCT"}, {"a": [1.0, "b"]}, "text"),
    ({"enumType": {"values": ["red", "green"]}}, "green", "blue"),
    ({"collectionType": INTEGER}, [1, 2], [1, "b"]),
    ({"mapValueType": INTEGER}, {"a": 1}, {"a": "b"}),
    ({"unionType": {"variants": [INTEGER, {"simple": "NONE"}]}}, None, "text"),
    ({"blob": {"dimensionality": "SINGLE"}}, "s3://x/y", 5),
]


@pytest.mark.parametrize(("type_", "right", "wrong"), VALUES, ids=lambda one: str(one)[:24])
def test_value_of_every_type_is_sent_as_the_gate_wants_it(
    type_: dict[str, Any], right: Any, wrong: Any
) -> None:
    (reply,) = asked(right, gate(type_)).replies
    assert decode(dict(reply.literal), type_) == right

    refused = asked(wrong, gate(type_))
    assert refused.replies == ()
    assert refused.failure.startswith("gate ok wants ")

    answered = gate(type_, is_answered=True, value=right)
    assert asked(right, answered).is_done


def test_gate_that_is_not_open_yet_is_waited_for() -> None:
    assert asked(5, run=None).waits == "run release is not started"
    assert asked(5).waits == "gate ok of run release is not open"
    assert asked(5, gate(INTEGER)).waits == "gate ok has to close"


def test_same_answer_written_otherwise_is_the_same() -> None:
    moment = gate({"simple": "DATETIME"}, is_answered=True, value="2026-05-01T06:00:00Z")
    assert asked("2026-05-01T08:00:00+02:00", moment).is_done


def test_another_answer_is_told_and_never_sent() -> None:
    found = asked(6, gate(INTEGER, is_answered=True, value=5))
    assert found.replies == ()
    assert found.failure == (
        "gate ok of run release was answered with 5 before; declare that, or remove this"
    )


def test_run_that_has_ended_gets_no_answer() -> None:
    ended = replace(RUN, phase=Phase.FAILED)
    assert asked(5, run=ended).failure == "run release failed before gate ok was open"
    assert asked(5, gate(INTEGER), run=ended).failure == (
        "run release has ended, and gate ok was never answered"
    )
    assert asked(5, failure="broke").failure.endswith("/release did not go on: broke")
