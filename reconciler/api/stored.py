"""Data that inputs and outputs only refer to: files, folders and tables in a store.

A file is handed out by Flyte itself where it does so, else it is read with the credentials of
whoever runs this, as are folders: listing one is nothing that a Flyte serves. Nothing is read
before it is asked for.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.errors import BackendError, UnsupportedError, UsageError

if TYPE_CHECKING:
    from reconciler.backends.running import Running

_PIECE_BYTES = 1 << 16
_OUTSIDE = frozenset({"file", "memory", "http", "https", "data"})
"""Schemes of what no Flyte keeps."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file in a folder: its path below that, its address, and its bytes where they are told."""

    path: str
    uri: str
    size: int | None = None


class Store:
    """What a Flyte's runs wrote, and where else their addresses lead; without a Flyte, those."""

    def __init__(self, running: Running | None) -> None:
        self._running = running

    async def stream(self, uri: str) -> AsyncIterator[bytes]:
        """Yield a file in pieces; whoever stops taking them ends the download."""
        if self._running is not None and _scheme(uri) not in _OUTSIDE:
            try:
                async for piece in self._running.content(uri):
                    yield piece
            except UnsupportedError:
                pass
            else:
                return
        async for piece in _own(uri):
            yield piece

    async def list(self, uri: str) -> tuple[Found, ...]:
        """List the files of a folder, at any depth, and read none; a file is its own only one."""
        return await asyncio.to_thread(_listed, uri)

    async def save(self, uri: str, to: Path) -> Path:
        """Download a file; it is there whole or not at all."""
        draft = to.with_name(f".{to.name}.part")
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                async for piece in self.stream(uri):
                    file.write(piece)
            draft.replace(to)
        except OSError as error:
            why = error.strerror or str(error)
            raise UsageError(f"{to}: cannot be written: {why}; choose another folder") from None
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        return to

    async def save_folder(self, uri: str, to: Path) -> tuple[Path, ...]:
        """Download a folder with its structure; a table that is one file is that file."""
        files = [await self.save(one.uri, within(to, one.path)) for one in await self.list(uri)]
        if not files:
            await asyncio.to_thread(to.mkdir, parents=True, exist_ok=True)
        return tuple(files)


@dataclass(slots=True)
class Ref:
    """A file, a folder or a table of an output; nothing is read before it is asked for.

    Once it was downloaded it is a path: `open(ref)` works.
    """

    store: Store
    uri: str
    is_folder: bool = False
    format: str = ""
    _local: Path | None = None

    def __fspath__(self) -> str:
        """Return where it is on this disk; raises UsageError before it was downloaded."""
        if self._local is None:
            raise UsageError(f"{self.uri}: is not here yet; await its download()")
        return os.fspath(self._local)

    async def download(self, to: Path | str) -> Path:
        """Bring it into a folder, at the first call alone; returns the path of it."""
        if self._local is None:
            folder = Path(to)
            if self.is_folder:
                await self.store.save_folder(self.uri, folder)
                self._local = folder
            else:
                self._local = await self.store.save(self.uri, folder / base_name(self.uri))
        return self._local

    def stream(self) -> AsyncIterator[bytes]:
        """Yield the file in pieces, without a copy on this disk."""
        return self.store.stream(self.uri)

    async def head(self, size: int) -> bytes:
        """Read the first bytes of a file, and not much more of it than those."""
        found = bytearray()
        async for piece in self.stream():
            found += piece
            if len(found) >= size:
                break
        return bytes(found[:size])

    async def list(self) -> tuple[Found, ...]:
        """List the files of a folder without reading any."""
        return await self.store.list(self.uri)


def within(folder: Path, name: str) -> Path:
    """Name a file below a folder; raises UsageError where somebody's name leads out of it."""
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or {"..", "."} & set(parts) or "\\" in name:
        raise UsageError(f"{name}: is no name for a file below {folder}; download it by its URI")
    return folder.joinpath(*parts)


def base_name(uri: str) -> str:
    """Name a file as its address does."""
    return uri.partition("?")[0].rstrip("/").rpartition("/")[2] or "file"


def _scheme(uri: str) -> str:
    scheme, is_address, _ = uri.partition("://")
    return scheme.lower() if is_address else "file"


async def _own(uri: str) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(_opened, uri)
    try:
        while piece := await asyncio.to_thread(_reading, uri, file):
            yield piece
    finally:
        await asyncio.to_thread(file.close)


def _opened(uri: str) -> Any:
    import fsspec

    with _Telling(uri):
        return fsspec.open(uri, "rb").open()


def _reading(uri: str, file: Any) -> bytes:
    with _Telling(uri):
        found: bytes = file.read(_PIECE_BYTES)
        return found


def _listed(uri: str) -> tuple[Found, ...]:
    import fsspec

    with _Telling(uri):
        system, root = fsspec.core.url_to_fs(uri)
        found = system.find(root, detail=True)
        root = root.rstrip("/")
        return tuple(
            Found(
                path=path.removeprefix(root).strip("/") or base_name(path),
                uri=system.unstrip_protocol(path),
                size=info.get("size"),
            )
            for path, info in sorted(found.items())
        )


class _Telling:
    """Turns whatever a file system raises into an error that says what to do."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        match error:
            case None | BackendError():
                return
            case ImportError():
                raise UsageError(f"{self._uri}: {error}; install it beside reconcile") from None
            case FileNotFoundError():
                raise BackendError(f"{self._uri}: is not there; it may have been removed") from None
            case Exception():
                why = f"{type(error).__name__}: {error}"
                raise BackendError(
                    f"{self._uri}: cannot be read with your credentials ({why})"
                ) from None
