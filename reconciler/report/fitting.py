"""Makes sections fit into a number of characters, the important ones first, and counts the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from reconciler.report.quoting import code, units

_RESERVE = 1500
"""What the frame of a section takes at most: its title, and what is left out of it."""
_SHOWN_PLACES = 5


def _nothing() -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a section, and what can be folded away below it; `counts` is 0 for a heading."""

    line: str
    details: Callable[[], Iterable[str]] = _nothing
    counts: int = 1


@dataclass(frozen=True, slots=True)
class Section:
    """Entries under a title.

    A loud one is always open, and what it says comes before what any quiet one does. `places` says
    of each entry that counts what it is and where, for the count of what is left out.
    """

    title: str
    entries: Sequence[Entry]
    is_loud: bool = False
    is_open: bool = True
    places: Sequence[str] = ()


@dataclass(slots=True)
class _Shown:
    """How much of a section is shown: its first lines, and the details of the first of them."""

    lines: int = 0
    details: list[str] = field(default_factory=list)


def fit(sections: Sequence[Section], limit: int) -> str:
    """Write sections within a limit.

    Titles and counts are always there. Then come the lines of a loud section and their details,
    section by section, then those of the quiet ones.
    """
    room = limit - sum(units(section.title) + _RESERVE for section in sections)
    shown = [_Shown() for _ in sections]
    pairs = list(zip(sections, shown, strict=True))
    for is_loud in (True, False):
        tier = [pair for pair in pairs if pair[0].is_loud is is_loud]
        for section, part in tier:
            room = _take_lines(section, part, room)
        for section, part in tier:
            room = _take_details(section, part, room)
    return "\n".join(line for section, part in pairs for line in _written(section, part))


def _take_lines(section: Section, part: _Shown, room: int) -> int:
    for entry in section.entries:
        cost = units(entry.line) + 1
        if cost > room:
            return 0  # what comes later is less important, and must not take what was too little
        room -= cost
        part.lines += 1
    return room


def _take_details(section: Section, part: _Shown, room: int) -> int:
    for entry in section.entries[: part.lines]:
        text = "\n".join(entry.details())
        cost = units(text) + 1 if text else 0
        if cost > room:
            return 0
        room -= cost
        part.details.append(text)
    return room


def _written(section: Section, part: _Shown) -> Iterator[str]:
    is_folded = not section.is_loud
    yield ""
    if is_folded:
        yield f"<details{' open' if section.is_open else ''}><summary>{section.title}</summary>"
        yield ""
    else:
        yield f"#### {section.title}"
        yield ""
    for index, entry in enumerate(section.entries[: part.lines]):
        yield entry.line
        if index < len(part.details) and part.details[index]:
            yield part.details[index]
    yield from _left_out(section, part)
    if is_folded:
        yield ""
        yield "</details>"


def _left_out(section: Section, part: _Shown) -> Iterator[str]:
    """Count what is not shown."""
    shown = sum(entry.counts for entry in section.entries[: part.lines])
    left = sum(entry.counts for entry in section.entries[part.lines :])
    if left:
        where = _counted(section.places[shown:])
        yield f"- and **{left:,} more**{where} that do not fit here"
    bare = sum(1 for entry in section.entries[len(part.details) : part.lines] if entry.counts)
    if bare and any(_has_details(entry) for entry in section.entries[len(part.details) :][:1]):
        yield f"- the fields of {bare:,} of these are left out, since they do not fit here"


def _has_details(entry: Entry) -> bool:
    return next(iter(entry.details()), None) is not None


def _counted(places: Sequence[str]) -> str:
    if not places:
        return ""
    counts = Counter(places).most_common()
    listed = ", ".join(f"{count:,} {code(place)}" for place, count in counts[:_SHOWN_PLACES])
    rest = sum(count for _, count in counts[_SHOWN_PLACES:])
    more = f", {rest:,} elsewhere" if rest else ""
    return f" ({listed}{more})"
