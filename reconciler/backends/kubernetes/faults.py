"""What an answer of Kubernetes means, as an error of ours that says verb, path and what was said.

Of what was sent nothing is shown. The server repeats values of an object in what it says of it, so
that of a Secret only the reason is told where a value is in the message.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from reconciler import errors

_SHOWN_CHARACTERS = 600


class NotServedError(errors.BackendError):
    """A list is not there: its kind is not installed, so that nothing is known of its objects."""


class ExpiredError(errors.BackendError):
    """The version or the page that was asked for is too old; list again."""


@dataclass(frozen=True, slots=True)
class Call:
    """Which call an error is about."""

    server: str
    shown: str

    def __str__(self) -> str:
        return f"{self.server}: {self.shown}"


def unreachable(call: Call, error: aiohttp.ClientError) -> errors.BackendError:
    """Describe a call that got no answer."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        why, fix = "its certificate is not trusted", "name the cluster's CA"
    elif isinstance(error, aiohttp.ClientSSLError):
        why, fix = "TLS failed", "check the address, the CA and the client certificate"
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        why, fix = "its host name cannot be resolved", "check the address and the DNS"
    elif isinstance(error, aiohttp.ClientConnectorError):
        why = f"cannot be reached ({_reason(error.os_error)})"
        fix = "check the address and the network, run again"
    else:
        why, fix = "the connection was closed before an answer", "run again"
    return errors.UnavailableError(f"{call}: {why}; {fix}", method=call.shown, code="Unreachable")


def late(call: Call, deadline: float) -> errors.BackendError:
    """Describe a call that took too long; a write may have been done."""
    return errors.UnavailableError(
        f"{call}: no answer within {deadline:g} s; run again", method=call.shown, code="Timeout"
    )


def parsed(call: Call, content: bytes) -> dict[str, Any]:
    """Read the object of an answer; raises BackendError for what is none."""
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise errors.BackendError(
            f"{call}: what answers there is no API server of Kubernetes; check the address",
            method=call.shown,
        )
    return found


def status_of(content: bytes) -> dict[str, Any]:
    """Read the Status of a refusal; empty where a proxy answered."""
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and found.get("kind") == "Status" else {}


def of_status(
    call: Call, status: Mapping[str, Any], http: int, sent: Mapping[str, Any] | None
) -> errors.BackendError:
    """Turn a refusal into an error of ours."""
    http = http or int(status.get("code") or 0)
    reason = str(status.get("reason") or "")
    causes = (status.get("details") or {}).get("causes") or []
    if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        http, reason = 0, "NamespaceTerminating"
    kind, why, fix = _meaning(http)
    message = _safe(str(status.get("message") or ""), sent)
    said = ": ".join(part for part in (f"{http or ''} {reason}".strip(), message) if part)
    return kind(f"{call}: {why} ({said}); {fix}", method=call.shown, code=reason or f"HTTP {http}")


def _meaning(http: int) -> tuple[type[errors.BackendError], str, str]:
    match http:
        case 0:
            return errors.BackendError, "its namespace is being deleted", "wait, or choose another"
        case 401:
            why, fix = "the cluster does not know who calls", "check the credentials"
            return errors.DeniedError, why, fix
        case 403:
            return errors.DeniedError, "this identity may not do that", "grant it, with RBAC"
        case 404:
            why = "there is no such object, namespace or kind"
            return errors.BackendError, why, "create it first"
        case 409:
            return errors.ConflictError, "somebody else has it or changed it", "plan again"
        case 410:
            return ExpiredError, "what was asked for is too old", "run again"
        case 429:
            return errors.UnavailableError, "the server is too busy", "run again later"
        case _ if http >= 500:
            return errors.UnavailableError, "the server failed", "run again"
        case _:
            return errors.BackendError, "the server refuses it", "correct what it names"


def _safe(message: str, sent: Mapping[str, Any] | None) -> str:
    is_secret = sent is not None and sent.get("kind") == "Secret"
    if is_secret and any(value and value in message for value in _values(sent or {})):
        return ""
    return _line(message)


def _values(secret: Mapping[str, Any]) -> Iterator[str]:
    """Give every form in which a server might repeat a value of a Secret."""
    for encoded in map(str, (secret.get("data") or {}).values()):
        yield encoded
        try:
            text = base64.b64decode(encoded, validate=True).decode(errors="ignore")
        except (binascii.Error, ValueError):
            continue
        yield text
        yield from (line.strip() for line in text.splitlines())
        yield json.dumps(text)[1:-1]
    for text in map(str, (secret.get("stringData") or {}).values()):
        yield text
        yield from (line.strip() for line in text.splitlines())
        yield json.dumps(text)[1:-1]


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else _line(str(error))


def _line(text: str) -> str:
    line = " ".join(text.split())
    if len(line) <= _SHOWN_CHARACTERS:
        return line
    return f"{line[:_SHOWN_CHARACTERS]}... ({len(line)} characters)"
