"""How a set stands: each object beside what is live, what else is active, and the ledger.

Made from the same plan that an apply would carry out, so that the two never disagree. Reads only,
and asks for no claim: who may not write a set may still look at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import cast

from reconciler.backends.port import Backend
from reconciler.engine import inventory, planning
from reconciler.engine.declaration import Declaration
from reconciler.engine.firings import Preview, preview_of
from reconciler.engine.inventory import Selection
from reconciler.engine.planning import Options, Planned
from reconciler.errors import BackendError, RefusedError
from reconciler.model.digest import split_version
from reconciler.model.document import Json
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Ledger
from reconciler.model.live import Live, LiveVersion, Object, Unreadable, Versions
from reconciler.model.origin import Origin
from reconciler.model.resource import Resource, State
from reconciler.plan.plan import Block, Change, Effect, Reason


class Standing(StrEnum):
    """How one object stands."""

    READY = "ready"
    """Live is as declared."""
    PENDING = "pending"
    """The next apply changes it."""
    DRIFT = "drift"
    """Somebody changed it; the declaration did not change."""
    HELD = "held"
    """A pause keeps it inactive."""
    BLOCKED = "blocked"
    """It differs, and a guard or a policy leaves it so."""
    CONTESTED = "contested"
    """It was put back three times and changed again each time."""
    WAITING = "waiting"
    """Its runs are in flight, or it waits for something."""
    FAILED = "failed"
    """A run of it did not end well, and nothing follows."""
    UNDECLARED = "undeclared"
    """It is the set's and no longer declared."""
    UNREADABLE = "unreadable"
    """It could not be read."""


FOREIGN = "foreign"
"""Owner of a version that no set made and this set did not adopt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStatus:
    """One object; what does not apply is empty.

    `wanted` is what is declared of its activation (Active, Inactive, Unmanaged), `version` the
    declared version, `active` the versions that are active (of a mutable object, its revision),
    `owner` whose they are: a set's name,
    `adopted` (with its name where another set did), or `foreign`. `detail` says why it does not
    stand as declared.
    """

    key: Key
    standing: Standing
    origin: Origin | None = None
    wanted: str = ""
    version: str = ""
    active: tuple[str, ...] = ()
    made_at: str = ""
    owner: str = ""
    firing: Preview | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A set, or with an empty name a connection as a whole.

    `others` are active objects in the scope that the set does not declare.
    """

    backend: Mapping[str, str]
    now: datetime
    objects: tuple[ObjectStatus, ...] = ()
    others: tuple[ObjectStatus, ...] = ()
    set_name: str = ""
    source: str = ""
    commit: str = ""
    ledger: Ledger | None = None
    warnings: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Say whether everything declared stands as declared, or is paused on purpose."""
        fine = {Standing.READY, Standing.HELD}
        return not self.unread and all(item.standing in fine for item in self.objects)


async def of_set(declaration: Declaration, backend: Backend, *, now: datetime) -> Status:
    """Say how a declared set stands.

    Raises SpecError for faulty documents, RefusedError for a set that was renamed, BackendError
    when the backend does not answer.
    """
    planned = await planned_unclaimed(declaration, backend, now=now)
    beyond = await _rest_of_scope(planned, backend)
    objects = of_objects(planned, now=now)
    others = of_others(planned, beyond, now=now)
    others, warnings = await _with_adopters(others, backend)
    return Status(
        backend=planned.plan.backend,
        now=now,
        objects=objects,
        others=others,
        set_name=declaration.set_name,
        source=declaration.source,
        commit=declaration.commit,
        ledger=planned.ledger if declaration.has_sync else None,
        warnings=(*planned.plan.warnings, *warnings),
        unread=tuple(
            f"{place}: {kind}: could not be read: {cause}"
            for (kind, place), cause in sorted(
                {**beyond.unreadable, **planned.live.unreadable}.items()
            )
        ),
    )


def of_objects(planned: Planned, *, now: datetime) -> tuple[ObjectStatus, ...]:
    """Say how each object of a plan stands: those declared, and those that are to go."""
    changes = {change.key: change for change in planned.plan.changes}
    declared = sorted(planned.desired.resources.items())
    gone = sorted(changes.keys() - planned.desired.resources.keys())
    return (
        *(_declared(resource, planned, changes.get(key), now) for key, resource in declared),
        *(_removed(changes[key], planned, now) for key in gone),
    )


def of_others(
    planned: Planned, beyond: Live | None = None, *, now: datetime
) -> tuple[ObjectStatus, ...]:
    """List what is active and not the set's, as far as the plan looked, and `beyond` that."""
    own = planned.desired.resources.keys() | {change.key for change in planned.plan.changes}
    found = {**(beyond.objects if beyond is not None else {}), **planned.live.objects}
    return _others({key: item for key, item in found.items() if key not in own}, now)


