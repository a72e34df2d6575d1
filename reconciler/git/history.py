"""The last syncs of a set, for people: equal ones in a row are one, with how often it happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from reconciler.model.document import Json

KEPT = 10
"""Syncs that are remembered of a set."""

_SHOWN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One sync: what was tried, when it first and last ended so, and how.

    `changes` counts what was done on Flyte, `plan` is the plan's id.
    """

    revision: str
    reason: str
    message: str = ""
    plan: str = ""
    changes: int = 0
    first: str = ""
    last: str = ""
    count: int = 1

    @property
    def kind(self) -> tuple[str, str, str, int]:
        """What makes two syncs equal."""
        return self.revision, self.reason, self.message, self.changes


def added(history: Sequence[Past], past: Past) -> tuple[Past, ...]:
    """Put a sync before the others, or count it as the last one once more."""
    past = replace(past, message=past.message[:_SHOWN])
    if history and history[0].kind == past.kind and not past.changes:
        before = history[0]
        again = replace(before, last=past.last, count=before.count + 1, plan=past.plan)
        return (again, *history[1:])
    return (past, *history)[:KEPT]


def encode(history: Sequence[Past]) -> list[Json]:
    """Write a history as JSON."""
    return [
        {
            "revision": one.revision,
            "reason": one.reason,
            "message": one.message,
            "plan": one.plan,
            "changes": one.changes,
            "first": one.first,
            "last": one.last,
            "count": one.count,
        }
        for one in history
    ]


def decode(value: object) -> tuple[Past, ...]:
    """Read what `encode` wrote; what is damaged is left out, since it is only for people."""
    found: list[Past] = []
    for item in cast("list[object]", value) if isinstance(value, list) else []:
        if not isinstance(item, dict):
            continue
        given = cast("Mapping[str, object]", item)
        texts = {
            name: str(given.get(name) or "")
            for name in ("revision", "reason", "message", "plan", "first", "last")
        }
        numbers = {name: given.get(name) for name in ("changes", "count")}
        if all(isinstance(number, int) for number in numbers.values()):
            found.append(Past(**texts, **cast("dict[str, int]", numbers)))  # type: ignore[arg-type]
    return tuple(found[:KEPT])
