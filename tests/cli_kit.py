"""Runs the program as people do: a process in a directory, with pipes or on a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import select
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from world import World

from reconciler.api.connecting import FLYTE1

PROGRAM = str(Path(sys.executable).with_name("reconcile"))
CTRL_C = "\x03"
QUESTION_END = "[y/N]: "
"""Its space is shown once the line is being read; an answer before that may be lost as the mode of
the terminal."""
SCHEDULE = {"cron": "0 6 * * *", "timezone": "UTC", "kickoffInput": "day"}


@dataclass(frozen=True, slots=True)
class Ended:
    """What a process left behind; `err` holds both streams of one that ran on a terminal."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Read its stdout as JSON."""
        return json.loads(self.out)


async def run(
    *arguments: str,
    cwd: Path,
    stdin: bytes | None = None,
    environ: Mapping[str, str | None] | None = None,
) -> Ended:
    """Run the program to its end without a terminal."""
    process = await start(*arguments, cwd=cwd, environ=environ, has_input=stdin is not None)
    out, err = await asyncio.wait_for(process.communicate(stdin), 60)
    return ended(process, out, err)


async def start(
    *arguments: str,
    cwd: Path,
    environ: Mapping[str, str | None] | None = None,
    has_input: bool = False,
) -> asyncio.subprocess.Process:
    """Start the program without a terminal."""
    return await asyncio.create_subprocess_exec(
        PROGRAM,
        *arguments,
        cwd=cwd,
        stdin=asyncio.subprocess.PIPE if has_input else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(cwd, environ),
    )


async def until(holds: Callable[[], bool], process: asyncio.subprocess.Process) -> None:
    """Wait for something that happens while a process runs."""
    while not holds():
        assert process.returncode is None
        await asyncio.sleep(0.001)


def ended(process: asyncio.subprocess.Process, out: bytes, err: bytes) -> Ended:
    """Gather what a process left; no end of any may show a traceback."""
    for stream in (out, err):
        assert b"Traceback" not in stream, stream.decode()
        assert b"Exception ignored" not in stream, stream.decode()
        assert b"never retrieved" not in stream, stream.decode()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


def environment(cwd: Path, changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """Make an environment without the ambient settings of whoever runs the tests."""
    ambient = re.compile(r"(RECONCILE|FLYTE|GITHUB|GITLAB|NO_COLOR|COLUMNS)")
    base: dict[str, str | None] = {
        name: value for name, value in os.environ.items() if not ambient.match(name)
    }
    base |= {"XDG_CACHE_HOME": str(cwd.parent / "cache"), "RECONCILE_ACTOR": "tester"}
    return {
        name: value for name, value in (base | dict(changes or {})).items() if value is not None
    }


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs the program in the directory of a world, connected to its server."""

    world: World

    @property
    def connection(self) -> tuple[str, ...]:
        """The options that name the server."""
        flyte = ("--flyte", self.world.flyte) if self.world.flyte != FLYTE1 else ()
        return ("--endpoint", self.world.endpoint, "--insecure", *flyte)

    async def __call__(self, *arguments: str, **how: Any) -> Ended:
        """Run the program to its end."""
        how.setdefault("cwd", self.world.root)
        return await run(*arguments, *self.connection, **how)

    async def signalled(
        self, number: signal.Signals, *arguments: str, when: Callable[[Counter[str]], bool]
    ) -> Ended:
        """Run the program and send it a signal as soon as the server has had some calls."""
        process = await start(*arguments, *self.connection, cwd=self.world.root)
        await until(lambda: when(self.world.calls()), process)
        process.send_signal(number)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return ended(process, out, err)

    def writes(self) -> Counter[str]:
        """Count the writes that reached the server."""
        return Counter(
            {
                name: count
                for name, count in self.world.calls().items()
                if name.startswith(("Create", "Update", "Delete", "Register"))
            }
        )


async def on_terminal(
    *arguments: str,
    cwd: Path,
    answer: str = "",
    question: str = QUESTION_END,
    environ: Mapping[str, str | None] | None = None,
) -> Ended:
    """Run the program on a terminal of its own, and type an answer where it asks."""
    ours, theirs = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            _ON_TERMINAL,
            os.ttyname(theirs),
            PROGRAM,
            *arguments,
            cwd=cwd,
            stdin=theirs,
            start_new_session=True,
            env=environment(cwd, {"TERM": "xterm", **(environ or {})}),
        )
    finally:
        os.close(theirs)
    shown = await asyncio.to_thread(_converse, ours, question, answer)
    os.close(ours)
    await asyncio.wait_for(process.wait(), 60)
    return ended(process, b"", shown)


_ON_TERMINAL = 'exec "$@" <"$0" >"$0" 2>&1'
"""A session's leader that opens a terminal has it for its own, so that Ctrl-C reaches it."""


def _converse(terminal: int, question: str, answer: str) -> bytes:
    """Answer a question once; a Ctrl-C that fell between two states of the line is repeated."""
    shown, asked = b"", False
    while True:
        if asked and answer == CTRL_C and not select.select([terminal], [], [], 5)[0]:
            os.write(terminal, answer.encode())
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:  # every process has closed it
            return shown
        shown += part
        if answer and not asked and question.encode() in shown:
            os.write(terminal, answer.encode())
            asked = True


def steady(text: str, world: World) -> str:
    """Replace what differs between two runs: ports, digests, directories and times."""
    text = text.replace(world.endpoint, "HOST:PORT").replace(str(world.root), "ROOT")
    text = re.sub(r"\b([a-z0-9-]+)\.a[a-z2-7]{15}\b", r"\1.DIGEST", text)
    text = re.sub(r"\ba[a-z2-7]{15}\b", "DIGEST", text)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)", "TIME", text)
