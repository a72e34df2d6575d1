"""What an error means, and what a person can do about it: the machinery, and what all Flytes share.

Errors that never reached a server carry the texts of gRPC's core; those rows are the same whatever
Flyte was meant. Each Flyte puts the facts of its own server before them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

import grpc

from reconciler import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_SHOWN_CHARACTERS = 600
_PAGE = r"(?i)^\s*<(!doctype|html|\?xml)\b"
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+\S+")


class Meaning(Enum):
    """What an error says, whatever code it came under."""

    AT_LIMIT = "as many executions run as may run at once"
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
    TOO_LONG = "a text is longer than the server stores"
    UNAVAILABLE = "the server cannot be reached"
    UNKNOWN_DOMAIN = "the server has no such domain"
    UNKNOWN_PROJECT = "the project is not registered"
    UNSERVED = "this server does not serve the call"
    UNTRUSTED = "the server's certificate is not trusted"
    WHO = "the server does not know who calls"


Remedy = tuple[type[errors.BackendError], str]
"""The error that a meaning becomes, and what a person can do about it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; an empty `stem` or `detail` matches everything."""

    code: grpc.StatusCode
    meaning: Meaning
    stem: str = ""
    detail: str = ""


_C: Final = grpc.StatusCode

COMMON: Final = (
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
    Row(_C.UNKNOWN, Meaning.NOT_GRPC, _PAGE),
    Row(_C.UNKNOWN, Meaning.SERVER_FAILED),
    Row(_C.UNIMPLEMENTED, Meaning.UNSERVED),
    Row(_C.INTERNAL, Meaning.NOT_GRPC, r"http2 header with status|text/html"),
    Row(_C.INTERNAL, Meaning.NOT_GRPC, _PAGE),
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
"""What does not depend on the Flyte; the last row of each code matches every message."""

REMEDIES: Final[Mapping[Meaning, Remedy]] = {
    Meaning.CANCELLED: (errors.UnavailableError, "run again"),
    Meaning.CONFLICT: (errors.ConflictError, "plan again"),
    Meaning.DENIED: (errors.DeniedError, "grant the call to this client, or use another identity"),
    Meaning.DUPLICATE: (errors.BackendError, "read it and compare"),
    Meaning.INVALID: (errors.BackendError, "correct what the server names"),
    Meaning.MISSING: (errors.BackendError, "register it first, or correct the reference"),
    Meaning.NAME_UNRESOLVED: (
        errors.UnavailableError,
        "check the host name and the DNS",
    ),
    Meaning.OVERLOADED: (errors.BackendError, "lower limits.inFlight or set limits.perSecond"),
    Meaning.PLAINTEXT_SERVER: (
        errors.UnavailableError,
        "set tls.insecure: true, or give --insecure with --endpoint",
    ),
    Meaning.TIMED_OUT: (errors.UnavailableError, "run again, or raise limits.deadline"),
    Meaning.CLOSED: (
        errors.UnavailableError,
        (
            "check that tls.insecure fits the server and whether it demands tls.certFile, "
            "else run again"
        ),
    ),
    Meaning.UNAVAILABLE: (errors.UnavailableError, "check the endpoint and the network, run again"),
    Meaning.UNKNOWN_PROJECT: (errors.BackendError, "declare a FlyteProject, or correct its name"),
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
"""What to do, where it does not depend on the Flyte."""


def _no_details(_error: grpc.aio.AioRpcError) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Faults:
    """The table of one Flyte: first match wins, so that its own rows stand before `COMMON`.

    `details` names the typed details of an error, for rows that go by one.
    """

    rows: tuple[Row, ...]
    remedies: Mapping[Meaning, Remedy]
    details: Callable[[grpc.aio.AioRpcError], Iterable[str]] = _no_details

    def translate(
        self, error: grpc.aio.AioRpcError, *, method: str, endpoint: str, hide: Iterable[str] = ()
    ) -> errors.BackendError:
        """Turn a gRPC error into ours: `endpoint: method: what is wrong (CODE: text); what to do`.

        The caller raises it `from` the original, which `meaning_of` looks at. `hide` are
        credentials that a server might repeat.
        """
        meaning = self.classify(error)
        kind, remedy = self.remedies[meaning]
        code = error.code().name
        said = _shorten(error.details() or "", hide)
        shown = f"{code}: {said}" if said else code
        return kind(
            f"{endpoint}: {method}: {meaning.value} ({shown}); {remedy}", method=method, code=code
        )

    def meaning_of(self, error: BaseException) -> Meaning | None:
        """Look an error up in the table; None for errors that did not come from a call."""
        call = error if isinstance(error, grpc.aio.AioRpcError) else error.__cause__
        return self.classify(call) if isinstance(call, grpc.aio.AioRpcError) else None

    def classify(self, error: grpc.aio.AioRpcError) -> Meaning:
        """Find the row of an error."""
        code = error.code()
        text = error.details() or ""
        rows = [row for row in self.rows if row.code is code]
        named = frozenset(self.details(error)) if any(row.detail for row in rows) else frozenset()
        for row in rows:
            if (not row.detail or row.detail in named) and re.search(row.stem, text):
                return row.meaning
        raise AssertionError(f"no row for {code}")


_ANY_FLYTE: Final = Faults(COMMON, REMEDIES)
_PASSING: Final = frozenset({"INTERNAL", "RESOURCE_EXHAUSTED", "UNKNOWN"})


def is_too_large(error: BaseException) -> bool:
    """Whether a message passed a size limit, ours or the server's."""
    meaning = _ANY_FLYTE.meaning_of(error)
    return meaning in {Meaning.TOO_LARGE_FOR_SERVER, Meaning.TOO_LARGE_FOR_US}


def passes(error: errors.BackendError) -> bool:
    """Whether asking again may help: nothing answered, or its database or a proxy failed."""
    return isinstance(error, errors.UnavailableError) or error.code in _PASSING


def _shorten(text: str, hide: Iterable[str]) -> str:
    """Put an answer on one line, without credentials, cut at a length."""
    for credential in hide:
        text = text.replace(credential, "***")
    line = _BEARER.sub(r"\1 ***", " ".join(text.split()))
    if len(line) <= _SHOWN_CHARACTERS:
        return line
    return f"{line[:_SHOWN_CHARACTERS]}... ({len(line)} characters)"
