"""Tokens and client secrets never leave: every command, working and failing, searched for them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli_kit import run, start
from world import SYNC

SECRET = "canary-Zq81-client-secret"
TOKEN = "canary-Zq82-bearer-token"
CANARY = re.compile(r"canary|Y2FuYXJ5|Zq8")  # plain, and as base64 writes its beginning

PROJECT = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteProject
metadata: {name: team}
spec: {displayName: Made here}
"""
CONNECTION = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteConnection
metadata: {name: NAME}
spec:
  endpoint: ENDPOINT
  tls: {insecure: true}
  auth: AUTH
  limits: {deadline: 5s}
"""
GOOD = "{mode: ClientCredentials, clientId: me, clientSecret: {file: ../secret}}"
CONNECTIONS = {
    "good": GOOD,
    "by-env": "{mode: ClientCredentials, clientId: me, clientSecret: {env: CANARY_SECRET}}",
    "other-client": "{mode: ClientCredentials, clientId: you, clientSecret: {file: ../secret}}",
    "two-lines": "{mode: ClientCredentials, clientId: them, clientSecret: {file: ../two-lines}}",
    "binary": "{mode: Token, token: {file: ../binary}}",
    "token": "{mode: Token, token: {env: CANARY_TOKEN}}",
    "no-variable": "{mode: Token, token: {env: CANARY_MISSING}}",
}
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "dry-run": ("--dry-run",),
    "apply": ("--yes",),
    "json": ("plan", "-o", "json"),
    "validate": ("validate",),
    "export": ("export",),
    "adopt": ("adopt", "--dry-run"),
    "pin": ("pin", "--dry-run"),
    "pause": ("pause", "nothing", "--for", "1h", "--reason", "test"),
    "resume": ("resume",),
    "status": ("status", "-o", "json"),
    "next": ("next", "--live"),
    "explain": ("explain", "FlyteProject/team"),
    "doctor": ("doctor",),
    "doctor-json": ("doctor", "-o", "json"),
    "forget": ("forget", "FlyteProject/team"),
}


@dataclass(frozen=True)
class Guarded:
    """A server that wants credentials, and a set that has them."""

    root: Path
    environ: Mapping[str, str]


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    (tmp_path / "secret").write_text(SECRET + "\n", encoding="utf-8")
    (tmp_path / "two-lines").write_text(f"{SECRET}\n{SECRET}\n", encoding="utf-8")
    (tmp_path / "binary").write_bytes(b"\xff\xfe" + TOKEN.encode())
    dev = await start("dev", "--port", "0", "--auth", f"me:{tmp_path / 'secret'}", cwd=tmp_path)
    assert dev.stderr is not None
    endpoint = (await dev.stderr.readline()).decode().split()[3]
    root = tmp_path / "set"
    root.mkdir()
    sync = SYNC + "  connection: good\n  scopes: [{project: team}]\n"
    (root / "reconcile.yaml").write_text(sync, encoding="utf-8")
    (root / "project.yaml").write_text(PROJECT, encoding="utf-8")
    for name, auth in CONNECTIONS.items():
        text = CONNECTION.replace("NAME", name).replace("ENDPOINT", endpoint).replace("AUTH", auth)
        (root / f"{name}.yaml").write_text(text, encoding="utf-8")
    environ = {"CANARY_SECRET": SECRET, "CANARY_TOKEN": TOKEN, "PYTHONASYNCIODEBUG": "1"}
    yield Guarded(root, environ)
    dev.terminate()
    out, err = await dev.communicate()
    assert not CANARY.search((out + err).decode())


async def test_no_command_shows_a_secret(guarded: Guarded) -> None:
    slots = asyncio.Semaphore(2)
    codes: dict[str, int] = {}

    async def attempt(name: str, *arguments: str) -> None:
        async with slots:
            ended = await run(*arguments, cwd=guarded.root, environ=guarded.environ)
        assert not CANARY.search(ended.out), name
        assert not CANARY.search(ended.err), name
        codes[name] = ended.code

    await attempt("apply", *COMMANDS["apply"])
    assert codes["apply"] == 0, "the secret works"
    tries = [attempt(name, *arguments) for name, arguments in COMMANDS.items() if name != "apply"]
    tries += [attempt(name, "--dry-run", "--connection", name) for name in CONNECTIONS]
    tries += [attempt(f"doctor {name}", "doctor", "--connection", name) for name in CONNECTIONS]
    await asyncio.gather(*tries)
    assert codes["by-env"] == 0
    assert codes["token"] == codes["other-client"] == 4
    assert codes["no-variable"] == codes["two-lines"] == codes["binary"] == 1
    for path in guarded.root.rglob("*"):
        assert not path.is_file() or not CANARY.search(path.read_text(errors="replace")), path


async def test_cached_token_is_readable_by_its_owner_only(guarded: Guarded) -> None:
    ended = await run("--dry-run", cwd=guarded.root, environ=guarded.environ)
    assert ended.code == 0, ended.err
    folder = guarded.root.parent / "cache/reconcile/tokens"
    files = list(folder.iterdir())
    assert files
    for path in files:
        assert path.stat().st_mode & 0o077 == 0
        assert SECRET not in path.read_text()
        assert SECRET not in path.name
    for path in files:
        path.write_text("{broken", encoding="utf-8")
    assert (await run("--dry-run", cwd=guarded.root, environ=guarded.environ)).code == 0


async def test_unusable_cache_costs_a_warning(guarded: Guarded, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    environ = {**guarded.environ, "XDG_CACHE_HOME": str(tmp_path / "file")}
    ended = await run("--dry-run", cwd=guarded.root, environ=environ)
    assert ended.code == 0, ended.err


@pytest.mark.parametrize(
    "auth",
    [
        f"{{mode: Token, token: {TOKEN}}}",
        f"{{mode: ClientCredentials, clientId: me, clientSecret: {SECRET}}}",
        f"{{mode: ClientCredentials, clientId: me, clientSecret: {{value: {SECRET}}}}}",
        f"{{mode: Token, token: {{env: {TOKEN}}}}}",
    ],
    ids=["token", "secret", "value", "as-a-name"],
)
async def test_inline_secret_is_refused_and_not_repeated(tmp_path: Path, auth: str) -> None:
    text = CONNECTION.replace("NAME", "x").replace("ENDPOINT", "127.0.0.1:1")
    (tmp_path / "reconcile.yaml").write_text(SYNC + "  connection: x\n", encoding="utf-8")
    (tmp_path / "x.yaml").write_text(text.replace("AUTH", auth), encoding="utf-8")
    for arguments in (("validate",), ("validate", "-o", "json"), ("--yes",), ("doctor",)):
        ended = await run(*arguments, cwd=tmp_path)
        assert ended.code == 1
        assert not CANARY.search(ended.out + ended.err), ended.out + ended.err
