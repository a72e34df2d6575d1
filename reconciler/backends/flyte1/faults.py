"""What an error of Flyte 1 means, and what a person can do about it: one table.

Facts from flyteadmin 1.16.8. One code has many meanings there: INVALID_ARGUMENT is also "other
content under this version", "project archived" and "project unknown"; ALREADY_EXISTS is any unique
key of the database and must be confirmed by a read. Typed details tell some of them apart but are
lost from long messages, so that the stems of the messages count too. Errors that never reached a
server carry the texts of gRPC's core.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

import grpc
from flyteidl.admin import workflow_pb2
from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from reconciler import errors

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN_CHARACTERS = 600
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+\S+")


class Meaning(Enum):
    """What an error says, whatever code it came under."""

    CANCELLED = "the call was cancelled"
    CLOSED = "the connection was closed"
    CONFLICT = "something else changed it at the same time"
    DENIED = "this identity may not do that"
    DIFFERENT_STRUCTURE = "this version exists with other content"
    DUPLICATE = "it exists already"
    INACTIVE_PROJECT = "the project is archived"
    INVALID = "the request is not valid"
    MISSING = "it does not exist"
    NAME_UNRESOLVED = "the host name cannot be resolved"
    NOT_GRPC = "what answers there does not speak gRPC"
    OVERLOADED = "the server or a proxy before it is out of quota"
    PLAINTEXT_SERVER = "the server speaks plaintext and this connection uses TLS"
    REFUSED = "the connection was refused"
    SERVER_FAILED = "the server failed"
    TIMED_OUT = "no answer before the deadline"
    TOO_LARGE_FOR_SERVER = "the request is larger than the server accepts"
    TOO_LARGE_FOR_US = "the answer is larger than this connection accepts"
    UNAVAILABLE = "the server cannot be reached"
    UNKNOWN_DOMAIN = "the server has no such domain"
    UNKNOWN_PROJECT = "the project is not registered"
    UNSERVED = "this server does not serve the call"
    UNTRUSTED = "the server's certificate is not trusted"
    WHO = "the server does not know who calls"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; an empty `stem` or `detail` matches everything."""

    code: grpc.StatusCode
    meaning: Meaning
    stem: str = ""
    detail: str = ""


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
    Row(_C.INVALID_ARGUMENT, Meaning.INVALID),
    Row(_C.RESOURCE_EXHAUSTED, Meaning.TOO_LARGE_FOR_SERVER, r"grpc: received message larger than"),
    Row(_C.RESOURCE_EXHAUSTED, Meaning.TOO_LARGE_FOR_SERVER, r"SERVER: Received message larger"),
    Row(_C.RESOURCE_EXHAUSTED, Meaning.TOO_LARGE_FOR_US, r"essage larger than max"),
    Row(_C.RESOURCE_EXHAUSTED, Meaning.OVERLOADED),
    Row(_C.UNAVAILABLE, Meaning.NAME_UNRESOLVED, r"DNS resolution failed|[Cc]ould not contact DNS"),
    Row(_C.UNAVAILABLE, Meaning.NAME_UNRESOLVED, r"Domain name not found"),
    Row(_C.UNAVAILABLE, Meaning.PLAINTEXT_SERVER, r"WRONG_VERSION_NUMBER"),
    Row(
        _C.UNAVAILABLE, Meaning.UNTRUSTED, r"CERTIFICATE_VERIFY_FAILED|Peer name .* is not in peer"
    ),
    Row(_C.UNAVAILABLE, Meaning.UNTRUSTED, r"Hostname Verification Check failed"),
    Row(
        _C.UNAVAILABLE, Meaning.WHO, r"CERTIFICATE_REQUIRED|TLSV1_ALERT_UNKNOWN_CA|BAD_CERTIFICATE"
    ),
    Row(_C.UNAVAILABLE, Meaning.NOT_GRPC, r"http1\.x server|text/html|Expected SETTINGS frame"),
    Row(_C.UNAVAILABLE, Meaning.REFUSED, r"Connection refused"),
    Row(_C.UNAVAILABLE, Meaning.CLOSED, r"Socket closed|Connection reset by peer|FD Shutdown"),
    Row(_C.UNAVAILABLE, Meaning.OVERLOADED, r"http2 header with status: 429"),
    Row(_C.UNAVAILABLE, Meaning.UNAVAILABLE),
    # gRPC's core on web pages over HTTP/2: one that answers 200, and one that sends elsewhere.
    Row(_C.UNKNOWN, Meaning.NOT_GRPC, r"Data frame with END_STREAM flag|with status: 3\d\d"),
    Row(_C.UNKNOWN, Meaning.NOT_GRPC, r"text/html|unexpected HTTP status"),
    Row(_C.UNKNOWN, Meaning.SERVER_FAILED),
    Row(_C.UNIMPLEMENTED, Meaning.NOT_GRPC, r"http2 header with status: 404|text/html"),
    Row(_C.UNIMPLEMENTED, Meaning.UNSERVED),
    Row(_C.INTERNAL, Meaning.NOT_GRPC, r"http2 header with status|text/html"),
    Row(_C.INTERNAL, Meaning.SERVER_FAILED),
    Row(_C.DATA_LOSS, Meaning.SERVER_FAILED),
    Row(_C.NOT_FOUND, Meaning.MISSING),
    Row(_C.ALREADY_EXISTS, Meaning.DUPLICATE),
    Row(_C.DEADLINE_EXCEEDED, Meaning.TIMED_OUT),
    Row(_C.UNAUTHENTICATED, Meaning.WHO),
    Row(_C.PERMISSION_DENIED, Meaning.DENIED),
    Row(_C.ABORTED, Meaning.CONFLICT),
    Row(_C.CANCELLED, Meaning.CANCELLED),
    Row(_C.FAILED_PRECONDITION, Meaning.INVALID),
    Row(_C.OUT_OF_RANGE, Meaning.INVALID),
    Row(_C.OK, Meaning.SERVER_FAILED),
)
"""First match wins; the last row of each code matches every message."""

