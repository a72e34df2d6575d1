"""Times as the database keeps them and as the wire carries them."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _system() -> int:
    return time.time_ns() // 1000


_sources: list[Callable[[], int]] = [_system]


def now() -> int:
    """Microseconds since 1970."""
    return _sources[-1]()


@contextmanager
def replaced(source: Callable[[], int]) -> Iterator[None]:
    """Let `source` tell the time, of everything that is served, until the block ends."""
    _sources.append(source)
    try:
        yield
    finally:
        _sources.remove(source)


def stamp(micros: int) -> Timestamp:
    """A stored time as the wire's timestamp."""
    seconds, rest = divmod(micros, 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


def micros(moment: Timestamp) -> int:
    """The wire's timestamp as a stored time."""
    return moment.seconds * 1_000_000 + round(moment.nanos / 1000)
