"""Reads settings: there is no list, and one call tells a level and all broader ones."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from flyteidl2.project import project_service_pb2
from flyteidl2.settings import settings_definition_pb2 as wire
from flyteidl2.settings import settings_service_pb2 as service

from reconciler.backends.flyte2 import methods
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.settings import values
from reconciler.backends.flyte2.settings.rules import INSTALLATION, KIND
from reconciler.errors import BackendError, UnsupportedError
from reconciler.model.document import Json
from reconciler.model.key import Key, Place
from reconciler.model.live import Live, Query, Record

Levels = Mapping[Key, service.SettingsRecord]


def key_of(key: Key) -> wire.SettingsKey:
    """Name a level as the server does."""
    project = "" if key.project == INSTALLATION else key.project
    return wire.SettingsKey(domain=key.domain, project=project)


async def levels(link: Link, key: Key) -> Levels:
    """Read a level and the broader ones; one without a record has version 0."""
    request = service.GetSettingsForEditRequest(key=key_of(key))
    answer = await link.channel.call(methods.GET_SETTINGS_FOR_EDIT, request)
    return {
        Key(KIND, level.key.project or INSTALLATION, level.key.domain): level
        for level in answer.levels
    }


async def observe(link: Link, query: Query) -> Live:
    """Read the named levels; without a name nothing is called."""
    keys = {key for key in query.records if key.kind == KIND}
    if not keys:
        return Live()
    asked = [key for key in sorted(keys) if not any(_tells(other, key) for other in keys)]
    try:
        facts = await _facts(link)
    except UnsupportedError:
        missing: dict[str, Json] = {"isServed": False}
        return Live({key: Record({}, missing, exists=False) for key in keys})
    except BackendError as error:
        return Live(unreadable=dict.fromkeys(map(_where, keys), str(error)))
    read = await asyncio.gather(*(levels(link, key) for key in asked), return_exceptions=True)
    found: dict[Key, Record] = {}
    failed: dict[tuple[str, Place], str] = {}
    for key, answer in zip(asked, read, strict=True):
        told = {other for other in keys if other == key or _tells(key, other)}
        if isinstance(answer, BackendError):
            failed.update(dict.fromkeys(map(_where, told), str(answer)))
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found.update({one: _record(one, answer, facts) for one in told})
    return Live(found, {where: why for where, why in failed.items() if where not in _in(found)})


def _tells(narrow: Key, broad: Key) -> bool:
    """Say whether reading one level tells another, broader one too."""
    is_broader = broad.project == INSTALLATION and broad.domain in {"", narrow.domain}
    return is_broader and narrow != broad


def _where(key: Key) -> tuple[str, Place]:
    return key.kind, key.place


def _in(found: Collection[Key]) -> set[tuple[str, Place]]:
    return {_where(key) for key in found}


def _record(key: Key, read: Levels, facts: Mapping[str, Json]) -> Record:
    level = read.get(key, service.SettingsRecord())
    return Record(
        values.read(level.settings),
        {**facts, "domain": key.domain},
        exists=level.version > 0,
        revision=str(level.version),
    )


async def _facts(link: Link) -> dict[str, Json]:
    """Tell the domains of the server, and whether it applies settings at all."""
    some = project_service_pb2.ListProjectsRequest(limit=1)
    answer, is_applied = await asyncio.gather(
        link.channel.call(methods.LIST_PROJECTS, some), _is_applied(link)
    )
    domains = [domain.id for one in answer.projects.projects[:1] for domain in one.domains]
    return {"domains": list[Json](domains), "isApplied": is_applied}


async def _is_applied(link: Link) -> bool:
    """Ask for the settings that count for the organisation; the open-source server merges none.

    Raises UnsupportedError where there are no settings at all.
    """
    request = service.GetSettingsRequest(key=wire.SettingsKey())
    try:
        await link.channel.call(methods.GET_SETTINGS, request)
    except UnsupportedError:
        await levels(link, Key(KIND, INSTALLATION))
        return False
    except BackendError as error:
        if error.code in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}:
            raise
    return True
