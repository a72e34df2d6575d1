"""Reads projects: one list of all of them, archived ones too."""

from __future__ import annotations

from reconciler.backends.flyte2 import paging
from reconciler.backends.flyte2.link import Link
from reconciler.backends.wire.project import KIND, own_fields
from reconciler.errors import BackendError
from reconciler.model.document import Json
from reconciler.model.key import Key
from reconciler.model.live import Live, Query, Record


async def observe(link: Link, query: Query) -> Live:
    """Read the named projects; without a name nothing is called."""
    keys = [key for key in query.records if key.kind == KIND]
    if not keys:
        return Live()
    try:
        projects = {one.id: one async for one in paging.projects(link.channel)}
    except BackendError as error:
        return Live(unreadable={(key.kind, key.place): str(error) for key in keys})
    domains = next(([each.id for each in one.domains] for one in projects.values()), [])
    facts: dict[str, Json] = {"domains": list[Json](domains)}
    found: dict[Key, Record] = {}
    for key in keys:
        project = projects.get(key.project)
        fields = {} if project is None else own_fields(project)
        found[key] = Record(fields, facts, exists=project is not None)
    return Live(found)
