"""Runs in flytekit's Python: FlyteRemote reads the active version of a launch plan; prints JSON."""

import json
import sys

import etl
from flytekit.configuration import Config
from flytekit.core.context_manager import FlyteContextManager
from flytekit.core.type_engine import TypeEngine
from flytekit.remote import FlyteRemote

given = json.loads(sys.argv[1])
remote = FlyteRemote(
    Config.for_endpoint(given["endpoint"], insecure=True),
    default_project=given["project"],
    default_domain=given["domain"],
)
plan = remote.fetch_active_launchplan(name=given["name"])
same = remote.fetch_launch_plan(name=given["name"], version=plan.id.version)
workflow = remote.fetch_workflow(name=plan.workflow_id.name, version=plan.workflow_id.version)
context = FlyteContextManager.current_context()
kinds = etl.daily.python_interface.inputs
values = {
    name: repr(TypeEngine.to_python_value(context, parameter.default, kinds[name]))
    for name, parameter in sorted(plan.default_inputs.parameters.items())
    if parameter.default is not None
}
schedule = plan.entity_metadata.schedule
print(
    json.dumps(
        {
            "version": plan.id.version,
            "by version is equal": same.to_flyte_idl() == plan.to_flyte_idl(),
            "workflow": [plan.workflow_id.name, plan.workflow_id.version],
            "types are the workflow's": all(
                parameter.var.type == workflow.interface.inputs[name].type
                for name, parameter in plan.default_inputs.parameters.items()
            ),
            "defaults": values,
            "required": sorted(
                name
                for name, parameter in plan.default_inputs.parameters.items()
                if parameter.required
            ),
            "fixed": sorted(plan.fixed_inputs.literals),
            "schedule": [schedule.cron_schedule.schedule, schedule.kickoff_time_input_arg],
            "labels": plan.labels.values,
            "parallelism": plan.max_parallelism,
        }
    )
)
