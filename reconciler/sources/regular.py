"""Opening files that may be anything: what is no regular file is refused, never waited for."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO


class NotRegularError(ValueError):
    """It is a pipe, a device or a socket."""


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to read; raises NotRegularError, or OSError as `open` does."""
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise NotRegularError("is neither a file nor a folder")
    return file


def _without_waiting(path: str, flags: int) -> int:
    """Open as usual, but do not wait for the other end of a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)
