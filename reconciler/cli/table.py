"""Tables for people: columns fit a terminal, and are whole where there is none."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence

_GAP = "  "
_SMALLEST = 8


def width_of_terminal() -> int | None:
    """Return the columns of the terminal that stdout is, None where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None
) -> Iterator[str]:
    """Write rows under a header, in columns; those that are wide are cut to fit `width`.

    Columns in which no row has anything are left out.
    """
    used = [index for index in range(len(header)) if any(row[index] for row in rows)]
    lines = [[header[index] for index in used], *([row[index] for index in used] for row in rows)]
    sizes = [max(len(line[column]) for line in lines) for column in range(len(used))]
    if width is not None:
        sizes = _fit(sizes, width - len(_GAP) * (len(sizes) - 1))
    for line in lines:
        cells = (_cut(cell, size).ljust(size) for cell, size in zip(line, sizes, strict=True))
        yield _GAP.join(cells).rstrip()


def _fit(sizes: Sequence[int], room: int) -> list[int]:
    """Take from the widest columns until all fit, down to a size that still says something."""
    fitted = list(sizes)
    while sum(fitted) > room and max(fitted, default=0) > _SMALLEST:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _cut(cell: str, size: int) -> str:
    return cell if len(cell) <= size else f"{cell[: size - 1]}~"
