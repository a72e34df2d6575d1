"""The embedded Flyte of one data directory: who runs it, and how others find it.

Whoever holds the directory's lock runs the server. `reconcile dev` holds it for long and says in a
file where it listens; short commands use that server. Without it, a short command takes the lock,
runs a server of its own and stops it at the end; a second one waits for its turn. A lock ends with
its process, so a file that a crashed process left is never believed: the server that it names must
answer with the file's own instance id.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sqlite3
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from reconciler.errors import UnavailableError, UsageError
from reconciler.server.auth import AuthSettings
from reconciler.server.schedules import ScheduleSettings, firing
from reconciler.server.serving import Server
from reconciler.server.store import Store

if TYPE_CHECKING:
    import pathlib
    from collections.abc import AsyncIterator, Callable

__all__ = [
    "AuthSettings",
    "Endpoint",
    "ScheduleSettings",
    "Server",
    "Store",
    "attach",
    "open_server",
    "serve_forever",
]

_LOCK = "lock"
_ENDPOINT = "endpoint.json"
_DATABASE = "flyte.db"
# What releases before Flyte 2 called it.
_OLD_DATABASE = "flyte1.db"
_POLL_SECONDS = 0.05
_WAIT_SECONDS = 120.0
_PROBE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server listens: `grpc` as HOST:PORT, `http` as a URL.

    It is one port, but for servers of earlier releases.
    """

    grpc: str
    http: str


@asynccontextmanager
async def attach(
    data_dir: pathlib.Path,
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    auth: AuthSettings | None = None,
) -> AsyncIterator[Endpoint]:
    """The endpoint of the directory's Flyte: a running `reconcile dev`, or a server made for now.

    `port`, `host` and `auth` matter only for a server of our own. UnavailableError when another
    command keeps the directory for two minutes.
    """
    waited = 0.0
    while True:
        lock = _try_lock(data_dir)
        if lock is not None:
            break
        running = await _running(data_dir)
        if running is not None:
            yield running
            return
        if waited >= _WAIT_SECONDS:
            raise UnavailableError(
                f"{data_dir}: embedded Flyte: another command has used it for {waited:.0f} s; "
                "wait for it to end, or start `reconcile dev` to share one server"
            )
        await asyncio.sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS
    try:
        (data_dir / _ENDPOINT).unlink(missing_ok=True)
        async with open_server(data_dir, port=port, host=host, auth=auth) as server:
            yield _endpoint(server)
    finally:
        os.close(lock)


async def serve_forever(
    data_dir: pathlib.Path,
    *,
    port: int,
    auth: AuthSettings | None,
    ready: Callable[[Endpoint], None],
    strict: bool = False,
    schedules: ScheduleSettings | None = None,
) -> None:
    """Run the directory's Flyte on this machine until cancelled; `ready` once it listens.

    `strict` is Store's; without `schedules` no schedule fires.
    UsageError when another process has the directory, or when the port is taken.
    """
    lock = _try_lock(data_dir)
    if lock is None:
        running = await _running(data_dir)
        where = f"it already runs at {running.grpc}" if running else "another command is using it"
        raise UsageError(f"{data_dir}: embedded Flyte: {where}; use that one, or end it first")
    try:
        async with (
            open_server(data_dir, port=port, auth=auth, strict=strict) as server,
            firing(server.store, schedules),
        ):
            endpoint = _endpoint(server)
            _publish(data_dir, endpoint, server.instance)
            try:
                ready(endpoint)
                await asyncio.Event().wait()
            finally:
                (data_dir / _ENDPOINT).unlink(missing_ok=True)
    finally:
        os.close(lock)


@asynccontextmanager
async def open_server(
    data_dir: pathlib.Path,
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    auth: AuthSettings | None = None,
    strict: bool = False,
) -> AsyncIterator[Server]:
    """A started server over the directory's database, without lock and endpoint file.

    `strict` is Store's.
    """
    with closing(_open_store(data_dir, strict=strict)) as store:
        server = Server(store, auth=auth)
        try:
            await server.start(host, port)
        except (OSError, RuntimeError) as error:
            await server.stop()
            raise UsageError(
                f"{host}:{port}: embedded Flyte: cannot listen: {error}; choose another port"
            ) from None
        try:
            yield server
        finally:
            await server.stop()


def _open_store(data_dir: pathlib.Path, *, strict: bool) -> Store:
    path = data_dir / _DATABASE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        # Flyte clients pack what Git does not ignore; a database would change every archive.
        (data_dir / ".gitignore").write_text("*\n")
        if not path.exists():
            _rename_old(data_dir)
        return Store(path, strict=strict)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from None


def _rename_old(data_dir: pathlib.Path) -> None:
    """Take over the database of an earlier release.

    A crash may have left the last writes in its log. The log goes first, so that after a crash
    between the two the next start still finds the old database and finishes.
    """
    for suffix in ("-wal", ""):
        with suppress(FileNotFoundError):
            (data_dir / f"{_OLD_DATABASE}{suffix}").rename(data_dir / f"{_DATABASE}{suffix}")
    (data_dir / f"{_OLD_DATABASE}-shm").unlink(missing_ok=True)


def _unusable(path: pathlib.Path, error: Exception) -> UsageError:
    return UsageError(
        f"{path}: embedded Flyte: cannot be used: {error}; choose another directory, or remove it"
    )


def _endpoint(server: Server) -> Endpoint:
    return Endpoint(grpc=server.grpc_address, http=server.http_url)


def _try_lock(data_dir: pathlib.Path) -> int | None:
    """An open file with the lock; None while another holds it. Closing it gives the lock up."""
    path = data_dir / _LOCK
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except BaseException:
        os.close(handle)
        raise
    return handle


def _publish(data_dir: pathlib.Path, endpoint: Endpoint, instance: str) -> None:
    temporary = data_dir / f"{_ENDPOINT}.new"
    temporary.write_text(json.dumps({**asdict(endpoint), "instance": instance}))
    temporary.replace(data_dir / _ENDPOINT)


async def _running(data_dir: pathlib.Path) -> Endpoint | None:
    """The endpoint in the directory's file, if the very server that wrote it answers there."""
    try:
        found = json.loads((data_dir / _ENDPOINT).read_text())
        endpoint = Endpoint(grpc=found["grpc"], http=found["http"])
        instance = found["instance"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_PROBE_SECONDS):
            if await _instance(endpoint) == instance:
                return endpoint
    return None


async def _instance(endpoint: Endpoint) -> str:
    host, _, port = endpoint.http.rpartition("//")[2].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"GET /instance HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        await writer.drain()
        answer = await reader.read()
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return answer.rpartition(b"\r\n\r\n")[2].decode(errors="replace")
