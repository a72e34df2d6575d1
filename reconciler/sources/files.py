"""Files and standard input into documents, with everything that could not be read said aloud.

What is unreadable is not absent: a caller that removes what is no longer declared must see
`Tree.is_whole` first.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from reconciler.model.origin import Origin, Problem, Severity
from reconciler.sources.text import MAX_BYTES
from reconciler.sources.yaml import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.model.document import Document

SUFFIXES = (".yaml", ".yml", ".json")
"""What a folder's files must end in to be read; a file that is named itself may end in anything."""

MAX_STDIN_BYTES = 64 * 1024 * 1024
"""Size limit of standard input, in bytes; it carries whole clusters (`kubectl get -o yaml`)."""

_DEVICE_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@dataclass(frozen=True, slots=True)
class Tree:
    """What some paths hold.

    `files` are those that were read, as they are shown to the user. `is_whole` means that
    everything under the paths was read without an error; standard input is never whole.
    """

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]
    files: tuple[Path, ...]
    is_whole: bool


def discover(
    paths: Sequence[Path | str],
    *,
    base: Path,
    is_confined: bool = False,
    within: Path | None = None,
    max_bytes: int = MAX_BYTES,
) -> Tree:
    """Read files, and folders recursively: each folder's files by name, then its folders by name.

    Relative paths start at `base` and are shown relative to it. Names that begin with a dot are
    left out unless given. Symbolic links are followed as long as they stay within `base` (or within
    the given path, where that is elsewhere); one that leaves is a problem. `is_confined` also
    refuses given paths outside `base`, for folders that somebody else wrote; `within` names another
    folder than `base` for it.
    """
    reading = Reading(paths, base=base, is_confined=is_confined, within=within, max_bytes=max_bytes)
    documents = tuple(reading)
    return Tree(documents, tuple(reading.problems), tuple(reading.files), is_whole=reading.is_whole)


