"""What an error of Flyte 1 means, and what a person can do about it.

Facts from flyteadmin 1.16.8. One code has many meanings there: INVALID_ARGUMENT is also "other
content under this version", "project archived" and "project unknown"; ALREADY_EXISTS is any unique
key of the database and must be confirmed by a read. Typed details tell some of them apart but are
lost from long messages, so that the stems of the messages count too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import grpc
from flyteidl.admin import workflow_pb2
from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from reconciler import errors
from reconciler.backends.wire.faults import COMMON, REMEDIES, Faults, Meaning, Remedy, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_C: Final = grpc.StatusCode
_DIFFERENT = "flyteidl.admin.CreateWorkflowFailureReason.exists_different_structure"
_INACTIVE = "flyteidl.admin.InactiveProject"

TABLE: Final = (
    Row(_C.INVALID_ARGUMENT, Meaning.DIFFERENT_STRUCTURE, detail=_DIFFERENT),
    Row(
        _C.INVALID_ARGUMENT, Meaning.DIFFERENT_STRUCTURE, "with different structure already exists"
    ),
    Row(_C.INVALID_ARGUMENT, Meaning.INACTIVE_PROJECT, detail=_INACTIVE),
    Row(_C.INVALID_ARGUMENT, Meaning.INACTIVE_PROJECT, r"project \[[^\]]*\] is not active"),
    Row(_C.INVALID_ARGUMENT, Meaning.UNKNOWN_PROJECT, r"failed to validate that project \["),
    Row(_C.INVALID_ARGUMENT, Meaning.UNKNOWN_DOMAIN, r"domain \[[^\]]*\] is unrecognized"),
    Row(_C.ALREADY_EXISTS, Meaning.AT_LIMIT, r"^concurrency limit \(\d+\) reached"),
    Row(_C.UNIMPLEMENTED, Meaning.NOT_GRPC, r"http2 header with status: 404|text/html"),
    *COMMON,
)
"""First match wins; the last row of each code matches every message."""

_REMEDIES: Final[Mapping[Meaning, Remedy]] = {
    **REMEDIES,
    Meaning.AT_LIMIT: (
        errors.LimitError,
        "wait until one of its executions has ended, or raise concurrency.max of the launch plan",
    ),
    Meaning.DIFFERENT_STRUCTURE: (errors.BackendError, "use another version; this one is taken"),
    Meaning.INACTIVE_PROJECT: (errors.BackendError, "set state: Active on its FlyteProject"),
    Meaning.NOT_GRPC: (
        errors.UnavailableError,
        (
            "use the gRPC endpoint of flyteadmin, not the console or another port, "
            "and let the proxy before it pass HTTP/2; if it is a Flyte 2, write flyte: Flyte2 or "
            "Auto in the FlyteConnection, or give --flyte Flyte2"
        ),
    ),
    Meaning.REFUSED: (
        errors.UnavailableError,
        (
            "check host and port, that Flyte runs, and that a port-forward to it is up "
            "(the sandbox listens on localhost:30080)"
        ),
    ),
    Meaning.SERVER_FAILED: (errors.BackendError, "see the log of flyteadmin"),
    Meaning.TOO_LARGE_FOR_SERVER: (
        errors.BackendError,
        (
            "raise server.grpc.maxMessageSizeBytes of flyteadmin "
            "(config map flyte-admin-base-config), or make the object smaller"
        ),
    ),
    Meaning.TOO_LARGE_FOR_US: (
        errors.BackendError,
        (
            "raise limits.maxMessageBytes of the connection; where the server limits it, "
            "server.grpc.maxMessageSizeBytes (config map flyte-admin-base-config)"
        ),
    ),
    Meaning.UNKNOWN_DOMAIN: (errors.BackendError, "use a domain of this server's configuration"),
    Meaning.UNSERVED: (errors.UnsupportedError, "upgrade Flyte, or check that this is a Flyte 1"),
}


def _details(error: grpc.aio.AioRpcError) -> Iterable[str]:
    """Names of the typed details, and of the choice that CreateWorkflow's makes."""
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin" or not isinstance(value, bytes):
            continue
        try:
            status = status_pb2.Status.FromString(value)
            for detail in status.details:
                yield detail.TypeName()
                reason = workflow_pb2.CreateWorkflowFailureReason()
                if detail.Unpack(reason):
                    yield f"{detail.TypeName()}.{reason.WhichOneof('reason')}"
        except DecodeError:
            return


FAULTS: Final = Faults(TABLE, _REMEDIES, _details)


def is_not_found(error: BaseException) -> bool:
    """Whether the object does not exist."""
    return FAULTS.meaning_of(error) is Meaning.MISSING


def is_already_exists(error: BaseException) -> bool:
    """Whether some unique key is taken; a read must say by what."""
    return FAULTS.meaning_of(error) is Meaning.DUPLICATE


def is_at_limit(error: BaseException) -> bool:
    """Whether a launch plan's concurrency policy refuses another execution for now."""
    return FAULTS.meaning_of(error) is Meaning.AT_LIMIT


def is_different_structure(error: BaseException) -> bool:
    """Whether this version exists with other content."""
    return FAULTS.meaning_of(error) is Meaning.DIFFERENT_STRUCTURE


def has_ended(error: BaseException) -> bool:
    """Whether an execution has ended, so that it can be changed no more."""
    call = error.__cause__
    return isinstance(call, grpc.aio.AioRpcError) and call.code() is _C.FAILED_PRECONDITION
