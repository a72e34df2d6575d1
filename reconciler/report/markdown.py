"""A plan as Markdown for a comment: what stops something first, and never longer than one may be.

What does not fit is folded: first the details of quiet changes, then their lines, and only then
those of what stops, replaces or is held back. Whatever is left out is counted, and the counts at
the top are always of the whole plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.plan.plan import REMOVALS, Effect
from reconciler.plan.render import foreign, show_value, summary, symbol, what
from reconciler.report.fitting import Entry, Section, fit
from reconciler.report.quoting import code, in_comment, units

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from reconciler.model.origin import Problem
    from reconciler.plan.plan import Change, FieldChange, Plan
    from reconciler.plan.policies import Verdict
    from reconciler.report.subject import Subject

LIMIT = 65_535
"""Characters of a comment on GitHub, in UTF-16 units; the other forges take more."""
_MOST_FIELDS = 30
_MOST_NOTES = 10
_MANY = 3
"""Changes from which on a note that they share is said once for all."""
_STOPPING = frozenset({Effect.DEACTIVATE, Effect.STOP})
_OPEN = 10
"""Changes of a quiet section that need no click."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One section: its title, the effects it holds, and whether it is never behind others."""

    title: str
    effects: frozenset[Effect]
    is_loud: bool = False


_KINDS = (
    _Kind("Removed or taken over", REMOVALS, is_loud=True),
    _Kind("Stopped", _STOPPING, is_loud=True),
    _Kind("Changed", frozenset({Effect.UPDATE})),
    _Kind("Added", frozenset({Effect.CREATE, Effect.REGISTER})),
    _Kind("Started or answered", frozenset({Effect.START, Effect.ANSWER})),
    _Kind("Recorded in the ledger only", frozenset({Effect.ADOPT, Effect.PROTECT})),
)


@dataclass(frozen=True, slots=True)
class _Writing:
    """What the lines of all changes need: the subject, and the notes that are said once."""

    subject: Subject
    shared: AbstractSet[str]


def markdown(subject: Subject, *, limit: int = LIMIT) -> str:
    """Write a report that is at most `limit` long."""
    head = "\n".join(_head(subject))
    tail = "\n".join(_tail(subject))
    body = fit(tuple(_sections(subject)), limit - units(head) - units(tail) - 8)
    return "\n".join(part for part in (head, body, tail) if part) + "\n"


def marker(subject: Subject) -> str:
    """Write the line that a report is found again by; nobody sees it."""
    return f"<!-- reconcile:{subject.topic}:{in_comment(subject.target)} -->"


def _head(subject: Subject) -> Iterator[str]:
    yield marker(subject)
    yield f"<!-- reconcile:state:{_state(subject)} {in_comment(headline(subject))} -->"
    yield f"### Flyte {subject.topic} of {code(subject.target)}"
    yield ""
    yield f"**{headline(subject)}**"
    yield ""
    if subject.failure:
        yield f"- {code(_cut(subject.failure, 2000))}"
    if subject.plan is not None:
        yield from _where(subject.plan)


def headline(subject: Subject) -> str:
    """Say in one line what a report says."""
    failing = sum(1 for one in subject.verdicts if not one.passed)
    policies = (
        f" {failing:,} {'policy fails' if failing == 1 else 'policies fail'}." if failing else ""
    )
    if subject.plan is not None:
        return f"{summary(subject.plan)}{policies}"
    count = len(subject.problems)
    problems = f"{count:,} {'problem' if count == 1 else 'problems'} in the documents."
    if subject.is_check:
        return f"{problems if count else 'No problems in the documents.'}{policies}"
    return f"No plan: {problems}" if count else "No plan could be made."


def _state(subject: Subject) -> str:
    if subject.is_failure:
        return "failure"
    plan = subject.plan
    is_empty = plan.is_empty and not plan.unread if plan else not subject.problems
    return "empty" if is_empty else "changes"


def _where(plan: Plan) -> Iterator[str]:
    backend = plan.backend
    named = [code(f"{backend.get('flyte', '')} {backend.get('version', '')}".strip())]
    named += [
        f"{word} {code(_cut(backend[name], 200))}"
        for word, name in (("at", "endpoint"), ("as", "identity"))
        if backend.get(name)
    ]
    yield f"On {' '.join(named)}."
    if plan.unread:
        yield f"{plan.unread:,} objects could not be read, so nothing is changed there."


def _tail(subject: Subject) -> Iterator[str]:
    plan = subject.plan
    if plan is None:
        return
    yield ""
    others = foreign(plan)
    if others:
        yield f"{others}  "
    if not plan.is_empty:
        yield f"Plan id: {code(plan.id)}"


