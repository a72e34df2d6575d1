"""Runs a Flyte client against a recording endpoint and keeps what it registered as a package.

The endpoint is an embedded Flyte, of both generations, over an empty directory that knows every
project and domain. It judges as Flyte does, save for what refers to entities that the client did
not register now: those are Flyte's, and unknown here.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.api.client_settings import environment, refuse_own_endpoint
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.api.tape import Tape
    from reconciler.api.tape2 import Tape2


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What a command did: its exit code, and the package of what it registered.

    `content` is empty when the command failed. `registered` counts by kind, `activated` are names
    of launch plans, `triggers` those that came with tasks, as TASK/NAME, `unchecked` names that
    refer to what is not here, `left_out` counts calls that changed something a package does not
    hold.
    """

    exit_code: int
    content: bytes = field(default=b"", repr=False)
    registered: Mapping[str, int] = field(default_factory=dict)
    activated: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


async def record(command: Sequence[str], *, variables: Mapping[str, str], cwd: Path) -> Recording:
    """Run a command to its end and keep what it registered.

    `variables` is the environment that it would have. Raises UsageError when it cannot run, when
    it names an endpoint of its own, and when it ends well and registered nothing.
    """
    from reconciler.api.listening import Listening
    from reconciler.server.embedded import open_server

    refuse_own_endpoint(command)
    with tempfile.TemporaryDirectory(prefix="reconcile-record-") as folder:
        async with open_server(Path(folder, "embedded")) as server:
            listening = Listening(server)
            given = environment(
                variables,
                cwd=cwd,
                endpoint=server.grpc_address,
                http=server.http_url,
                folder=Path(folder),
            )
            exit_code = await _run(command, given, cwd)
            if exit_code:
                return Recording(exit_code=exit_code)
            tape = listening.chosen()
            if tape is None:
                raise UsageError(_nothing(command, is_silent=not server.calls))
            return _of(tape)


def _of(tape: Tape | Tape2) -> Recording:
    from reconciler.api.tape import Tape

    found = Recording(
        exit_code=0,
        content=tape.package(),
        registered=tape.counts(),
        left_out=dict(tape.left_out),
    )
    if isinstance(tape, Tape):
        return replace(
            found,
            activated=tuple(sorted(tape.activated)),
            unchecked=tuple(sorted(tape.unchecked)),
        )
    return replace(found, triggers=tape.triggers())


def _nothing(command: Sequence[str], *, is_silent: bool) -> str:
    if is_silent:
        return (
            f"{command[0]}: did not call the recording endpoint; it must take its endpoint from "
            "FLYTECTL_CONFIG, FLYTE_PLATFORM_URL (Flyte 1) or FLYTE_ADMIN_ENDPOINT (Flyte 2), and "
            "not from its own code"
        )
    return f"{command[0]}: registered nothing; there is nothing to record"


async def _run(command: Sequence[str], variables: Mapping[str, str], cwd: Path) -> int:
    try:
        process = await asyncio.create_subprocess_exec(*command, env=variables, cwd=cwd)
    except FileNotFoundError:
        raise UsageError(f"{command[0]}: no such command; check its name and PATH") from None
    except PermissionError:
        raise UsageError(f"{command[0]}: may not be run; make it executable") from None
    try:
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    return code if code >= 0 else 128 - code
