"""Planning for kinds whose fields are changed in place, such as projects.

A desired body maps field paths to values: a value is set, None is cleared (together with all fields
below that path), an absent path is unmanaged. Fields that the ledger says we wrote and that are no
longer declared are removed, or left where the backend cannot clear them. A record is never removed
itself. A live value that we never wrote, that somebody chose and that differs is somebody else's:
replacing it needs `adopt: true`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.model.digest import digest
from reconciler.model.document import Json, show_path
from reconciler.model.live import Absent, Record
from reconciler.model.policy import Prune
from reconciler.plan.diff import diff
from reconciler.plan.drift import judge
from reconciler.plan.plan import Block, Change, Effect, Reason
from reconciler.plan.rows import Move, actions, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.model.document import Path
    from reconciler.model.key import Key
    from reconciler.model.resource import Resource
    from reconciler.plan.context import Context
    from reconciler.plan.plan import FieldChange


def fingerprint(fields: Mapping[str, Json] | None) -> str:
    """Digest of what was read of a record; None when it is absent."""
    return digest(dict(fields) if fields is not None else None)


def plan_record(
    resource: Resource, live: Record | Absent, context: Context, *, is_whole: bool = True
) -> Change | None:
    """Plan one declared record; None when every managed field is as declared.

    Where only a part of the set was read (`is_whole` is false), fields that are no longer declared
    stay.
    """
    key = resource.key
    record = Record({}, exists=False) if isinstance(live, Absent) else live
    written = context.ledger.rows.get(key, frozenset())
    traits = context.traits[key.kind]
    forgotten = written - resource.body.keys() if is_whole else frozenset()
    wanted = _wanted(resource.body, forgotten - traits.fields.unclearable, record)
    move = Move(key, traits, record, wanted)
    if not move.changed and (record.exists or traits.fields.is_implicit):
        return None
    is_drift = context.is_settled and written.issuperset(move.changed)
    before = dict(record.fields) if record.exists else None
    change = Change(
        key=key,
        effect=Effect.UPDATE if record.exists else Effect.CREATE,
        reason=Reason.DRIFT if is_drift else Reason.SPEC,
        fingerprint=fingerprint(None if isinstance(live, Absent) else record.fields),
        origin=resource.origin,
        fields=_fields(move),
        actions=actions(move),
        notes=(
            *resource.notes,
            *traits.consequences(before, move.after),
            *traits.fields.notes(record.facts),
            *_notes(move),
        ),
        digest=resource.digest,
    )
    blocked = _impossible(change, move, context)
    if blocked.block is None and not resource.adopt:
        blocked = _foreign(change, move, written)
    return blocked if blocked.block is not None else judge(change, context)


def plan_forgotten(key: Key, live: Record, context: Context) -> Change | None:
    """Plan a record that is no longer declared: fields we wrote go, the object itself stays.

    So it is an update, and no guard on removals counts it.
    """
    traits = context.traits[key.kind]
    written = context.ledger.rows.get(key, frozenset())
    prune = context.prune_of(key)
    if not written or not live.exists or prune is Prune.KEEP:
        return None
    wanted: dict[str, Json] = dict.fromkeys(sorted(written - traits.fields.unclearable))
    move = Move(key, traits, live, wanted)
    change = Change(
        key=key,
        effect=Effect.UPDATE,
        reason=Reason.UNDECLARED,
        fingerprint=fingerprint(live.fields),
        fields=_fields(move),
        actions=actions(move),
        notes=(*_notes(move), *_leftovers(written, move)),
    )
    if key in context.ledger.protected:
        return replace(
            change,
            block=Block.PROTECTED,
            block_detail="protected by an earlier `protect: true`; declare it with "
            "`protect: false` first",
        )
    if prune is Prune.REPORT:
        change = replace(
            change, block=Block.REPORT, block_detail="the set's prune policy is Report"
        )
        return change if change.fields else None
    return _impossible(change, move, context)


def _wanted(body: Mapping[str, Json], forgotten: Iterable[str], live: Record) -> dict[str, Json]:
    wanted: dict[str, Json] = dict.fromkeys(sorted(forgotten))
    groups = tuple(f"{path}/" for path, value in body.items() if value is None)
    wanted.update(dict.fromkeys(path for path in live.fields if path.startswith(groups)))
    wanted.update(body)
    return wanted


def _fields(move: Move) -> tuple[FieldChange, ...]:
    """Show the changed fields where the language has them, down to the leaves that differ."""
    before: dict[str, Json] = {}
    after: dict[str, Json] = {}
    for path in move.changed:
        steps = move.traits.fields.steps(path)
        _put(before, steps, move.live.fields.get(path))
        _put(after, steps, move.wanted[path])
    return diff(before, after)


def _put(tree: dict[str, Json], steps: Path, value: Json) -> None:
    *groups, leaf = (str(step) for step in steps)
    for step in groups:
        inner = tree.setdefault(step, {})
        assert isinstance(inner, dict)
        tree = inner
    tree[leaf] = value


def _notes(move: Move) -> tuple[str, ...]:
    work = rows(move)
    return (
        *(
            f"{_show(path, move)} is written again: a broader one is removed or written before it"
            for path in work.again
        ),
        *(
            f"{_show(path, move)} is removed and written anew: writing alone would merge"
            for path in work.set
            if path in work.unset and path not in work.again
        ),
    )


def _leftovers(written: Iterable[str], move: Move) -> tuple[str, ...]:
    staying = sorted(
        _show(path, move)
        for path in written
        if path in move.traits.fields.unclearable and path in move.live.fields
    )
    notes = (f"{', '.join(staying)} stays as it is",) if staying else ()
    if not move.changed:
        notes = ("nothing else of it is left to remove; the ledger forgets it", *notes)
    return notes


def _show(path: str, move: Move) -> str:
    return show_path(move.traits.fields.steps(path))


def _impossible(change: Change, move: Move, context: Context) -> Change:
    """Block what the backend cannot do, and what would take something of others along."""
    fields = move.traits.fields
    reasons = [
        f"{_show(path, move)}: this Flyte cannot clear it once it is set; give another value, or "
        "leave the field out"
        for path in move.changed
        if move.wanted[path] is None and path in fields.unclearable
    ]
    reasons += fields.refuses(move.live.fields, move.after, move.live.facts)
    work = rows(move)
    closes = move.is_closed(move.after)
    if closes and move.is_closed(move.live.fields) and (work.unset or work.set):
        path, _ = fields.closed_by
        shown = ", ".join(_show(row, move) for row in sorted({*work.unset, *work.set}))
        reasons.append(
            f"{shown}: cannot be changed while {path} is {move.live.fields[path]}; "
            f"change {path} first"
        )
    home = context.ledger.home
    is_home = home is not None and not move.key.domain and home.project == move.key.project
    if is_home and closes and not move.is_closed(move.live.fields):
        reasons.append(
            f"the ledger of set {context.set_name} is kept in {home}, where nothing could be "
            "written any more; declare this in a set whose ledger is elsewhere"
        )
    if reasons:
        return replace(change, block=Block.CONFLICT, block_detail="; ".join(reasons))
    if work.orphans:
        shown = ", ".join(_show(path, move) for path in work.orphans)
        detail = (
            f"it would also remove {shown}, which this set does not declare; declare them here, "
            "or keep the broader row as it is"
        )
        return replace(change, block=Block.GUARD, block_detail=detail)
    return change


def _foreign(change: Change, move: Move, written: frozenset[str]) -> Change:
    is_default = move.traits.fields.is_default
    before = move.live.fields
    foreign = [
        path
        for path in move.changed
        if path in before and path not in written and not is_default(move.key, path, before[path])
    ]
    if not foreign:
        return change
    shown = ", ".join(_show(path, move) for path in foreign)
    detail = f"{shown}: not written by this set and different; set `adopt: true` to take it over"
    return replace(change, block=Block.ADOPTION, block_detail=detail)
