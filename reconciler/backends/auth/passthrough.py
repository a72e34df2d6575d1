"""Headers that the program around us hands through, for as long as it says so.

For programs that act for somebody else, such as a web service with a user's token: nothing is
stored, renewed or cached, and tasks that are started within the scope have its headers too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from reconciler import errors
from reconciler.backends.settings import METADATA_KEY

if TYPE_CHECKING:
    from reconciler.backends.auth.tokens import Metadata

_given: ContextVar[Metadata] = ContextVar("auth_metadata", default=())


@contextmanager
def auth_metadata(*headers: tuple[str, str]) -> Iterator[None]:
    """Send these headers with every call in this scope, on connections of mode Passthrough.

    For example `("authorization", f"Bearer {token}")`. An inner scope replaces those of the outer
    one. Raises UsageError for what no header can be; values are never shown.
    """
    lowered = tuple((key.lower(), value) for key, value in headers)
    for key, value in lowered:
        if not METADATA_KEY.fullmatch(key):
            raise errors.UsageError(
                f'auth_metadata: "{key}" is no gRPC metadata key; use letters, digits, and . _ -, '
                "not ending in -bin"
            )
        if not (value and value.isascii() and value.isprintable()):
            raise errors.UsageError(
                f"auth_metadata: the value of {key} is empty, or has line breaks, control or "
                "non-ASCII characters; give the bare value"
            )
    token = _given.set(lowered)
    try:
        yield
    finally:
        _given.reset(token)


class Passthrough:
    """Sends what the scope of the call gives; see `auth_metadata`."""

    __slots__ = ()

    async def metadata(self) -> Metadata:
        """Return the headers of this scope; raises UsageError where there are none."""
        given = _given.get()
        if not given:
            raise errors.UsageError(
                "auth.mode Passthrough: no headers are handed through; call within "
                "api.auth_metadata(...), or choose another mode where no program does"
            )
        return given

    async def renew(self, refused: Metadata) -> bool:  # noqa: ARG002 - the port's name
        """Have nothing else to offer: whoever gave the headers must renew them."""
        return False
