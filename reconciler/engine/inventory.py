"""Reads what is live in many project-domains, and writes it as documents."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase

from reconciler.backends.port import Backend
from reconciler.errors import UnavailableError, UsageError
from reconciler.export import launch_plan, names, record, trigger
from reconciler.export.document import Exported, LeftOut
from reconciler.export.launch_plan import LivePlan
from reconciler.export.record import Writing
from reconciler.model.document import Json
from reconciler.model.interface import Want
from reconciler.model.key import ALL, Key, Place
from reconciler.model.live import Live, Object, Query, Record, Versions
from reconciler.resolve.context import Context
from reconciler.values.own import OwnType

PROJECT = "FlyteProject"
SETTINGS = "FlyteSettings"
KINDS = (PROJECT, SETTINGS, launch_plan.KIND, trigger.KIND)
"""Kinds that can be exported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What to read: ids and globs, all of it where a part is empty.

    `inactive` asks for the newest version of names that have no active one.
    """

    projects: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    inactive: bool = False

    def takes(self, key: Key) -> bool:
        """Say whether an object is asked for by its name."""
        return not self.names or any(
            fnmatchcase(called, name)
            for name in self.names
            for called in (key.name or key.project, names.own_name(key))
        )


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Documents of one set and what they leave out; `places` are those that have documents.

    `archives` are packages that documents name, by the object of the document.
    """

    set_name: str
    defaults: Place
    places: tuple[Place, ...]
    exported: tuple[Exported, ...]
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    archives: Mapping[Key, bytes] = field(default_factory=dict, repr=False)


async def places(backend: Backend, selection: Selection) -> frozenset[Place]:
    """List the project-domains that a selection names.

    Raises UsageError when a project or domain is named that there is not.
    """
    known = await backend.places()
    found = frozenset(
        place
        for place in known
        if _matches(place.project, selection.projects) and _matches(place.domain, selection.domains)
    )
    for flag, given, have in (
        ("--project", selection.projects, {place.project for place in known}),
        ("--domain", selection.domains, {place.domain for place in known}),
    ):
        missing = [one for one in given if not any(fnmatchcase(name, one) for name in have)]
        if missing:
            shown = ", ".join(sorted(have)[:10]) or "none"
            raise UsageError(f"{flag}: {missing[0]}: there is none; there are {shown}")
    return found


Adopted = Mapping[Key, tuple[str, str]]
"""Which set adopted which version of an object, by its ledger; of a mutable object that it holds,
no version."""


async def adopted(backend: Backend) -> Adopted:
    """Read what every set of the installation adopted, a call per project-domain.

    Raises BackendError when a ledger cannot be read.
    """
    ledgers = await backend.ledgers(await backend.places())
    return {
        key: (name, version)
        for name, ledger in ledgers.items()
        for key, version in (*((one, "") for one in ledger.objects), *ledger.adopted.items())
    }


async def active(backend: Backend, where: Collection[Place], *, described: bool = False) -> Live:
    """Read the active objects of project-domains, with descriptions where they are asked for."""
    around = frozenset(where)
    return await backend.observe(
        Query(places=around, described=around if described else frozenset())
    )


async def export(
    backend: Backend,
    selection: Selection = EVERYTHING,
    *,
    now: datetime,
    set_name: str = "",
    types: tuple[OwnType, ...] = (),
) -> Export:
    """Write what is live as documents of one set; `types` are types of one's own.

    Raises UsageError for a kind, project or domain that there is not, and UnavailableError when a
    part could not be read: a part of an installation would look like all of it.
    """
    known = [kind for kind in KINDS if kind in backend.traits]
    for kind in selection.kinds:
        if kind not in known:
            raise UsageError(f"--kind: {kind}: cannot be exported; known are {', '.join(known)}")
    around = await places(backend, selection)
    records = await _records(backend, selection, around)
    found = await _read(backend, selection, around)
    owned = await adopted(backend) if found else {}
    chosen = [
        launch_plan.choose(key, item, owned.get(key))
        for key, item in sorted(found.items())
        if isinstance(item, Versions)
    ]
    plans = [item for item in chosen if isinstance(item, LivePlan)]
    mutable = sorted(key for key, item in found.items() if isinstance(item, Object))
    triggers = await backend.fetch([key for key in mutable if key not in owned])
    catalog = await backend.catalog(_wants(plans, triggers))
    where = sorted({plan.key.place for plan in plans} | {key.place for key in triggers})
    alone = where[0] if len(where) == 1 else Place("")
    context = Context(
        set_name=set_name or names.set_name([*where, *(key.place for key in records)]),
        now=now,
        default_project=alone.project,
        default_domain=alone.domain,
        catalog=catalog,
        types=types,
    )
    called = names.document_names([*records, *triggers, *(plan.key for plan in plans)])
    shapes = {kind: traits.fields for kind, traits in backend.traits.items()}
    made = [
        record.export(
            parts,
            Writing(
                name=called[parts[0].key],
                context=context,
                adapter=backend.adapters[parts[0].key.kind],
            ),
        )
        for parts in record.grouped(records, shapes)
    ]
    hidden = {plan.key.place for plan in plans if plan.about and plan.about.is_archived}
    made += [
        launch_plan.export(
            plan,
            name=called[plan.key],
            context=context,
            adapter=backend.adapters[plan.key.kind],
            is_described=plan.key.place not in hidden,
        )
        for plan in plans
    ]
    made += [
        trigger.export(
            key, item, name=called[key], context=context, adapter=backend.adapters[key.kind]
        )
        for key, item in sorted(triggers.items())
    ]
    made += [LeftOut(key, f"it belongs to set {owned[key][0]}") for key in mutable if key in owned]
    exported = tuple(item for item in made if isinstance(item, Exported))
    left_out = [item for item in (*chosen, *made) if isinstance(item, LeftOut)]
    return Export(
        set_name=context.set_name,
        defaults=_home(where, exported, around),
        places=tuple(sorted({item.key.place for item in exported})),
        exported=exported,
        left_out=tuple(sorted(left_out, key=lambda item: item.key)),
        warnings=tuple(_archived(plans)),
    )


