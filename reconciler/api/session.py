"""A declaration beside an open backend: plan, apply, and what else one asks of the two."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from reconciler.api import connecting, offline, own_types, snapshots
from reconciler.api.connecting import Target
from reconciler.backends.port import Backend
from reconciler.engine import applying, planning, snapshot
from reconciler.engine.applying import Applied, Run
from reconciler.engine.declaration import Declaration, declare
from reconciler.engine.planning import NO_OPTIONS, Options, Planned
from reconciler.errors import RefusedError, UsageError
from reconciler.plan.plan import Plan
from reconciler.specs.secret import SecretSpec
from reconciler.specs.validate import Declared
from reconciler.values.own import OwnType

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A declaration and the backend that it is about; made by `session`.

    One that is hypothetical only shows what would be; `notes` are said with every plan of it.
    """

    declaration: Declaration
    backend: Backend
    notes: tuple[str, ...] = ()
    is_hypothetical: bool = False

    async def plan(self, options: Options = NO_OPTIONS, *, now: datetime | None = None) -> Planned:
        """Plan the declaration.

        Raises SpecError for faulty documents, RefusedError for a claim of somebody else,
        BackendError when the backend does not answer.
        """
        moment = now or datetime.now(UTC)
        asked = replace(options, is_hypothetical=options.is_hypothetical or self.is_hypothetical)
        planned = await planning.plan(self.declaration, self.backend, now=moment, options=asked)
        warnings = (*self.notes, *planned.plan.warnings)
        return replace(planned, plan=replace(planned.plan, warnings=warnings))

    async def apply(self, planned: Planned, run: Run | None = None) -> Applied:
        """Apply a plan that was just made; failures are outcomes, not exceptions."""
        self._require_running()
        return await applying.apply_planned(planned, self.backend, run or new_run())

    async def apply_saved(self, plan: Plan, run: Run | None = None) -> Applied:
        """Apply a saved plan; objects that moved since are refused one by one.

        Raises RefusedError when it was made for another backend, or the set is not claimed.
        """
        self._require_running()
        if "base" in plan.backend:
            raise RefusedError(
                f"plan {plan.id}: shows what a branch changes beside its base, and not what an "
                "apply would do; make one without --base"
            )
        identity = await self.backend.identity()
        for name in ("endpoint", "flyte"):
            if identity[name] != plan.backend.get(name):
                raise RefusedError(
                    f"plan {plan.id}: was made for {plan.backend.get(name)} and this is "
                    f"{identity[name]}; make it again for this one"
                )
        ledger = await planning.ledger_of(self.declaration, self.backend)
        claim = applying.claim_for_saved(self.declaration, plan, ledger)
        settings = run or new_run()
        resolved = await asyncio.to_thread(
            planning.resolve_offline,
            self.declaration,
            self.backend.adapters,
            now=settings.now,
            key=self.backend.hmac_key,
        )
        self.backend.offer(resolved.attachments)
        self.backend.offer_contents(resolved.contents)
        fresh, stale = await applying.refuse_stale(plan, self.backend, ledger, now=settings.now)
        applied = await applying.apply_plan(
            fresh,
            self.backend,
            settings,
            ledger=ledger,
            claim=claim,
            home=self.declaration.home,
        )
        return applying.with_stale(applied, plan, stale)

    def _require_running(self) -> None:
        if self.declaration.sync.suspend:
            raise RefusedError(
                f"set {self.declaration.set_name}: is suspended by spec.suspend; nothing is applied"
            )


def new_run(**settings: Any) -> Run:
    """Make a run for now, by whoever is logged in."""
    return Run(now=datetime.now(UTC), by=whoami_here(), **settings)


def whoami_here() -> str:
    """Name who runs this process."""
    return whoami(os.environ)


def whoami(environ: Mapping[str, str]) -> str:
    """Name who runs this: RECONCILE_ACTOR, the actor of a CI system, or the login name."""
    for name in ("RECONCILE_ACTOR", "GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
        if environ.get(name):
            return environ[name]
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


@asynccontextmanager
async def session(
    paths: Sequence[str] = (),
    *,
    connection: str | Target = "",
    read_only: bool = False,
    cwd: Path | None = None,
    stdin: BinaryIO | None = None,
    types: Sequence[OwnType] | None = None,
) -> AsyncIterator[Session]:
    """Read what the paths declare and open the connection that it is for.

    Raises UsageError when there is nothing to read or no connection is named, SpecError when a
    document has an error. With `read_only` no write can be sent. `types` are types of one's own,
    see `values.own`; without it, those that the environment names are loaded. Where the target is a
    snapshot (`Target.against`), it answers, and nothing outside of the tree is read.
    """
    where = (cwd or Path.cwd()).absolute()
    own = own_types.named(os.environ) if types is None else tuple(types)
    asked = Target(connection=connection) if isinstance(connection, str) else connection
    if asked.against is not None:
        yield _offline(paths, asked.against, where, stdin, own)
        return
    declaration = replace(declare(paths, cwd=where, stdin=stdin), types=own)
    offline.require_sound(declaration)
    choice = connecting.choose(asked, declaration, environ=os.environ, cwd=where)
    async with connecting.connect(choice, read_only=read_only, environ=os.environ) as backend:
        yield Session(declaration=declaration, backend=backend)


def _offline(
    paths: Sequence[str],
    against: Path,
    where: Path,
    stdin: BinaryIO | None,
    own: tuple[OwnType, ...],
) -> Session:
    backend = snapshots.load(against)
    reach = snapshots.confined(where)
    declaration = replace(declare(paths, cwd=where, stdin=stdin, reach=reach), types=own)
    snapshots.require_sound(declaration, backend)
    plain = snapshot.without_unknown(declaration, backend.adapters, datetime.now(UTC))
    kept = {id(item) for item in plain.declared}
    left = [item for item in declaration.declared if id(item) not in kept]
    return Session(
        declaration=plain,
        backend=backend,
        notes=tuple(_left_out(left)),
        is_hypothetical=True,
    )


def _left_out(documents: Sequence[Declared]) -> Iterator[str]:
    secrets = sum(isinstance(item.spec, SecretSpec) for item in documents)
    counts = ((secrets, "secret", "secrets"), (len(documents) - secrets, "run", "runs"))
    for count, one, many in counts:
        if count:
            named = f"1 {one} is" if count == 1 else f"{count} {many} are"
            yield f"{named} left out: a snapshot knows nothing of them"


async def reconcile(
    paths: Sequence[str] = (), *, connection: str = "", options: Options = NO_OPTIONS
) -> Applied:
    """Plan and apply in one go, as `reconcile --yes` does."""
    async with session(paths, connection=connection) as opened:
        planned = await opened.plan(options)
        return await opened.apply(planned)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run one of the coroutines here from code that is not async.

    Raises UsageError inside a running event loop, where it would block itself.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    work.close()
    raise UsageError("api.run: an event loop is running here; await the coroutine instead")
