"""What an error of Flyte 2 means, and what a person can do about it.

Facts from the open-source manager 2.0.43. Its codes are uneven: a stale revision of a trigger and a
description that is too long are INTERNAL, a run of a task that does not exist is UNKNOWN. A service
that is not mounted answers with a web page and 404, which arrives as UNIMPLEMENTED, as do calls
that a mounted service leaves out: that code tells reliably what a server can do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import grpc

from reconciler import errors
from reconciler.backends.wire.faults import COMMON, REMEDIES, Faults, Meaning, Remedy, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

_C: Final = grpc.StatusCode

TABLE: Final = (
    Row(_C.INTERNAL, Meaning.CONFLICT, r"optimistic lock failure"),
    Row(_C.INTERNAL, Meaning.TOO_LONG, r"value too long for type"),
    Row(_C.FAILED_PRECONDITION, Meaning.CONFLICT, r"settings version conflict"),
    Row(_C.NOT_FOUND, Meaning.UNKNOWN_PROJECT, r'project "[^"]*" not found|^project not found'),
    Row(_C.UNKNOWN, Meaning.MISSING, r"(?i)\b(task|task spec|trigger|project) not found"),
    Row(_C.UNIMPLEMENTED, Meaning.NOT_GRPC, r"text/html"),
    # Asked who calls, where no proxy says it: there is no authentication, as where it is unserved.
    Row(_C.UNAUTHENTICATED, Meaning.UNSERVED, r"no authenticated identity on request"),
    *COMMON,
)
"""First match wins; the last row of each code matches every message."""

_REMEDIES: Final[Mapping[Meaning, Remedy]] = {
    **REMEDIES,
    Meaning.NOT_GRPC: (
        errors.UnavailableError,
        (
            "use the endpoint of Flyte's API, not the console or another port, "
            "and let the proxy before it pass HTTP/2"
        ),
    ),
    Meaning.REFUSED: (
        errors.UnavailableError,
        (
            "check host and port, that Flyte runs, and that a port-forward to it is up "
            "(the devbox listens on localhost:30080, a manager on 8090)"
        ),
    ),
    Meaning.SERVER_FAILED: (errors.BackendError, "see the log of Flyte's manager"),
    Meaning.TOO_LARGE_FOR_SERVER: (
        errors.BackendError,
        "make the object smaller, or raise the limit of the proxy before Flyte",
    ),
    Meaning.TOO_LARGE_FOR_US: (
        errors.BackendError,
        "raise limits.maxMessageBytes of the connection",
    ),
    Meaning.TOO_LONG: (errors.BackendError, "shorten it"),
    Meaning.UNSERVED: (errors.UnsupportedError, "upgrade Flyte, or check that this is a Flyte 2"),
}

FAULTS: Final = Faults(TABLE, _REMEDIES)


def is_not_found(error: BaseException) -> bool:
    """Whether the object does not exist; its project may be what is missing."""
    return FAULTS.meaning_of(error) in {Meaning.MISSING, Meaning.UNKNOWN_PROJECT}


def is_already_exists(error: BaseException) -> bool:
    """Whether the object exists; a read must say with what content."""
    return FAULTS.meaning_of(error) is Meaning.DUPLICATE


def is_conflict(error: BaseException) -> bool:
    """Whether the object was changed since the revision that was sent."""
    return FAULTS.meaning_of(error) is Meaning.CONFLICT
