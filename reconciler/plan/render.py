"""A plan as lines of text, with a style for each; where colour goes is the surface's business."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.document import Json
from reconciler.plan.plan import Change, Effect, FieldChange, Plan, Reason

_LONG = 100
_SHOWN = 3
"""Removals held back for one reason that are shown one by one."""


class Style(StrEnum):
    """How a line is meant."""

    PLAIN = "plain"
    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"
    DIM = "dim"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of output."""

    text: str
    style: Style = Style.PLAIN


_SYMBOLS = {
    Effect.ADOPT: ("=", Style.DIM),
    Effect.PROTECT: ("=", Style.DIM),
    Effect.REGISTER: ("+", Style.ADD),
    Effect.CREATE: ("+", Style.ADD),
    Effect.UPDATE: ("~", Style.CHANGE),
    Effect.DEACTIVATE: ("-", Style.REMOVE),
    Effect.HAND_OVER: ("-/+", Style.REMOVE),
    Effect.REMOVE: ("-", Style.REMOVE),
}

_REASONS = {
    Reason.SPEC: "",
    Reason.DRIFT: "changed outside Git",
    Reason.FOREIGN: "somebody else activated or deactivated it",
    Reason.UNDECLARED: "no longer declared",
    Reason.HOLD: "a pause is in force",
    Reason.IDENTICAL: "already as declared",
}


def render(plan: Plan, *, limit: int = 0) -> Iterator[Line]:
    """Write a plan as text; above `limit` changes (0: none) the rest is counted, not shown."""
    yield Line(_header(plan), Style.DIM)
    for warning in plan.warnings:
        yield Line(f"warning: {warning}", Style.WARN)
    changes = plan.changes[:limit] if limit else plan.changes
    yield from _changes(changes)
    if len(changes) < len(plan.changes):
        yield Line(f"... and {len(plan.changes) - len(changes)} more changes", Style.DIM)
    for line in plan.bookkeeping:
        yield Line(f"ledger: {line.removeprefix('the ledger ')}", Style.DIM)
    yield from _summary(plan)


def _changes(changes: Sequence[Change]) -> Iterator[Line]:
    """Write changes; of many removals that one reason holds back, the first few and a count."""
    total = Counter(change.block_detail for change in changes if _is_held_removal(change))
    seen: Counter[str] = Counter()
    for change in changes:
        why = change.block_detail
        if not _is_held_removal(change) or total[why] <= _SHOWN + 1:
            yield from _change(change)
            continue
        seen[why] += 1
        if seen[why] <= _SHOWN:
            yield from _change(change)
        elif seen[why] == total[why]:
            more = f"! ... and {total[why] - _SHOWN} more of {change.key.place} held back"
            yield Line(f"{more} for the same reason (-o json has all)", Style.WARN)


def _is_held_removal(change: Change) -> bool:
    return change.block is not None and change.effect is Effect.REMOVE


def _header(plan: Plan) -> str:
    backend = plan.backend
    return (
        f"set {plan.set_name} on {backend.get('flyte', '')} {backend.get('version', '')} at "
        f"{backend.get('endpoint', '')} as {backend.get('identity', '')} "
        f"(chosen by {backend.get('chosenBy', '')})"
    )


def _change(change: Change) -> Iterator[Line]:
    symbol, style = _SYMBOLS[change.effect]
    why = _REASONS[change.reason]
    what = change.effect.value + (f", {why}" if why else "")
    place = f"  {change.origin}" if change.origin else ""
    if change.block is not None:
        yield Line(f"! {change.key}  {what}, held back{place}", Style.WARN)
        yield Line(f"    {change.block.value}: {change.block_detail}", Style.WARN)
    else:
        yield Line(f"{symbol} {change.key}  {what}{place}", style)
    for item in change.fields:
        yield Line(f"    {_field(item)}", Style.PLAIN)
    if change.renamed_to:
        yield Line(f"    note: renamed to {change.renamed_to}", Style.DIM)
    for note in change.notes:
        yield Line(f"    note: {note}", Style.DIM)


def _field(item: FieldChange) -> str:
    if item.before is None:
        return f"{item.path or 'content'}: {_show(item.after)}"
    if item.after is None:
        return f"{item.path or 'content'}: {_show(item.before)} -> (none)"
    return f"{item.path or 'content'}: {_show(item.before)} -> {_show(item.after)}"


def _show(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONG else text[: _LONG - 3] + "..."


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _summary(plan: Plan) -> Iterator[Line]:
    summary = plan.summary()
    if plan.is_empty and not plan.unread:
        what = _count(summary.unchanged, "object is", "objects are")
        yield Line(f"No changes. {what} as declared.")
    else:
        extra = [
            f"{count} {word}"
            for count, word in (
                (summary.adopt, "to adopt"),
                (summary.blocked, "held back"),
                (summary.unchanged, "unchanged"),
                (plan.unread, "unreadable"),
            )
            if count
        ]
        more = f" ({', '.join(extra)})" if extra else ""
        yield Line(
            f"Plan: {summary.add} to add, {summary.change} to change, "
            f"{summary.remove} to remove.{more}"
        )
        yield Line(f"Plan id: {plan.id}", Style.DIM)
    if plan.foreign:
        what = _count(len(plan.foreign), "active object here is", "active objects here are")
        yield Line(f"{what} declared by no set (see `reconcile status`).", Style.DIM)
