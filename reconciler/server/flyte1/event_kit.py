"""What events of executions, nodes and tasks have in common: times, durations, clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from flyteidl.admin import event_pb2
from google.protobuf.duration_pb2 import Duration

from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.refusals import compact
from reconciler.server.status import StatusError, internal

if TYPE_CHECKING:
    from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
    from google.protobuf.timestamp_pb2 import Timestamp

_SECOND = 1_000_000_000
# The years 1 to 9999, and the longest duration of Go.
_FIRST, _LAST = -62_135_596_800, 253_402_300_800
_LONGEST = 2**63 - 1
# Engines of old name themselves so, wherever they run.
_DEFAULT_PRODUCER = "propeller"


def phase_name(kind: EnumTypeWrapper, number: int) -> str:
    """A phase as the database keeps it; one that nobody knows by its number."""
    value = kind.DESCRIPTOR.values_by_number.get(number)
    return value.name if value else str(number)


def phase_number(kind: EnumTypeWrapper, name: str) -> int:
    """The phase of a row; one that nobody knows counts as the first."""
    value = kind.DESCRIPTOR.values_by_name.get(name)
    return value.number if value else 0


def micros(moment: Timestamp | None, problem: str, *, reason: bool = True) -> int:
    """A time of an event as the database keeps it; INTERNAL with `problem` when it is none."""
    wrong = _wrong(moment)
    if wrong or moment is None:
        raise internal(f"{problem}: {wrong}" if reason else problem)
    return nanoseconds(moment) // 1000


def _wrong(moment: Timestamp | None) -> str:
    """Why this is no time, as Go says it."""
    if moment is None:
        return "timestamp: nil Timestamp"
    if moment.seconds < _FIRST:
        return f"timestamp: {compact(moment)} before 0001-01-01"
    if moment.seconds >= _LAST:
        return f"timestamp: {compact(moment)} after 10000-01-01"
    if not 0 <= moment.nanos < _SECOND:
        return f"timestamp: {compact(moment)}: nanos not in range [0, 1e9)"
    return ""


def nanoseconds(moment: Timestamp) -> int:
    """Nanoseconds since 1970."""
    return moment.seconds * _SECOND + moment.nanos


def since(started: int, ended: Timestamp) -> int:
    """Nanoseconds from a start in the database, which keeps microseconds, to an event's time."""
    length = nanoseconds(ended) - started * 1000
    return max(-_LONGEST - 1, min(length, _LONGEST))


def duration(length: int) -> Duration:
    """So many nanoseconds."""
    sign = -1 if length < 0 else 1
    seconds, nanos = divmod(abs(length), _SECOND)
    return Duration(seconds=sign * seconds, nanos=sign * nanos)


def reported(event: Any) -> Timestamp | None:
    """When the engine reported the event; when it occurred, if that is not said."""
    moment: Timestamp = event.reported_at
    return moment if moment.seconds or moment.nanos else optional(event, "occurred_at")


def producer(name: str) -> str:
    """The cluster that an event names; empty when it names none."""
    return "" if name == _DEFAULT_PRODUCER else name


def check_cluster(cluster: str, name: str) -> None:
    """FAILED_PRECONDITION for an event of another cluster than the execution's."""
    if producer(name) and name != cluster:
        raise other_cluster(
            f"Cluster/producer from event [{name}] does not match existing workflow execution "
            f"clusterInDB: [{cluster}]",
            name,
        )


def other_cluster(text: str, cluster: str) -> StatusError:
    """FAILED_PRECONDITION with the cluster in its detail."""
    reason = event_pb2.EventFailureReason()
    reason.incompatible_cluster.cluster = cluster
    return StatusError(grpc.StatusCode.FAILED_PRECONDITION, text, reason)
