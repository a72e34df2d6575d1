"""Values of secrets are read from where they are, and told apart without being shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.errors import UsageError
from reconciler.model.secret import Content, Secret
from reconciler.sources import secrets

CANARY = "canary-7d21-value"
KEY = Secret("0123456789abcdef")
SOPS = """\
db:
    password: ENC[AES256_GCM,data:AAA=,iv:BBB=,tag:CCC=,type:str]
    other: ENC[AES256_GCM,data:DDD=,iv:EEE=,tag:FFF=,type:str]
    plain: 3
"""


def value(text: str) -> secrets.Read:
    return lambda: Secret(text.encode())


def test_variable_gives_its_bytes() -> None:
    assert secrets.from_environment("A", {"A": "ä\n"}).reveal() == "ä\n".encode()


@pytest.mark.parametrize(("environ", "why"), [({}, "is not set"), ({"A": ""}, "is empty")])
def test_variable_without_a_value_is_refused(environ: dict[str, str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        secrets.from_environment("A", environ)


def test_file_is_read_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "tls.key"
    path.write_bytes(b"line 1\nline 2\n\xff")
    assert secrets.from_file(path).reveal() == b"line 1\nline 2\n\xff"


def test_files_that_are_no_secrets_are_refused(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"x" * (secrets.MAX_BYTES + 1))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, why in [
        (tmp_path / "nowhere", "cannot be read"),
        (large, "is larger than"),
        (pipe, "is not a regular file"),
        (tmp_path, "is not a regular file|cannot be read"),
    ]:
        with pytest.raises(UsageError, match=why):
            secrets.from_file(path)


def test_hash_follows_the_value_and_the_key_and_shows_neither() -> None:
    one = secrets.hashed(KEY, value(CANARY))
    assert one.token == secrets.hashed(KEY, value(CANARY)).token
    assert one.token != secrets.hashed(KEY, value(CANARY + "!")).token
    assert one.token != secrets.hashed(Secret("another-key-0123"), value(CANARY)).token
    assert CANARY not in repr(one)
    assert "0123456789abcdef" not in repr(one)
    assert one.read().reveal() == CANARY.encode()


def test_value_that_changed_since_the_plan_is_not_written() -> None:
    values = iter([b"planned", b"another"])
    content = secrets.hashed(KEY, lambda: Secret(next(values)))
    with pytest.raises(UsageError, match="changed after the plan was made"):
        content.read()


def test_ciphertext_of_one_key_tells_its_change(tmp_path: Path) -> None:
    path = tmp_path / "secrets.enc.yaml"

    def token(text: str) -> str:
        path.write_text(text)
        return secrets.encrypted(path, "db.password", value(CANARY)).token

    before = token(SOPS)
    assert before == token(SOPS.replace("DDD", "XXX"))
    assert before == token("# a comment\n" + SOPS)
    assert before != token(SOPS.replace("AAA", "XXX"))


@pytest.mark.parametrize("key", ["db.nowhere", "db.plain", "db", "nowhere"])
def test_key_without_ciphertext_is_refused(tmp_path: Path, key: str) -> None:
    path = tmp_path / "secrets.enc.yaml"
    path.write_text(SOPS)
    with pytest.raises(UsageError, match=f"has no encrypted text at {key}"):
        secrets.encrypted(path, key, value(CANARY))


def test_file_that_changed_since_the_plan_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "key.age"
    path.write_bytes(b"cipher 1")
    content = secrets.encrypted(path, "", value(CANARY))
    assert content.read().reveal() == CANARY.encode()
    path.write_bytes(b"cipher 2")
    with pytest.raises(UsageError, match="changed after the plan was made"):
        content.read()


def test_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="the program `sops` opens it and is not there"):
        secrets.open_sops(tmp_path / "a.yaml", "a", None)
    with pytest.raises(UsageError, match="the program `age` opens it and is not there"):
        secrets.open_age(tmp_path / "a.age", Secret(b"key"))


def test_what_cannot_be_told_is_written_once() -> None:
    content = secrets.once(value(CANARY))
    assert content == Content("", content.read, is_verifiable=False)
    assert content.token == secrets.once(value("another")).token


def test_revision_of_the_declaration_tells_the_change() -> None:
    one, two = secrets.named("1", value(CANARY)), secrets.named("2", value(CANARY))
    assert one.token != two.token
