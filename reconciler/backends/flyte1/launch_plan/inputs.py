"""The inputs of a declared plan as literals, and how each of them goes to Flyte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flyteidl.core import literals_pb2
from google.protobuf import json_format

from reconciler.backends.wire.message import from_json, to_json
from reconciler.model.document import Json
from reconciler.model.interface import Workflow
from reconciler.model.origin import Problem
from reconciler.resolve.context import Context
from reconciler.specs.launch_plan import LaunchPlanSpec
from reconciler.specs.validate import Declared
from reconciler.values.canonical import canonical
from reconciler.values.interface import bind
from reconciler.values.passing import passing
from reconciler.values.problem import ValueProblem
from reconciler.values.types import show_type


@dataclass(frozen=True, slots=True)
class Inputs:
    """Parts of the normal form, problems, and what is to be said when a plan is registered."""

    parts: dict[str, Json]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


def inputs_of(declared: Declared, context: Context, workflow: Workflow) -> Inputs:
    """Type the inputs of a plan by its workflow, and add the workflow's own defaults."""
    spec = cast("LaunchPlanSpec", declared.spec)
    known = context.known(declared)
    given = bind(spec.inputs, workflow.inputs, path=("inputs",), known=known)
    fixed = bind(spec.fixed_inputs, workflow.inputs, path=("fixedInputs",), known=known)
    literals = {**given.literals, **fixed.literals}
    problems = [*given.problems, *fixed.problems]
    if context.types:
        for name, literal in literals.items():
            part = "inputs" if name in given.literals else "fixedInputs"
            made = _as_sent(literal, (part, name))
            if isinstance(made, ValueProblem):
                problems.append(made)
            else:
                literals[name] = made
    defaults: dict[str, Json] = {}
    for name, variable in workflow.inputs.items():
        own = literals.get(name) if name in given.literals else workflow.defaults.get(name)
        if own is not None and name not in spec.fixed_inputs:
            defaults[name] = {"type": variable.get("type"), "value": canonical(own)}
    return Inputs(
        parts={
            "defaultInputs": defaults,
            "fixedInputs": {name: canonical(literals[name]) for name in fixed.literals},
        },
        problems=tuple(
            declared.problem(item.message, *item.path, fix=item.fix) for item in problems
        ),
        notes=tuple(passing(literals, known)),
    )


def _as_sent(literal: Json, path: tuple[str, str]) -> dict[str, Json] | ValueProblem:
    """Read back what a type of one's own may have made, as Flyte will have it."""
    try:
        return to_json(from_json(literal, literals_pb2.Literal()))
    except json_format.ParseError as error:
        message = f"what a type of one's own made is no literal of Flyte ({error})"
        return ValueProblem(path, message, "repair that type")


def unbound(declared: Declared, workflow: Workflow) -> list[Problem]:
    """A scheduled plan may leave nothing open but the kickoff input, or the server refuses it."""
    spec = cast("LaunchPlanSpec", declared.spec)
    kickoff = spec.schedule.kickoff_input if spec.schedule else None
    problems: list[Problem] = []
    bound = {*spec.inputs, *spec.fixed_inputs, *workflow.defaults}
    open_inputs = [name for name in workflow.inputs if name not in bound and name != kickoff]
    if open_inputs:
        problems.append(
            declared.problem(
                f"the workflow's input {', '.join(sorted(open_inputs))} has no value, and a "
                "scheduled plan runs without anybody to give one",
                "schedule",
                fix="give it under inputs or fixedInputs",
            )
        )
    if kickoff is None:
        return problems
    variable = workflow.inputs.get(kickoff)
    path = ("schedule", "kickoffInput")
    if variable is None:
        known = ", ".join(sorted(workflow.inputs)) or "none"
        problems.append(
            declared.problem(
                f"the workflow has no input {kickoff}", *path, fix=f"its inputs are: {known}"
            )
        )
    elif variable.get("type") != {"simple": "DATETIME"}:
        problems.append(
            declared.problem(
                f"input {kickoff} is {show_type(variable.get('type'))}, and the scheduled time "
                "is a datetime",
                *path,
                fix="name an input of type datetime (not an optional one)",
            )
        )
    elif kickoff in spec.fixed_inputs:
        problems.append(
            declared.problem(
                f"input {kickoff} is fixed, so the scheduled time cannot be passed",
                *path,
                fix="remove it from fixedInputs",
            )
        )
    return problems
