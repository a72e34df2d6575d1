"""A connection with the project and domain that hold where a call names none."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from reconciler.api import connecting
from reconciler.api.connecting import Target
from reconciler.backends.port import Backend
from reconciler.engine.declaration import SYNC_FILE, declare
from reconciler.model.asked import Asked
from reconciler.model.asked_runs import AskedRuns
from reconciler.model.key import ALL

Row = TypeVar("Row")
List = TypeVar("List", Asked, AskedRuns)
Kind = TypeVar("Kind", bound="Opened")


@dataclass(slots=True)
class Opened:
    """An open connection: who it leads to, and the place that holds where a call names none.

    An empty project or domain is every one for lists, and must be given for a single object.
    """

    backend: Backend
    identity: Mapping[str, str]
    project: str = ""
    domain: str = ""

    def placed(self, asked: List) -> List:
        """Fill in the project and the domain that hold where a list names none."""
        project = asked.project if asked.project != ALL else self.project or ALL
        domain = asked.domain if asked.domain != ALL else self.domain or ALL
        return replace(asked, project=project, domain=domain)


@asynccontextmanager
async def opened(
    kind: type[Kind],
    connection: str | Target = "",
    *,
    project: str = "",
    domain: str = "",
    cwd: Path | None = None,
    read_only: bool = True,
) -> AsyncIterator[Kind]:
    """Open a connection as every command chooses it: given, RECONCILE_CONNECTION, reconcile.yaml.

    `kind` is what it is for. The defaults of a reconcile.yaml in the working directory are those of
    `project` and `domain`.
    Raises UsageError when no connection is named.
    """
    where = (cwd or Path.cwd()).absolute()
    declaration = declare((), cwd=where) if (where / SYNC_FILE).is_file() else None
    asked = Target(connection=connection) if isinstance(connection, str) else connection
    choice = connecting.choose(asked, declaration, environ=os.environ, cwd=where)
    if declaration is not None:
        project = project or declaration.sync.defaults.project or ""
        domain = domain or declaration.sync.defaults.domain or ""
    async with connecting.connect(choice, read_only=read_only, environ=os.environ) as backend:
        yield kind(backend, await backend.identity(), project, domain)


async def limited(
    rows: AsyncIterator[Row], matches: Callable[[Row], bool], limit: int
) -> AsyncIterator[Row]:
    """Yield the rows that match as they come, and end at the limit unless it is 0."""
    count = 0
    async for row in rows:
        if matches(row):
            yield row
            count += 1
            if count == limit:
                return