class Reading:
    """What `discover` finds, one file after the other, so that documents can be put away early.

    Iterate once, to the end; only then are `problems`, `files` and `is_whole` those of a `Tree`.
    """

    def __init__(
        self,
        paths: Sequence[Path | str],
        *,
        base: Path,
        is_confined: bool = False,
        within: Path | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        search = _Search(
            base=Path(os.path.realpath(within or base)),
            is_confined=is_confined or within is not None,
        )
        self._shown: dict[Path, str] = {}
        for path in paths:
            search.add(base / path)
            for file in search.files[len(self._shown) :]:
                self._shown[file] = _show(
                    file if Path(path).is_absolute() else file.relative_to(base)
                )
        self.problems = search.problems
        self.files: list[Path] = []
        self._max_bytes = max_bytes

    @property
    def is_whole(self) -> bool:
        """Say whether everything under the paths was read without an error."""
        return len(self.files) == len(self._shown) and _is_clean(self.problems)

    def __iter__(self) -> Iterator[Document]:
        for file, name in self._shown.items():
            data = _read(file, name=name, max_bytes=self._max_bytes)
            if isinstance(data, Problem):
                self.problems.append(data)
                continue
            self.files.append(file)
            found, faults = parse(data, file=name, max_bytes=self._max_bytes)
            self.problems += faults
            yield from found


def parse_stdin(stream: BinaryIO, *, max_bytes: int = MAX_STDIN_BYTES) -> Tree:
    """Read documents from standard input; they are one file named `-`."""
    try:
        data = stream.read(max_bytes + 1)
    except OSError as error:
        problem = Problem(Origin("-"), f"standard input cannot be read ({_reason(error)})")
        return Tree((), (problem,), (), is_whole=False)
    documents, problems = parse(data, file="-", max_bytes=max_bytes)
    return Tree(documents, problems, (Path("-"),), is_whole=False)


class _Search:
    """Collects the files below the given paths, each real file once."""

    def __init__(self, *, base: Path, is_confined: bool) -> None:
        self.files: list[Path] = []
        self.problems: list[Problem] = []
        self._base = base
        self._is_confined = is_confined
        self._seen: set[str] = set()

    def add(self, path: Path) -> None:
        real = Path(os.path.realpath(path))
        is_inside = real.is_relative_to(self._base)
        if not is_inside and self._is_confined:
            self._complain(
                path, f"the path leaves {_show(self._base)}", fix="move the files inside"
            )
            return
        try:
            mode = path.stat().st_mode
        except OSError as error:
            fix = "correct the path" if error.errno == errno.ENOENT else "make it readable"
            self._complain(path, f"it cannot be read ({_reason(error)})", fix=fix)
            return
        if stat.S_ISDIR(mode):
            self._walk(path, real, root=self._base if is_inside else real)
        else:
            self._take(path, real, mode)

    def _walk(self, folder: Path, real: Path, *, root: Path) -> None:
        pending = [(folder, real)]
        while pending:
            path, real = pending.pop()
            if str(real) in self._seen:
                continue
            self._seen.add(str(real))
            folders: list[tuple[Path, Path]] = []
            for entry in self._list(path):
                child = path / entry.name
                target = Path(os.path.realpath(child)) if entry.is_symlink() else real / entry.name
                mode = self._examine(entry, child, target=target, root=root)
                if mode is None:
                    continue
                if stat.S_ISDIR(mode):
                    folders.append((child, target))
                elif entry.name.endswith(SUFFIXES):
                    self._take(child, target, mode)
            pending += reversed(folders)

    def _examine(
        self, entry: os.DirEntry[str], child: Path, *, target: Path, root: Path
    ) -> int | None:
        """Return the mode of what may be read, or complain if it might hold documents."""
        try:
            mode = entry.stat().st_mode
        except OSError as error:
            if entry.is_symlink() or entry.name.endswith(SUFFIXES):
                message = f"it cannot be read ({_reason(error)})"
                self._complain(child, message, fix="repair or remove it")
            return None
        if target.is_relative_to(root):
            return mode
        if stat.S_ISDIR(mode) or entry.name.endswith(SUFFIXES):
            message = f"the symbolic link leaves {_show(root)}"
            self._complain(child, message, fix="copy what it points to, or remove it")
        return None

    def _list(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            message = f"the folder cannot be read ({_reason(error)})"
            self._complain(folder, message, fix="make it readable")
            return
        yield from (entry for entry in found if not entry.name.startswith("."))

    def _take(self, path: Path, real: Path, mode: int) -> None:
        kind = _device(mode)
        if kind is not None:
            fix = "write a regular file, or send the text through standard input as `-`"
            self._complain(path, f"it is {kind}, not a file", fix=fix)
        elif str(real) not in self._seen:
            self._seen.add(str(real))
            self.files.append(path)

    def _complain(self, path: Path, message: str, *, fix: str) -> None:
        self.problems.append(Problem(Origin(_show(path)), message, fix=fix))


def _read(path: Path, *, name: str, max_bytes: int) -> bytes | Problem:
    """Read a regular file; its kind is checked again once open, since it may have changed."""
    try:
        # Without O_NONBLOCK, opening a pipe waits for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            kind = _device(os.fstat(descriptor).st_mode)
            if kind is not None:
                return Problem(
                    Origin(name), f"it is {kind}, not a file", fix="write a regular file"
                )
            return file.read(max_bytes + 1)
    except OSError as error:
        fix = "make it readable or remove it"
        return Problem(Origin(name), f"the file cannot be read ({_reason(error)})", fix=fix)


def _device(mode: int) -> str | None:
    if stat.S_ISREG(mode):
        return None
    return next((kind for is_kind, kind in _DEVICE_KINDS if is_kind(mode)), "something else")


def _show(path: Path) -> str:
    """Write a path so that it can be printed, whatever bytes are in it."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _is_clean(problems: Sequence[Problem]) -> bool:
    return all(problem.severity is not Severity.ERROR for problem in problems)
