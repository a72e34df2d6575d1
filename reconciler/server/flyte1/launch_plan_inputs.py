"""A launch plan's inputs against its workflow's interface, and its schedule against its inputs.

Every workflow input that a plan neither defaults nor fixes is added to the stored default inputs as
required. Both maps are checked in no promised order, and the check ends at the first datetime it
meets: later inputs of that map go unchecked (flyteadmin 1.16.8, validation/validation.go and
validation/launch_plan_validator.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl.core import interface_pb2, types_pb2

from reconciler.server import cron
from reconciler.server.flyte1.castable import castable, type_of
from reconciler.server.flyte1.refusals import compact
from reconciler.server.status import refused

if TYPE_CHECKING:
    from flyteidl.admin import schedule_pb2
    from flyteidl.core import literals_pb2
    from google.protobuf.timestamp_pb2 import Timestamp

_MIN_SECONDS = -62135596800  # 0001-01-01
_MAX_SECONDS = 253402300800  # 10000-01-01


def check_literals(literals: literals_pb2.LiteralMap, field: str) -> None:
    """Every literal holds a value."""
    for name, literal in sorted(literals.literals.items()):
        if not name:
            raise refused(f"missing key in {field}")
        kind = literal.WhichOneof("value")
        if kind is None:
            raise refused(f"missing valid literal in {field} {name}")
        if literal.scalar.primitive.WhichOneof("value") == "datetime":
            _timestamp(literal.scalar.primitive.datetime)
            return


def check_parameters(parameters: interface_pb2.ParameterMap, field: str) -> None:
    """Every parameter has a type, and a default of that type or is required."""
    for name, parameter in sorted(parameters.parameters.items()):
        if not name:
            raise refused(f"missing key in {field}")
        if not parameter.HasField("var") or not parameter.var.HasField("type"):
            raise refused(
                f"The Variable component of the Parameter {name} in {field} either is missing, or "
                "has a missing Type"
            )
        kind = parameter.var.type
        behavior = parameter.WhichOneof("behavior")
        if behavior in ("artifact_query", "artifact_id"):
            raise refused(f"artifact mode not enabled but query found {field} {name}")
        if behavior != "default":
            if not parameter.required:
                raise refused(
                    f"Invalid variable {name} in {field} - variable has neither default, nor is "
                    "required. One must be specified"
                )
            continue
        given = literal_type(name, parameter.default)
        if not castable(given, kind):
            raise refused(
                f"Type mismatch for Parameter {name} in {field} has type {compact(kind)}, "
                f"expected {shown(parameter.default, given)}"
            )
        if kind.simple == types_pb2.DATETIME:
            _timestamp(parameter.default.scalar.primitive.datetime)
            return


def literal_type(name: str, literal: literals_pb2.Literal) -> types_pb2.LiteralType:
    """The type that a literal shows; INVALID_ARGUMENT when it shows none."""
    kind = type_of(literal)
    if kind is None:
        raise refused(
            f"Failed to validate literal type for [{name}] with err: got unknown literal type: "
            "[<nil>].\nSuggested solution: Please update all your Flyte deployment images to the "
            "latest version and try again"
        )
    return kind


def shown(literal: literals_pb2.Literal, kind: types_pb2.LiteralType) -> str:
    """A literal's type in a refusal; that of a value in storage may be there and say nothing."""
    match kind.WhichOneof("type"), literal.scalar.WhichOneof("value"):
        case None, "schema" | "blob" as field:
            return f"{field}:{{}}"
        case None, "structured_dataset":
            return "structured_dataset_type:{}"
        case _:
            return compact(kind)


def _timestamp(moment: Timestamp) -> None:
    if not _MIN_SECONDS <= moment.seconds < _MAX_SECONDS:
        side = "before 0001-01-01" if moment.seconds < 0 else "after 9999-12-31"
        raise refused(f"proto: timestamp ({compact(moment)}) {side}")
    if not 0 <= moment.nanos < 1_000_000_000:
        raise refused(f"proto: timestamp ({compact(moment)}) has out-of-range nanos")


def merged(
    interface: interface_pb2.TypedInterface,
    fixed: literals_pb2.LiteralMap,
    defaults: interface_pb2.ParameterMap,
) -> interface_pb2.ParameterMap:
    """The plan's free inputs: its own defaults, and every other unfixed input as required."""
    variables = interface.inputs.variables
    if not variables:
        for label, given in (
            ("default", defaults.parameters),
            ("fixed", fixed.literals),
        ):
            if given:
                raise refused(
                    f"invalid launch plan {label} inputs, expected none but found {len(given)}"
                )
        return interface_pb2.ParameterMap()
    for name, parameter in sorted(defaults.parameters.items()):
        if name not in variables:
            raise refused(f"unexpected default_input {name}")
        if not castable(parameter.var.type, variables[name].type):
            raise refused(
                f"invalid default_input wrong type {name}, expected {compact(parameter.var.type)}, "
                f"got {compact(variables[name].type)} instead"
            )
    for name, literal in sorted(fixed.literals.items()):
        if name not in variables:
            raise refused(f"unexpected fixed_input {name}")
        given_type = literal_type(name, literal)
        if not castable(given_type, variables[name].type):
            raise refused(
                f"invalid fixed_input wrong type {name}, expected {compact(variables[name].type)}, "
                f"got {shown(literal, given_type)} instead"
            )
    free = interface_pb2.ParameterMap()
    for name, variable in variables.items():
        if name in defaults.parameters:
            free.parameters[name].CopyFrom(defaults.parameters[name])
        elif name not in fixed.literals:
            # Only type and description are carried over from the workflow's variable.
            if variable.HasField("type"):
                free.parameters[name].var.type.CopyFrom(variable.type)
            free.parameters[name].var.description = variable.description
            free.parameters[name].required = True
    return free


def check_schedule(schedule: schedule_pb2.Schedule, free: interface_pb2.ParameterMap) -> None:
    """A scheduled plan has no unbound input but the kickoff time, which is a datetime."""
    kind = schedule.WhichOneof("ScheduleExpression")
    if kind is None or (kind == "cron_expression" and not schedule.cron_expression):
        return
    kickoff = schedule.kickoff_time_input_arg
    for name, parameter in sorted(free.parameters.items()):
        if parameter.required and name != kickoff:
            raise refused(
                "Cannot create a launch plan with a schedule if there is an unbound required "
                f"input. [{name}] is required"
            )
    if kickoff:
        if kickoff not in free.parameters:
            raise refused(
                "Cannot create a schedule with a KickoffTimeInputArg that does not point to a free "
                f"input. [{kickoff}] is not free or does not exist."
            )
        variable = free.parameters[kickoff].var
        if variable.type.simple != types_pb2.DATETIME:
            raise refused(
                f"KickoffTimeInputArg must reference a datetime input. [{kickoff}] is a "
                f"[{compact(variable.type)}]"
            )
    expression = schedule.cron_expression or schedule.cron_schedule.schedule
    if expression:
        try:
            cron.check(expression)
        except cron.CronError as error:
            raise refused(f"Invalid cron expression: {error}") from None
