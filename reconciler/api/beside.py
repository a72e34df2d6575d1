"""`--base REF`: what a branch changes, apart from what its base would do."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from reconciler.api.session import Session
from reconciler.engine import beside, snapshot
from reconciler.engine.beside import Beside
from reconciler.engine.declaration import SYNC_FILE, Declaration, declare
from reconciler.engine.planning import NO_OPTIONS, Options
from reconciler.engine.reach import Reach
from reconciler.errors import UsageError
from reconciler.sources import git


async def plan_beside(
    session: Session,
    paths: Sequence[str],
    ref: str,
    options: Options = NO_OPTIONS,
    *,
    now: datetime | None = None,
) -> Beside:
    """Plan a session's declaration on what the commit `ref` of its repository would leave.

    Raises UsageError where that cannot be told: no repository, no such commit, a base with errors.
    """
    moment = now or datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="reconcile-base-") as folder:
        base = _base(session.declaration, paths, ref, folder)
        if session.is_hypothetical:
            base = snapshot.without_unknown(base, session.backend.adapters, moment)
        found = await beside.plan_beside(
            base, session.declaration, session.backend, now=moment, options=options
        )
    count = len(found.base.plan.changes)
    note = (
        f"shown is what this branch changes beside {ref} ({base.commit[:12]}), which itself would "
        f"change {count or 'no'} object{'s' if count != 1 else ''}"
    )
    warnings = (*session.notes, note, *found.branch.plan.warnings)
    backend = {**found.branch.plan.backend, "base": base.commit}
    plan = replace(found.branch.plan, warnings=warnings, backend=backend)
    return replace(found, branch=replace(found.branch, plan=plan))


def _base(branch: Declaration, paths: Sequence[str], ref: str, folder: str) -> Declaration:
    into = Path(folder).resolve()
    top = git.top_of(branch.base)
    if top is None:
        raise UsageError(f"--base {ref}: {branch.base} is in no Git repository; plan without it")
    if "-" in paths:
        raise UsageError("--base: needs files; standard input has no history")
    commit = git.extract(top, ref, into)
    cwd = into / branch.cwd.resolve().relative_to(top)
    cwd.mkdir(parents=True, exist_ok=True)
    reach = Reach(tree=into, is_offline=branch.reach.is_offline)
    inside = [_inside(path, branch.cwd, top, into) for path in paths]
    if not inside and not (cwd / SYNC_FILE).is_file():
        raise UsageError(f"--base {ref}: has no {SYNC_FILE} here yet; plan without it")
    found = declare(inside, cwd=cwd, reach=reach)
    return replace(found, source=branch.source, commit=commit, types=branch.types)


def _inside(path: str, cwd: Path, top: Path, into: Path) -> str:
    real = Path(os.path.normpath(cwd.resolve() / path))
    if not real.is_relative_to(top):
        raise UsageError(f"{path}: is outside of the repository, so --base knows nothing of it")
    return str(into / real.relative_to(top))
