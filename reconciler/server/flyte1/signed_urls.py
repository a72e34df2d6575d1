"""URLs that are good for a while: how long one may be asked for, and what cannot be signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.server import durations
from reconciler.server.flyte1 import locations
from reconciler.server.flyte1.refusals import compact
from reconciler.server.status import internal, refused

if TYPE_CHECKING:
    from google.protobuf.duration_pb2 import Duration

    from reconciler.server.store import Store

_SECOND = 10**9
# An hour, in nanoseconds.
LONGEST = 3600 * _SECOND
# Ten thousand years, the longest duration of the wire.
_MOST_SECONDS = 315_576_000_000
_MAX_INT = 2**63 - 1


def valid(wanted: Duration) -> bool:
    """Whether seconds and nanoseconds are in their ranges and of one sign."""
    if abs(wanted.seconds) > _MOST_SECONDS or abs(wanted.nanos) >= _SECOND:
        return False
    return wanted.seconds * wanted.nanos >= 0


def nanoseconds(wanted: Duration) -> int:
    """The length, as far as Go can count."""
    length = wanted.seconds * _SECOND + wanted.nanos
    return max(-_MAX_INT - 1, min(length, _MAX_INT))


def expiry(wanted: Duration | None, problem: str) -> int:
    """How many nanoseconds a download may take; INVALID_ARGUMENT for more than an hour."""
    if wanted is None:
        return LONGEST
    problem = f"{problem}expiresIn is invalid. Error: input duration"
    if not valid(wanted):
        raise refused(f"{problem} [{compact(wanted)}] is invalid")
    length = nanoseconds(wanted)
    shown = durations.text(length)
    if length < 0:
        raise refused(f"{problem} [{shown}] should not less than 0")
    if length > LONGEST:
        raise refused(f"{problem} [{shown}] cannot exceed max allowed expiration [1h0m0s]")
    return length


def signed(store: Store, method: str, url: str, length: int, *, md5: str = "") -> str:
    """A signed URL; INTERNAL when it would be of no use, as an S3 client finds out."""
    problem = "failed to create a signed url. Error: "
    if length <= 0:
        raise internal(
            f"{problem}InvalidPresignExpireError: presigned URL requires an expire duration "
            "greater than 0"
        )
    container, key = locations.parse(url)
    empty = [name for name, part in (("Bucket", container), ("Key", key)) if not part]
    if empty:
        fields = "".join(f"- minimum field size of 1, GetObjectInput.{name}.\n" for name in empty)
        count = f"{len(empty)} validation error(s) found.\n"
        raise internal(f"{problem}InvalidParameter: {count}{fields}")
    return store.objects.signed_url(method, url, seconds=length / _SECOND, md5=md5)
