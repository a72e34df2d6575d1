"""What is planned together: the objects of one set in one namespace.

An object names its set in `spec.sync`; without it, it belongs to the FlyteSync `default` of its
namespace, and where there is none to no set: such objects are applied and never pruned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from reconciler.model.digest import UNCLAIMED
from reconciler.operator import words
from reconciler.operator.resources import Custom, Ref
from reconciler.operator.store import Store
from reconciler.specs.sync import SyncSpec


@dataclass(frozen=True, slots=True, order=True)
class UnitId:
    """A set of a namespace; `unclaimed` for what has no FlyteSync, empty for a connection's own."""

    namespace: str
    set_name: str
    connection: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.set_name or self.connection}"


@dataclass(frozen=True, slots=True)
class Unit:
    """The objects of a set, with its FlyteSync if there is one."""

    id: UnitId
    sync: Custom | None
    members: tuple[Custom, ...]

    @property
    def is_claimed(self) -> bool:
        """Say whether the objects belong to a set."""
        return self.id.set_name != UNCLAIMED

    @property
    def spec(self) -> SyncSpec:
        """The FlyteSync's spec, the defaults without one."""
        if self.sync is None or self.sync.declared is None:
            return SyncSpec()
        return cast("SyncSpec", self.sync.declared.spec)

    @property
    def all(self) -> tuple[Custom, ...]:
        """The members and the FlyteSync."""
        return self.members if self.sync is None else (self.sync, *self.members)


def unit_of(custom: Custom, store: Store) -> UnitId:
    """Tell which unit an object belongs to."""
    namespace = custom.ref.namespace
    if custom.ref.kind == words.SYNC:
        return UnitId(namespace, custom.ref.name)
    if custom.ref.kind == words.CONNECTION:
        return UnitId(namespace, "", custom.ref.name)
    if custom.set_name:
        return UnitId(namespace, custom.set_name)
    has_default = store.get(Ref(words.SYNC, namespace, words.DEFAULT_SET)) is not None
    return UnitId(namespace, words.DEFAULT_SET if has_default else UNCLAIMED)


def unit(identifier: UnitId, store: Store) -> Unit:
    """Gather a unit."""
    sync = store.get(Ref(words.SYNC, identifier.namespace, identifier.set_name))
    members = tuple(
        sorted(
            (
                item
                for item in store.within(identifier.namespace)
                if item.ref.kind not in {words.SYNC, words.CONNECTION}
                and unit_of(item, store) == identifier
            ),
            key=lambda item: item.ref,
        )
    )
    return Unit(identifier, sync, members)


def touched(custom: Custom, store: Store) -> Iterator[UnitId]:
    """Yield the units that a change of an object concerns, its own first."""
    own = unit_of(custom, store)
    yield own
    namespace = custom.ref.namespace
    if custom.ref.kind == words.SYNC and custom.ref.name == words.DEFAULT_SET:
        yield UnitId(namespace, UNCLAIMED)
    if custom.ref.kind == words.CONNECTION:
        for other in store.all():
            is_named = other.spec.get("connection") == custom.ref.name
            if other.ref.kind == words.SYNC and is_named:
                yield UnitId(other.ref.namespace, other.ref.name)
