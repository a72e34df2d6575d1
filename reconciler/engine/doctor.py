"""Looks at everything that a reconcile stands on, and says what to do about what is wrong.

Each check stands for itself: a broken configuration does not keep the others from being made.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from reconciler.backends.auth import cache
from reconciler.backends.port import Backend
from reconciler.engine import planning
from reconciler.engine.declaration import Declaration, declare
from reconciler.errors import BackendError, ReconcilerError, UsageError
from reconciler.model.digest import UNCLAIMED
from reconciler.model.health import Check, Health
from reconciler.model.origin import Severity
from reconciler.sources import git

_ACTORS = ("RECONCILE_ACTOR", "GITHUB_ACTOR", "GITLAB_USER_LOGIN")


def declaration_here(paths: Iterable[str], *, cwd: Path) -> tuple[Declaration | None, list[Check]]:
    """Read what is declared; faults are checks, and nothing declared is no fault."""
    asked = tuple(paths)
    try:
        found = declare(asked, cwd=cwd)
    except UsageError as error:
        if asked:
            return None, [Check("documents", Health.ERROR, str(error), exit_code=error.exit_code)]
        detail = "no reconcile.yaml in this directory"
        return None, [Check("documents", Health.SKIPPED, detail)]
    except (ReconcilerError, OSError) as error:
        return None, [Check("documents", Health.ERROR, str(error), exit_code=1)]
    named = f"set {found.set_name}" if found.has_sync else "no FlyteSync"
    errors = [item for item in found.problems if item.severity is Severity.ERROR]
    if errors:
        count = f"{len(errors)} problems, the first" if len(errors) > 1 else "a problem"
        detail = f"{named}: {count}: {errors[0]}"
        return found, [
            Check("documents", Health.ERROR, detail, "see `reconcile validate`", exit_code=1)
        ]
    detail = f"{named}, {len(found.declared)} documents"
    return found, [Check("documents", Health.OK, detail)]


def checkout(declaration: Declaration | None, *, cwd: Path) -> Check:
    """Say what Git knows of the declaration."""
    base = declaration.base if declaration is not None else cwd
    try:
        found = git.describe(base)
    except (ReconcilerError, OSError) as error:
        return Check("git", Health.WARNING, str(error), "see that git works in this directory")
    if found is None:
        detail = "not in a Git checkout: the set is known by its directory, other machines differ"
        return Check("git", Health.WARNING, detail, "keep the specs in Git")
    commit = found.commit[:12] or "no commit yet"
    if found.is_dirty:
        detail = f"{found.source} at {commit}, with changes that are not committed"
        return Check("git", Health.WARNING, detail, "commit them before an apply that others see")
    return Check("git", Health.OK, f"{found.source} at {commit}")


def cache_folder() -> Check:
    """Try whether the folder of caches and tokens can be written."""
    folder = cache.folder().parent
    above = next(path for path in (folder, *folder.parents) if path.exists())
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        return Check("cache", Health.OK, f"{folder} is writable")
    detail = f"{folder} cannot be written: a token is fetched anew on each run"
    return Check("cache", Health.WARNING, detail, "set XDG_CACHE_HOME to a writable folder")


def actor(environ: Mapping[str, str], name: str) -> Check:
    """Say under which name the ledger will record an apply."""
    source = next((one for one in _ACTORS if environ.get(one)), "login name")
    if not name:
        return Check("actor", Health.WARNING, "nobody: no login name", "set RECONCILE_ACTOR")
    return Check("actor", Health.OK, f"{name} ({source})")


async def ledger(declaration: Declaration | None, backend: Backend) -> Check:
    """Read the ledger of the declared set."""
    if declaration is None or declaration.set_name == UNCLAIMED:
        return Check("ledger", Health.SKIPPED, "no set is declared here")
    try:
        found = await planning.ledger_of(declaration, backend)
    except BackendError as error:
        return Check("ledger", Health.ERROR, str(error), exit_code=error.exit_code)
    if not found.revision:
        return Check("ledger", Health.OK, f"set {declaration.set_name} has none yet")
    claim = found.claim
    detail = f"revision {found.revision} in {found.home}"
    if claim is not None and claim.source != declaration.source:
        return Check(
            "ledger",
            Health.WARNING,
            f"{detail}, claimed by {claim.source}; this is {declaration.source}",
            "rename one of the two sets, or take it over with --take-over",
        )
    written = found.entry.at
    if written is not None and written > datetime.now(UTC):
        ahead = (written - datetime.now(UTC)).total_seconds()
        if ahead > 1:
            detail += f", written {ahead:.0f} s in this clock's future"
            return Check("ledger", Health.WARNING, detail, "synchronise the clocks (NTP)")
    return Check("ledger", Health.OK, detail)


def exit_code(checks: Iterable[Check]) -> int:
    """The code of the worst check: unreachable before wrong, 0 where all is well."""
    return max((check.exit_code for check in checks if check.health is Health.ERROR), default=0)
