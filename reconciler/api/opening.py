"""A connection with the project and domain that hold where a call names none."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.api import connecting
from reconciler.api.connecting import Target
from reconciler.backends.port import Backend
from reconciler.engine.declaration import SYNC_FILE, declare


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An open connection: who it leads to, and the defaults that hold."""

    backend: Backend
    identity: Mapping[str, str]
    project: str = ""
    domain: str = ""


@asynccontextmanager
async def opened(
    connection: str | Target = "",
    *,
    project: str = "",
    domain: str = "",
    cwd: Path | None = None,
    read_only: bool = True,
) -> AsyncIterator[Opened]:
    """Open a connection as every command chooses it: given, RECONCILE_CONNECTION, reconcile.yaml.

    The defaults of a reconcile.yaml in the working directory are those of `project` and `domain`.
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
        yield Opened(
            backend=backend, identity=await backend.identity(), project=project, domain=domain
        )
