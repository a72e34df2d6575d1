"""Creating a run: which task, which inputs, which settings.

A name is no protection against running twice: a known one is not refused, the stored run comes
back, and inline inputs have been written over the earlier ones by then (v2.0.43,
runs/service/run_service.go).
"""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

import grpc
from flyteidl2.actions import actions_service_pb2
from flyteidl2.common import identifier_pb2, phase_pb2
from flyteidl2.task import common_pb2, run_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2
from flyteidl2.workflow import run_service_pb2 as wire

from reconciler.server.clock import now, stamp
from reconciler.server.flyte2 import (
    action_rows,
    files,
    identity,
    projects,
    run_shapes,
    task_objects,
    tasks,
    triggers,
)
from reconciler.server.flyte2.go_text import quoted
from reconciler.server.flyte2.refusals import not_found
from reconciler.server.status import StatusError, internal, refused

if TYPE_CHECKING:
    import sqlite3

    from reconciler.server.store import Store, Value

_MAX_NAME = 30
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_GENERATED_LENGTH = 20
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"

_Task = tuple[task_definition_pb2.TaskIdentifier, task_definition_pb2.TaskSpec]


def create(store: Store, request: wire.CreateRunRequest) -> wire.CreateRunResponse:
    """CreateRun: of a task, of a spec that nobody deployed, or of a trigger, active or not."""
    run = _run_id(request)
    projects.required(store, run.project)
    trigger = _trigger(store, request)
    task = _task(store, request, trigger)
    run_spec = _run_spec(request, trigger, task[1])
    base = (run_spec.run_base_dir or files.BASE).rstrip("/")
    if request.WhichOneof("input_wrapper") == "offloaded_input_data":
        place = request.offloaded_input_data.uri
    elif not request.HasField("inputs") and trigger and _offloaded(trigger):
        place = _offloaded(trigger)
    else:
        place = f"{base}/{run.project}/{run.domain}/{run.name}/inputs"
        files.write(store, f"{place}/inputs.pb", _with_defaults(request.inputs, task[1]))
    if request.WhichOneof("task") is None:
        raise internal("failed to create task spec model: Marshal called with nil")
    values = _row(request, task, trigger) | {
        "run_spec": run_spec.SerializeToString(),
        "inputs_uri": f"{place}/inputs.pb",
    }
    root = actions_service_pb2.Action(
        action_id=identifier_pb2.ActionIdentifier(run=run, name=action_rows.ROOT),
        run_output_base=f"{base}/{run.project}/{run.domain}/{run.name}",
    )
    root.task.spec.CopyFrom(task[1])
    with store.writing():
        row = _written(store, root.action_id, values)
        # A root that can have no object waits for good, and nobody is told.
        with suppress(StatusError):
            task_objects.create(store, root, run_spec)
    return wire.CreateRunResponse(run=run_shapes.run(row))


def _row(
    request: wire.CreateRunRequest, task: _Task, trigger: sqlite3.Row | None
) -> dict[str, Value]:
    identifier, spec = task
    user = identity.caller()
    values: dict[str, Value] = {
        "phase": phase_pb2.ACTION_PHASE_QUEUED,
        "action_type": run_shapes.TASK,
        "run_source": run_definition_pb2.RunSource.Name(request.source),
        "created_by": None if user is None else user.SerializeToString(),
        "created_by_subject": None if user is None else user.user.id.subject,
        "trigger_task_name": trigger["task_name"] if trigger else None,
        "trigger_name": request.trigger_name.name or None,
        "trigger_revision": trigger["latest_revision"] if trigger else None,
        "task_type": spec.task_template.type,
        "task_short_name": spec.short_name or None,
        "function_name": identifier.name,
        "environment_name": spec.environment.name or None,
        "spec": spec.SerializeToString(),
    }
    for column, part in run_shapes.TASK_COLUMNS.items():
        values[column] = getattr(identifier, part) or None
    return values


