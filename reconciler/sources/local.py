"""Local files and folders that inputs are given by: what is in them, by digest.

Only what stands in the tree of the set may be named: no absolute path, none that leads out, by a
link either, and nothing hidden (a checkout keeps credentials in `.git`). Contents are read once, to
be counted and hashed, and never kept.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reconciler.model.attachment import LocalFile, Upload
from reconciler.model.digest import digest
from reconciler.model.document import Json
from reconciler.model.interface import Unread
from reconciler.sources.regular import NotRegularError, open_regular

_CHUNK = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9_.=+@,~-]+")
"""What stores and Flyte write into a URI as it is."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one input may be: 5 GiB is what stores take in one piece."""

    total_bytes: int = 5 << 30
    files: int = 1000


DEFAULT_LIMITS = Limits()


class _BadFileError(ValueError):
    """Why something cannot be an input."""


def load(
    written: str, *, base: Path, tree: Path, limits: Limits = DEFAULT_LIMITS
) -> Upload | Unread:
    """Read what a path means that is written relative to `base`, within `tree`.

    Of a folder, all files count but hidden ones, which are left out. May block on the disk.
    """
    try:
        real = _real(written, base=base, tree=tree)
        name = PurePosixPath(written).name
        name = real.name if name in {"", ".."} else name
        _check_name(name)
        if not real.is_dir():
            file, sha256 = _read(real, limits.total_bytes)
            return Upload(digest({"file": sha256}), name, {"": file})
        files: dict[str, LocalFile] = {}
        hashes: dict[str, Json] = {}
        left = limits.total_bytes
        for inner, path in _files(real, tree=tree.resolve()):
            if len(files) == limits.files:
                raise _BadFileError(f"holds more than {limits.files:,} files")
            files[inner], hashes[inner] = _read(path, left)
            left -= files[inner].size
        if not files:
            raise _BadFileError("holds no files")
        return Upload(digest({"folder": hashes}), name, dict(sorted(files.items())))
    except (_BadFileError, NotRegularError) as error:
        return Unread(f"{written}: {error}")
    except OSError as error:
        return Unread(f"{written}: cannot be read ({error.strerror or error})")


def _real(written: str, *, base: Path, tree: Path) -> Path:
    if not written or "\0" in written or "\\" in written:
        raise _BadFileError("is not a path; write one with slashes")
    if PurePosixPath(written).is_absolute() or written.startswith("~"):
        raise _BadFileError("is not relative; write it as seen from this document's folder")
    try:
        real = (base / written).resolve(strict=True)
    except FileNotFoundError:
        raise _BadFileError("does not exist; correct the path, or make the file first") from None
    except RuntimeError:
        raise _BadFileError("is a link that leads back to itself") from None
    root = tree.resolve()
    if not real.is_relative_to(root):
        raise _BadFileError("leads out of the folder of reconcile.yaml; keep the file below it")
    if any(part.startswith(".") for part in real.relative_to(root).parts):
        raise _BadFileError("is hidden; name a file that is not, in a folder that is not")
    return real


def _files(root: Path, *, tree: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files below a folder with their paths in it."""

    def fail(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(root, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted((*names, *folders)):
            path = Path(folder, name)
            is_link = stat.S_ISLNK(path.lstat().st_mode)
            if name.startswith(".") or (name in folders and not is_link):
                continue
            inner = path.relative_to(root)
            for part in inner.parts:
                _check_name(part)
            real = path.resolve()
            if is_link and (real.is_dir() or not real.is_relative_to(tree)):
                raise _BadFileError(f"{inner} is a link to a folder, or out of the set")
            yield inner.as_posix(), real


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise _BadFileError(
            f"the name {name!r} cannot stand in a URI; use letters, digits and _ . = + @ , ~ -"
        )


def _read(path: Path, most: int) -> tuple[LocalFile, str]:
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with open_regular(path) as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > most:
                raise _BadFileError(
                    "is larger than can be uploaded in one piece; bring it to the store and give "
                    "its URI"
                )
            sha256.update(chunk)
            md5.update(chunk)
    return LocalFile(path, size, md5.digest()), sha256.hexdigest()