_REMEDY: Final[dict[Meaning, tuple[type[errors.BackendError], str]]] = {
    Meaning.CANCELLED: (errors.UnavailableError, "run again"),
    Meaning.CONFLICT: (errors.ConflictError, "plan again"),
    Meaning.DENIED: (errors.DeniedError, "grant the call to this client, or use another identity"),
    Meaning.DIFFERENT_STRUCTURE: (errors.BackendError, "use another version; this one is taken"),
    Meaning.DUPLICATE: (errors.BackendError, "read it and compare"),
    Meaning.INACTIVE_PROJECT: (errors.BackendError, "set state: Active on its FlyteProject"),
    Meaning.INVALID: (errors.BackendError, "correct what the server names"),
    Meaning.MISSING: (errors.BackendError, "register it first, or correct the reference"),
    Meaning.NAME_UNRESOLVED: (
        errors.UnavailableError,
        "check the host name and the DNS",
    ),
    Meaning.NOT_GRPC: (
        errors.UnavailableError,
        (
            "use the gRPC endpoint of flyteadmin, not the console or another port, "
            "and let the proxy before it pass HTTP/2"
        ),
    ),
    Meaning.OVERLOADED: (errors.BackendError, "lower limits.inFlight or set limits.perSecond"),
    Meaning.PLAINTEXT_SERVER: (
        errors.UnavailableError,
        "set tls.insecure: true, or give --insecure with --endpoint",
    ),
    Meaning.REFUSED: (
        errors.UnavailableError,
        (
            "check host and port, that Flyte runs, and that a port-forward to it is up "
            "(the sandbox listens on localhost:30080)"
        ),
    ),
    Meaning.SERVER_FAILED: (errors.BackendError, "see the log of flyteadmin"),
    Meaning.TIMED_OUT: (errors.UnavailableError, "run again, or raise limits.deadline"),
    Meaning.CLOSED: (
        errors.UnavailableError,
        (
            "check that tls.insecure fits the server and whether it demands tls.certFile, "
            "else run again"
        ),
    ),
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
    Meaning.UNAVAILABLE: (errors.UnavailableError, "check the endpoint and the network, run again"),
    Meaning.UNKNOWN_DOMAIN: (errors.BackendError, "use a domain of this server's configuration"),
    Meaning.UNKNOWN_PROJECT: (errors.BackendError, "declare a FlyteProject, or correct its name"),
    Meaning.UNSERVED: (errors.UnsupportedError, "upgrade Flyte, or check that this is a Flyte 1"),
    Meaning.UNTRUSTED: (
        errors.UnavailableError,
        "name the CA in tls.caFile and use a host name that the certificate holds",
    ),
    Meaning.WHO: (
        errors.DeniedError,
        (
            "set auth (Token or ClientCredentials), or tls.certFile and tls.keyFile, "
            "and check that they are still valid"
        ),
    ),
}


