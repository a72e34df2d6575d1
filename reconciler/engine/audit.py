"""The history of a set's ledger: what was written to Flyte, when, by whom and for which commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciler.backends.port import Backend
from reconciler.engine.declaration import Declaration
from reconciler.errors import UsageError
from reconciler.model.digest import UNCLAIMED
from reconciler.model.ledger import Ledger, Written

_PER_APPLY = 2
"""Versions that one apply writes: before its first call, and after its last one."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What is known of a history, the newest first: all versions from `oldest` to `newest`."""

    entries: tuple[Written, ...] = ()
    newest: int = 0
    oldest: int = 0

    @property
    def is_whole(self) -> bool:
        """Say whether it goes back to the first version."""
        return self.oldest <= 1


NOTHING = Audit()


async def of_set(declaration: Declaration, backend: Backend, *, most: int) -> tuple[Written, ...]:
    """Read the last entries of a set's history, also those under its former names.

    Raises UsageError for documents without a set.
    """
    if declaration.set_name == UNCLAIMED:
        raise UsageError("reconcile.yaml: is needed: documents without a set have no ledger")
    found: list[Written] = []
    for name in (declaration.set_name, *declaration.sync.previous_names):
        left = most - len(found)
        ledger = await backend.read_ledger(name, declaration.home)
        if left > 0 and ledger.revision:
            read = await backend.audit(ledger, after=0, most=left * _PER_APPLY)
            found += condensed(read)[:left]
    return tuple(found)


async def extended(
    known: Audit, ledger: Ledger, backend: Backend, *, most: int, keep: int
) -> Audit:
    """Read what is new, and some of what is older, at most so many versions; keep the newest.

    What has been kept is whole as far as there is room for it.
    """
    if ledger.revision < known.newest:
        known = NOTHING  # It was lost, and began anew.
    left = most
    if ledger.revision > known.newest:
        new = await backend.audit(ledger, after=known.newest, most=most)
        oldest = new[-1].revision if new else ledger.revision
        if oldest > known.newest + 1:
            known = NOTHING
        known = Audit((*new, *known.entries), ledger.revision, known.oldest or oldest)
        left -= len(new)
    if left > 0 and not known.is_whole and len(known.entries) < keep:
        before = replace(ledger, revision=known.oldest - 1)
        old = await backend.audit(before, after=0, most=left)
        known = Audit((*known.entries, *old), known.newest, old[-1].revision if old else 1)
    entries = condensed(known.entries)
    if len(entries) > keep:
        entries = entries[:keep]
        known = replace(known, oldest=entries[-1].revision)
    return replace(known, entries=entries)


def followed(known: Audit, written: Written) -> Audit:
    """Add a version that came right after the newest one that is known."""
    entries = condensed((written, *known.entries))
    return Audit(entries, written.revision, known.oldest or written.revision)


def condensed(found: Sequence[Written]) -> tuple[Written, ...]:
    """Leave out what an apply wrote before its first call where its last word is there too."""
    kept: list[Written] = []
    for one in found:
        newer, entry = kept[-1].entry if kept else None, one.entry
        is_begin = (
            newer is not None
            and bool(entry.plan)
            and (newer.plan, newer.at, newer.by) == (entry.plan, entry.at, entry.by)
        )
        if not is_begin:
            kept.append(one)
    return tuple(kept)
