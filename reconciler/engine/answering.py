"""Answers to gates: which gate is meant, and the value that it gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.backends.running import Running
from reconciler.engine.waiting import ABSENT
from reconciler.errors import BackendError, UsageError
from reconciler.model.document import Json
from reconciler.model.near import hint
from reconciler.model.run import Gate, RunId
from reconciler.plan.run.signal import is_answer
from reconciler.values.encode import encode

_BOOLEAN = {"simple": "BOOLEAN"}


def choose(gates: Sequence[Gate], signal: str, run: RunId) -> Gate:
    """Pick a gate by the name of its signal; without one, the only one that is open.

    Raises UsageError where several are open, BackendError where there is none.
    """
    if signal:
        found = [gate for gate in gates if gate.signal == signal]
        if found:
            return found[0]
        fix = hint(signal, (gate.signal for gate in gates), "it may not be reached yet")
        raise BackendError(f"run {run}: has no gate {signal}; {fix}", code=ABSENT)
    found = [gate for gate in gates if not gate.is_answered]
    if len(found) > 1:
        names = ", ".join(gate.signal for gate in found)
        raise UsageError(f"run {run}: {len(found)} gates are open; name one: {names}")
    if not found:
        raise BackendError(f"run {run}: no gate is open; see `reconcile get signals {run}`")
    return found[0]


def literal(gate: Gate, value: Json) -> Mapping[str, Json]:
    """Make the literal of an answer by the type of its gate; raises UsageError for another type."""
    made, problems = encode(value, dict(gate.literal_type))
    if problems:
        first = problems[0]
        fix = f"; {first.fix}" if first.fix else ""
        raise UsageError(f"signal {gate.signal}: {first.message}{fix}")
    assert isinstance(made, dict)
    return made


async def decide(running: Running, gate: Gate, *, is_yes: bool) -> bool:
    """Approve or reject; False where that was answered before, and the same."""
    if gate.literal_type != _BOOLEAN:
        raise UsageError(
            f"signal {gate.signal}: waits for {gate.type} and not for an approval; use "
            "`reconcile signal set`"
        )
    return await answer(running, gate, is_yes)


async def answer(running: Running, gate: Gate, value: Json) -> bool:
    """Set the value of a gate; False where it has that value already.

    Raises UsageError where it has another one: the run went on with that.
    """
    made = literal(gate, value)
    if gate.is_answered:
        if is_answer(gate, dict(made)):
            return False
        raise UsageError(
            f"signal {gate.signal}: was answered before with another value, and the run went on; "
            "relaunch the run to answer anew"
        )
    await running.answer(gate, made)
    return True
