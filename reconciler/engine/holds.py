"""Pauses: the kill switch that every later sync honours until it expires.

A hold is written to the ledger first; what it covers is then stopped as part of the plan, so that a
crash in between leaves the hold, never a stopped plan that the next sync would start again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from reconciler.backends.port import Backend
from reconciler.engine import applying, claims
from reconciler.engine.applying import Applied, Run
from reconciler.engine.declaration import Declaration
from reconciler.engine.planning import Planned, ledger_of, plan
from reconciler.errors import UsageError
from reconciler.model.digest import UNCLAIMED
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Entry, Hold, Ledger
from reconciler.model.traits import Traits


def patterns_of(name: str, traits: Mapping[str, Traits]) -> tuple[str, ...]:
    """Turn what a user writes (a name, a glob, or a whole key) into globs over keys.

    A name is that of anything that can be active.
    """
    if name.count("/") >= 2:
        return (name,)
    return tuple(f"{kind}/*/*/{name}" for kind in sorted(traits) if traits[kind].has_pointer)


async def pause(
    declaration: Declaration, backend: Backend, *, names: Sequence[str], hold: Hold, run: Run
) -> Applied:
    """Hold what the names match until the hold expires, and stop it now.

    Raises UsageError when nothing declared matches, or the set has no ledger.
    """
    planned = await plan(declaration, backend, now=run.now)
    patterns = [one for name in names for one in _matching(planned, name, backend.traits)]
    held = tuple(replace(hold, pattern=pattern) for pattern in patterns)
    kept = tuple(item for item in planned.ledger.holds if item.pattern not in patterns)
    ledger = replace(planned.ledger, holds=(*kept, *held))
    await _write(declaration, backend, ledger, run)
    return await _apply_to(declaration, backend, patterns=patterns, run=run)


async def resume(
    declaration: Declaration, backend: Backend, *, names: Sequence[str], run: Run
) -> Applied:
    """End the holds on what the names match (all holds without a name), and start it again.

    Also forgets how often an object was put back, so that a contested one is corrected again.
    Raises UsageError when there is nothing to resume.
    """
    ledger = await ledger_of(declaration, backend)
    patterns = [one for name in names for one in patterns_of(name, backend.traits)] or ["*"]
    ended = [hold for hold in ledger.holds if _is_meant(hold.pattern, patterns)]
    contested = {key for key in ledger.flips if _matches(key, patterns)}
    if not ended and not contested:
        known = ", ".join(sorted(hold.pattern for hold in ledger.holds)) or "none"
        raise UsageError(
            f"set {declaration.set_name}: nothing is paused under "
            f"{', '.join(names) or 'any name'}; the holds are: {known}"
        )
    remaining = tuple(
        replace(hold, until=run.now) if hold in ended else hold for hold in ledger.holds
    )
    flips = {key: value for key, value in ledger.flips.items() if key not in contested}
    await _write(declaration, backend, replace(ledger, holds=remaining, flips=flips), run)
    covered = [*patterns, *(hold.pattern for hold in ended)]
    return await _apply_to(declaration, backend, patterns=covered, run=run)


async def forget(
    declaration: Declaration, backend: Backend, *, keys: Sequence[Key], run: Run
) -> Ledger:
    """Give objects up: the ledger no longer lists them, and nothing is changed on Flyte.

    Without keys the claim is given up, so that another source may take the set. Raises UsageError
    for keys that the ledger does not list.
    """
    ledger = await ledger_of(declaration, backend)
    if not ledger.revision:
        raise UsageError(f"set {declaration.set_name}: has no ledger; there is nothing to forget")
    if not keys:
        return await _write(declaration, backend, replace(ledger, claim=None), run)
    listed = {*ledger.adopted, *ledger.rows, *ledger.protected, *ledger.archived, *ledger.flips}
    listed |= ledger.objects.keys() | ledger.runs.keys()
    unknown = [str(key) for key in keys if key not in listed]
    if unknown:
        raise UsageError(
            f"set {declaration.set_name}: the ledger does not list {', '.join(unknown)}; what it "
            "registered is known by its version and is given up by deleting nothing: set "
            "`prune: Keep`"
        )
    gone = frozenset(keys)
    ledger = replace(
        ledger,
        adopted={key: item for key, item in ledger.adopted.items() if key not in gone},
        rows={key: item for key, item in ledger.rows.items() if key not in gone},
        objects={key: item for key, item in ledger.objects.items() if key not in gone},
        runs={key: item for key, item in ledger.runs.items() if key not in gone},
        flips={key: item for key, item in ledger.flips.items() if key not in gone},
        protected=ledger.protected - gone,
        archived=ledger.archived - gone,
    )
    return await _write(declaration, backend, ledger, run)


async def _write(declaration: Declaration, backend: Backend, ledger: Ledger, run: Run) -> Ledger:
    if declaration.set_name == UNCLAIMED:
        raise UsageError("reconcile.yaml: is needed: documents without a set have no ledger")
    claims.check(declaration, ledger, "", "")
    claim = ledger.claim and claims.renewed(declaration, ledger)
    entry = Entry(at=run.now, by=run.by, commit=declaration.commit)
    home = ledger.home or declaration.home or _first_place(ledger)
    return await backend.write_ledger(replace(ledger, claim=claim, entry=entry), home)


def _first_place(ledger: Ledger) -> Place:
    places = [place for place in ledger.places if place.is_single]
    if not places:
        raise UsageError(
            f"set {ledger.set_name}: has no home; write spec.defaults.project and "
            "spec.defaults.domain in the FlyteSync"
        )
    return min(places)


async def _apply_to(
    declaration: Declaration, backend: Backend, *, patterns: Sequence[str], run: Run
) -> Applied:
    """Plan again under the new ledger, and carry out only what concerns the patterns."""
    planned = await plan(declaration, backend, now=run.now)
    part = planned.plan.part(item for item in planned.plan.changes if _matches(item.key, patterns))
    return await applying.apply_planned(replace(planned, plan=part), backend, run)


def _matching(planned: Planned, name: str, traits: Mapping[str, Traits]) -> list[str]:
    patterns = patterns_of(name, traits)
    found = [
        one for one in patterns if any(_matches(key, [one]) for key in planned.desired.resources)
    ]
    if not found:
        raise UsageError(
            f"{' or '.join(patterns)}: matches nothing that set {planned.declaration.set_name} "
            "declares; see `reconcile status` for the names"
        )
    return found


def _matches(key: Key, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(str(key), pattern) for pattern in patterns)


def _is_meant(held: str, patterns: Sequence[str]) -> bool:
    """A name resumes the hold of the same pattern, and `*` every hold."""
    return held in patterns or "*" in patterns or any(fnmatchcase(held, one) for one in patterns)


def until(now: datetime, *, text: str, seconds: float) -> datetime:
    """Read the end of a hold: an RFC 3339 time, or a span from now.

    Raises UsageError when neither or both are given, or the time is not in the future.
    """
    if bool(text) == bool(seconds):
        raise UsageError("pause: give one of --until TIME and --for DURATION; a pause must end")
    if seconds:
        return now + timedelta(seconds=seconds)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--until: {text} is not a time; write 2026-07-01T08:00:00Z") from None
    if moment.tzinfo is None:
        raise UsageError(f"--until: {text} has no time zone; write {text}Z or an offset")
    if moment <= now:
        raise UsageError(f"--until: {text} is in the past")
    return moment
