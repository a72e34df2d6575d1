"""One list of what deserves attention at a line: problems, failing policies, changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from reconciler.model.origin import Origin, Problem, Severity
from reconciler.plan.plan import Block, Effect
from reconciler.plan.render import field_text, what

if TYPE_CHECKING:
    from reconciler.plan.plan import Change, FieldChange
    from reconciler.plan.policies import Verdict, Violation
    from reconciler.report.subject import Subject

_LINTED = re.compile(r"(S[0-9]{3}): ")
_SHOWN_FIELDS = 5


class Level(IntEnum):
    """How much attention, the most first."""

    ERROR = 0
    """An apply would refuse it."""
    WARNING = 1
    """Something that runs stops, or may not be as meant."""
    NOTE = 2
    """It is worth knowing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to say at one place; `about` tells it from others whatever line it is on."""

    rule: str
    level: Level
    message: str
    about: tuple[str, ...]
    origin: Origin | None = None


def findings(subject: Subject) -> tuple[Finding, ...]:
    """List everything, the worst first, else in the order of the plan."""
    found = [_problem(one) for one in subject.problems]
    found += [
        _violation(verdict, item) for verdict in subject.verdicts for item in verdict.violations
    ]
    if subject.failure:
        found.append(
            Finding(rule="plan/failed", level=Level.ERROR, message=subject.failure, about=())
        )
    if subject.plan is not None:
        named = {change.key: change for change in subject.plan.changes}
        for change in subject.plan.changes:
            key = replace(change.key, name=change.renamed_to or change.key.name)
            found += _change(change, named.get(key, change), subject)
    return tuple(sorted(found, key=lambda one: (one.level, _RANKS.get(one.rule, 0))))


_RANKS = {
    f"plan/{effect.value}": rank
    for rank, effect in enumerate(
        (
            *(Effect.REMOVE, Effect.HAND_OVER, Effect.DEACTIVATE, Effect.STOP),
            *(Effect.UPDATE, Effect.CREATE, Effect.START, Effect.ANSWER),
            *(Effect.ADOPT, Effect.PROTECT, Effect.REGISTER),
        )
    )
}
"""Among findings of one level: what stops something first, what nothing runs yet last."""


def _problem(problem: Problem) -> Finding:
    linted = _LINTED.match(problem.message)
    is_error = problem.severity is Severity.ERROR
    kind = f"schedule/{linted.group(1)}" if linted else f"spec/{problem.severity.value}"
    fix = f"; {problem.fix}" if problem.fix else ""
    thing = f"{problem.path}: " if problem.path else ""
    more = f" (and {len(problem.others):,} more documents)" if problem.others else ""
    return Finding(
        rule=kind,
        level=Level.ERROR if is_error else Level.WARNING,
        message=f"{thing}{problem.message}{fix}{more}",
        about=(problem.origin.file, problem.path, problem.message),
        origin=problem.origin,
    )


def _violation(verdict: Verdict, item: Violation) -> Finding:
    thing = f"{item.path}: " if item.path else ""
    return Finding(
        rule=f"policy/{verdict.asks}",
        level=Level.ERROR,
        message=f"policy {verdict.policy}: {item.key}: {thing}{item.message}; {item.fix}",
        about=(verdict.policy, str(item.key), item.path),
        origin=item.origin,
    )


def _change(change: Change, declared: Change, subject: Subject) -> Iterator[Finding]:
    """Say where a change comes from; of one that goes on under another name, it is there."""
    rule = f"plan/{change.effect.value}"
    if change.block is not None:
        rule = f"held-back/{change.block.value}"
    places: Iterable[tuple[Origin | None, tuple[FieldChange, ...]]]
    places = subject.causes.of(declared).items() or ((None, change.fields),)
    for place, fields in places:
        yield Finding(
            rule=rule,
            level=_level(change),
            message=_message(change, fields),
            about=(str(change.key), *(one.path for one in fields)),
            origin=place,
        )


def _level(change: Change) -> Level:
    if change.block is not None:
        return Level.NOTE if change.block is Block.REPORT else Level.ERROR
    if change.is_removal or change.effect in {Effect.DEACTIVATE, Effect.STOP}:
        return Level.WARNING
    return Level.NOTE


def _message(change: Change, fields: tuple[FieldChange, ...]) -> str:
    held = ", held back" if change.block is not None else ""
    parts = [f"{change.key}: {what(change)}{held}"]
    if change.block is not None:
        parts.append(change.block_detail)
    if change.renamed_to:
        parts.append(f"renamed to {change.renamed_to}")
    if change.effect not in {Effect.REMOVE, Effect.CREATE, Effect.REGISTER, Effect.START}:
        parts += [field_text(one) for one in fields[:_SHOWN_FIELDS]]
        if len(fields) > _SHOWN_FIELDS:
            parts.append(f"and {len(fields) - _SHOWN_FIELDS} more fields")
    return "\n".join(parts)
