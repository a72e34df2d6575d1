"""Which Flyte is meant, how it is reached, and what is said when it is not."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cli_kit import SCHEDULE, Ended, Shell, run, start
from world import SYNC, World, open_world, plan_document

CONNECTED = SYNC + "  connection: main\n"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow(defaults={"count": 7})
        opened.declare(plan_document("daily"))
        yield opened


def connection_document(endpoint: str, *, name: str = "main") -> str:
    """Write a FlyteConnection without TLS."""
    return f"""
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteConnection
metadata: {{name: {name}}}
spec: {{endpoint: "{endpoint}", tls: {{insecure: true}}}}
"""


def chosen_by(ended: Ended) -> str:
    """Read from the first line of a plan who chose the connection."""
    assert ended.code == 0, ended.err
    return ended.out.splitlines()[0].partition("chosen by ")[2].rstrip(")")


async def test_flag_then_variable_then_set_choose_the_connection(world: World) -> None:
    world.write(
        {
            "reconcile.yaml": CONNECTED,
            "connection.yaml": connection_document(world.endpoint),
            "../other.yaml": connection_document(world.endpoint, name="other"),
        }
    )
    root = world.root
    by_variable = {"RECONCILE_CONNECTION": "../other.yaml"}
    dead = {"RECONCILE_CONNECTION": "../nowhere.yaml"}
    by_endpoint = ("--endpoint", world.endpoint, "--insecure")
    assert chosen_by(await run("--dry-run", cwd=root)) == "main, reconcile.yaml"
    told = await run("--dry-run", cwd=root, environ=by_variable)
    assert chosen_by(told) == "other.yaml, RECONCILE_CONNECTION"
    told = await run("--dry-run", "--connection", "main", cwd=root, environ=dead)
    assert chosen_by(told) == "main, --connection"
    told = await run("--dry-run", *by_endpoint, cwd=root, environ=dead)
    assert chosen_by(told) == "--endpoint"
    told = await run("--dry-run", cwd=root, environ=dead)
    assert told.code == 1
    assert told.err.startswith("error: RECONCILE_CONNECTION: ../nowhere.yaml: is neither")
    told = await run("--dry-run", *by_endpoint, "--connection", "main", cwd=root)
    assert told.code == 1
    assert "give one of the two" in told.err


async def test_nothing_is_implied(world: World, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".flyte").mkdir(parents=True)
    (home / ".flyte/config.yaml").write_text(
        f"admin:\n  endpoint: dns:///{world.endpoint}\n  insecure: true\n", encoding="utf-8"
    )
    ambient = {
        "HOME": str(home),
        "FLYTECTL_CONFIG": str(home / ".flyte/config.yaml"),
        "FLYTE_PLATFORM_URL": world.endpoint,
    }
    before = world.calls()
    ended = await run("--dry-run", cwd=world.root, environ=ambient)
    assert ended.code == 1
    assert ended.err.startswith("error: connection: none is named; give --connection NAME")
    assert world.calls() == before
    named = await run("--dry-run", "--connection", "flytectl", cwd=world.root, environ=ambient)
    assert chosen_by(named)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--endpoint", ""), "--endpoint: is empty; give a value, or leave it out"),
        (("--connection", " "), "--connection: is empty"),
        (("--insecure",), "--insecure: belongs to --endpoint"),
        (("--endpoint", "h:1", "--deadline", "0"), "'--deadline': 0.0 is not in the range"),
        (("--endpoint", "h:1", "--deadline", "nan"), "--deadline: is not a number"),
        (("--endpoint", "h:port"), '--endpoint: endpoint: "h:port" has port "port"'),
        (("--endpoint", "http://u:secret-x@h:30080"), 'for example "h:30080"'),
        (("--connection", "nope"), "is neither a FlyteConnection of this tree, nor a file"),
    ],
)
async def test_unusable_connection_is_one_line(
    world: World, arguments: tuple[str, ...], said: str
) -> None:
    ended = await run("--dry-run", *arguments, cwd=world.root)
    assert ended.code == 1
    assert ended.err.startswith("error: ")
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert "secret-x" not in ended.err


@asynccontextmanager
async def web_server() -> AsyncIterator[str]:
    """Answer everything as a plain web server does."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_endpoints_that_do_not_answer_say_where_and_what_to_do(world: World) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    unheard = f"127.0.0.1:{silent.getsockname()[1]}"
    async with web_server() as web:
        tries = {
            ("127.0.0.1:1", "--insecure"): "connection was refused",
            ("nowhere.invalid:443",): "host name cannot be resolved",
            (web, "--insecure"): "does not speak gRPC",
            (world.endpoint,): "give --insecure with --endpoint",
            (unheard, "--insecure", "--deadline", "0.3"): "127.0.0.1",
        }
        slots = asyncio.Semaphore(2)

        async def attempt(how: tuple[str, ...], said: str) -> None:
            async with slots:
                ended = await run("--yes", "--endpoint", *how, cwd=world.root)
            assert ended.code == 4, ended.err
            assert ended.out == ""
            assert ended.err.startswith(f"error: {how[0]}: ")
            assert said in ended.err
            assert "; " in ended.err
            assert ended.err.count("\n") == 1

        await asyncio.gather(*(attempt(how, said) for how, said in tries.items()))
    silent.close()


