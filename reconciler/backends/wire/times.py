"""Moments of messages, and moments in filters."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp


def moment(message: Message, field: str) -> datetime | None:
    """Read a time of a message; None where it is not set."""
    if not message.HasField(field):
        return None
    stamp = getattr(message, field)
    assert isinstance(stamp, Timestamp)
    return stamp.ToDatetime(tzinfo=UTC)


def written(when: datetime) -> str:
    """Write a time for a filter: in UTC, with microseconds, as databases of Flyte keep them."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def whole_seconds(when: datetime) -> str:
    """Write a time as protobuf's JSON has whole seconds, such as the tick that a run carries."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
