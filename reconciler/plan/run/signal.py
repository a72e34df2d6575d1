"""The drive of a FlyteSignal: one answer to one gate, once it is open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from reconciler.model.drive import Drive, Reply, Row
from reconciler.values.canonical import canonical
from reconciler.values.encode import encode
from reconciler.values.types import show_type

if TYPE_CHECKING:
    from reconciler.model.document import Json
    from reconciler.model.pursuit import Pursuit
    from reconciler.model.run import Gate

_BOOLEAN: dict[str, Json] = {"simple": "BOOLEAN"}


def drive(pursuit: Pursuit) -> Drive:
    """Say what a declared answer wants now."""
    body, facts = pursuit.resource.body, pursuit.runs.facts
    signal, name = str(body["signal"]), str(facts.get("run", ""))
    for key, other in pursuit.others.items():
        if other.failure:
            return Drive(failure=f"{key} did not go on: {other.failure}")
    run = next((run for run in pursuit.runs.found if run.id.name == name), None)
    if run is None:
        return Drive(waits=f"run {name} is not started")
    gate = next((gate for gate in pursuit.runs.gates if gate.signal == signal), None)
    rows = (Row(run=run.id, phase=run.phase, attempts=1),)
    if gate is not None:
        found = _at(gate, body["value"], name, is_over=run.phase.is_terminal)
        return replace(found, rows=rows)
    if run.phase.is_terminal:
        failure = f"run {name} {run.phase} before gate {signal} was open"
        return Drive(rows=rows, failure=failure)
    return Drive(rows=rows, waits=f"gate {signal} of run {name} is not open")


def is_answer(gate: Gate, literal: Json) -> bool:
    """Say whether a gate was answered with this very literal, however it was written."""
    known, _ = encode(gate.value, dict(gate.literal_type) or _BOOLEAN)
    return known is not None and canonical(known) == canonical(literal)


def _at(gate: Gate, value: Json, name: str, *, is_over: bool) -> Drive:
    type_ = dict(gate.literal_type) or _BOOLEAN
    literal, problems = encode(value, type_, path=("value",))
    if problems:
        told = "; ".join(filter(None, (problems[0].message, problems[0].fix)))
        return Drive(failure=f"gate {gate.signal} wants {show_type(type_)}: value {told}")
    if gate.is_answered:
        if is_answer(gate, literal):
            return Drive(is_done=True)
        why = f"gate {gate.signal} of run {name} was answered with {gate.value!r} before"
        return Drive(failure=f"{why}; declare that, or remove this")
    if is_over:
        return Drive(failure=f"run {name} has ended, and gate {gate.signal} was never answered")
    reply = Reply(gate=gate, literal=cast("dict[str, Json]", literal))
    return Drive(replies=(reply,), waits=f"gate {gate.signal} has to close")
