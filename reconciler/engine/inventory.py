"""Reads what is live in many project-domains, and writes it as documents."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase

from reconciler.backends.port import Backend
from reconciler.errors import UnavailableError, UsageError
from reconciler.export import launch_plan, names
from reconciler.export.document import Exported, LeftOut
from reconciler.export.launch_plan import LivePlan
from reconciler.model.interface import Want
from reconciler.model.key import Key, Place
from reconciler.model.live import Live, Query, Versions
from reconciler.resolve.context import Context

KINDS = (launch_plan.KIND,)
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
        return not self.names or any(fnmatchcase(key.name, name) for name in self.names)


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Documents of one set and what they leave out; `places` are those that have documents."""

    set_name: str
    defaults: Place
    places: tuple[Place, ...]
    exported: tuple[Exported, ...]
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = field(default=())


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


async def active(backend: Backend, where: Collection[Place], *, described: bool = False) -> Live:
    """Read the active objects of project-domains, with descriptions where they are asked for."""
    around = frozenset(where)
    return await backend.observe(
        Query(places=around, described=around if described else frozenset())
    )


async def export(
    backend: Backend, selection: Selection = EVERYTHING, *, set_name: str = "", now: datetime
) -> Export:
    """Write what is live as documents of one set.

    Raises UsageError for a kind, project or domain that there is not, and UnavailableError when a
    part could not be read: a part of an installation would look like all of it.
    """
    for kind in selection.kinds:
        if kind not in KINDS:
            raise UsageError(f"--kind: {kind}: cannot be exported; known are {', '.join(KINDS)}")
    found = await _read(backend, selection)
    chosen = [
        launch_plan.choose(key, versions)
        for key, versions in sorted(found.items())
        if selection.takes(key)
    ]
    plans = [item for item in chosen if isinstance(item, LivePlan)]
    left_out = [item for item in chosen if isinstance(item, LeftOut)]
    where = sorted({plan.key.place for plan in plans})
    context = Context(
        set_name=set_name or names.set_name(where),
        now=now,
        default_project=where[0].project if len(where) == 1 else "",
        default_domain=where[0].domain if len(where) == 1 else "",
        catalog=await backend.catalog(_wants(plans)),
    )
    hidden = {plan.key.place for plan in plans if plan.about and plan.about.is_archived}
    called = names.document_names(plan.key for plan in plans)
    exported: list[Exported] = []
    for plan in plans:
        made = launch_plan.export(
            plan,
            name=called[plan.key],
            context=context,
            adapter=backend.adapters[plan.key.kind],
            is_described=plan.key.place not in hidden,
        )
        if isinstance(made, Exported):
            exported.append(made)
        else:
            left_out.append(made)
    return Export(
        set_name=context.set_name,
        defaults=where[0] if where else Place(""),
        places=tuple(sorted({item.key.place for item in exported})),
        exported=tuple(exported),
        left_out=tuple(sorted(left_out, key=lambda item: item.key)),
        warnings=tuple(_archived(plans)),
    )


async def _read(backend: Backend, selection: Selection) -> Mapping[Key, Versions]:
    where = await places(backend, selection)
    live = await active(backend, where, described=True)
    for (kind, place), cause in sorted(live.unreadable.items()):
        raise UnavailableError(f"{place}: {kind}: could not be read: {cause}; nothing was exported")
    found = {
        key: item
        for key, item in live.objects.items()
        if isinstance(item, Versions) and item.active
    }
    if not selection.inactive:
        return found
    listed = await asyncio.gather(
        *(backend.inventory(place, launch_plan.KIND) for place in sorted(where))
    )
    for part in listed:
        for key, versions in part.items():
            found.setdefault(key, replace(versions, active=()))
    return found


def _wants(plans: Iterable[LivePlan]) -> frozenset[Want]:
    return frozenset(want for plan in plans if (want := launch_plan.want(plan)) is not None)


def _archived(plans: Iterable[LivePlan]) -> Iterable[str]:
    for plan in plans:
        if plan.about and plan.about.is_archived and plan.is_active:
            yield (
                f"{plan.key}: is archived and still active, so its schedule goes on; no "
                "description is exported in its project-domain, since declaring one shows it again"
            )


def _matches(text: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(fnmatchcase(text, pattern) for pattern in patterns)
