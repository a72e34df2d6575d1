"""Who takes part in a pass, and as what: the objects of a unit as a declaration for the engine.

An object that may not take part keeps what it has on Flyte: it neither changes nor goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import cast

from reconciler.engine import planning
from reconciler.engine.declaration import Declaration
from reconciler.engine.reach import Reach
from reconciler.model.key import Key, Place
from reconciler.model.policy import Prune
from reconciler.operator import trust, verdicts
from reconciler.operator.claims import Claims
from reconciler.operator.conditions import Verdict
from reconciler.operator.connections import Opened
from reconciler.operator.resources import Custom, Ref, policy_of, with_policy
from reconciler.operator.units import Unit, UnitId
from reconciler.operator.words import Reason
from reconciler.specs.fields import DeletionPolicy
from reconciler.specs.secret import SecretSpec
from reconciler.specs.validate import Declared

_NOWHERE = Path("/nonexistent")
"""Stands for a directory where a declaration needs one; nothing is ever read from it."""

_PACKAGE = "FlytePackage"
_POLICIES = {
    Prune.DEACTIVATE: DeletionPolicy.DEACTIVATE,
    Prune.ARCHIVE: DeletionPolicy.ARCHIVE,
    Prune.DELETE: DeletionPolicy.DELETE,
    Prune.REPORT: DeletionPolicy.ORPHAN,
    Prune.KEEP: DeletionPolicy.ORPHAN,
}
_PRUNES = {
    DeletionPolicy.DEACTIVATE: Prune.DEACTIVATE,
    DeletionPolicy.ARCHIVE: Prune.ARCHIVE,
    DeletionPolicy.DELETE: Prune.DELETE,
    DeletionPolicy.TERMINATE: Prune.TERMINATE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The parts in a pass.

    `refused` are told why they take no part, `leaving` are deleted objects with what is theirs on
    Flyte, `freed` are other units that may go on by this one's leave.
    """

    declaration: Declaration
    refused: Mapping[Ref, Verdict] = field(default_factory=dict)
    leaving: Mapping[Ref, tuple[Key, ...]] = field(default_factory=dict)
    freed: frozenset[UnitId] = frozenset()


def policy(custom: Custom, unit: Unit) -> DeletionPolicy:
    """Tell what happens on Flyte when an object of a unit goes; without a set nothing does."""
    if not unit.is_claimed:
        return DeletionPolicy.ORPHAN
    return policy_of(custom, _POLICIES[Prune(unit.spec.prune)])


def secret_references(unit: Unit) -> frozenset[tuple[str, str]]:
    """Name the keys of Kubernetes Secrets that the unit's objects are filled from."""
    specs = (item.declared.spec for item in unit.members if item.declared and not item.deleted)
    references = (spec.value_from.secret_key_ref for spec in specs if isinstance(spec, SecretSpec))
    return frozenset((item.name, item.key) for item in references if item is not None)


def assign(
    unit: Unit,
    opened: Opened,
    claims: Claims,
    *,
    reach: Reach,
    source: str,
    now: datetime,
) -> Cast:
    """Give each object of a unit its part.

    `source` names the FlyteSync for the claim on its set, the same for as long as it is the same.
    """
    bare = _declaration(unit, reach=reach, source=source)
    parts = [_Part(item, *_about(item, opened, bare, now)) for item in unit.members]
    refused = {part.custom.ref: why for part in parts if (why := _refusal(part, opened))}
    taking = [part for part in parts if part.custom.ref not in refused]
    living = [part for part in taking if not part.custom.deleted]
    speaking = [part for part in living if not part.custom.is_disabled]
    endpoint = opened.endpoint
    losers, freed = claims.settle(
        unit.id, endpoint, [(part.custom, part.keys) for part in speaking]
    )
    for part in speaking:
        if part.custom.ref in losers:
            first = losers[part.custom.ref]
            refused[part.custom.ref] = Verdict(
                reason=Reason.CONFLICT,
                message=f"{part.keys[0]} is declared by {first} too, which is older; delete one",
            )
    declared = tuple(
        with_policy(cast("Declared", part.custom.declared), policy(part.custom, unit))
        for part in speaking
        if part.custom.ref not in refused
    )
    silent = [part for part in parts if part.custom.ref in refused or part.is_left_alone]
    leaving = {part.custom.ref: part.keys for part in taking if part.custom.deleted}
    is_known = all(part.keys or part.custom.declared for part in parts)
    is_hidden = any(part.custom.ref.kind == _PACKAGE for part in silent)
    return Cast(
        declaration=replace(
            bare,
            declared=declared,
            given_up=dict(_given_up(leaving, unit)),
            withheld=frozenset(key for part in silent for key in part.keys),
            is_whole=unit.is_claimed and is_known and not is_hidden,
        ),
        refused=refused,
        leaving=leaving,
        freed=freed,
    )


