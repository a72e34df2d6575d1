"""Looks at both sides and writes to neither: export, status, explain, next, doctor.

And `adopt`, whose one write is the ledger's.

async with reading.connection(connection="embedded") as backend:
    found = await reading.export(backend, Selection(projects=("ranking",)))
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reconciler.api import connecting, own_types
from reconciler.api.connecting import Choice, Target
from reconciler.api.offline import require_sound
from reconciler.api.session import Session, new_run, whoami
from reconciler.backends.port import Backend
from reconciler.engine import (
    adoption,
    doctor,
    explanation,
    inventory,
    packages,
    status,
    upcoming,
)
from reconciler.engine.adoption import Adoption
from reconciler.engine.applying import Applied
from reconciler.engine.declaration import SYNC_FILE, Declaration, declare
from reconciler.engine.explanation import Explanation
from reconciler.engine.inventory import EVERYTHING, Export, Selection
from reconciler.engine.planning import NO_OPTIONS, Options
from reconciler.engine.status import Status
from reconciler.engine.upcoming import Upcoming, Window
from reconciler.errors import BackendError, ReconcilerError, UnavailableError
from reconciler.model.health import Check, Health
from reconciler.model.key import Key


@dataclass(frozen=True, slots=True)
class Opened:
    """An open connection for reading, and how it was chosen."""

    backend: Backend
    choice: Choice


@asynccontextmanager
async def connection(target: Target, *, cwd: Path | None = None) -> AsyncIterator[Opened]:
    """Open a connection without a declaration; no write can be sent.

    A reconcile.yaml in the working directory may name it; raises UsageError when nothing does.
    """
    where = (cwd or Path.cwd()).absolute()
    declaration = declare((), cwd=where) if (where / SYNC_FILE).is_file() else None
    choice = connecting.choose(target, declaration, environ=os.environ, cwd=where)
    async with connecting.connect(choice, read_only=True, environ=os.environ) as backend:
        yield Opened(backend, choice)


async def export(
    backend: Backend,
    selection: Selection = EVERYTHING,
    *,
    set_name: str = "",
    now: datetime | None = None,
) -> Export:
    """Write what is live as documents of one set; see `engine.inventory.export`."""
    own = own_types.named(os.environ)
    return await inventory.export(
        backend, selection, set_name=set_name, now=_moment(now), types=own
    )


async def export_packages(
    backend: Backend, selection: Selection = EVERYTHING, *, version: str = "", set_name: str = ""
) -> Export:
    """Write registered code as packages of one set; see `engine.packages.export`."""
    return await packages.export(backend, selection, version=version, set_name=set_name)


async def set_status(session: Session, *, now: datetime | None = None) -> Status:
    """Say how a declared set stands; see `engine.status.of_set`."""
    return await status.of_set(session.declaration, session.backend, now=_moment(now))


async def connection_status(
    backend: Backend, selection: Selection = EVERYTHING, *, now: datetime | None = None
) -> Status:
    """List everything active on a connection; see `engine.status.of_connection`."""
    return await status.of_connection(backend, selection, now=_moment(now))


async def upcoming_live(
    paths: Sequence[str] = (),
    *,
    target: Target,
    window: Window,
    names: Sequence[str] = (),
    cwd: Path | None = None,
) -> tuple[Upcoming, ...]:
    """Preview what is active: in the scope of the declared set, without one everywhere.

    Raises UsageError without a connection, UnavailableError when a part could not be read.
    """
    where = (cwd or Path.cwd()).absolute()
    declaration = None
    if paths or (where / SYNC_FILE).is_file():
        declaration = declare(paths, cwd=where)
        require_sound(declaration)
    choice = connecting.choose(target, declaration, environ=os.environ, cwd=where)
    async with connecting.connect(choice, read_only=True, environ=os.environ) as backend:
        places = await backend.places()
        scope = declaration.scope if declaration is not None else None
        if scope is not None:
            places = frozenset(place for place in places if scope.allows(place))
        observed = await inventory.active(backend, places)
    for (kind, place), cause in sorted(observed.unreadable.items()):
        raise UnavailableError(f"{place}: {kind}: could not be read: {cause}")
    return upcoming.live(observed, window, names)


async def explain(session: Session, key: Key, *, now: datetime | None = None) -> Explanation:
    """Explain one object; see `engine.explanation.explain`."""
    return await explanation.explain(session.declaration, session.backend, key, now=_moment(now))


async def plan_adoption(
    session: Session, options: Options = NO_OPTIONS, *, now: datetime | None = None
) -> Adoption:
    """Plan the adoptions of a set; see `engine.adoption.plan_adoption`."""
    return await adoption.plan_adoption(
        session.declaration, session.backend, now=_moment(now), options=options
    )


async def adopt(session: Session, planned: Adoption) -> Applied:
    """Write planned adoptions into the ledger; nothing is sent when there are none."""
    return await adoption.adopt(planned, session.backend, new_run())


async def examine(
    paths: Sequence[str] = (), *, target: Target | None = None, cwd: Path | None = None
) -> tuple[Check, ...]:
    """Check configuration, connection, ledger, cache and checkout; failures are in the result."""
    where = (cwd or Path.cwd()).absolute()
    declaration, checks = doctor.declaration_here(paths, cwd=where)
    checks.append(doctor.checkout(declaration, cwd=where))
    checks.append(doctor.cache_folder())
    checks.append(doctor.actor(os.environ, whoami(os.environ)))
    try:
        asked = target or Target()
        choice = connecting.choose(asked, declaration, environ=os.environ, cwd=where)
    except (ReconcilerError, OSError) as error:
        return (*checks, _unchosen(error))
    checks.append(Check("connection", Health.OK, f"{_shown(choice)}, chosen by {choice.chosen_by}"))
    try:
        async with connecting.connect(choice, read_only=True, environ=os.environ) as backend:
            checks += await backend.probe()
            if not any(check.health is Health.ERROR and check.name == "grpc" for check in checks):
                checks.append(await _ledger(declaration, backend, checks))
    except (ReconcilerError, OSError) as error:
        code = error.exit_code if isinstance(error, ReconcilerError) else 1
        checks.append(Check("connection", Health.ERROR, str(error), exit_code=code))
    return tuple(checks)


def _unchosen(error: Exception) -> Check:
    detail, _, fix = str(error).removeprefix("connection: ").partition("; ")
    return Check("connection", Health.ERROR, detail, fix, exit_code=1)


async def _ledger(
    declaration: Declaration | None, backend: Backend, checks: Sequence[Check]
) -> Check:
    if any(check.health is Health.ERROR and check.name in {"tcp", "tls"} for check in checks):
        return Check("ledger", Health.SKIPPED, "the backend cannot be reached")
    try:
        return await doctor.ledger(declaration, backend)
    except BackendError as error:
        return Check("ledger", Health.ERROR, str(error), exit_code=error.exit_code)


def _shown(choice: Choice) -> str:
    if choice.data is not None:
        return f"embedded Flyte in {choice.data}"
    if choice.config:
        return f"configuration {choice.config}"
    if choice.endpoint:
        return choice.endpoint
    endpoint = (choice.spec or {}).get("endpoint")
    return str(endpoint or "a FlyteConnection without an endpoint")


def _moment(now: datetime | None) -> datetime:
    return now or datetime.now(UTC)