async def of_connection(
    backend: Backend, selection: Selection = inventory.EVERYTHING, *, now: datetime
) -> Status:
    """List everything that is active on a connection, whoever declares it.

    Raises UsageError for projects and domains that there are not.
    """
    live = await inventory.active(backend, await inventory.places(backend, selection))
    taken = {key: item for key, item in live.objects.items() if selection.takes(key)}
    others, warnings = await _with_adopters(_others(taken, now), backend)
    return Status(
        backend=await backend.identity(),
        now=now,
        others=others,
        warnings=warnings,
        unread=tuple(
            f"{place}: {kind}: could not be read: {cause}"
            for (kind, place), cause in sorted(live.unreadable.items())
        ),
    )


async def planned_unclaimed(
    declaration: Declaration, backend: Backend, *, now: datetime
) -> Planned:
    """Plan for reading only: whose claim the set is does not matter for a look at it."""
    try:
        return await planning.plan(declaration, backend, now=now)
    except RefusedError:
        ledger = await planning.ledger_of(declaration, backend)
        if ledger.renamed_to or ledger.claim is None:
            raise
    options = Options(take_over=ledger.claim.source, reset_to=declaration.commit)
    return await planning.plan(declaration, backend, now=now, options=options)


def of_object(key: Key, planned: Planned, *, now: datetime) -> ObjectStatus | None:
    """Say how one object of a plan stands; None when it is neither declared nor active."""
    change = next((item for item in planned.plan.changes if item.key == key), None)
    resource = planned.desired.resources.get(key)
    if resource is not None:
        return _declared(resource, planned, change, now)
    if change is not None:
        return _removed(change, planned, now)
    found = _others({key: planned.live.get(key)}, now)
    return found[0] if found else None


async def _rest_of_scope(planned: Planned, backend: Backend) -> Live:
    """Read the project-domains of the scope that the plan had no reason to look at."""
    scope = planned.declaration.scope
    if scope is None:
        return Live()
    places = {place for place in scope.places if place.is_single}
    if any(not place.domain for place in scope.places):
        places = {place for place in await backend.places() if scope.allows(place)}
    read = planning.query(planned.desired, planned.context).places
    missing: set[Place] = places - read
    return await inventory.active(backend, missing) if missing else Live()


def _declared(
    resource: Resource, planned: Planned, change: Change | None, now: datetime
) -> ObjectStatus:
    standing, detail = _standing(resource, planned, change, now)
    active = _active(planned.live.get(resource.key))
    has_pointer = planned.context.traits[resource.key.kind].has_pointer
    return ObjectStatus(
        key=resource.key,
        standing=standing,
        origin=resource.origin,
        wanted=resource.state.value if has_pointer else "",
        version=resource.version,
        active=tuple(item.version for item in active),
        made_at=_newest(active),
        owner=_owner(resource.key, active, planned),
        firing=_firing(active, now),
        detail=detail,
    )


def _standing(
    resource: Resource, planned: Planned, change: Change | None, now: datetime
) -> tuple[Standing, str]:
    observed = planned.live.get(resource.key)
    hold = planned.ledger.hold_on(resource.key, now)
    if isinstance(observed, Unreadable):
        return Standing.UNREADABLE, observed.cause
    if hold is not None and resource.state is State.ACTIVE:
        by = f" by {hold.by}" if hold.by else ""
        return Standing.HELD, f"paused until {hold.until.isoformat()}{by}: {hold.reason}"
    waits = planned.plan.waiting.get(resource.key)
    if change is None:
        return (Standing.WAITING, waits) if waits else (Standing.READY, "")
    if change.block is Block.FAILED:
        return Standing.FAILED, change.block_detail
    if change.block is Block.CONTESTED:
        return Standing.CONTESTED, change.block_detail
    if change.block is not None:
        is_drift = change.block is Block.REPORT
        return (Standing.DRIFT if is_drift else Standing.BLOCKED), change.block_detail
    if change.reason in {Reason.DRIFT, Reason.FOREIGN}:
        return Standing.DRIFT, f"{what_changes(change)}, the next apply corrects it"
    return Standing.PENDING, what_changes(change)