@dataclass(frozen=True, slots=True)
class _Part:
    custom: Custom
    keys: tuple[Key, ...]
    place: Place

    @property
    def is_left_alone(self) -> bool:
        """Say whether somebody asked to leave it as it is, and did not delete it since."""
        return self.custom.is_disabled and not self.custom.deleted

    @property
    def places(self) -> tuple[Place, ...]:
        """Where it is; nowhere for what says no project and is nothing on Flyte."""
        found = tuple(dict.fromkeys(key.place for key in self.keys))
        return found or ((self.place,) if self.place.project else ())


def _about(
    custom: Custom, opened: Opened, declaration: Declaration, now: datetime
) -> tuple[tuple[Key, ...], Place]:
    """Tell which objects on Flyte a custom resource is about, and where it is."""
    context = planning.resolve_context(declaration, now)
    place = context.place(_text(custom.spec.get("project")), _text(custom.spec.get("domain")))
    adapter = opened.backend.adapters.get(custom.ref.kind)
    if custom.declared is None:
        keys = _told(custom)
        return keys, keys[0].place if keys else place
    if adapter is None:
        return (), place
    keys = adapter.about(custom.declared, context)
    return keys, keys[0].place if keys else place


def _told(custom: Custom) -> tuple[Key, ...]:
    """Return the object that an earlier status names, for a spec that says nothing any more."""
    told = custom.status.get("key")
    try:
        return (Key.parse(told),) if isinstance(told, str) else ()
    except ValueError:
        return ()


def _refusal(part: _Part, opened: Opened) -> Verdict | None:
    custom = part.custom
    if custom.declared is None and not (custom.deleted and part.keys):
        return verdicts.of_problems(custom.problems)
    for place in part.places:
        why = unserved(opened, custom.ref.namespace, place)
        if why:
            return Verdict(reason=Reason.ACCESS, message=why)
    return None


def unserved(opened: Opened, namespace: str, place: Place) -> str:
    """Say why objects of a namespace may not touch a place over a connection; empty when so."""
    if trust.serves(opened.spec, namespace, place):
        return ""
    where = str(place) if place.project and place.domain else f"all of {str(place) or 'Flyte'}"
    return (
        f"FlyteConnection {opened.ref.namespace}/{opened.ref.name} does not let namespace "
        f"{namespace} touch {where}; its owner adds that to spec.serves"
    )


def _given_up(leaving: Mapping[Ref, tuple[Key, ...]], unit: Unit) -> Iterator[tuple[Key, Prune]]:
    for custom in unit.members:
        prune = _PRUNES.get(policy(custom, unit))
        if prune is not None and custom.has_finalizer:
            yield from ((key, prune) for key in leaving.get(custom.ref, ()))


def _declaration(unit: Unit, *, reach: Reach, source: str) -> Declaration:
    return Declaration(
        base=_NOWHERE,
        cwd=_NOWHERE,
        sync=unit.spec,
        set_name=unit.id.set_name,
        declared=(),
        problems=(),
        sync_document=unit.sync.declared if unit.sync is not None else None,
        source=source,
        is_independent=True,
        reach=reach,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
