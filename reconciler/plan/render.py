"""A plan as lines of text, with a style for each; where colour goes is the surface's business."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.document import Json
from reconciler.model.seen import seen
from reconciler.plan.plan import Change, Effect, FieldChange, Plan, Reason
from reconciler.plan.policies import Verdict

_LONG = 100
_MOST_VIOLATIONS = 20
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
    """One line of output; text that somebody wrote does not end it."""

    text: str
    style: Style = Style.PLAIN

    def __post_init__(self) -> None:
        """Write what would not be seen as escapes."""
        object.__setattr__(self, "text", seen(self.text))


_SYMBOLS = {
    Effect.ADOPT: ("=", Style.DIM),
    Effect.PROTECT: ("=", Style.DIM),
    Effect.REGISTER: ("+", Style.ADD),
    Effect.CREATE: ("+", Style.ADD),
    Effect.UPDATE: ("~", Style.CHANGE),
    Effect.DEACTIVATE: ("-", Style.REMOVE),
    Effect.HAND_OVER: ("-/+", Style.REMOVE),
    Effect.REMOVE: ("-", Style.REMOVE),
    Effect.START: (">", Style.ADD),
    Effect.STOP: ("-", Style.REMOVE),
    Effect.ANSWER: (">", Style.ADD),
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
    yield Line(header(plan), Style.DIM)
    for warning in plan.warnings:
        yield Line(f"warning: {warning}", Style.WARN)
    changes = plan.changes[:limit] if limit else plan.changes
    yield from _changes(changes)
    if len(changes) < len(plan.changes):
        yield Line(f"... and {len(plan.changes) - len(changes)} more changes", Style.DIM)
    for key, why in sorted(plan.waiting.items()):
        yield Line(f"  {key}  waits: {why}", Style.DIM)
    yield from verdict_lines(plan.verdicts)
    for line in plan.bookkeeping:
        yield Line(f"ledger: {line.removeprefix('the ledger ')}", Style.DIM)
    yield from _summary(plan)


def verdict_lines(verdicts: Sequence[Verdict]) -> Iterator[Line]:
    """Write the verdict of each policy, and what is against it."""
    for one in verdicts:
        of = _count(one.checked, "object", "objects")
        if one.passed:
            yield Line(f"policy {one.policy} ({one.asks}): passes, {of} checked", Style.DIM)
            continue
        count = len(one.violations)
        yield Line(f"policy {one.policy} ({one.asks}): FAILS, {count} of {of}", Style.REMOVE)
        for item in one.violations[:_MOST_VIOLATIONS]:
            yield Line(f"    {item}", Style.WARN)
        if count > _MOST_VIOLATIONS:
            yield Line(f"    ... and {count - _MOST_VIOLATIONS} more (-o json has all)", Style.WARN)


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


def header(plan: Plan) -> str:
    """Say of which set a plan is, on which Flyte, and who chose it."""
    backend = plan.backend
    return (
        f"set {plan.set_name} on {backend.get('flyte', '')} {backend.get('version', '')} at "
        f"{backend.get('endpoint', '')} as {backend.get('identity', '')} "
        f"(chosen by {backend.get('chosenBy', '')})"
    )


def what(change: Change) -> str:
    """Say what happens to an object, and why where the declaration is not the reason."""
    why = _REASONS[change.reason]
    return change.effect.value + (f", {why}" if why else "")


def symbol(change: Change) -> str:
    """Tell the sign of a change; `!` of one that is held back."""
    return "!" if change.block is not None else _SYMBOLS[change.effect][0]


def _change(change: Change) -> Iterator[Line]:
    style = _SYMBOLS[change.effect][1]
    place = f"  {change.origin}" if change.origin else ""
    if change.block is not None:
        yield Line(f"! {change.key}  {what(change)}, held back{place}", Style.WARN)
        yield Line(f"    {change.block.value}: {change.block_detail}", Style.WARN)
    else:
        yield Line(f"{symbol(change)} {change.key}  {what(change)}{place}", style)
    for item in change.fields:
        yield Line(f"    {field_text(item)}", Style.PLAIN)
    if change.renamed_to:
        yield Line(f"    note: renamed to {change.renamed_to}", Style.DIM)
    for note in change.notes:
        yield Line(f"    note: {note}", Style.DIM)


def field_text(item: FieldChange) -> str:
    """Write what becomes of one field; long values are cut."""
    if item.before is None:
        return f"{item.path or 'content'}: {show_value(item.after)}"
    if item.after is None:
        return f"{item.path or 'content'}: {show_value(item.before)} -> (none)"
    return f"{item.path or 'content'}: {show_value(item.before)} -> {show_value(item.after)}"


def show_value(value: Json) -> str:
    """Write a value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONG else text[: _LONG - 3] + "..."


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def summary(plan: Plan) -> str:
    """Say in one line how much happens."""
    counts = plan.summary()
    waiting = f" {_count(counts.waiting, 'waits', 'wait')} for runs." if counts.waiting else ""
    if plan.is_empty and not plan.unread:
        objects = _count(counts.unchanged, "object is", "objects are")
        return f"No changes. {objects} as declared.{waiting}"
    extra = [
        f"{count} {word}"
        for count, word in (
            (counts.start, "to start"),
            (counts.waiting, "waiting"),
            (counts.adopt, "to adopt"),
            (counts.blocked, "held back"),
            (counts.unchanged, "unchanged"),
            (plan.unread, "unreadable"),
        )
        if count
    ]
    more = f" ({', '.join(extra)})" if extra else ""
    return f"Plan: {counts.add} to add, {counts.change} to change, {counts.remove} to remove.{more}"


def foreign(plan: Plan) -> str:
    """Say how much runs in the scope that is not of the set; empty where nothing does."""
    if not plan.foreign:
        return ""
    objects = _count(len(plan.foreign), "active object here is", "active objects here are")
    return f"{objects} not of this set (see `reconcile status`)."


def _summary(plan: Plan) -> Iterator[Line]:
    yield Line(summary(plan))
    if not plan.is_empty or plan.unread:
        yield Line(f"Plan id: {plan.id}", Style.DIM)
    others = foreign(plan)
    if others:
        yield Line(others, Style.DIM)
