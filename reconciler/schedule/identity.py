"""The names that Flyte's schedulers give to the runs of ticks.

On Flyte 1: `f`, then sixteen hex digits of the 64-bit FNV-1 hash of
`project:domain:name:version:seconds` in little-endian byte order, then `000`, the start of the zero
half of the UUID that the scheduler takes them from. The version is hashed, so one tick has another
name under another version.

On Flyte 2: `r`, then the same hash in hex, of
`project:domain:task:trigger:year:month:day:hour:minute:second` in UTC; no number has leading zeros.
"""

from __future__ import annotations

from datetime import UTC, datetime

from reconciler.schedule.walk import from_second, to_second

_OFFSET_BASIS = 0xCBF29CE484222325
_PRIME = 0x100000001B3
_MASK = (1 << 64) - 1


def execution_name(
    *, project: str, domain: str, name: str, version: str, scheduled_at: datetime
) -> str:
    """The execution's name for the tick at `scheduled_at`, cut to the second.

    Raises:
        ValueError: `scheduled_at` has no zone.
    """
    text = f"{project}:{domain}:{name}:{version}:{to_second(scheduled_at)}"
    return f"f{_fnv1(text.encode()).to_bytes(8, 'little').hex()}000"


def run_name(*, project: str, domain: str, task: str, trigger: str, scheduled_at: datetime) -> str:
    """The name of a Flyte 2 run for the tick at `scheduled_at`, cut to the second.

    Raises:
        ValueError: `scheduled_at` has no zone.
    """
    at = from_second(to_second(scheduled_at), UTC)
    numbers = (at.year, at.month, at.day, at.hour, at.minute, at.second)
    text = ":".join((project, domain, task, trigger, *map(str, numbers)))
    return f"r{_fnv1(text.encode()):x}"


def _fnv1(data: bytes) -> int:
    value = _OFFSET_BASIS
    for byte in data:
        value = (value * _PRIME & _MASK) ^ byte
    return value
