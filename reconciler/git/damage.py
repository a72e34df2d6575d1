"""What a crash, a full disk or a killed git leaves of a mirror, and how that is told from others.

A mirror may be deleted at any time, so that one that is damaged is simply made anew.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.errors import UsageError
from reconciler.git.faults import Fault, SourceError

_OTHER_HASH = re.compile(r"mismatched algorithms: client \w+; server (sha1|sha256)")
_DAMAGE = re.compile(
    r"bad object|cannot lock ref|bad config|bad line|corrupt|shallow (file|line)|loose object"
    r"|index file|packfile|is too small|inflate|bad revision"
    r"|unable to (read (sha1|tree|[0-9a-f]{7})|resolve reference|parse (object|commit)|unpack)"
    r"|not a git repository|did not send all necessary objects|missing (blob|tree|commit|object)"
)
_LOSS = re.compile(r"git (ls-tree|cat-file): |object \w+ is missing")


def needs_new(error: SourceError) -> str | None:
    """Say of a fetch that failed whether a new mirror may do, and of which kind of hash.

    Empty is any kind. None where it does not lie with the mirror; a server has no say in it.
    """
    text = str(error)
    if error.fault is not Fault.FETCH or "remote error" in text:
        return None
    other = _OTHER_HASH.search(text)
    if other is not None:
        return other[1]
    return "" if _DAMAGE.search(text) else None


def is_loss(error: UsageError) -> bool:
    """Say whether a commit cannot be read because objects of it are missing here."""
    return bool(_LOSS.search(str(error)))


def sweep(mirror: Path) -> None:
    """Remove what a killed git left behind, which would be in the way for ever, or grow."""
    objects = mirror / "objects"
    locks = (*mirror.glob("*.lock"), *(mirror / "refs").rglob("*.lock"))
    parts = (path for place in ("", "pack/", "??/") for path in objects.glob(f"{place}tmp_*"))
    for path in (*locks, *parts):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def on_disk(place: Path) -> Iterator[None]:
    """Tell of a disk that is full, or may not be written, as of anything else of Git."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise SourceError(
            Fault.FETCH,
            f"git: {error.filename or place}: {reason}; free space there, or make it writable",
        ) from None
