"""The inputs of an execution: what the request says, completed by its launch plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.core import literals_pb2

from reconciler.server.flyte1 import launch_plan_inputs
from reconciler.server.flyte1.castable import castable
from reconciler.server.flyte1.refusals import compact
from reconciler.server.status import refused

if TYPE_CHECKING:
    from flyteidl.admin import launch_plan_pb2


def completed(
    sent: literals_pb2.LiteralMap, plan: launch_plan_pb2.LaunchPlan
) -> literals_pb2.LiteralMap:
    """What the execution would run with: sent values, then defaults, then fixed ones."""
    free = plan.closure.expected_inputs.parameters
    for name in sorted(sent.literals):
        if name not in free:
            raise refused(f"invalid input {name}")
    inputs = literals_pb2.LiteralMap()
    inputs.CopyFrom(sent)
    for name, parameter in sorted(free.items()):
        if name not in sent.literals:
            if parameter.required:
                raise refused(f"expected_inputs {name} missing")
            inputs.literals[name].CopyFrom(parameter.default)
            continue
        given = launch_plan_inputs.literal_type(name, sent.literals[name])
        if not castable(given, parameter.var.type):
            raise refused(
                f"invalid {name} input wrong type. Expected {compact(parameter.var.type)}, "
                f"but got {launch_plan_inputs.shown(sent.literals[name], given)}"
            )
    for name, literal in sorted(plan.spec.fixed_inputs.literals.items()):
        if name in inputs.literals:
            raise refused(f"fixed_inputs {name} cannot be overridden")
        inputs.literals[name].CopyFrom(literal)
    return inputs
