"""Secrets, as Kubernetes keeps them for the manager: names and times come back, values never do.

A name is stored in one text with its scope, and read back by taking that text apart; a scope with
two underscores in a row cannot be taken apart, and is missing in lists. No value is kept here:
nothing reads one, so a salted digest is enough for tests to know it by.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from typing import TYPE_CHECKING

from flyteidl2.common import identifier_pb2
from flyteidl2.secret import definition_pb2
from flyteidl2.secret import payload_pb2 as wire
from google.protobuf.timestamp_pb2 import Timestamp

from reconciler.server.clock import now
from reconciler.server.flyte2.refusals import not_found, taken
from reconciler.server.flyte2.validation import guarded
from reconciler.server.status import StatusError, internal, refused

if TYPE_CHECKING:
    import sqlite3

    from reconciler.server.store import Store, Value

CLUSTER = "local"

_SEPARATOR = "__"
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_MAX_KEY = 253
_MAX_LABEL = 63
_MAX_VALUE = 1024 * 1024
_SALT_LENGTH = 16


def create(store: Store, request: wire.CreateSecretRequest) -> wire.CreateSecretResponse:
    """CreateSecret: the type is not kept, and the project need not exist."""
    key = _key(request.id)
    value = _value(request.secret_spec)
    _check(request.id, key, value)
    with store.writing():
        if _find(store, key) is not None:
            raise taken(f'secrets "{_object(key)}" already exists')
        store.run(
            "INSERT INTO v2_secrets (object, key, project, domain, digest, created_at, "
            "updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                _object(key),
                key,
                request.id.project,
                request.id.domain,
                _salted(value, secrets.token_bytes(_SALT_LENGTH)),
                now(),
                now(),
            ),
        )
    return wire.CreateSecretResponse()


def update(store: Store, request: wire.UpdateSecretRequest) -> wire.UpdateSecretResponse:
    """UpdateSecret: replaces the value, and leaves no trace that a client could see."""
    key = _key(request.id)
    _existing(store, request.id, key)
    value = _value(request.secret_spec)
    _check_size(key, value)
    with store.writing():
        store.run(
            "UPDATE v2_secrets SET digest = ?, updated_at = ? WHERE object = ?",
            (_salted(value, secrets.token_bytes(_SALT_LENGTH)), now(), _object(key)),
        )
    return wire.UpdateSecretResponse()


def get(store: Store, request: wire.GetSecretRequest) -> wire.GetSecretResponse:
    """GetSecret: the identifier that was sent, with the time of creation."""
    row = _existing(store, request.id, _key(request.id))
    return wire.GetSecretResponse(
        secret=definition_pb2.Secret(id=request.id, secret_metadata=_metadata(row))
    )


def delete(store: Store, request: wire.DeleteSecretRequest) -> wire.DeleteSecretResponse:
    """DeleteSecret: NOT_FOUND for an unknown one."""
    key = _key(request.id)
    _existing(store, request.id, key)
    with store.writing():
        store.run("DELETE FROM v2_secrets WHERE object = ?", (_object(key),))
    return wire.DeleteSecretResponse()


def list_secrets(store: Store, request: wire.ListSecretsRequest) -> wire.ListSecretsResponse:
    """ListSecrets: a domain includes its projects; in the order of the objects' names."""
    _check_scope(request.domain, request.project)
    parts = ["object > ?"]
    values: list[Value] = [_after(request.token)]
    for column, value in (("domain", request.domain), ("project", request.project)):
        if value:
            _check_selector(value)
            parts.append(f"{column} = ?")
            values.append(value)
    limit = max(request.limit, 0)
    rows = store.rows(
        f"SELECT * FROM v2_secrets WHERE {' AND '.join(parts)} "  # noqa: S608
        f"ORDER BY object LIMIT {limit or -1}",
        values,
    )
    token = _token(store, rows[-1]["object"]) if limit and len(rows) == limit else ""
    found = [_message(row) for row in rows]
    return wire.ListSecretsResponse(secrets=[one for one in found if one is not None], token=token)


def holds(store: Store, identifier: definition_pb2.SecretIdentifier, value: str | bytes) -> bool:
    """Whether a secret has this value, for tests."""
    row = _find(store, _key(identifier))
    raw = value.encode() if isinstance(value, str) else value
    return row is not None and row["digest"] == _salted(raw, row["digest"][:_SALT_LENGTH])


def _salted(value: bytes, salt: bytes) -> bytes:
    return salt + hashlib.blake2b(value, salt=salt).digest()


