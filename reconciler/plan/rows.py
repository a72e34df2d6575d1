"""Which calls bring a record from its live fields to the wanted ones, and in which order.

Two habits of backends make this more than one call per field. Removing a broad row may take
narrower ones along, which are then written again after it. Writing a row may merge into what is
there, so that it has to go before. Both are told by the kind's traits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.model.document import Json
from reconciler.model.traits import Verb
from reconciler.plan.plan import Action

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.model.key import Key
    from reconciler.model.live import Record
    from reconciler.model.traits import Traits


@dataclass(frozen=True, slots=True)
class Move:
    """A record beside what is wanted of it: a value is set, None is cleared, the rest stays."""

    key: Key
    traits: Traits
    live: Record
    wanted: Mapping[str, Json]

    @property
    def changed(self) -> tuple[str, ...]:
        """Paths of the fields that are not as wanted."""
        before = self.live.fields
        return tuple(
            path for path, value in sorted(self.wanted.items()) if before.get(path) != value
        )

    @property
    def after(self) -> dict[str, Json]:
        """All fields as they will be."""
        merged = {**self.live.fields, **self.wanted}
        return {path: value for path, value in merged.items() if value is not None}

    def is_row(self, path: str) -> bool:
        """Say whether a field has a call of its own."""
        return path.startswith(self.traits.fields.rows)

    def is_closed(self, fields: Mapping[str, Json]) -> bool:
        """Say whether rows cannot be written while the fields are these."""
        path, values = self.traits.fields.closed_by
        return fields.get(path) in values


@dataclass(frozen=True, slots=True)
class Rows:
    """What is to be done with rows: removals first, then settings, broad ones before narrow ones.

    `again` are rows that stay as they are and must be written again. `orphans` would be lost, since
    nobody declares them.
    """

    unset: tuple[str, ...] = ()
    set: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()


def rows(move: Move) -> Rows:
    """Work out which rows are removed and set."""
    fields = move.traits.fields
    live = {path: value for path, value in move.live.fields.items() if move.is_row(path)}
    changed = [path for path in move.changed if move.is_row(path)]
    unset = {path for path in changed if move.wanted[path] is None}
    sets = {path for path in changed if move.wanted[path] is not None}
    for path in sets:
        unset.update(fields.clears(path, move.wanted[path], live))
    gone = unset.union(*(fields.cascades(path, live) for path in unset))
    kept = {path for path in gone if move.wanted.get(path) is not None}
    return Rows(
        unset=tuple(sorted(unset)),
        set=tuple(sorted(sets | kept)),
        again=tuple(sorted(kept - sets)),
        orphans=tuple(sorted(gone - move.wanted.keys())),
    )


def actions(move: Move) -> tuple[Action, ...]:
    """List the calls of a move, each with what it waits for."""
    work = rows(move)
    common: dict[str, Json] = {
        path: move.wanted[path] for path in move.changed if not move.is_row(path)
    }
    is_closed, closes = move.is_closed(move.live.fields), move.is_closed(move.after)
    has_rows = bool(work.unset or work.set)
    first: list[Action] = []
    last: list[Action] = []
    if not move.live.exists:
        late = {move.traits.fields.closed_by[0]} if closes and has_rows else set()
        now = {path: value for path, value in common.items() if path not in late}
        initial = dict(move.traits.fields.initial(move.key))
        first.append(_update(move, Verb.CREATE, {**initial, **now}))
        common = {path: value for path, value in common.items() if path in late}
    if common:
        update = _update(move, Verb.UPDATE, common)
        (last if closes and has_rows and not is_closed else first).append(update)
    opening = first if is_closed or not move.live.exists else []
    middle = _row_actions(move, work, after=tuple(action.id for action in opening))
    waits = (*(action.id for action in first), *(action.id for action in middle))
    return (*first, *middle, *(replace(action, waits=waits) for action in last))


def _update(move: Move, verb: Verb, body: dict[str, Json]) -> Action:
    return Action(
        id=f"{move.key}#{verb}",
        key=move.key,
        verb=verb,
        call=move.traits.calls[verb],
        revision=move.live.revision if verb is Verb.UPDATE else "",
        body=body,
    )


def _row_actions(move: Move, work: Rows, *, after: tuple[str, ...]) -> tuple[Action, ...]:
    fields = move.traits.fields
    live = {path: value for path, value in move.live.fields.items() if move.is_row(path)}
    removals: list[Action] = []
    for path in work.unset:
        takes = fields.cascades(path, live)
        body: dict[str, Json] | None = {"takes": list[Json](sorted(takes))} if takes else None
        removals.append(_row(move, Verb.UNSET, path, body=body, waits=after))
    settings: list[tuple[int, Action]] = []
    for path in work.set:
        value = move.wanted[path]
        cleared = {path, *fields.clears(path, value, live)}
        removed = [
            other
            for other in work.unset
            if other in cleared or path in fields.cascades(other, [path])
        ]
        broader = [other for other in work.set if path in fields.cascades(other, [path])]
        waits = (
            *after,
            *(_id(move, Verb.UNSET, other) for other in removed),
            *(_id(move, Verb.SET, other) for other in broader),
        )
        action = _row(move, Verb.SET, path, body={"value": value}, waits=waits)
        settings.append((len(broader), action))
    settings.sort(key=lambda item: (item[0], item[1].field))
    return (*removals, *(action for _, action in settings))


def _row(
    move: Move, verb: Verb, path: str, *, body: dict[str, Json] | None, waits: tuple[str, ...]
) -> Action:
    call = move.traits.fields.calls
    return Action(
        id=_id(move, verb, path),
        key=move.key,
        verb=verb,
        call=call(verb, path) if call else move.traits.calls[verb],
        field=path,
        body=body,
        waits=waits,
    )


def _id(move: Move, verb: Verb, path: str) -> str:
    return f"{move.key}#{verb}:{path}"
