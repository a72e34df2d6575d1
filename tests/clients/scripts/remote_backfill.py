"""Runs in flytekit's Python: its own backfill of plans, built and executed; prints JSON."""

import json
import sys
from datetime import datetime

import etl
from engine import given, remote, settings
from flytekit import CronSchedule, LaunchPlan
from flytekit.remote.backfill import create_backfill_workflow

asked = json.loads(sys.argv[1])
out = {"instants": {}}


def instants(workflow):
    """The instants of a backfill, as its nodes are called."""
    return [node.metadata.name.removeprefix("b-") for node in workflow.nodes]


for number, (expression, start, end) in enumerate(asked["windows"]):
    schedule = CronSchedule(schedule=expression)
    plan = LaunchPlan.get_or_create(etl.hourly, name=f"etl.filled{number}", schedule=schedule)
    built, _, _ = create_backfill_workflow(
        datetime.fromisoformat(start), datetime.fromisoformat(end), plan
    )
    out["instants"][f"{expression} {start} {end}"] = instants(built)

remote.register_workflow(etl.daily, settings, version="v1")
remote.register_launch_plan(etl.morning, version="v1", serialization_settings=settings)
window = {
    "project": given["project"],
    "domain": given["domain"],
    "from_date": datetime.fromisoformat("2026-03-01T06:00:00"),
    "to_date": datetime.fromisoformat("2026-03-08T06:00:00"),
    "launchplan": "etl.morning",
}
out["dry run"] = instants(remote.launch_backfill(**window, dry_run=True))
execution = remote.launch_backfill(**window, launchplan_version="v1", execution_name="fill")
out["execution"] = [execution.id.name, execution.spec.launch_plan.name]
again = remote.launch_backfill(**window, launchplan_version="v1", execution_name="fill")
out["again is the same"] = again.id.name == execution.id.name
flow = remote.fetch_workflow(
    name="backfill-etl.morning", version=execution.spec.launch_plan.version
)
out["nodes"] = [
    [
        node.metadata.name,
        node.workflow_node.launchplan_ref.name,
        [one.var for one in node.inputs],
        len(node.upstream_node_ids),
    ]
    for node in sorted(flow.template.nodes, key=lambda node: node.metadata.name)
    if node.workflow_node is not None
]
print(json.dumps(out))
