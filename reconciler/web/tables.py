"""Long tables in parts: what a reader looks for, and the page that is shown of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from reconciler.engine.status import ObjectStatus, Standing

Item = TypeVar("Item")
PER_PAGE = 100
"""Rows that a browser, and a person, take at once."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a reader looks for: a part of a name, a standing, a kind; empty for any."""

    text: str = ""
    standing: str = ""
    kind: str = ""
    page: int = 1

    @staticmethod
    def of(query: Mapping[str, str]) -> Looked:
        """Read the query of an address; what is not understood is as if it were not there."""
        standing = query.get("standing", "")
        page = query.get("page", "")
        return Looked(
            text=query.get("q", "").strip()[:200],
            standing=standing if standing in set(Standing) else "",
            kind=query.get("kind", "")[:50],
            page=int(page) if page.isdecimal() and len(page) < 7 and int(page) > 0 else 1,
        )

    def matches(self, item: ObjectStatus) -> bool:
        """Say whether an object is looked for."""
        text = self.text.lower()
        return (
            (not text or text in str(item.key).lower() or text in item.detail.lower())
            and (not self.standing or item.standing == self.standing)
            and (not self.kind or item.key.kind == self.kind)
        )

    def address(self, page: int) -> str:
        """Write the query of another page of the same."""
        parts = {"q": self.text, "standing": self.standing, "kind": self.kind}
        asked = {name: value for name, value in parts.items() if value}
        return "?" + urlencode({**asked, "page": page})


@dataclass(frozen=True, slots=True)
class Part(Generic[Item]):
    """One page of a table."""

    items: tuple[Item, ...]
    page: int
    pages: int
    total: int


def part(items: Sequence[Item], page: int) -> Part[Item]:
    """Cut out one page; the last one for a page that there is not."""
    pages = max(1, -(-len(items) // PER_PAGE))
    page = min(page, pages)
    start = (page - 1) * PER_PAGE
    return Part(tuple(items[start : start + PER_PAGE]), page, pages, len(items))
