"""Go programs that the tests run beside ours: each built once, into a cache that may be deleted.

A module of Go pins the programs (`tool` lines) and all that they are made of. Processes that want
the same programs at once wait for the one that builds; one that is killed leaves nothing behind
that the next would take for a program.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FLAGS = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs of one Go module: its folder, their packages, what the linker is told."""

    module: Path
    packages: tuple[str, ...]
    linker: tuple[str, ...] = ("-s", "-w")


def folder_of(tools: Tools) -> Path:
    """The folder that holds the programs; builds them when that has not been done."""
    place = _place(tools)
    if not place.exists():
        with _locked(place.with_suffix(".lock")):
            if not place.exists():
                _build(tools, place)
    return place


def _place(tools: Tools) -> Path:
    """One folder for each set of sources, versions, flags and Go that they are built with."""
    if shutil.which("go") is None:
        raise AssertionError(f"{tools.module}: `go` is not installed, and builds what is tested")
    written = [tools.module / "go.mod", tools.module / "go.sum", *sorted(tools.module.glob("*.go"))]
    told = [path.read_bytes() for path in written]
    told += [repr((tools.packages, tools.linker, _FLAGS)).encode(), _go_version()]
    digest = hashlib.sha256(b"\0".join(told)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "reconcile-tests" / f"{tools.module.name}-{digest}"


def _go_version() -> bytes:
    return subprocess.run(["go", "version"], check=True, capture_output=True).stdout


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that the system takes back from a process that ends in any way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(tools: Tools, place: Path) -> None:
    for left in place.parent.glob(f"{place.name}.part-*"):
        shutil.rmtree(left, ignore_errors=True)
    part = Path(tempfile.mkdtemp(prefix=f"{place.name}.part-", dir=place.parent))
    flags = ["-ldflags", " ".join(tools.linker), "-o", f"{part}/"]
    built = subprocess.run(
        ["go", "build", *flags, *tools.packages],
        check=False,
        cwd=tools.module,
        env=os.environ | _FLAGS,
        capture_output=True,
    )
    assert built.returncode == 0, f"{tools.module.name}: {built.stderr.decode()}"
    part.rename(place)
