"""One node execution as a step: what it does, from the workflow's node or from what is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from flyteidl.admin import node_execution_pb2

from reconciler.backends.flyte1.run import rows, words
from reconciler.backends.wire.times import moment
from reconciler.model.document import Json, filled
from reconciler.model.entity import Node
from reconciler.model.run import Attempt, Phase, Step

_ENDS = {"start-node": "start", "end-node": "end"}
_LAST = datetime.max.replace(tzinfo=UTC)


def does(node: node_execution_pb2.NodeExecution, known: Node | None) -> str:
    """Say what a node does; empty where neither it nor its workflow tells."""
    closure = node.closure
    if spec_id(node) in _ENDS:
        return _ENDS[spec_id(node)]
    if known is not None:
        return "gate" if known.does.startswith("gate") else known.does
    if node.metadata.is_array:
        return "array"
    if closure.HasField("workflow_node_metadata"):
        return "launch plan"
    return "task" if closure.HasField("task_node_metadata") else ""


def spec_id(node: node_execution_pb2.NodeExecution) -> str:
    """Return the id that the node has in its workflow."""
    return node.metadata.spec_node_id or node.id.node_id


def step(
    node: node_execution_pb2.NodeExecution,
    known: Node | None,
    attempts: Sequence[Attempt],
    inside: Sequence[Step],
) -> Step:
    """Read a node; `known` is its workflow's."""
    closure = node.closure
    what = does(node, known)
    phase = words.STEP_PHASES.get(closure.phase, Phase.UNDEFINED)
    if what == "gate" and phase is Phase.RUNNING and known and "sleep" not in known.does:
        phase = Phase.PAUSED
    child = closure.workflow_node_metadata.executionId
    return Step(
        id=node.id.node_id,
        phase=phase,
        does=what,
        name=known.name if known else "",
        target=known.target if known else None,
        child=rows.run_id(child) if child.name else None,
        queued_at=moment(closure, "created_at"),
        started_at=moment(closure, "started_at"),
        ended_at=rows.ended_at(closure, phase),
        attempts=tuple(attempts),
        cache=words.cache(closure.task_node_metadata.cache_status),
        cause=_cause(closure.error.message, attempts),
        has_report=bool(closure.deck_uri),
        inside=tuple(inside),
        facts=_facts(node, known),
    )


def by_start(step: Step) -> tuple[datetime, datetime, bool, str]:
    """Order steps by when they started; those of one moment by their ids."""
    queued = step.queued_at or _LAST
    return step.started_at or queued, queued, step.does != "start", step.id


def _cause(told: str, attempts: Sequence[Attempt]) -> str:
    """Return the whole message of an error, which a list of nodes cuts short."""
    last = attempts[-1].cause if attempts else ""
    return last if told and last.startswith(told) else told


def _facts(node: node_execution_pb2.NodeExecution, known: Node | None) -> dict[str, Json]:
    closure = node.closure
    spec = spec_id(node)
    facts: dict[str, Json] = {
        "node": "" if spec == node.id.node_id else spec,
        "dynamic": node.metadata.is_dynamic,
        "retryGroup": "" if node.metadata.retry_group in {"", "0"} else node.metadata.retry_group,
        "when": known.when if known else "",
        **rows.error_facts(closure.error),
    }
    if known is not None and known.does.startswith("gate"):
        facts["gate"] = known.does.removeprefix("gate (").removesuffix(")")
    source = closure.task_node_metadata.catalog_key.source_task_execution
    if source.node_execution_id.node_id:
        execution = rows.run_id(source.node_execution_id.execution_id)
        facts["cachedFrom"] = f"{execution}/{source.node_execution_id.node_id}"
    return filled(facts)