def _key(identifier: definition_pb2.SecretIdentifier) -> str:
    _check_scope(identifier.domain, identifier.project)
    scope = ("u", "org", "flyte", "domain", identifier.domain, "project", identifier.project)
    return _SEPARATOR.join((*scope, "key", identifier.name))


def _parts(key: str) -> definition_pb2.SecretIdentifier | None:
    parts = key.split(_SEPARATOR)
    if (parts[3], parts[5], parts[7]) != ("domain", "project", "key"):
        return None
    return definition_pb2.SecretIdentifier(
        domain=parts[4], project=parts[6], name=_SEPARATOR.join(parts[8:])
    )


def _object(key: str) -> str:
    """The name of the object in Kubernetes."""
    return hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()


def _check_scope(domain: str, project: str) -> None:
    if project and not domain:
        raise refused(
            f'project-scoped secrets must also specify a domain, got project="{project}" domain=""'
        )


def _value(spec: definition_pb2.SecretSpec) -> bytes:
    match spec.WhichOneof("value"):
        case "string_value":
            return spec.string_value.encode()
        case "binary_value":
            return spec.binary_value
        case _:
            raise refused("string or binary value expected, got <nil>")


def _check(identifier: definition_pb2.SecretIdentifier, key: str, value: bytes) -> None:
    """What Kubernetes checks of a new object."""
    for label in (identifier.domain, identifier.project):
        if len(label) > _MAX_LABEL:
            reason = f"must be no more than {_MAX_LABEL} characters"
        elif not _LABEL.fullmatch(label):
            reason = "a valid label must be an empty string or consist of alphanumeric characters"
        else:
            continue
        raise _invalid(key, f'metadata.labels: Invalid value: "{label}": {reason}')
    if len(key) > _MAX_KEY:
        raise _invalid(
            key, f"data[{key}]: Invalid value: must be no more than {_MAX_KEY} characters"
        )
    if not _KEY.fullmatch(key):
        reason = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        raise _invalid(key, f'data[{key}]: Invalid value: "{key}": {reason}')
    _check_size(key, value)


def _check_size(key: str, value: bytes) -> None:
    if len(value) > _MAX_VALUE:
        raise _invalid(key, f"data: Too long: may not be more than {_MAX_VALUE} bytes")


def _invalid(key: str, text: str) -> StatusError:
    return internal(f'Secret "{_object(key)}" is invalid: {text}')


def _check_selector(value: str) -> None:
    if not _LABEL.fullmatch(value):
        raise internal(f"found '{value}', expected: ',' or 'end of string'")


def _token(store: Store, last: str) -> str:
    """A token wherever objects follow, though they may be of another scope."""
    if store.row("SELECT 1 FROM v2_secrets WHERE object > ?", (last,)) is None:
        return ""
    return base64.b64encode(last.encode()).decode()


def _after(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        text = "illegal base64 data at input byte 0"
        raise internal(f"invalid continue token: continue key is not valid: {text}") from None


def _find(store: Store, key: str) -> sqlite3.Row | None:
    return store.row("SELECT * FROM v2_secrets WHERE object = ?", (_object(key),))


def _existing(store: Store, identifier: definition_pb2.SecretIdentifier, key: str) -> sqlite3.Row:
    row = _find(store, key)
    if row is None:
        raise not_found(f"secret {identifier.name} not found")
    return row


def _message(row: sqlite3.Row) -> definition_pb2.Secret | None:
    identifier = _parts(row["key"])
    if identifier is None:
        return None
    return definition_pb2.Secret(id=identifier, secret_metadata=_metadata(row))


def _metadata(row: sqlite3.Row) -> definition_pb2.SecretMetadata:
    """Kubernetes keeps whole seconds."""
    return definition_pb2.SecretMetadata(
        created_time=Timestamp(seconds=row["created_at"] // 1_000_000),
        secret_status=definition_pb2.SecretStatus(
            overall_status=definition_pb2.FULLY_PRESENT,
            cluster_status=[
                definition_pb2.ClusterSecretStatus(
                    cluster=identifier_pb2.ClusterIdentifier(name=CLUSTER),
                    presence_status=definition_pb2.PRESENT,
                )
            ],
        ),
    )


HANDLERS = guarded(
    {
        "CreateSecret": create,
        "UpdateSecret": update,
        "GetSecret": get,
        "DeleteSecret": delete,
        "ListSecrets": list_secrets,
    }
)
