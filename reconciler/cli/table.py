"""Tables for people: columns fit a terminal, and are whole where there is none."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence

_GAP = "  "
_SMALLEST = 8
_READABLE = 24


def width_of_terminal() -> int | None:
    """Return the columns of the terminal that stdout is, None where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    width: int | None,
    drop: Sequence[str] = (),
) -> Iterator[str]:
    """Write rows under a header, in columns; those that are wide are cut to fit `width`.

    Columns in which no row has anything are left out, and those of `drop`, in its order, where the
    rest could not be read otherwise.
    """
    if not rows:
        yield ""
    yield from Table(header, width=width, drop=drop).lines(rows, is_all=True)


def _total(sizes: Iterator[int]) -> int:
    found = list(sizes)
    return sum(found) + len(_GAP) * (len(found) - 1)


def _fit(sizes: dict[int, int], width: int) -> dict[int, int]:
    """Take from the widest columns until all fit, down to a size that still says something."""
    fitted = dict(sizes)
    while _total(iter(fitted.values())) > width and max(fitted.values(), default=0) > _SMALLEST:
        fitted[max(fitted, key=lambda index: fitted[index])] -= 1
    return fitted


def _cut(cell: str, size: int) -> str:
    return cell if len(cell) <= size else f"{cell[: size - 1]}~"


class Table:
    """A table whose rows come in batches: the header once, and columns that only grow."""

    def __init__(self, header: Sequence[str], *, width: int | None, drop: Sequence[str]) -> None:
        self._header = header
        self._width = width
        self._drop = drop
        self._sizes: dict[int, int] = {}

    def lines(self, rows: Sequence[Sequence[str]], *, is_all: bool) -> Iterator[str]:
        """Write a batch; where it is the only one, columns in which nothing is are left out."""
        if not rows:
            return
        is_first = not self._sizes
        if is_first:
            used = [index for index in range(len(self._header)) if any(row[index] for row in rows)]
            shown = used if is_all else range(len(self._header))
            self._sizes = {index: len(self._header[index]) for index in shown}
        for index in self._sizes:
            self._sizes[index] = max(self._sizes[index], *(len(row[index]) for row in rows))
        sizes = self._fitted()
        for line in (self._header, *rows) if is_first else rows:
            cells = (_cut(line[index], size).ljust(size) for index, size in sizes.items())
            yield _GAP.join(cells).rstrip()

    def _fitted(self) -> dict[int, int]:
        sizes = dict(self._sizes)
        if self._width is None:
            return sizes
        for name in self._drop:
            if _total(min(size, _READABLE) for size in sizes.values()) <= self._width:
                break
            if name in self._header:
                sizes.pop(self._header.index(name), None)
        return _fit(sizes, self._width)