async def test_denied_is_4(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("pass", encoding="utf-8")
    where = tmp_path / "set"
    where.mkdir()
    (where / "reconcile.yaml").write_text(SYNC, encoding="utf-8")
    dev = await start("dev", "--port", "0", "--auth", f"me:{tmp_path / 'secret'}", cwd=tmp_path)
    assert dev.stderr is not None
    endpoint = (await dev.stderr.readline()).decode().split()[3]
    try:
        ended = await run("--dry-run", "--endpoint", endpoint, "--insecure", cwd=where)
    finally:
        dev.terminate()
        await dev.communicate()
    assert ended.code == 4
    assert ended.err.startswith(f"error: {endpoint}: ")
    assert "set auth (Token or ClientCredentials)" in ended.err


EMBEDDED = SYNC + "  connection: embedded\n"
PROJECT = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteProject
metadata: {name: NAME}
spec: {displayName: Made here}
"""


def embedded_set(root: Path, *, set_name: str = "team") -> Path:
    """Write a set that declares one project on the embedded Flyte beside it."""
    root.mkdir(exist_ok=True)
    scope = f"  scopes: [{{project: {set_name}}}]\n"
    text = EMBEDDED.replace("name: team", f"name: {set_name}") + scope
    (root / "reconcile.yaml").write_text(text, encoding="utf-8")
    (root / "project.yaml").write_text(PROJECT.replace("NAME", set_name), encoding="utf-8")
    return root


async def test_two_commands_at_once_share_one_embedded_directory(tmp_path: Path) -> None:
    root = embedded_set(tmp_path / "set")
    first, second = await asyncio.gather(
        run("--yes", cwd=root), run("--dry-run", "--detailed-exitcode", cwd=root)
    )
    assert first.code == 0, first.err
    assert second.code in {0, 2}, second.err
    assert (await run("--dry-run", "--detailed-exitcode", cwd=root)).code == 0


async def test_embedded_uses_the_server_of_dev(tmp_path: Path) -> None:
    root = embedded_set(tmp_path / "set")
    dev = await start("dev", "--port", "0", cwd=root)
    assert dev.stderr is not None
    endpoint = (await dev.stderr.readline()).decode().split()[3]
    try:
        first, second = await asyncio.gather(
            run("--yes", "-o", "json", cwd=root), run("status", "-o", "json", cwd=root)
        )
    finally:
        dev.terminate()
        await dev.communicate()
    assert first.code == 0, first.err
    assert first.json()["plan"]["connection"]["chosenBy"] == "reconcile.yaml"
    assert second.code == 0, second.err
    log = json.dumps(first.json()["plan"]["connection"])
    assert endpoint in log or "embedded" in log
    assert (await run("--dry-run", "--detailed-exitcode", cwd=root)).code == 0, "it was kept"


async def test_unusable_data_directory_is_named(tmp_path: Path) -> None:
    root = embedded_set(tmp_path / "set")
    (root / ".reconcile").write_text("a file stands here", encoding="utf-8")
    ended = await run("--dry-run", cwd=root)
    assert ended.code == 1
    assert ended.err.startswith(f"error: {root}/.reconcile/embedded")
    assert ended.err.count("\n") == 1
    (root / ".reconcile").unlink()
    (root / ".reconcile/embedded").mkdir(parents=True)
    (root / ".reconcile/embedded/flyte.db").write_bytes(b"this is no database" * 100)
    ended = await run("--dry-run", cwd=root)
    assert ended.code == 1
    assert "flyte.db: embedded Flyte: cannot be used" in ended.err
    assert ended.err.count("\n") == 1


async def test_unusable_cache_degrades(world: World) -> None:
    ended = await Shell(world)("--dry-run", environ={"XDG_CACHE_HOME": "/dev/null"})
    assert ended.code == 0


async def test_removed_working_directory_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    for command in ("--dry-run", "validate", "status", "dev", "export"):
        gone.mkdir()
        process = await asyncio.create_subprocess_shell(
            f'rmdir "$PWD"; exec "$PROGRAM" {command}',
            cwd=gone,
            stdout=-1,
            stderr=-1,
            env={"PROGRAM": _program(), "PATH": "/usr/bin:/bin"},
        )
        _, err = await process.communicate()
        assert process.returncode == 1
        assert err.decode() == ("error: working directory: it was removed; change to another one\n")


def _program() -> str:
    from cli_kit import PROGRAM

    return PROGRAM


@pytest.mark.parametrize(
    "environ",
    [
        {"HOME": None, "USER": None, "LOGNAME": None},
        {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"COLUMNS": "40"},
        {"TERM": "dumb", "CI": "true"},
    ],
    ids=["no-home", "ascii", "narrow", "ci"],
)
async def test_bare_environments_are_enough(world: World, environ: dict[str, str | None]) -> None:
    world.declare(plan_document("daily", annotations={"note": "täglich ☀"}, schedule=SCHEDULE))
    ended = await Shell(world)("--yes", environ=environ)
    assert ended.code == 0, ended.err
    assert "annotations" in ended.out
    assert set(await world.active()) == {"daily"}
