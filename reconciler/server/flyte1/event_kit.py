"""What events of executions, nodes and tasks have in common: times, durations, clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from flyteidl.admin import event_pb2
from google.protobuf.duration_pb2 import Duration

from reconciler.server.status import StatusError, internal

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

_SECOND = 1_000_000_000
# Engines of old name themselves so, wherever they run.
_DEFAULT_PRODUCER = "propeller"


def micros(event: Any, field: str) -> int:
    """A time of the event as the database keeps it; INTERNAL when the event has none."""
    if not event.HasField(field):
        raise internal("Failed to parse OccurredAt: timestamp: nil Timestamp")
    return nanoseconds(getattr(event, field)) // 1000


def nanoseconds(moment: Timestamp) -> int:
    """Nanoseconds since 1970."""
    return moment.seconds * _SECOND + moment.nanos


def since(started: int, ended: Timestamp) -> int:
    """Nanoseconds from a start in the database, which keeps microseconds, to an event's time."""
    return nanoseconds(ended) - started * 1000


def duration(length: int) -> Duration:
    """So many nanoseconds."""
    sign = -1 if length < 0 else 1
    seconds, nanos = divmod(abs(length), _SECOND)
    return Duration(seconds=sign * seconds, nanos=sign * nanos)


def reported(event: Any) -> Timestamp:
    """When the engine reported the event; when it occurred, if that is not said."""
    moment: Timestamp = event.reported_at
    return moment if moment.seconds or moment.nanos else event.occurred_at


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