def what_changes(change: Change) -> str:
    """Say what an apply does to an object, with the first fields that differ."""
    if change.effect is Effect.ADOPT:
        version = f" version {change.owns}" if change.owns else ""
        return f"adopt{version or ' it'}, which is as declared"
    paths = [item.path for item in change.fields if item.path]
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    fields = f" ({', '.join(paths[:3])}{more})" if paths else ""
    return f"{change.effect.value}{fields}"


def _removed(change: Change, planned: Planned, now: datetime) -> ObjectStatus:
    active = _active(planned.live.get(change.key))
    return ObjectStatus(
        key=change.key,
        standing=Standing.UNDECLARED,
        active=tuple(item.version for item in active),
        made_at=_newest(active),
        owner=_owner(change.key, active, planned),
        firing=_firing(active, now),
        detail=change.block_detail if change.block else "the next apply removes it",
    )


def _owner(key: Key, active: Iterable[LiveVersion], planned: Planned) -> str:
    owners: list[str] = []
    held = planned.ledger.objects.get(key)
    if held is not None:
        return "adopted" if held.adopted else planned.declaration.set_name
    for item in active:
        if planned.ledger.adopted.get(key) == item.version:
            owners.append("adopted")
        else:
            owners.append(owner_of(item.version))
    return ", ".join(dict.fromkeys(owners))


def owner_of(version: str) -> str:
    """Name the set that made a version, or `foreign`."""
    parts = split_version(version)
    return parts[0] if parts else FOREIGN


def _others(found: Mapping[Key, object], now: datetime) -> tuple[ObjectStatus, ...]:
    return tuple(
        ObjectStatus(
            key=key,
            standing=Standing.UNDECLARED,
            active=tuple(version.version for version in active),
            made_at=_newest(active),
            owner=", ".join(dict.fromkeys(owner_of(version.version) for version in active)),
            firing=_firing(active, now),
        )
        for key, item in sorted(found.items())
        if (active := _active(item))
    )


def _active(observed: object) -> tuple[LiveVersion, ...]:
    """List what is active of an object; one that is mutable has one version, its revision."""
    match observed:
        case Versions():
            return observed.active
        case Object(is_active=True):
            body = dict(observed.listed) if observed.body is None else observed.body
            return (LiveVersion(f"revision {observed.revision}", body),)
        case _:
            return ()


async def _with_adopters(
    others: tuple[ObjectStatus, ...], backend: Backend
) -> tuple[tuple[ObjectStatus, ...], tuple[str, ...]]:
    """Name the sets that adopted what no set made; their ledgers are read only if need be."""
    if all(item.owner != FOREIGN for item in others):
        return others, ()
    try:
        adopted = await inventory.adopted(backend)
    except BackendError as error:
        return others, (f"what other sets adopted is shown as foreign: {error}",)
    return tuple(
        replace(item, owner=_adopter(item, *adopted[item.key])) if item.key in adopted else item
        for item in others
    ), ()


def _adopter(item: ObjectStatus, set_name: str, version: str) -> str:
    if not version:
        return set_name
    return f"{set_name} (adopted)" if version in item.active else item.owner


def _newest(active: Iterable[LiveVersion]) -> str:
    return max((item.made_at for item in active), default="")


def _firing(active: Iterable[LiveVersion], now: datetime) -> Preview | None:
    """Preview the soonest firing of what is active."""
    found: list[Preview] = []
    for item in active:
        schedule = (item.body or {}).get("schedule")
        shown = preview_of(cast("dict[str, Json]", schedule or {}), after=now, count=1)
        if shown is not None:
            found.append(shown)
    return min(found, key=lambda one: (not one.times, one.times), default=None)
