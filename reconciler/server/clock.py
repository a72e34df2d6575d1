"""Times as the database keeps them and as the wire carries them."""

from __future__ import annotations

import time

from google.protobuf.timestamp_pb2 import Timestamp


def now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def stamp(micros: int) -> Timestamp:
    """A stored time as the wire's timestamp."""
    seconds, rest = divmod(micros, 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


def micros(moment: Timestamp) -> int:
    """The wire's timestamp as a stored time."""
    return moment.seconds * 1_000_000 + round(moment.nanos / 1000)
