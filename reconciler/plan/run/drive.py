"""The drive of a FlyteRun: one run, once per content, after those that it comes after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from reconciler.model.document import Json
from reconciler.model.drive import Drive, Row
from reconciler.model.key import Key
from reconciler.model.run import Launch, Phase, RunId
from reconciler.plan.run.names import run_name
from reconciler.values.cast import type_of
from reconciler.values.decode import decode
from reconciler.values.problem import NotExpressibleError

if TYPE_CHECKING:
    from reconciler.model.pursuit import Pursuit
    from reconciler.model.run import Run, Values

LONGEST_OUTPUT = 1000
"""Characters of one output, as JSON, that are shown."""

TERMINATED = "Terminated"
_CAUSE = "declared as terminated"


def drive(pursuit: Pursuit, *, longest: int) -> Drive:
    """Say what a declared run wants now; `longest` is the number of characters of a name."""
    key, body = pursuit.resource.key, pursuit.resource.body
    name = run_name(key, body, pursuit.content, longest=longest)
    identifier = RunId(key.place, name)
    found = next((run for run in pursuit.runs.found if run.id == identifier), None)
    frozen: dict[str, Json] = {"content": pursuit.content} if body.get("name") else {}
    if body.get("state") == TERMINATED:
        return _stopped(pursuit, identifier, found)
    if found is not None:
        known = pursuit.held.frozen.get("content", pursuit.content)
        if frozen and known != pursuit.content:
            why = f"run {name} was started for another content; give this one another name"
            return Drive(rows=(_row(found),), failure=f"{why}, or leave name out")
        return _started(pursuit, found, frozen)
    waits, failure = _before(pursuit)
    row = Row(why=failure or waits)
    if failure or waits:
        return Drive(rows=(row,), waits=waits, failure=failure, frozen=frozen)
    literals, failure = _taken(pursuit)
    if failure:
        return Drive(rows=(Row(why=failure),), failure=failure, frozen=frozen)
    launch = cast("dict[str, Json]", body["launch"])
    if literals:
        given = cast("Mapping[str, Json]", launch.get("inputs", {}))
        launch = {**launch, "inputs": {**given, **literals}}
    return Drive(
        launches=(Launch(id=identifier, body=launch),),
        rows=(Row(run=identifier),),
        waits=f"run {name} has to end",
        frozen=frozen,
    )


def _stopped(pursuit: Pursuit, identifier: RunId, found: Run | None) -> Drive:
    """Stop what has not ended; what was never started is not started."""
    cause = str(pursuit.resource.body.get("cause") or _CAUSE)
    if found is None or found.phase.is_terminal:
        rows = (_row(found),) if found else ()
        return Drive(rows=rows, is_done=True, failure=f"it is {_CAUSE}")
    if found.phase is Phase.ABORTING:
        return Drive(rows=(_row(found),), waits=f"run {identifier.name} is being stopped")
    return Drive(
        stops=(identifier,),
        cause=cause,
        rows=(_row(found),),
        waits=f"run {identifier.name} has to stop",
    )


def _started(pursuit: Pursuit, found: Run, frozen: dict[str, Json]) -> Drive:
    name = found.id.name
    rows = (_row(found),)
    if not found.phase.is_terminal:
        how = "not taken up yet" if found.phase is Phase.UNDEFINED else str(found.phase)
        waits = f"run {name} is {how}"
        return Drive(rows=rows, waits=waits, frozen=frozen)
    if found.phase.is_success:
        values = pursuit.runs.outputs.get(name)
        return Drive(
            rows=rows,
            is_done=True,
            frozen=frozen,
            outputs=_shown(values) if values else {},
            literals=values.literals if values else {},
        )
    cause = f": {found.cause}" if found.cause else ""
    failure = f"run {name} {_ENDS.get(found.phase, found.phase)}{cause}"
    return Drive(rows=rows, failure=failure, frozen=frozen, is_done=_is_past(pursuit, found))


_ENDS = {Phase.FAILED: "failed", Phase.ABORTED: "was aborted", Phase.TIMED_OUT: "timed out"}


def _is_past(pursuit: Pursuit, found: Run) -> bool:
    """Say whether a run that did not end well is no longer looked at."""
    seconds = pursuit.resource.body.get("ttlSeconds")
    if not isinstance(seconds, int | float) or found.ended_at is None:
        return False
    return found.ended_at + timedelta(seconds=seconds) <= pursuit.now


def _row(run: Run) -> Row:
    return Row(run=run.id, phase=run.phase, attempts=1, why=run.cause)


def _before(pursuit: Pursuit) -> tuple[str, str]:
    """Say what has to succeed before, and what did not."""
    for key, other in pursuit.others.items():
        if other.failure:
            return "", f"{key} did not succeed: {other.failure}"
    for key, other in pursuit.others.items():
        if not other.is_done:
            return f"{key} has to succeed first", ""
    return "", ""


def _taken(pursuit: Pursuit) -> tuple[dict[str, Json], str]:
    """Take the outputs of other runs that are inputs of this one."""
    taken: dict[str, Json] = {}
    wanted = cast("Mapping[str, Mapping[str, str]]", pursuit.resource.body.get("inputsFrom", {}))
    for name, reference in wanted.items():
        other = pursuit.others[Key.parse(reference["run"])]
        output = reference["output"]
        if output not in other.literals:
            known = ", ".join(sorted(other.literals)) or "none"
            why = f"{reference['run']} has no output {output}, which is input {name}"
            return {}, f"{why}; its outputs are: {known}"
        taken[name] = other.literals[output]
    return taken, ""


def _shown(values: Values) -> dict[str, Json]:
    """Write outputs as people do; what is long, or has no words, says so."""
    return {
        name: _value(literal, values.types.get(name)) for name, literal in values.literals.items()
    }


def _value(literal: Json, type_: Json) -> Json:
    try:
        value = decode(literal, type_ if type_ is not None else type_of(literal))
    except NotExpressibleError as error:
        return f"({error})"
    length = len(json.dumps(value, ensure_ascii=False))
    return value if length <= LONGEST_OUTPUT else f"({length:,} characters)"