def translate(
    error: grpc.aio.AioRpcError, *, method: str, endpoint: str, hide: Iterable[str] = ()
) -> errors.BackendError:
    """Turn any gRPC error into ours: `endpoint: method: what is wrong (CODE: text); what to do`.

    The caller raises it `from` the original, which the `is_...` functions look at. `hide` are
    credentials that a server might repeat.
    """
    meaning = _classify(error)
    kind, remedy = _REMEDY[meaning]
    code = error.code().name
    said = _shorten(error.details() or "", hide)
    shown = f"{code}: {said}" if said else code
    return kind(
        f"{endpoint}: {method}: {meaning.value} ({shown}); {remedy}", method=method, code=code
    )


def meaning_of(error: BaseException) -> Meaning | None:
    """Look an error up in the table; None for errors that did not come from a call."""
    call = error if isinstance(error, grpc.aio.AioRpcError) else error.__cause__
    return _classify(call) if isinstance(call, grpc.aio.AioRpcError) else None


def is_not_found(error: BaseException) -> bool:
    """Whether the object does not exist."""
    return meaning_of(error) is Meaning.MISSING


def is_already_exists(error: BaseException) -> bool:
    """Whether some unique key is taken; a read must say by what."""
    return meaning_of(error) is Meaning.DUPLICATE


def is_different_structure(error: BaseException) -> bool:
    """Whether this version exists with other content."""
    return meaning_of(error) is Meaning.DIFFERENT_STRUCTURE


def is_inactive_project(error: BaseException) -> bool:
    """Whether the project is archived."""
    return meaning_of(error) is Meaning.INACTIVE_PROJECT


def is_unknown_project(error: BaseException) -> bool:
    """Whether the project is not registered."""
    return meaning_of(error) is Meaning.UNKNOWN_PROJECT


def is_unserved(error: BaseException) -> bool:
    """Whether the server does not have the call at all."""
    return meaning_of(error) is Meaning.UNSERVED


def is_too_large(error: BaseException) -> bool:
    """Whether a message passed a size limit, ours or the server's."""
    return meaning_of(error) in {Meaning.TOO_LARGE_FOR_SERVER, Meaning.TOO_LARGE_FOR_US}


def _classify(error: grpc.aio.AioRpcError) -> Meaning:
    code = error.code()
    text = error.details() or ""
    rows = [row for row in TABLE if row.code is code]
    details = frozenset(_details(error)) if any(row.detail for row in rows) else frozenset()
    for row in rows:
        if (not row.detail or row.detail in details) and re.search(row.stem, text):
            return row.meaning
    raise AssertionError(f"no row for {code}")


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


def _shorten(text: str, hide: Iterable[str]) -> str:
    """Put an answer on one line, without credentials, cut at a length."""
    for credential in hide:
        text = text.replace(credential, "***")
    line = _BEARER.sub(r"\1 ***", " ".join(text.split()))
    if len(line) <= _SHOWN_CHARACTERS:
        return line
    return f"{line[:_SHOWN_CHARACTERS]}... ({len(line)} characters)"
