"""The plans of the set as messages, for clients that send them one by one."""

from __future__ import annotations

from collections.abc import Mapping

from flyteidl.admin import launch_plan_pb2
from flyteidl.core import execution_pb2, identifier_pb2, literals_pb2, types_pb2

from tests.bench.plans import Plan, inputs
from tests.bench.workflows import INPUTS, VERSION, WORKFLOW


def identifier(plan: Plan, version: str) -> identifier_pb2.Identifier:
    """Name one version of a plan."""
    return identifier_pb2.Identifier(
        resource_type=identifier_pb2.LAUNCH_PLAN,
        project=plan.place.project,
        domain=plan.place.domain,
        name=plan.name,
        version=version,
    )


def spec(plan: Plan) -> launch_plan_pb2.LaunchPlanSpec:
    """Write the plan as flytekit would."""
    message = launch_plan_pb2.LaunchPlanSpec(
        workflow_id=identifier_pb2.Identifier(
            resource_type=identifier_pb2.WORKFLOW,
            project=plan.place.project,
            domain=plan.place.domain,
            name=WORKFLOW,
            version=VERSION,
        )
    )
    schedule = message.entity_metadata.schedule
    schedule.cron_schedule.schedule = f"CRON_TZ=Europe/Berlin {plan.cron}"
    schedule.kickoff_time_input_arg = "day"
    notification = message.entity_metadata.notifications.add()
    notification.phases.extend(
        [execution_pb2.WorkflowExecution.FAILED, execution_pb2.WorkflowExecution.TIMED_OUT]
    )
    notification.email.recipients_email.append(f"{plan.team}-oncall@example.com")
    for name, literal in _literals(inputs(plan)).items():
        parameter = message.default_inputs.parameters[name]
        parameter.var.type.simple = INPUTS[name]
        parameter.default.CopyFrom(literal)
    message.fixed_inputs.SetInParent()
    message.labels.values.update({"team": plan.team, "tier": str(plan.number % 4)})
    message.annotations.values["example.com/runbook"] = "https://runbooks.example.com/orders"
    message.raw_output_data_config.SetInParent()
    message.security_context.run_as.k8s_service_account = f"etl-{plan.team}"
    message.max_parallelism = plan.parallelism
    return message


def _literals(values: Mapping[str, str | float]) -> dict[str, literals_pb2.Literal]:
    found: dict[str, literals_pb2.Literal] = {}
    for name, value in values.items():
        literal = found[name] = literals_pb2.Literal()
        primitive = literal.scalar.primitive
        match INPUTS[name], value:
            case types_pb2.DATETIME, str(text):
                primitive.datetime.FromJsonString(text)
            case types_pb2.STRING, str(text):
                primitive.string_value = text
            case types_pb2.BOOLEAN, bool(answer):
                primitive.boolean = answer
            case types_pb2.INTEGER, int(number):
                primitive.integer = number
            case _, number:
                primitive.float_value = float(number)
    return found
