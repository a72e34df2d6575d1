"""Attempts at an action: nothing keeps them, they are made of its events whenever it is read.

As runs/service/run_service.go of v2.0.43 merges them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flyteidl2.workflow import run_definition_pb2 as wire

from reconciler.server.clock import micros
from reconciler.server.flyte2 import action_rows
from reconciler.server.flyte2.action_rows import TERMINAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flyteidl2.common import identifier_pb2
    from flyteidl2.core import execution_pb2

    from reconciler.server.store import Store


def of(store: Store, action: identifier_pb2.ActionIdentifier) -> list[wire.ActionAttempt]:
    """The attempts of which there are events, in order."""
    by_attempt: dict[int, list[wire.ActionEvent]] = {}
    for event in action_rows.events(store, action):
        by_attempt.setdefault(event.attempt, []).append(event)
    return [_merged(attempt, by_attempt[attempt]) for attempt in sorted(by_attempt)]


def have_ended(attempts: Sequence[wire.ActionAttempt]) -> bool:
    """Whether nothing follows the last attempt."""
    return bool(attempts) and attempts[-1].phase in TERMINAL


def _merged(number: int, events: list[wire.ActionEvent]) -> wire.ActionAttempt:
    events = sorted(events, key=_moment)
    last = next((event for event in events if event.phase in TERMINAL), events[-1])
    found = wire.ActionAttempt(
        attempt=number,
        phase=last.phase,
        cache_status=last.cache_status,
        cluster=last.cluster,
        log_info=_logs(events),
        cluster_events=[one for event in events for one in event.cluster_events],
        phase_transitions=list(_transitions(events)),
    )
    if events[0].HasField("updated_time"):
        found.start_time.CopyFrom(events[0].updated_time)
    if last.phase in TERMINAL and last.HasField("updated_time"):
        begins_late = micros(found.start_time) > micros(last.updated_time)
        found.end_time.CopyFrom(found.start_time if begins_late else last.updated_time)
    if last.HasField("outputs"):
        found.outputs.CopyFrom(last.outputs)
    if last.HasField("error_info"):
        found.error_info.CopyFrom(last.error_info)
    for event in reversed(events):
        if not found.logs_available and event.HasField("log_context"):
            found.logs_available = True
            found.log_context.CopyFrom(event.log_context)
    if reports := [event.outputs.report_uri for event in events if event.outputs.report_uri]:
        found.outputs.report_uri = reports[-1]
    return found


def _moment(event: wire.ActionEvent) -> int:
    # An engine that tells when it saw something is believed before the one that did it.
    is_told = event.HasField("reported_time")
    return micros(event.reported_time if is_told else event.updated_time)


def _logs(events: Sequence[wire.ActionEvent]) -> list[execution_pb2.TaskLog]:
    by_name = {log.name: log for event in events for log in reversed(event.log_info)}
    return [by_name[name] for name in sorted(by_name)]


def _transitions(events: Sequence[wire.ActionEvent]) -> Iterator[wire.PhaseTransition]:
    """The first event of each phase, up to the end; a phase lasts until the next one."""
    pending: wire.PhaseTransition | None = None
    seen: set[int] = set()
    for event in events:
        if event.phase in seen:
            continue
        seen.add(event.phase)
        if pending is not None:
            pending.end_time.CopyFrom(event.updated_time)
            yield pending
        pending = wire.PhaseTransition(phase=event.phase, start_time=event.updated_time)
        if event.phase in TERMINAL:
            pending.end_time.CopyFrom(event.updated_time)
            break
    if pending is not None:
        yield pending