def _sections(subject: Subject) -> Iterator[Section]:
    if subject.problems and subject.plan is None:  # a plan has them among its warnings
        yield Section(
            f"Problems ({len(subject.problems):,})",
            [_of_problem(one) for one in subject.problems],
            is_loud=True,
        )
    if subject.verdicts:
        yield _policies(subject.verdicts)
    plan = subject.plan
    if plan is None:
        return
    held = [change for change in plan.changes if change.block is not None]
    by_kind = {
        kind: [item for item in plan.doable if item.effect in kind.effects] for kind in _KINDS
    }
    notes = Counter(note for change in plan.changes for note in change.notes)
    shared = {note: count for note, count in notes.items() if count >= _MANY}
    writing = _Writing(subject, shared.keys())
    for kind in _KINDS[:2]:
        yield from _section(kind, by_kind[kind], writing)
    yield from _held_back(held, writing)
    if plan.warnings:
        entries = [Entry(f"- {code(_cut(text, 1000))}") for text in plan.warnings]
        yield Section(f"Warnings ({len(entries):,})", entries, is_open=len(entries) <= _OPEN)
    if shared:
        entries = [
            Entry(f"- {count:,} changes: {code(_cut(note, 500))}")
            for note, count in sorted(shared.items())
        ]
        yield Section(f"Goes for many ({len(entries):,})", entries, is_open=len(entries) <= _OPEN)
    for kind in _KINDS[2:]:
        yield from _section(kind, by_kind[kind], writing)


def _policies(verdicts: Sequence[Verdict]) -> Section:
    failing = sum(1 for one in verdicts if not one.passed)
    title = f"Policies: {failing:,} of {len(verdicts):,} fail" if failing else "Policies: all pass"
    entries: list[Entry] = []
    for one in sorted(verdicts, key=lambda one: one.passed):
        word = "passes" if one.passed else f"**fails**, {len(one.violations):,}"
        line = f"- {code(one.policy)} ({one.asks}) {word} of {one.checked:,} checked"
        entries.append(Entry(line.replace("passes of", "passes,"), counts=0))
        entries += [Entry(f"  - {code(_cut(str(item), 1000))}") for item in one.violations]
    return Section(title, entries, is_loud=bool(failing))


def _section(kind: _Kind, changes: Sequence[Change], writing: _Writing) -> Iterator[Section]:
    if changes:
        yield Section(
            f"{kind.title} ({len(changes):,})",
            [_of_change(change, writing) for change in changes],
            is_loud=kind.is_loud,
            is_open=len(changes) <= _OPEN,
            places=_by_place(changes),
        )


def _held_back(changes: Sequence[Change], writing: _Writing) -> Iterator[Section]:
    """Write what is not done; a reason that several share is written once."""
    if not changes:
        return
    shared = Counter(change.block_detail for change in changes)
    groups: dict[str, list[Change]] = {}
    for change in changes:
        groups.setdefault(change.block_detail, []).append(change)
    entries: list[Entry] = []
    for why, members in groups.items():
        is_shared = shared[why] > 1
        if is_shared:
            head = f"- {len(members):,} for this reason: {code(_cut(why, 1000))}"
            entries.append(Entry(head, counts=0))
        entries += [_of_change(change, writing, why="" if is_shared else why) for change in members]
    yield Section(
        f"Held back, an apply leaves them undone ({len(changes):,})",
        entries,
        is_loud=True,
        places=_by_place(changes),
    )


def _by_place(changes: Iterable[Change]) -> tuple[str, ...]:
    return tuple(f"{change.key.kind} in {change.key.place}" for change in changes)


def _of_change(change: Change, writing: _Writing, *, why: str = "") -> Entry:
    place = change.origin
    where = f" — {code(str(place))}" if place else ""
    line = f"- {code(symbol(change))} {code(str(change.key))} {what(change)}{where}"
    if why:
        line += f"\n  - held back: {code(_cut(why, 1000))}"
    return Entry(line, details=lambda: _details(change, writing))


def _details(change: Change, writing: _Writing) -> Iterator[str]:
    for one in change.fields[:_MOST_FIELDS]:
        yield f"  - {_field(one)}"
    if len(change.fields) > _MOST_FIELDS:
        yield f"  - and {len(change.fields) - _MOST_FIELDS:,} more fields"
    is_timed = any(one.path.partition(".")[0] == "schedule" for one in change.fields)
    if is_timed or change.effect in _STOPPING:
        firings = writing.subject.firings(change)
        for word, times in (("until now", firings.before), ("then", firings.after)):
            if times:
                yield f"  - fires {word}: {', '.join(code(time) for time in times)}"
    if change.renamed_to:
        yield f"  - renamed to {code(str(change.renamed_to))}"
    notes = [note for note in change.notes if note not in writing.shared]
    for note in notes[:_MOST_NOTES]:
        yield f"  - {code(_cut(note, 500))}"
    if len(notes) > _MOST_NOTES:
        yield f"  - and {len(notes) - _MOST_NOTES:,} more notes"


def _field(one: FieldChange) -> str:
    path = code(_cut(one.path or "content", 200))
    if one.before is None:
        return f"{path}: {code(show_value(one.after))}"
    after = "(none)" if one.after is None else code(show_value(one.after))
    return f"{path}: {code(show_value(one.before))} → {after}"


def _of_problem(problem: Problem) -> Entry:
    return Entry(f"- {code(_cut(str(problem), 2000))}")


def _cut(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    return f"{text[:length]}… ({len(text) - length:,} more characters)"
