"""Folders for a moment, with keys or files of a commit: gone afterwards, also after a `kill -9`.

Each is held by a lock as long as its process lives, so that a later one sees which were left over.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "reconcile-scratch-"


@contextmanager
def folder(what: str) -> Iterator[Path]:
    """Make a folder that only we may read, and remove it when the block ends."""
    with tempfile.TemporaryDirectory(
        prefix=f"{_PREFIX}{what}-", ignore_cleanup_errors=True
    ) as made:
        descriptor = os.open(made, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield Path(made).resolve()
        finally:
            os.close(descriptor)


def sweep() -> int:
    """Remove what processes that were killed left behind; says how many folders."""
    count = 0
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            shutil.rmtree(path, ignore_errors=True)
            count += not path.exists()
        finally:
            os.close(descriptor)
    return count
