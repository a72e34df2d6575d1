"""Planning for kinds whose fields are changed in place, such as projects.

A desired body maps field paths to values: a value is set, None is cleared, an absent path is
unmanaged. Fields that the ledger says we wrote and that are no longer declared are removed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.model.digest import digest
from reconciler.model.live import Absent, Record
from reconciler.model.traits import Verb
from reconciler.plan.context import Drift, Prune
from reconciler.plan.plan import Action, Block, Change, Effect, FieldChange, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.model.document import Json
    from reconciler.model.key import Key
    from reconciler.model.resource import Resource
    from reconciler.model.traits import Traits
    from reconciler.plan.context import Context


def fingerprint(fields: Mapping[str, Json] | None) -> str:
    """Digest of what was read of a record; None when it is absent."""
    return digest(dict(fields) if fields is not None else None)


def plan_record(resource: Resource, live: Record | Absent, context: Context) -> Change | None:
    """Plan one declared record; None when every managed field is as declared."""
    traits = context.traits[resource.key.kind]
    before = {} if isinstance(live, Absent) else live.fields
    written = context.ledger.rows.get(resource.key, frozenset())
    wanted: dict[str, Json] = dict.fromkeys(sorted(written - set(resource.body)), None)
    wanted.update(resource.body)
    fields = tuple(
        FieldChange(path, before.get(path), value)
        for path, value in sorted(wanted.items())
        if before.get(path) != value
    )
    is_new = isinstance(live, Absent)
    found = None if isinstance(live, Absent) else live.fields
    if not fields and not is_new:
        return None
    change = Change(
        key=resource.key,
        effect=Effect.CREATE if is_new else Effect.UPDATE,
        reason=Reason.DRIFT if context.is_settled else Reason.SPEC,
        fingerprint=fingerprint(found),
        origin=resource.origin,
        fields=fields,
        actions=_actions(resource.key, traits, before=before, fields=fields, is_new=is_new),
        notes=resource.notes,
        digest=resource.digest,
    )
    return _guarded(change, traits, context, before=before)


def plan_forgotten(key: Key, live: Record, context: Context) -> Change | None:
    """Plan a record that is no longer declared: rows we wrote go, the object itself stays."""
    traits = context.traits[key.kind]
    written = context.ledger.rows.get(key, frozenset())
    fields = tuple(
        FieldChange(path, live.fields[path], None)
        for path in sorted(written)
        if live.fields.get(path) is not None and path not in traits.unclearable
    )
    if not fields or context.policy.prune is Prune.KEEP:
        return None
    change = Change(
        key=key,
        effect=Effect.REMOVE,
        reason=Reason.UNDECLARED,
        fingerprint=fingerprint(live.fields),
        fields=fields,
        actions=_actions(key, traits, before=live.fields, fields=fields, is_new=False),
    )
    if context.policy.prune is Prune.REPORT:
        return replace(change, block=Block.REPORT, block_detail="the set's prune policy is Report")
    return change


def _row_of(path: str, traits: Traits) -> str | None:
    """Return the row a field belongs to, or None when it shares the common update."""
    return path if any(path.startswith(prefix) for prefix in traits.rows) else None


def _actions(
    key: Key,
    traits: Traits,
    *,
    before: Mapping[str, Json],
    fields: Iterable[FieldChange],
    is_new: bool,
) -> tuple[Action, ...]:
    common: dict[str, Json] = {}
    rows: list[FieldChange] = []
    for item in fields:
        if _row_of(item.path, traits) is None:
            common[item.path] = item.after
        else:
            rows.append(item)
    actions: list[Action] = []
    if common or is_new:
        verb = Verb.CREATE if is_new else Verb.UPDATE
        whole = {path: value for path, value in before.items() if _row_of(path, traits) is None}
        actions.append(
            Action(
                id=f"{key}#{verb}",
                key=key,
                verb=verb,
                call=traits.calls[verb],
                body={**whole, **common},
            )
        )
    first = tuple(action.id for action in actions)
    for item in rows:
        verb = Verb.UNSET if item.after is None else Verb.SET
        actions.append(
            Action(
                id=f"{key}#{verb}:{item.path}",
                key=key,
                verb=verb,
                call=traits.calls[verb],
                field=item.path,
                body=None if item.after is None else {"value": item.after},
                waits=first,
            )
        )
    return tuple(actions)


def _guarded(
    change: Change, traits: Traits, context: Context, *, before: Mapping[str, Json]
) -> Change:
    impossible = [
        item.path
        for item in change.fields
        if item.after is None and item.before is not None and item.path in traits.unclearable
    ]
    if impossible:
        return replace(
            change,
            block=Block.CONFLICT,
            block_detail=f"{', '.join(impossible)}: this Flyte cannot clear it once it is set; "
            "give another value, or leave the field out",
        )
    orphans = _narrower_rows(change, before=before)
    if orphans:
        return replace(
            change,
            block=Block.GUARD,
            block_detail=f"removing a broad row also removes {', '.join(orphans)}, which this set "
            "does not declare; declare them, or keep the broad row",
        )
    if change.reason is Reason.DRIFT and context.policy.drift is Drift.REPORT:
        return replace(
            change, block=Block.REPORT, block_detail="changed outside Git; drift is reported only"
        )
    return change


def _narrower_rows(change: Change, *, before: Mapping[str, Json]) -> list[str]:
    """List undeclared rows that a removal takes with it on a backend whose deletes cascade."""
    del change, before
    return []
