"""Which custom resource speaks for a Flyte object when two claim the same: the older one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.model.key import Key
from reconciler.operator.resources import Custom, Ref
from reconciler.operator.units import UnitId

Claimed = tuple[str, Key]
"""An endpoint, and an object behind it."""


@dataclass(frozen=True, slots=True, order=True)
class _Claim:
    created: str
    uid: str
    ref: Ref
    unit: UnitId


@dataclass(slots=True)
class Claims:
    """All claims on Flyte objects, over all units and connections."""

    _by_object: dict[Claimed, dict[str, _Claim]] = field(default_factory=lambda: defaultdict(dict))
    _by_unit: dict[UnitId, set[tuple[Claimed, str]]] = field(
        default_factory=lambda: defaultdict(set)
    )

    def settle(
        self, unit: UnitId, endpoint: str, wanted: Iterable[tuple[Custom, Iterable[Key]]]
    ) -> tuple[Mapping[Ref, Ref], frozenset[UnitId]]:
        """Replace the claims of a unit.

        Returns who lost to whom, and the other units that somebody may have won in by this.
        """
        before = self._by_unit.pop(unit, set())
        now: set[tuple[Claimed, str]] = set()
        wishes = [(custom, (endpoint, key)) for custom, keys in wanted for key in keys]
        for custom, claimed in wishes:
            claim = _Claim(custom.created, custom.uid, custom.ref, unit)
            self._by_object[claimed][custom.uid] = claim
            now.add((claimed, custom.uid))
        gone = before - now
        for claimed, uid in gone:
            self._by_object[claimed].pop(uid, None)
        freed = {
            claim.unit
            for claimed, _ in gone
            for claim in self._by_object[claimed].values()
            if claim.unit != unit
        }
        for claimed, _ in gone:
            if not self._by_object[claimed]:
                del self._by_object[claimed]
        if now:
            self._by_unit[unit] = now
        losers = {}
        for custom, claimed in wishes:
            first = min(self._by_object[claimed].values())
            if first.uid != custom.uid:
                losers[custom.ref] = first.ref
        return losers, frozenset(freed)
