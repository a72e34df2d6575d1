"""What an annotated example is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.model.document import Json


@dataclass(frozen=True, slots=True)
class Example:
    """An object with a value for each field."""

    name: str
    spec: dict[str, Json]
    off: frozenset[str] = frozenset()


OWNED: dict[str, Json] = {
    "sync": "ranking-prod",
    "adopt": False,
    "protect": True,
}
"""Fields of every kind that a set owns."""
