"""One run, read from what the server tells of it.

Facts from the open-source manager 2.0.43: what a list tells of a run has neither its settings, so
neither labels nor the tick, nor why it ended; when something last changed is told nowhere. A run
began when it was made, as far as it says, and that moves back to the whole second at which
Kubernetes got its object. A task that nobody registered has an id without a name.
"""

from __future__ import annotations

from flyteidl2.common import identifier_pb2, identity_pb2
from flyteidl2.common import run_pb2 as common_run_pb2
from flyteidl2.task import run_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2 as wire

from reconciler.backends.flyte2 import people
from reconciler.backends.flyte2.run.words import MODES, PHASES, source
from reconciler.backends.flyte2.trigger import normal as trigger
from reconciler.backends.wire.times import moment
from reconciler.model.document import Json, filled
from reconciler.model.entity import Reference, What
from reconciler.model.key import Place
from reconciler.model.run import Mode, Phase, Run, RunId

ROOT = "a0"
"""The action that is the run itself."""

_AGAIN = frozenset({common_run_pb2.RELATION_TYPE_RERUN, common_run_pb2.RELATION_TYPE_RECOVER})


def listed(found: wire.Run) -> Run:
    """Read a row of a list."""
    action = found.action
    return _run(action.id, action.metadata, action.status)


def detailed(details: wire.ActionDetails, settings: run_pb2.RunSpec) -> Run:
    """Read a run from its root action and its settings."""
    return _run(
        details.id, details.metadata, details.status, settings=settings, cause=cause(details)
    )


def cause(details: wire.ActionDetails) -> str:
    """Say why an action failed or was aborted."""
    match details.WhichOneof("result"):
        case "error_info":
            return details.error_info.message
        case "abort_info":
            return details.abort_info.reason
        case _:
            return ""


def run_id(identifier: identifier_pb2.RunIdentifier) -> RunId:
    """Name the run that an identifier names."""
    return RunId(Place(identifier.project, identifier.domain), identifier.name)


def identifier(run_id: RunId) -> identifier_pb2.RunIdentifier:
    """Write the identifier of a run."""
    return identifier_pb2.RunIdentifier(
        project=run_id.place.project, domain=run_id.place.domain, name=run_id.name
    )


def action(run_id: RunId, step: str = "") -> identifier_pb2.ActionIdentifier:
    """Write the identifier of a step, or of the one that is the run itself."""
    return identifier_pb2.ActionIdentifier(run=identifier(run_id), name=step or ROOT)


def task_of(identifier: task_definition_pb2.TaskIdentifier) -> Reference | None:
    """Refer to a registered task; None for what nobody registered."""
    if not identifier.name:
        return None
    return Reference(
        what=What.TASKS,
        project=identifier.project,
        domain=identifier.domain,
        name=identifier.name,
        version=identifier.version,
    )


def who(identity: identity_pb2.EnrichedIdentity) -> str:
    """Name who did something: as people are called, else as the identity provider has them."""
    return people.name_of(identity) or identity.user.id.subject


def _run(
    identifier: identifier_pb2.ActionIdentifier,
    metadata: wire.ActionMetadata,
    status: wire.ActionStatus,
    *,
    settings: run_pb2.RunSpec | None = None,
    cause: str = "",
) -> Run:
    phase = PHASES.get(status.phase, Phase.UNDEFINED)
    mode = MODES.get(metadata.source)
    origin = _origin(metadata, settings)
    if origin:
        mode = Mode.RELAUNCHED
    is_tick = mode is Mode.SCHEDULED and settings is not None
    task, fired = task_of(metadata.task.id), _trigger(metadata)
    began = moment(status, "start_time")
    return Run(
        id=run_id(identifier.run),
        phase=phase,
        mode=mode,
        entity=fired or task,
        workflow=task if fired else None,
        scheduled_at=moment(settings, "run_start_time") if is_tick and settings else None,
        created_at=began,
        started_at=began,
        ended_at=moment(status, "end_time"),
        created_by=who(metadata.executed_by),
        cause=cause,
        labels=dict(settings.labels.values) if settings else {},
        facts=filled({**_facts(metadata, status, settings), "madeFrom": origin}),
    )


def _trigger(metadata: wire.ActionMetadata) -> Reference | None:
    name = metadata.trigger_id.name
    if not name.name:
        return None
    key = trigger.key_of_name(name)
    return Reference(what=What.TRIGGERS, project=name.project, domain=name.domain, name=key.name)


def _origin(metadata: wire.ActionMetadata, settings: run_pb2.RunSpec | None) -> str:
    """Name the run that one was made from; empty for one that was started anew."""
    relation = metadata.relation
    if not relation.related_to.name and settings is not None:
        relation = settings.relation
    is_again = relation.relation_type in _AGAIN
    return str(run_id(relation.related_to)) if is_again else ""


def _facts(
    metadata: wire.ActionMetadata, status: wire.ActionStatus, settings: run_pb2.RunSpec | None
) -> dict[str, Json]:
    facts: dict[str, Json] = {
        "attempts": status.attempts,
        "environment": metadata.environment_name,
        "function": metadata.funtion_name,
        "source": source(metadata.source),
        "triggerRevision": int(metadata.trigger_id.revision),
    }
    if settings is not None:
        began = moment(settings, "run_start_time")
        facts |= {
            "annotations": dict(settings.annotations.values),
            "queue": settings.queue,
            "runStartTime": began.isoformat().replace("+00:00", "Z") if began else "",
        }
    return facts