def _home(where: Sequence[Place], exported: Sequence[Exported], around: Iterable[Place]) -> Place:
    """Choose the project-domain of the ledger: one that has plans, else any of a project."""
    projects = {item.key.project for item in exported}
    domains = sorted(place for place in around if place.project in projects or projects == {ALL})
    return next(iter([*where, *domains]), Place(""))


async def _records(
    backend: Backend, selection: Selection, around: Collection[Place]
) -> Mapping[Key, Mapping[str, Json]]:
    """Read the fields of projects, with their settings, and of the installation's own settings.

    What spans more than what is asked for is read only by its kind.
    """
    kinds = {PROJECT, SETTINGS} & backend.traits.keys()
    if selection.kinds:
        kinds &= set(selection.kinds)
    elif selection.names or selection.domains:
        return {}
    elif selection.projects:
        kinds -= {SETTINGS}
    keys: set[Key] = set()
    if PROJECT in kinds:
        keys |= {Key(PROJECT, place.project) for place in around}
    if PROJECT in kinds and SETTINGS in backend.traits:
        keys |= {Key(SETTINGS, place.project, place.domain) for place in around}
    if SETTINGS in kinds:
        keys |= {Key(SETTINGS, ALL), *(Key(SETTINGS, ALL, place.domain) for place in around)}
    if not keys:
        return {}
    live = await backend.observe(Query(records=frozenset(keys)))
    _refuse_unread(live)
    found = {key: item for key, item in live.objects.items() if isinstance(item, Record)}
    return {
        key: item.fields
        for key, item in found.items()
        if item.exists and selection.takes(key) and (item.fields or key.kind != SETTINGS)
    }


def _refuse_unread(live: Live) -> None:
    for (kind, place), cause in sorted(live.unreadable.items()):
        raise UnavailableError(f"{place}: {kind}: could not be read: {cause}; nothing was exported")


async def _read(
    backend: Backend, selection: Selection, where: Collection[Place]
) -> Mapping[Key, Versions | Object]:
    """Read what runs, and with `inactive` what does not."""
    kinds = {launch_plan.KIND, trigger.KIND} & set(selection.kinds or KINDS) & set(backend.traits)
    if not kinds:
        return {}
    live = await active(backend, where, described=True)
    _refuse_unread(live)
    found: dict[Key, Versions | Object] = {
        key: item
        for key, item in live.objects.items()
        if (isinstance(item, Versions) and item.active)
        or (isinstance(item, Object) and (item.is_active or selection.inactive))
    }
    if selection.inactive and launch_plan.KIND in kinds:
        listed = await asyncio.gather(
            *(backend.inventory(place, launch_plan.KIND) for place in sorted(where))
        )
        for part in listed:
            for key, versions in part.items():
                found.setdefault(key, replace(versions, active=()))
    return {key: item for key, item in found.items() if key.kind in kinds and selection.takes(key)}


def _wants(plans: Iterable[LivePlan], triggers: Mapping[Key, Object]) -> frozenset[Want]:
    wanted = [
        *(launch_plan.want(plan) for plan in plans),
        *(trigger.want(key, item) for key, item in triggers.items()),
    ]
    return frozenset(want for want in wanted if want is not None)


def _archived(plans: Iterable[LivePlan]) -> Iterable[str]:
    for plan in plans:
        if plan.about and plan.about.is_archived and plan.is_active:
            yield (
                f"{plan.key}: is archived and still active, so its schedule goes on; no "
                "description is exported in its project-domain, since declaring one shows it again"
            )


def _matches(text: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(fnmatchcase(text, pattern) for pattern in patterns)
