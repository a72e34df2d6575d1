"""Tags as semantic versions, and the ranges that choose among them.

A range is comparisons with white space or commas between them, all of which must hold, and `||`
between alternatives: `>=1.2 <2`, `^1.4`, `~1.4.2`, `1.x`, `*`. A version with a pre-release counts
only where a comparison of the same version has one too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import total_ordering

_VERSION = re.compile(
    r"v?(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)
_TERM = re.compile(
    r"(>=|<=|>|<|=|\^|~)?\s*v?(\d{1,9}|[xX*])(?:\.(\d{1,9}|[xX*]))?(?:\.(\d{1,9}|[xX*]))?"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """One version; build metadata counts nothing."""

    numbers: tuple[int, int, int]
    pre: tuple[str, ...] = ()

    def __lt__(self, other: Version) -> bool:
        return self._rank < other._rank

    @property
    def _rank(self) -> tuple[object, ...]:
        parts = tuple((0, int(x), "") if x.isdigit() else (1, 0, x) for x in self.pre)
        return (*self.numbers, not self.pre, parts)


@dataclass(frozen=True, slots=True)
class _Bounds:
    """One alternative: from a version on, and up to one."""

    tests: tuple[tuple[str, Version], ...]

    def has(self, version: Version) -> bool:
        if version.pre and not any(
            other.pre and other.numbers == version.numbers for _, other in self.tests
        ):
            return False
        return all(_holds(version, how, other) for how, other in self.tests)


@dataclass(frozen=True, slots=True)
class Range:
    """A range of versions; made by `parse_range`."""

    alternatives: tuple[_Bounds, ...] = field(default=())

    def has(self, version: Version) -> bool:
        """Say whether a version is in the range."""
        return any(one.has(version) for one in self.alternatives)


def parse(text: str) -> Version | None:
    """Read a version, with or without a `v`; None for what is none."""
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    pre = tuple(found[4].split(".")) if found[4] else ()
    return Version((int(found[1]), int(found[2]), int(found[3])), pre)


def parse_range(text: str) -> Range:
    """Read a range; raises ValueError for what is none."""
    return Range(tuple(_alternative(part) for part in text.split("||")))


def newest(tags: Iterable[str], wanted: Range) -> str | None:
    """Choose the newest tag in a range; of two that spell one version, the last by name."""
    known = {tag: found for tag in tags if (found := parse(tag)) is not None}
    inside = [tag for tag, version in known.items() if wanted.has(version)]
    return max(inside, key=lambda tag: (known[tag], tag), default=None)


def _alternative(text: str) -> _Bounds:
    tests: list[tuple[str, Version]] = []
    rest = text.replace(",", " ").strip()
    if not rest:
        raise ValueError(f'"{text}" is no range of versions')
    while rest:
        found = _TERM.match(rest)
        end = found.end() if found else 0
        if found is None or (end < len(rest) and not rest[end].isspace()):
            raise ValueError(f'"{rest}" is no range of versions')
        tests += _tests(found)
        rest = rest[end:].strip()
    return _Bounds(tuple(tests))


def _tests(found: re.Match[str]) -> list[tuple[str, Version]]:
    how = found[1] or "="
    given = [int(part) for part in found.group(2, 3, 4) if part is not None and part.isdigit()]
    low = Version(_three(given), tuple(found[5].split(".")) if found[5] else ())
    if not given:
        return [(">=", Version((0, 0, 0)))]
    if how in {">", ">=", "<", "<="} and len(given) == 3:
        return [(how, low)]
    if how in {">=", "<"}:
        return [(how, low)]
    if how in {">", "<="}:
        return [(">=" if how == ">" else "<", Version(_after(given)))]
    if how == "^":
        kept = next((index for index, number in enumerate(given) if number), len(given) - 1)
        return [(">=", low), ("<", Version(_after(given[: kept + 1])))]
    if how == "~":
        return [(">=", low), ("<", Version(_after(given[:2])))]
    return [("=", low)] if len(given) == 3 else [(">=", low), ("<", Version(_after(given)))]


def _three(numbers: list[int]) -> tuple[int, int, int]:
    first, second, third, *_ = [*numbers, 0, 0, 0]
    return first, second, third


def _after(numbers: list[int]) -> tuple[int, int, int]:
    """Return the first version past all that begin with these numbers."""
    return _three([*numbers[:-1], numbers[-1] + 1])


def _holds(version: Version, how: str, other: Version) -> bool:
    match how:
        case ">":
            return version > other
        case ">=":
            return version >= other
        case "<":
            return version < other
        case "<=":
            return version <= other
        case _:
            return version == other
