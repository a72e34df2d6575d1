"""Looks at files before a renderer does: links that lead out, and more than anybody writes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from reconciler.model.origin import Origin, Problem

MAX_FILES = 20_000
MAX_FILE_BYTES = 16 << 20


def faults(folder: Path, *, tree: Path, shown: str) -> Iterator[Problem]:
    """Say what in a folder may not be given to a renderer; `shown` is what the user calls it."""
    root = os.path.realpath(tree)
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != ".git")
        for name in sorted((*folders, *names)):
            path = Path(place, name)
            called = os.path.join(shown, os.path.relpath(path, folder))  # noqa: PTH118 - a text
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                if not Path(os.path.realpath(path)).is_relative_to(root):
                    fix = "copy what it points to, or remove it"
                    yield Problem(Origin(called), "the symbolic link leaves the tree", fix=fix)
            elif stat.S_ISREG(mode):
                count += 1
                if path.stat().st_size > MAX_FILE_BYTES:
                    size = f"it is larger than {MAX_FILE_BYTES >> 20} MiB"
                    yield Problem(Origin(called), size, fix="move it out of what is rendered")
            elif not stat.S_ISDIR(mode):
                yield Problem(Origin(called), "it is neither a file nor a folder", fix="remove it")
    if count > MAX_FILES:
        yield Problem(Origin(shown), f"it holds more than {MAX_FILES:,} files", fix="split it")