def _written(
    store: Store, root: identifier_pb2.ActionIdentifier, values: dict[str, Value]
) -> sqlite3.Row:
    """A new run, or the one that has the name already, whose task then runs once more."""
    run = root.run
    if action_rows.insert(store, root, values) and values["trigger_name"]:
        store.run(
            "UPDATE v2_triggers SET triggered_at = ? "
            "WHERE project = ? AND domain = ? AND task_name = ? AND name = ?",
            (
                now(),
                run.project,
                run.domain,
                values["trigger_task_name"],
                values["trigger_name"],
            ),
        )
    row = action_rows.find(store, run)
    if row is None:
        raise RuntimeError("the run was just written")
    return row


def _run_id(request: wire.CreateRunRequest) -> identifier_pb2.RunIdentifier:
    match request.WhichOneof("id"):
        case "run_id":
            run = request.run_id
            if len(run.name.encode()) > _MAX_NAME:
                reason = f"must be no more than {_MAX_NAME} characters"
            elif not _NAME.fullmatch(run.name):
                reason = (
                    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
                    "start with an alphabetic character, and end with an alphanumeric character "
                    "(e.g. 'my-name', or 'abc-123', regex used for validation is "
                    f"'{_NAME.pattern}')"
                )
            else:
                return run
            raise refused(f"invalid run name {quoted(run.name)}: {reason}")
        case "project_id":
            letters = (secrets.choice(_ALPHABET) for _ in range(_GENERATED_LENGTH - 1))
            return identifier_pb2.RunIdentifier(
                project=request.project_id.name,
                domain=request.project_id.domain,
                name="r" + "".join(letters),
            )
        case _:
            raise refused("invalid run ID type")


def _trigger(store: Store, request: wire.CreateRunRequest) -> sqlite3.Row | None:
    if request.WhichOneof("task") != "trigger_name":
        return None
    try:
        return triggers.find(store, request.trigger_name)
    except StatusError as error:
        raise not_found(f'trigger "{request.trigger_name.name}" not found: {error.text}') from None


def _task(store: Store, request: wire.CreateRunRequest, trigger: sqlite3.Row | None) -> _Task:
    if request.WhichOneof("task") == "task_id":
        identifier = request.task_id
    elif trigger is not None:
        identifier = task_definition_pb2.TaskIdentifier(
            project=trigger["project"],
            domain=trigger["domain"],
            name=trigger["task_name"],
            version=trigger["task_version"],
        )
    else:
        named = request.task_spec.task_template.id
        identifier = task_definition_pb2.TaskIdentifier(
            project=named.project, domain=named.domain, name=named.name, version=named.version
        )
        return identifier, request.task_spec
    try:
        return identifier, tasks.spec(store, identifier)
    except StatusError as error:
        # The one refusal that the manager gives no code.
        raise StatusError(grpc.StatusCode.UNKNOWN, error.text) from None


def _run_spec(
    request: wire.CreateRunRequest,
    trigger: sqlite3.Row | None,
    spec: task_definition_pb2.TaskSpec,
) -> run_pb2.RunSpec:
    found = run_pb2.RunSpec()
    if request.HasField("run_spec"):
        found.CopyFrom(request.run_spec)
    elif trigger is not None:
        found.CopyFrom(triggers.spec(trigger).run_spec)
    if run_shapes.knows_start_time(spec) and not found.HasField("run_start_time"):
        given = request.HasField("run_start_time")
        found.run_start_time.CopyFrom(request.run_start_time if given else stamp(now()))
    if not found.raw_data_storage.raw_data_prefix:
        found.raw_data_storage.raw_data_prefix = files.BASE
    return found


def _offloaded(trigger: sqlite3.Row) -> str:
    """Where a trigger's inputs are; those that it holds itself are never used."""
    return triggers.spec(trigger).offloaded_input_data.uri


def _with_defaults(
    inputs: common_pb2.Inputs, spec: task_definition_pb2.TaskSpec
) -> common_pb2.Inputs:
    filled = common_pb2.Inputs()
    filled.CopyFrom(inputs)
    given = {one.name for one in inputs.literals}
    for one in spec.default_inputs:
        if one.name not in given and one.parameter.HasField("default"):
            filled.literals.add(name=one.name, value=one.parameter.default)
    return filled
