"""Only what the FlyteSync allows is read, and only where a token of its value is wanted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.engine.contents import read_contents
from reconciler.engine.declaration import declare
from reconciler.model.secret import Content, Secret

SYNC = {
    "apiVersion": "flyte.reconciler.dev/v1alpha1",
    "kind": "FlyteSync",
    "metadata": {"name": "team"},
    "spec": {
        "defaults": {"project": "flytesnacks", "domain": "development"},
        "secrets": {"allow": {"env": ["ALLOWED", "AGE_KEY"], "file": ["keys/a.key"]}},
    },
}
CANARY = "canary-18cf-value"
KEY = Secret("0123456789abcdef")


def read(
    root: Path,
    spec: Mapping[str, Any],
    *,
    key: Secret[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Content | str:
    """Read the content of one declared secret."""
    document = {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteSecret",
        "metadata": {"name": "a"},
        "spec": spec,
    }
    (root / "reconcile.yaml").write_text(json.dumps(SYNC))
    (root / "specs").mkdir(exist_ok=True)
    (root / "specs" / "secret.yaml").write_text(json.dumps(document))
    declaration = declare([str(root)], cwd=root)
    declaration.check()
    (content,) = read_contents(declaration, lambda: key, environ=environ or {}).values()
    return content


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({"env": "PATH"}, "environment variable PATH may not be read"),
        ({"file": "/etc/passwd"}, "file /etc/passwd may not be read"),
        ({"file": "../keys/b.key"}, "file ../keys/b.key may not be read"),
        ({"file": "../keys/../keys/../reconcile.yaml"}, "may not be read"),
        ({"age": {"file": "a.age", "identity": {"env": "HOME"}}}, "HOME may not be read"),
        (
            {"sops": {"file": "a.yaml", "key": "a", "identity": {"file": "~/.ssh/id"}}},
            "may not be read",
        ),
        ({"secretKeyRef": {"name": "a", "key": "b"}}, "is read by the operator only"),
    ],
)
def test_what_is_not_allowed_is_not_read(tmp_path: Path, source: Any, why: str) -> None:
    found = read(tmp_path, {"valueFrom": source}, environ={"PATH": CANARY, "HOME": CANARY})
    assert isinstance(found, str)
    assert why in found
    assert CANARY not in found


def test_what_is_not_allowed_is_said_offline_and_nothing_is_read(tmp_path: Path) -> None:
    read(tmp_path, {"valueFrom": {"env": "ALLOWED"}}, environ={"ALLOWED": CANARY})
    assert read_contents(declare([str(tmp_path)], cwd=tmp_path)) == {}
    read(tmp_path, {"valueFrom": {"env": "PATH"}})
    (cause,) = read_contents(declare([str(tmp_path)], cwd=tmp_path)).values()
    assert "may not be read" in str(cause)


def test_path_is_seen_from_the_document_and_the_list_from_the_sync(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "a.key").write_text(CANARY)
    found = read(tmp_path, {"valueFrom": {"file": "../keys/a.key"}})
    assert isinstance(found, Content)
    assert found.read().reveal() == CANARY.encode()


def test_value_is_hashed_where_the_connection_names_a_key(tmp_path: Path) -> None:
    spec = {"valueFrom": {"env": "ALLOWED"}}
    one = read(tmp_path, spec, key=KEY, environ={"ALLOWED": CANARY})
    two = read(tmp_path, spec, key=KEY, environ={"ALLOWED": "another"})
    assert isinstance(one, Content)
    assert isinstance(two, Content)
    assert one.token != two.token
    assert one.is_verifiable
    absent = read(tmp_path, spec, key=KEY)
    assert absent == "environment variable ALLOWED is not set; export it before running"


def test_without_a_key_the_value_is_not_even_read(tmp_path: Path) -> None:
    found = read(tmp_path, {"valueFrom": {"env": "ALLOWED"}})
    assert isinstance(found, Content)
    assert not found.is_verifiable


@pytest.mark.parametrize("extra", [{"revision": "1"}, {"rotate": "Never"}, {"rotate": "Always"}])
def test_declared_token_needs_no_value(tmp_path: Path, extra: dict[str, str]) -> None:
    found = read(tmp_path, {"valueFrom": {"env": "ALLOWED"}, **extra}, key=KEY)
    assert isinstance(found, Content)
    assert found.is_verifiable


def test_ciphertext_needs_no_key(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "a.age").write_bytes(b"cipher")
    source = {"age": {"file": "a.age", "identity": {"env": "AGE_KEY"}}}
    found = read(tmp_path, {"valueFrom": source})
    assert isinstance(found, Content)
    assert found.token.startswith("ciphertext ")
