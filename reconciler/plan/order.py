"""One total order for the changes of a plan, and the barriers between its phases.

Registrations come first and are inert; activations follow; removals come last in their
project-domain. A package opens its activations only when all of it is registered. A rename pairs
the old name with the new one, so that neither a tick is lost for long nor two plans stay active.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.model.traits import Verb
from reconciler.plan.plan import Effect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reconciler.model.document import Json
    from reconciler.model.key import Key, Place
    from reconciler.model.traits import Traits
    from reconciler.plan.plan import Action, Change

_ACTIVATIONS = frozenset({Verb.ACTIVATE, Verb.DEACTIVATE, Verb.DEPLOY})
"""What others wait for, and what waits for a whole package."""


def is_start(action: Action) -> bool:
    """Say whether something runs once an action has succeeded."""
    if action.verb is Verb.DEPLOY:
        return action.active
    return action.verb in {Verb.ACTIVATE, Verb.START}


def registered(group: str) -> str:
    """Name of the barrier that opens when every member of a package is registered."""
    return f"registered:{group}"


def activated(place: Place) -> str:
    """Name of the barrier that opens when all that runs in a project-domain is as it shall be."""
    return f"activated:{place}"


def settled(project: str) -> str:
    """Name of the barrier that opens when everything in a project is done."""
    return f"settled:{project}"


def order(
    changes: Iterable[Change],
    traits: Mapping[str, Traits],
    *,
    contents: Mapping[Key, Json],
    new_contents: Mapping[Key, tuple[Json, ...]],
) -> tuple[Change, ...]:
    """Sort changes and give their actions what they wait for.

    `contents` holds the active content of what is removed, `new_contents` the ways in which that
    of what is declared may be told (its body, its digest), to find renames: the same content under
    another name in the same project-domain.
    """
    ranked = sorted(
        changes,
        key=lambda change: (
            change.effect is Effect.REMOVE,
            traits[change.key.kind].rank,
            change.key,
        ),
    )
    partners = _renames(ranked, contents=contents, new_contents=new_contents)
    doable = [change for change in ranked if change.block is None]
    gates = _gates(doable, traits)
    known = {action.id for change in doable for action in change.actions}
    return tuple(
        replace(
            change,
            actions=tuple(
                _gated(_wired(action, change, known, partners), gates) for action in change.actions
            ),
            renamed_to=partners[change.key].key.name if change.key in partners else "",
        )
        for change in ranked
    )


def _wired(
    action: Action, change: Change, known: set[str], partners: Mapping[Key, Action]
) -> Action:
    waits = [name for name in action.waits if name in known]
    opens: list[str] = []
    if change.effect is Effect.REMOVE:
        partner = partners.get(change.key)
        barrier = activated(change.key.place)
        waits.append(partner.id if partner is not None else barrier)
    elif action.verb in _ACTIVATIONS:
        opens.append(activated(change.key.place))
    if change.group and action.verb is Verb.REGISTER:
        opens.append(registered(change.group))
    awaited = change.group or change.awaits
    if awaited and action.verb in {*_ACTIVATIONS, Verb.START}:
        waits.append(registered(awaited))
    return replace(action, waits=tuple(waits), opens=tuple(opens))


@dataclass(frozen=True, slots=True)
class _Gates:
    """Actions that let a project take work, and those that end it, by project.

    `busy` are projects that are closed and have something else done in them.
    """

    opening: Mapping[str, str]
    closing: Mapping[str, str]
    busy: frozenset[str]


def _gates(changes: Sequence[Change], traits: Mapping[str, Traits]) -> _Gates:
    opening: dict[str, str] = {}
    closing: dict[str, str] = {}
    for change in changes:
        path, ends = traits[change.key.kind].fields.ended_by
        for action in change.actions if path else ():
            body = action.body or {}
            if action.verb is Verb.UPDATE and body.get(path) in ends:
                closing[change.key.project] = action.id
            elif action.verb is Verb.CREATE or (action.verb is Verb.UPDATE and path in body):
                opening[change.key.project] = action.id
    busy = {change.key.project for change in changes if change.key.domain and change.actions}
    return _Gates(opening, closing, frozenset(busy.intersection(closing)))


def _gated(action: Action, gates: _Gates) -> Action:
    """What is in a project waits for it to be there and open, and its archiving for all of that."""
    project = action.key.project
    if project in gates.busy and action.id == gates.closing[project]:
        return replace(action, waits=(*action.waits, settled(project)))
    if not action.key.domain:
        return action
    opening = gates.opening.get(project)
    waits = (*action.waits, opening) if opening else action.waits
    opens = (*action.opens, settled(project)) if project in gates.busy else action.opens
    return replace(action, waits=waits, opens=opens)


def _renames(
    changes: Sequence[Change],
    *,
    contents: Mapping[Key, Json],
    new_contents: Mapping[Key, tuple[Json, ...]],
) -> dict[Key, Action]:
    """Map each removed name to the action that starts its content under the new name."""
    created: dict[tuple[str, Place], list[Action]] = defaultdict(list)
    for change in changes:
        if change.effect is not Effect.CREATE or change.block is not None:
            continue
        starts = next(filter(is_start, change.actions), None)
        if starts is not None:
            created[change.key.kind, change.key.place].append(starts)
    partners: dict[Key, Action] = {}
    for change in changes:
        if change.effect is not Effect.REMOVE or change.block is not None:
            continue
        candidates = created.get((change.key.kind, change.key.place), [])
        for candidate in candidates:
            if change.key in contents and contents[change.key] in new_contents[candidate.key]:
                partners[change.key] = candidate
                candidates.remove(candidate)
                break
    return partners
