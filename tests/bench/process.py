"""Runs one command and measures it: wall and CPU seconds, and the most memory it held."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a command took; `peak` in MiB, `load` is the load average before it."""

    wall: float
    cpu: float
    peak: float
    load: float
    output: str


class FailedError(Exception):
    """A measured command ended with an exit code that means failure."""


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    environ: Mapping[str, str] | None = None,
    accept: frozenset[int] = frozenset({0}),
) -> Cost:
    """Run a command to its end; `environ` is added to that of this process."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    if process.returncode not in accept:
        shown = " ".join(str(part) for part in command[:4])
        raise FailedError(f"{shown} ...: exit code {process.returncode}\n{said[-2000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(wall, cpu, usage.ru_maxrss / 1024, load, said)
