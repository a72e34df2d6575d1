"""Opens archives that somebody else made: a tar, with gzip or without, or a plain folder.

Nothing is written while opening and nothing outside of the archive is touched: members are read
into memory under limits, and a name that leads out of the archive, a link, a device or a second
member of one name makes the whole archive unreadable. What cannot be read is `Unread` with its
cause, never an empty archive.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, cast

from reconciler.model.interface import Unread
from reconciler.sources.regular import NotRegularError, open_regular

SCHEMES = frozenset({"https", "s3", "gs", "gcs", "abfs", "abfss", "az"})
"""Where an archive may be fetched from, besides local files."""

_GZIP = b"\x1f\x8b"
_BLOCK = 512
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What one archive may hold, in bytes after decompression and in members."""

    total_bytes: int = 512 << 20
    members: int = 20_000


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Archive:
    """Names (relative, with slashes) and contents of the files of an archive."""

    members: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of a tar: a file with its content, or a symbolic link with its target."""

    name: str
    content: bytes = field(default=b"", repr=False)
    target: str = ""
    is_executable: bool = False


class _BadArchiveError(ValueError):
    """What is wrong with an archive."""


WhyNot = Callable[[str], str]
"""Says why an address may not be read; empty when it may."""


def load(
    location: str,
    *,
    base: Path,
    sha256: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    is_connected: bool = True,
    why_not: WhyNot | None = None,
) -> Archive | Unread:
    """Open the archive at a path relative to `base`, or at a URL of an allowed scheme.

    `sha256` (64 hex digits) is checked when it is given; a URL needs it, and what it names is kept
    in the cache. May block on disk and, unless `is_connected` is false, on the network. `why_not`
    is asked about every address that a server sends us on to.
    """
    scheme, separator, rest = location.partition("://")
    try:
        if not separator or scheme == "file":
            return _local(base / (rest if separator else location), sha256, limits)
        if scheme not in SCHEMES:
            allowed = ", ".join(sorted(SCHEMES))
            raise _BadArchiveError(f"scheme {scheme} is not allowed; use one of {allowed}")
        if sha256 is None:
            raise _BadArchiveError("it is remote and has no sha256; add it")
        return read(_remote(location, sha256, limits, why_not, is_connected), limits=limits)
    except _BadArchiveError as error:
        return Unread(f"{location}: {error}")


def read(content: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Archive:
    """Open the bytes of a tar or tgz; raises ValueError that says what is wrong."""
    members: dict[str, bytes] = {}
    for entry in entries(content, limits=limits):
        if entry.target:
            raise _BadArchiveError(
                f"{entry.name} is a link; build the archive with its links resolved"
            )
        members[entry.name] = entry.content
    return Archive(members)


def entries(content: bytes, *, limits: Limits = DEFAULT_LIMITS) -> tuple[Entry, ...]:
    """List the files and symbolic links of a tar or tgz; raises ValueError as `read` does."""
    if content[:4] == b"PK\x03\x04":
        raise _BadArchiveError("is a zip file; a tar or tgz is needed")
    if content[:2] != _GZIP and (len(content) % _BLOCK or content[-_BLOCK:].strip(b"\0")):
        raise _BadArchiveError("is neither a tgz nor a complete tar; build it again")
    try:
        return tuple(_entries(content, limits))
    except (tarfile.TarError, EOFError, OSError, zlib.error, UnicodeError) as error:
        detail = str(error) or type(error).__name__
        raise _BadArchiveError(f"cannot be unpacked ({detail}); build it again") from error


def _entries(content: bytes, limits: Limits) -> Iterator[Entry]:
    raw = cast("IO[bytes]", io.BytesIO(content))
    source = _Bounded(gzip.GzipFile(fileobj=raw) if content[:2] == _GZIP else raw, limits)
    seen: set[str] = set()
    with tarfile.open(fileobj=cast("IO[bytes]", source), mode="r|") as tar:
        for count, member in enumerate(tar, start=1):
            if count > limits.members:
                raise _BadArchiveError(f"has more than {limits.members:,} members")
            if member.isdir():
                continue
            name = _safe(member.name)
            if name in seen:
                raise _BadArchiveError(f"has two members named {name}")
            seen.add(name)
            executable = bool(member.mode & stat.S_IXUSR)
            if member.issym():
                yield Entry(name, target=member.linkname)
            elif member.isfile():
                if member.size > limits.total_bytes:
                    raise _too_large(limits)
                file = tar.extractfile(member)
                assert file is not None
                yield Entry(name, file.read(), is_executable=executable)
            else:
                raise _BadArchiveError(f"{name} is neither a file, a folder nor a symbolic link")


class _Bounded:
    """Reads no more than the limit, whatever a header claims."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile, limits: Limits) -> None:
        self._file = file
        self._limits = limits
        # Headers and padding take a block or two per member.
        self._left = limits.total_bytes + 4 * _BLOCK * limits.members

    def read(self, size: int) -> bytes:
        found = self._file.read(min(size, self._left + 1))
        self._left -= len(found)
        if self._left < 0:
            raise _too_large(self._limits)
        return found


