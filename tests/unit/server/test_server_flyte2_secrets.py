"""What the embedded Flyte 2 keeps of a secret: that it has a value, and never which."""

from __future__ import annotations

import pathlib
import secrets
from contextlib import closing

from flyteidl2.secret import definition_pb2
from flyteidl2.secret import payload_pb2 as wire

from reconciler.server.flyte2.secrets import HANDLERS, holds
from reconciler.server.store import Store

TOKEN = definition_pb2.SecretIdentifier(name="token", domain="development")


def create(value: str) -> wire.CreateSecretRequest:
    spec = definition_pb2.SecretSpec(string_value=value)
    return wire.CreateSecretRequest(id=TOKEN, secret_spec=spec)


def test_secret_is_known_by_its_value_alone(tmp_path: pathlib.Path) -> None:
    with closing(Store(tmp_path / "flyte.db")) as store:
        assert not holds(store, TOKEN, "first")
        HANDLERS["CreateSecret"](store, create("first"))
        assert holds(store, TOKEN, "first")
        assert not holds(store, TOKEN, "second")
        spec = definition_pb2.SecretSpec(binary_value=b"second")
        HANDLERS["UpdateSecret"](store, wire.UpdateSecretRequest(id=TOKEN, secret_spec=spec))
        assert holds(store, TOKEN, b"second")
        assert not holds(store, TOKEN, "first")


def test_no_value_is_in_the_files(tmp_path: pathlib.Path) -> None:
    value = secrets.token_hex(16)
    with closing(Store(tmp_path / "flyte.db")) as store:
        HANDLERS["CreateSecret"](store, create(value))
        kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    kept += b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"token" in kept
    assert value.encode() not in kept


def test_equal_values_leave_no_equal_traces(tmp_path: pathlib.Path) -> None:
    with closing(Store(tmp_path / "flyte.db")) as store:
        HANDLERS["CreateSecret"](store, create("same"))
        other = create("same")
        other.id.name = "other"
        HANDLERS["CreateSecret"](store, other)
        rows = store.rows("SELECT digest FROM v2_secrets")
    assert len({bytes(row["digest"]) for row in rows}) == 2
