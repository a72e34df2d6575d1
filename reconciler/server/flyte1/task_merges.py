"""How the news of a task's event join what earlier events said."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from flyteidl.admin import task_execution_pb2
from flyteidl.core import catalog_pb2
from flyteidl.core import execution_pb2 as core_execution
from flyteidl.event import event_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.struct_pb2 import Struct, Value

_Phase = core_execution.TaskExecution
_TERMINAL = frozenset({_Phase.SUCCEEDED, _Phase.FAILED, _Phase.ABORTED})
_PENDING = frozenset({_Phase.QUEUED, _Phase.INITIALIZING})


def place_of(part: event_pb2.ExternalResourceInfo) -> tuple[int, int]:
    """Where a part of an array stands among the others."""
    return part.index, part.retry_attempt


def reasons(
    closure: task_execution_pb2.TaskExecutionClosure, event: event_pb2.TaskExecutionEvent
) -> None:
    """The list of reasons grows; a single reason that is the last one already is not repeated."""
    if event.reasons:
        for one in event.reasons:
            moment = one.occurred_at if one.HasField("occurred_at") else None
            closure.reasons.add(occurred_at=moment, message=one.reason)
        closure.reason = event.reasons[-1].reason
    elif event.reason:
        if closure.reason != event.reason:
            closure.reasons.add(occurred_at=event.occurred_at, message=event.reason)
        closure.reason = event.reason


def logs(
    closure: task_execution_pb2.TaskExecutionClosure, event: event_pb2.TaskExecutionEvent
) -> None:
    """New links first, then those of the old that no new one replaces, by URI or name."""
    shown = _visible(_merged(closure.logs, event.logs), event.phase)
    del closure.logs[:]
    closure.logs.extend(shown)


def _merged(
    old: Iterable[core_execution.TaskLog], new: Iterable[core_execution.TaskLog]
) -> list[core_execution.TaskLog]:
    latest = list(new)
    uris = {one.uri for one in latest}
    names = {one.name for one in latest if one.name}
    kept = [one for one in old if one.uri not in uris and one.name not in names]
    return [*latest, *kept]


def _visible(found: Iterable[core_execution.TaskLog], phase: int) -> list[core_execution.TaskLog]:
    return [
        one
        for one in found
        if not (phase in _TERMINAL and one.HideOnceFinished)
        and not (phase in _PENDING and not one.ShowWhilePending)
    ]


def custom_info(
    closure: task_execution_pb2.TaskExecutionClosure, event: event_pb2.TaskExecutionEvent
) -> None:
    """New values over old ones, structure by structure; a null takes a value away."""
    if not event.HasField("custom_info"):
        return
    if closure.HasField("custom_info"):
        _patch(closure.custom_info, event.custom_info)
    else:
        closure.custom_info.CopyFrom(event.custom_info)


def _patch(old: Struct, new: Struct) -> None:
    for name, value in new.fields.items():
        kind = value.WhichOneof("kind")
        if kind == "null_value":
            old.fields.pop(name, None)
            continue
        if not old.fields[name].HasField("struct_value"):
            _prune(value)
        elif kind == "struct_value":
            _patch(old.fields[name].struct_value, value.struct_value)
            continue
        old.fields[name].CopyFrom(value)


def _prune(value: Value) -> None:
    """Take away what is null inside structures; in lists of values it stays."""
    fields = value.struct_value.fields if value.HasField("struct_value") else {}
    for name in list(fields):
        if fields[name].WhichOneof("kind") == "null_value":
            fields.pop(name)
        else:
            _prune(fields[name])
    for one in value.list_value.values if value.HasField("list_value") else ():
        _prune(one)


def metadata(
    closure: task_execution_pb2.TaskExecutionClosure,
    event: event_pb2.TaskExecutionEvent,
    *,
    changed: bool,
) -> None:
    """What the plugin says of itself and of an array's parts; `changed` is a change of phase."""
    if event.HasField("metadata"):
        if closure.HasField("metadata"):
            _merge_metadata(closure.metadata, event.metadata)
        else:
            closure.metadata.CopyFrom(event.metadata)
    if changed:
        for part in closure.metadata.external_resources:
            shown = _visible(part.logs, event.phase)
            del part.logs[:]
            part.logs.extend(shown)


def _merge_metadata(
    old: event_pb2.TaskExecutionMetadata, new: event_pb2.TaskExecutionMetadata
) -> None:
    old.generated_name = new.generated_name or old.generated_name
    old.plugin_identifier = new.plugin_identifier or old.plugin_identifier
    old.instance_class = new.instance_class or old.instance_class
    del old.resource_pool_info[:]
    old.resource_pool_info.extend(new.resource_pool_info)
    merged = list(old.external_resources)
    for one in new.external_resources:
        # Found by halving, as if they were in order; what an event brings at first need not be.
        place = bisect_left(merged, place_of(one), key=place_of)
        if place < len(merged) and place_of(merged[place]) == place_of(one):
            _merge_part(merged[place], one)
        else:
            merged.insert(place, one)
    kept = event_pb2.TaskExecutionMetadata(external_resources=merged)
    del old.external_resources[:]
    old.external_resources.extend(kept.external_resources)


def _merge_part(old: event_pb2.ExternalResourceInfo, new: event_pb2.ExternalResourceInfo) -> None:
    old.external_id = new.external_id or old.external_id
    old.phase = new.phase
    if new.cache_status != catalog_pb2.CACHE_DISABLED:
        old.cache_status = new.cache_status
    merged = _merged(old.logs, new.logs)
    kept = event_pb2.ExternalResourceInfo(logs=merged)
    del old.logs[:]
    old.logs.extend(kept.logs)
    if new.HasField("custom_info"):
        old.custom_info.CopyFrom(new.custom_info)
