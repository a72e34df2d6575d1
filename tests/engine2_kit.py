"""What Flyte 2's own engine sends: actions as they appear, their phases, and events of attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flyteidl2.common import identifier_pb2, phase_pb2
from flyteidl2.core import execution_pb2, literals_pb2, tasks_pb2, types_pb2
from flyteidl2.task import common_pb2, task_definition_pb2
from flyteidl2.workflow import internal_run_service_pb2 as internal
from flyteidl2.workflow import run_definition_pb2 as wire
from google.protobuf.timestamp_pb2 import Timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

QUEUED = phase_pb2.ACTION_PHASE_QUEUED
WAITING = phase_pb2.ACTION_PHASE_WAITING_FOR_RESOURCES
INITIALIZING = phase_pb2.ACTION_PHASE_INITIALIZING
RUNNING = phase_pb2.ACTION_PHASE_RUNNING
SUCCEEDED = phase_pb2.ACTION_PHASE_SUCCEEDED
FAILED = phase_pb2.ACTION_PHASE_FAILED
ABORTED = phase_pb2.ACTION_PHASE_ABORTED
TIMED_OUT = phase_pb2.ACTION_PHASE_TIMED_OUT
PAUSED = phase_pb2.ACTION_PHASE_PAUSED
RECOVERED = phase_pb2.ACTION_PHASE_RECOVERED

# Played events are of a time of their own, long ago.
EPOCH = 1_700_000_000


def at(seconds: float) -> Timestamp:
    """A moment of the played time."""
    whole, rest = divmod(seconds, 1)
    return Timestamp(seconds=EPOCH + int(whole), nanos=round(rest * 1e9))


def action_id(run: identifier_pb2.RunIdentifier, name: str = "a0") -> Any:
    """An action of a run; the root by default."""
    return identifier_pb2.ActionIdentifier(run=run, name=name)


def record(
    action: identifier_pb2.ActionIdentifier, parent: str = "", **rest: Any
) -> internal.RecordActionRequest:
    """An action that appears, a task `env.t` unless `trace` or `condition` say otherwise."""
    if not {"task", "trace", "condition"} & rest.keys():
        rest["task"] = task(action)
    rest.setdefault("input_uri", f"s3://elsewhere/{action.name}/inputs.pb")
    return internal.RecordActionRequest(action_id=action, parent=parent, **rest)


def task(
    action: identifier_pb2.ActionIdentifier, name: str = "env.t", **spec: Any
) -> wire.TaskAction:
    """What a task action runs."""
    identifier = task_definition_pb2.TaskIdentifier(
        project=action.run.project, domain=action.run.domain, name=name, version="v1"
    )
    template = tasks_pb2.TaskTemplate(type="python")
    return wire.TaskAction(
        id=identifier, spec=task_definition_pb2.TaskSpec(task_template=template, **spec)
    )


def trace(name: str = "step", **rest: Any) -> wire.TraceAction:
    """A trace of a second that has an output."""
    rest.setdefault("start_time", at(10))
    rest.setdefault("end_time", at(11))
    outputs = common_pb2.OutputReferences(output_uri="s3://elsewhere/trace/outputs.pb")
    return wire.TraceAction(
        name=name, outputs=outputs, spec=task_definition_pb2.TraceSpec(), **rest
    )


def condition(name: str = "approve", simple: int = types_pb2.BOOLEAN, **rest: Any) -> Any:
    """A question of the given type."""
    kind = types_pb2.LiteralType(simple=simple)
    return wire.ConditionAction(name=name, type=kind, prompt="Go on?", **rest)


def status(
    action: identifier_pb2.ActionIdentifier,
    phase: int,
    *,
    began: float | None = None,
    ended: float | None = None,
    attempts: int = 1,
    output: literals_pb2.Literal | None = None,
) -> internal.UpdateActionStatusRequest:
    """The phase of an action."""
    found = wire.ActionStatus(phase=phase, attempts=attempts)
    if began is not None:
        found.start_time.CopyFrom(at(began))
    if ended is not None:
        found.end_time.CopyFrom(at(ended))
    return internal.UpdateActionStatusRequest(action_id=action, status=found, output=output)


def event(
    action: identifier_pb2.ActionIdentifier,
    phase: int,
    *,
    when: float = 0,
    attempt: int = 1,
    **rest: Any,
) -> wire.ActionEvent:
    """What happened to an attempt."""
    return wire.ActionEvent(
        id=action,
        attempt=attempt,
        phase=phase,
        updated_time=at(when),
        reported_time=at(when),
        **rest,
    )


def events(played: Sequence[wire.ActionEvent]) -> internal.RecordActionEventsRequest:
    """Several of them."""
    return internal.RecordActionEventsRequest(events=played)


def outputs(uri: str = "s3://elsewhere/outputs.pb", report: str = "") -> Any:
    """Where the outputs of an attempt are."""
    return common_pb2.OutputReferences(output_uri=uri, report_uri=report)


def failure(message: str = "it broke") -> wire.ErrorInfo:
    """A fault of whoever wrote the task."""
    return wire.ErrorInfo(message=message, kind=wire.ErrorInfo.KIND_USER)


def pod(name: str, *, namespace: str = "flyte", container: str = "main") -> Any:
    """The one pod of an attempt, which is the first one."""
    found = execution_pb2.PodLogContext(
        namespace=namespace,
        pod_name=name,
        primary_container_name=container,
        containers=[execution_pb2.ContainerContext(container_name=container)],
    )
    return execution_pb2.LogContext(pods=[found], primary_pod_name=name)
