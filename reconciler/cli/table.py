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
    used = [index for index in range(len(header)) if any(row[index] for row in rows)]
    sizes = {i: max(len(header[i]), *(len(row[i]) for row in rows)) for i in used}
    if width is not None:
        for name in drop:
            if _total(min(size, _READABLE) for size in sizes.values()) <= width:
                break
            sizes.pop(header.index(name), None)
        sizes = _fit(sizes, width)
    for line in (header, *rows):
        cells = (_cut(line[index], size).ljust(size) for index, size in sizes.items())
        yield _GAP.join(cells).rstrip()


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