def _too_large(limits: Limits) -> _BadArchiveError:
    return _BadArchiveError(f"unpacks to more than {limits.total_bytes >> 20} MiB")


def _safe(name: str) -> str:
    path = PurePosixPath(name)
    parts = [part for part in path.parts if part != "."]
    if path.is_absolute() or ".." in parts or not parts or "\\" in name or "\0" in name:
        raise _BadArchiveError(f"member {name!r} leads out of the archive")
    return "/".join(parts)


def _local(path: Path, sha256: str | None, limits: Limits) -> Archive | Unread:
    try:
        if path.is_dir():
            if sha256 is not None:
                raise _BadArchiveError("a folder has no sha256; leave the field out")
            return Archive(dict(_folder(path, limits)))
        content = _bytes_of(path, limits)
    except OSError as error:
        raise _BadArchiveError(f"{error.strerror or error}; correct the path or build it") from None
    _verify(content, sha256)
    return read(content, limits=limits)


def _bytes_of(path: Path, limits: Limits) -> bytes:
    try:
        with open_regular(path) as file:
            return _at_most(file.read, limits)
    except NotRegularError as error:
        raise _BadArchiveError(str(error)) from None


def _at_most(reads: Callable[[int], bytes], limits: Limits) -> bytes:
    parts: list[bytes] = []
    left = limits.total_bytes
    while part := reads(_CHUNK):
        left -= len(part)
        if left < 0:
            raise _BadArchiveError(f"is larger than {limits.total_bytes >> 20} MiB")
        parts.append(part)
    return b"".join(parts)


def _folder(root: Path, limits: Limits) -> Iterator[tuple[str, bytes]]:
    def fail(error: OSError) -> None:
        raise error

    left = limits
    for folder, folders, files in os.walk(root, onerror=fail):
        folders.sort()
        for name in sorted((*folders, *files)):
            path = Path(folder, name)
            shown = path.relative_to(root).as_posix()
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                continue
            if not stat.S_ISREG(mode):
                raise _BadArchiveError(f"{shown} is neither a file nor a folder")
            if not left.members:
                raise _BadArchiveError(f"has more than {limits.members:,} files")
            content = _bytes_of(path, left)
            left = Limits(left.total_bytes - len(content), left.members - 1)
            yield shown, content


def _verify(content: bytes, sha256: str | None) -> None:
    if sha256 is None:
        return
    found = hashlib.sha256(content).hexdigest()
    if found != sha256.lower():
        raise _BadArchiveError(
            f"has SHA-256 {found}, and {sha256} is declared; check where it comes from"
        )


def _remote(
    location: str,
    sha256: str,
    limits: Limits,
    why_not: WhyNot | None,
    is_connected: bool,  # noqa: FBT001 - handed through
) -> bytes:
    kept = _cache() / sha256.lower()
    with suppress(OSError, _BadArchiveError):
        content = _bytes_of(kept, limits)
        _verify(content, sha256)
        return content
    if not is_connected:
        raise _BadArchiveError(
            "is not fetched by a plan that uses no network; give a path in the tree, or fetch it "
            "into the cache first"
        )
    # Fetching is rare, and loading what it needs costs every other run a tenth of a second.
    try:
        if location.startswith("https://"):
            from reconciler.sources.fetching import fetching

            with fetching(location, why_not) as answer:
                content = _at_most(answer.read, limits)
        else:
            import fsspec

            with fsspec.open(location, "rb") as file:
                content = _at_most(file.read, limits)
    except _BadArchiveError:
        raise
    except ImportError as error:
        raise _BadArchiveError(f"{error}; install it beside reconcile, or use https") from None
    except Exception as error:  # noqa: BLE001 - every file system of fsspec has its own errors
        raise _BadArchiveError(f"cannot be fetched ({type(error).__name__}: {error})") from None
    _verify(content, sha256)
    _keep(kept, content)
    return content


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root, "reconcile", "archives")


def _keep(path: Path, content: bytes) -> None:
    """Keep what was fetched; a disk that cannot be written costs only the next fetch."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.write_bytes(content)
        draft.replace(path)
