"""Runs git where a stranger's repository and server are at the other end.

Nothing of the machine has a say: no settings, no prompts, no hooks, no submodules, no filters; only
the scheme that was chosen is spoken, redirects are not followed, and time and size are bounded.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from reconciler.git.access import NO_WAY, NOBODY, Access, Way
from reconciler.git.faults import Fault, SourceError

_SETTINGS = (
    "core.askPass=false",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.symlinks=false",
    "credential.helper=",
    "fetch.fsck.missingSpaceBeforeDate=ignore",
    "fetch.fsck.zeroPaddedFilemode=ignore",
    "fetch.fsckObjects=true",
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "gc.auto=0",
    "http.followRedirects=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "maintenance.auto=false",
    "pack.threads=1",
    "submodule.recurse=false",
    "transfer.bundleURI=false",
)
_LOOK_SECONDS = 0.2
_SHOWN = 300
_OUTPUT_BYTES = 64 << 20
_LEAST_MEMORY = 1 << 30
_NOT_STARTED = frozenset({126, 127})
_BOUNDED = 'ulimit -d "$0" 2>/dev/null; exec "$@"'
"""Has the shell bound the memory of what it then is, and of its children; in KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long one command may take, and how large a mirror and a folder of it may be.

    `end` asks every command to end, as when the service does.
    """

    seconds: float = 120.0
    mirror_bytes: int = 2 << 30
    folder_bytes: int = 128 << 20
    files: int = 20_000
    end: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)

    @property
    def memory_bytes(self) -> int:
        """How much memory one git may have: deltas of a stranger can unpack to anything."""
        return max(self.mirror_bytes, _LEAST_MEMORY)


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What surrounds a command: the mirror it works on, the way to the server, and its bounds."""

    mirror: Path | None = None
    scheme: str = ""
    way: Way = NO_WAY
    access: Access = NOBODY
    limits: Limits = DEFAULT_LIMITS


def run(command: Sequence[str], call: Call, *, is_quiet: bool = False, given: bytes = b"") -> bytes:
    """Run a command that reads what is `given`, and return what it wrote.

    Raises SourceError for one that fails; with `is_quiet` it then returns nothing instead.
    """
    if call.limits.end.is_set():
        raise SourceError(Fault.FETCH, f"git {command[0]}: it was asked to end")
    files = tempfile.TemporaryFile
    with files() as into, files() as out, files() as err:
        into.write(given)
        into.seek(0)
        code = _wait(_start(command, call, (into, out, err)), command[0], call, out)
        if code in _NOT_STARTED:
            raise SourceError(
                Fault.FETCH, f"git: it cannot be started ({_said(err, call)}); install git"
            )
        if code and is_quiet:
            return b""
        if code:
            raise SourceError(Fault.FETCH, f"git {command[0]}: {_said(err, call)}")
        out.seek(0)
        return out.read(_OUTPUT_BYTES)


def environment(way: Way, scheme: str) -> dict[str, str]:
    """Return all that git gets to see of the environment."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "TMPDIR": tempfile.gettempdir(),
        "HOME": "/nonexistent",
        "XDG_CONFIG_HOME": "/nonexistent",
        "GIT_ALLOW_PROTOCOL": scheme or "none",
        "GIT_ASKPASS": "false",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        "SSH_ASKPASS": "false",
        **way.environ,
    }


def _start(
    command: Sequence[str], call: Call, files: tuple[IO[bytes], IO[bytes], IO[bytes]]
) -> subprocess.Popen[bytes]:
    settings = [part for item in (*_SETTINGS, *call.way.settings) for part in ("-c", item)]
    where = [f"--git-dir={call.mirror}"] if call.mirror is not None else []
    try:
        return subprocess.Popen(  # noqa: S603 - words, which the shell does not read
            [
                *("sh", "-c", _BOUNDED, str(call.limits.memory_bytes >> 10)),
                *("git", "--no-pager", *settings, *where, *command),
            ],
            cwd="/",
            env=environment(call.way, call.scheme),
            stdin=files[0],
            stdout=files[1],
            stderr=files[2],
            start_new_session=True,
        )
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise SourceError(
            Fault.FETCH, f"git: it cannot be started ({reason}); install git"
        ) from None


def _wait(child: subprocess.Popen[bytes], name: str, call: Call, out: IO[bytes]) -> int:
    """Wait for a command, and end it with all its children where it goes past a limit."""
    limits, end = call.limits, time.monotonic() + call.limits.seconds
    try:
        while True:
            if _has_ended(child):
                return child.wait()
            if limits.end.is_set():
                raise SourceError(Fault.FETCH, f"git {name}: it was asked to end")
            if time.monotonic() > end:
                raise SourceError(
                    Fault.FETCH, f"git {name}: no end in {limits.seconds:.0f} s; it is tried again"
                )
            if os.fstat(out.fileno()).st_size > _OUTPUT_BYTES:
                raise SourceError(
                    Fault.LIMIT,
                    f"git {name}: answers with more than {_OUTPUT_BYTES >> 20} MiB; "
                    "remove branches and tags that nobody needs",
                )
            if call.mirror is not None and size_of(call.mirror) > limits.mirror_bytes:
                raise SourceError(
                    Fault.LIMIT,
                    f"git {name}: more than {limits.mirror_bytes >> 20:,} MiB; make the "
                    "repository smaller, or have the owner raise the limit",
                )
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Wait a moment for the end of a child, and tell of it at once."""
    if not hasattr(os, "pidfd_open"):
        try:
            child.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        return True
    descriptor = os.pidfd_open(child.pid)
    try:
        return bool(select.select([descriptor], [], [], _LOOK_SECONDS)[0])
    finally:
        os.close(descriptor)


def size_of(mirror: Path) -> int:
    """Add up the files of a mirror's objects; what vanishes meanwhile counts nothing."""
    total = 0
    for place, _, names in os.walk(mirror / "objects"):
        for name in names:
            try:
                total += os.stat(os.path.join(place, name)).st_size  # noqa: PTH116, PTH118 - many
            except OSError:
                continue
    return total


def _said(err: IO[bytes], call: Call) -> str:
    """Return the line of an error that tells most, without secrets and control characters."""
    err.seek(0)
    lines = err.read(1 << 16).decode("utf-8", "replace").splitlines()
    told = [line for line in lines if line.startswith(("fatal: ", "error: "))] or lines[-1:]
    if told and "Could not read from remote" in told[0]:
        # What ssh says comes right before that, and without such a word.
        told = [line for line in lines[: lines.index(told[0])] if line.strip()][-1:] or told
    text = told[0].removeprefix("fatal: ").removeprefix("error: ") if told else "it failed"
    shown = "".join(letter if letter.isprintable() else " " for letter in call.access.hide(text))
    return shown[:_SHOWN]
