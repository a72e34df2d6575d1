"""Phases, modes and states of Flyte 1, and the words that both Flytes have for them."""

from __future__ import annotations

from collections.abc import Mapping

from flyteidl.admin import execution_pb2
from flyteidl.core import catalog_pb2
from flyteidl.core import execution_pb2 as core

from reconciler.model.run import Mode, Phase

_Mode = execution_pb2.ExecutionMetadata

RUN_PHASES: Mapping[int, Phase] = {
    core.WorkflowExecution.UNDEFINED: Phase.UNDEFINED,
    core.WorkflowExecution.QUEUED: Phase.QUEUED,
    core.WorkflowExecution.RUNNING: Phase.RUNNING,
    core.WorkflowExecution.SUCCEEDING: Phase.SUCCEEDING,
    core.WorkflowExecution.SUCCEEDED: Phase.SUCCEEDED,
    core.WorkflowExecution.FAILING: Phase.FAILING,
    core.WorkflowExecution.FAILED: Phase.FAILED,
    core.WorkflowExecution.ABORTED: Phase.ABORTED,
    core.WorkflowExecution.TIMED_OUT: Phase.TIMED_OUT,
    core.WorkflowExecution.ABORTING: Phase.ABORTING,
}
STEP_PHASES: Mapping[int, Phase] = {
    core.NodeExecution.UNDEFINED: Phase.UNDEFINED,
    core.NodeExecution.QUEUED: Phase.QUEUED,
    core.NodeExecution.RUNNING: Phase.RUNNING,
    core.NodeExecution.SUCCEEDED: Phase.SUCCEEDED,
    core.NodeExecution.FAILING: Phase.FAILING,
    core.NodeExecution.FAILED: Phase.FAILED,
    core.NodeExecution.ABORTED: Phase.ABORTED,
    core.NodeExecution.SKIPPED: Phase.SKIPPED,
    core.NodeExecution.TIMED_OUT: Phase.TIMED_OUT,
    core.NodeExecution.DYNAMIC_RUNNING: Phase.RUNNING,
    core.NodeExecution.RECOVERED: Phase.RECOVERED,
}
ATTEMPT_PHASES: Mapping[int, Phase] = {
    core.TaskExecution.UNDEFINED: Phase.UNDEFINED,
    core.TaskExecution.QUEUED: Phase.QUEUED,
    core.TaskExecution.RUNNING: Phase.RUNNING,
    core.TaskExecution.SUCCEEDED: Phase.SUCCEEDED,
    core.TaskExecution.ABORTED: Phase.ABORTED,
    core.TaskExecution.FAILED: Phase.FAILED,
    core.TaskExecution.INITIALIZING: Phase.INITIALIZING,
    core.TaskExecution.WAITING_FOR_RESOURCES: Phase.WAITING,
    core.TaskExecution.RETRYABLE_FAILED: Phase.FAILED,
}
MODES: Mapping[int, Mode] = {
    _Mode.MANUAL: Mode.MANUAL,
    _Mode.SCHEDULED: Mode.SCHEDULED,
    _Mode.SYSTEM: Mode.SYSTEM,
    _Mode.RELAUNCH: Mode.RELAUNCHED,
    _Mode.CHILD_WORKFLOW: Mode.CHILD,
    _Mode.RECOVERED: Mode.RECOVERED,
    _Mode.TRIGGER: Mode.SYSTEM,
}


def cache(status: int) -> str:
    """Say what became of the cache: `hit`, `miss`, `populated`; empty where it is off."""
    if status == catalog_pb2.CACHE_DISABLED:
        return ""
    name = catalog_pb2.CatalogCacheStatus.Name(status)
    return name.removeprefix("CACHE_").lower().replace("_", " ")
