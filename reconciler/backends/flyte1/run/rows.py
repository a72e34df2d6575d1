"""One execution, read from what flyteadmin tells of it.

Facts from flyteadmin 1.16.8: lists cut the message of an error short and leave inputs out; when an
execution ended is not told, only how long it ran, and one that was aborted before it ran has no
start either. Labels are those that were sent, and the project's, if any were sent.
"""

from __future__ import annotations

from datetime import datetime

from flyteidl.admin import execution_pb2, node_execution_pb2, task_execution_pb2
from flyteidl.core import execution_pb2 as core
from flyteidl.core import identifier_pb2

from reconciler.backends.flyte1.reading import rows
from reconciler.backends.flyte1.run.words import MODES, RUN_PHASES
from reconciler.backends.wire.times import moment
from reconciler.model.document import Json, filled
from reconciler.model.entity import Reference
from reconciler.model.key import Place
from reconciler.model.run import Phase, Run, RunId

Closure = (
    execution_pb2.ExecutionClosure
    | node_execution_pb2.NodeExecutionClosure
    | task_execution_pb2.TaskExecutionClosure
)


def run(execution: execution_pb2.Execution) -> Run:
    """Read an execution."""
    spec, closure = execution.spec, execution.closure
    phase = RUN_PHASES.get(closure.phase, Phase.UNDEFINED)
    return Run(
        id=run_id(execution.id),
        phase=phase,
        mode=MODES.get(spec.metadata.mode),
        entity=_entity(spec.launch_plan),
        workflow=_workflow(closure.workflow_id),
        scheduled_at=moment(spec.metadata, "scheduled_at"),
        created_at=moment(closure, "created_at"),
        started_at=moment(closure, "started_at"),
        updated_at=moment(closure, "updated_at"),
        ended_at=ended_at(closure, phase),
        created_by=spec.metadata.principal,
        cause=_cause(closure),
        is_archived=closure.state_change_details.state == execution_pb2.EXECUTION_ARCHIVED,
        labels=dict(spec.labels.values),
        tags=tuple(spec.tags),
        facts=_facts(spec, closure),
    )


def run_id(identifier: identifier_pb2.WorkflowExecutionIdentifier) -> RunId:
    """Name the run that an identifier names."""
    return RunId(Place(identifier.project, identifier.domain), identifier.name)


def identifier(run_id: RunId) -> identifier_pb2.WorkflowExecutionIdentifier:
    """Write the identifier of a run."""
    return identifier_pb2.WorkflowExecutionIdentifier(
        project=run_id.place.project, domain=run_id.place.domain, name=run_id.name
    )


def ended_at(closure: Closure, phase: Phase) -> datetime | None:
    """Work out when something ended, of whose start and duration, or last change, is told."""
    if not phase.is_terminal:
        return None
    started = moment(closure, "started_at")
    if started is None or not closure.HasField("duration"):
        return moment(closure, "updated_at")
    return started + closure.duration.ToTimedelta()


def error_facts(error: core.ExecutionError) -> dict[str, Json]:
    """Say what kind of error it was, where there was one."""
    kind = core.ExecutionError.ErrorKind.Name(error.kind).lower()
    found: dict[str, Json] = {
        "errorCode": error.code,
        "errorKind": "" if error.kind == core.ExecutionError.UNKNOWN else kind,
    }
    return filled(found)


def _entity(identifier: identifier_pb2.Identifier) -> Reference:
    if identifier.resource_type == identifier_pb2.TASK:
        return rows.reference(identifier)
    launch_plan = identifier_pb2.Identifier()
    launch_plan.CopyFrom(identifier)
    launch_plan.resource_type = identifier_pb2.LAUNCH_PLAN
    return rows.reference(launch_plan)


def _workflow(identifier: identifier_pb2.Identifier) -> Reference | None:
    """Name the workflow, but for the one that flyteadmin makes round a single task."""
    if not identifier.name or not rows.is_for_people(identifier.name):
        return None
    return rows.reference(identifier)


def _cause(closure: execution_pb2.ExecutionClosure) -> str:
    if closure.HasField("error"):
        return closure.error.message
    return closure.abort_metadata.cause or closure.abort_cause


def _facts(
    spec: execution_pb2.ExecutionSpec, closure: execution_pb2.ExecutionClosure
) -> dict[str, Json]:
    metadata = spec.metadata
    facts: dict[str, Json] = {
        "abortedBy": closure.abort_metadata.principal,
        "annotations": dict(spec.annotations.values),
        "cluster": metadata.system_metadata.execution_cluster,
        "namespace": metadata.system_metadata.namespace,
        "nesting": metadata.nesting,
        **error_facts(closure.error),
    }
    if metadata.HasField("reference_execution"):
        facts["madeFrom"] = str(run_id(metadata.reference_execution))
    if metadata.HasField("parent_node_execution"):
        parent = metadata.parent_node_execution
        facts["parent"] = str(run_id(parent.execution_id))
        facts["parentStep"] = parent.node_id
    return filled(facts)
