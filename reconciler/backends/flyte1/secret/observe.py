"""Reads which secrets there are, and compares the declared values with those in the cluster.

Both stay in this module: what leaves it says that a value is the declared one or another, and
nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from reconciler.backends.flyte1.secret.kept import ABSENT, Kept
from reconciler.backends.flyte1.secret.spec import KIND, NEVER, OTHER, entry_of, group_of
from reconciler.backends.flyte1.secret.vault import Vault
from reconciler.backends.wire.secret import asked
from reconciler.errors import BackendError, UsageError
from reconciler.model.digest import digest
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Held
from reconciler.model.live import Live, Object, Query

_OTHER_DIGEST = digest(OTHER)


async def observe(vault: Vault, query: Query) -> Live:
    """Read the secrets that are asked for; what fails in a project-domain is unreadable there."""
    found: dict[Key, Object] = {}
    failed: dict[tuple[str, Place], str] = {}

    async def read(place: Place, keys: Collection[Key]) -> None:
        try:
            kept = await vault.read_many(place, {group_of(key) for key in keys})
        except (BackendError, UsageError) as error:
            failed[KIND, place] = str(error)
            return
        for key in keys:
            one = kept.get(group_of(key), ABSENT)
            if entry_of(key) in one.keys:
                found[key] = await _compared(vault, key, one, query)

    await asyncio.gather(*(read(place, keys) for place, keys in sorted(asked(query).items())))
    return Live(found, failed)


async def _compared(vault: Vault, key: Key, kept: Kept, query: Query) -> Object:
    entry = entry_of(key)
    revision, held = kept.revision(entry), query.objects[key]
    expected = query.expected.get(key)
    content = vault.contents.get(key)
    is_as_left = held is not None and held.revision == revision
    if expected is None or content is None:
        return Object(revision, digest=held.digest if held and is_as_left else "")
    as_declared = Object(revision, body=expected, digest=digest(expected))
    if content.token == NEVER and held is not None and held.revision:
        return as_declared
    try:
        value = await asyncio.to_thread(content.read)
    except UsageError:
        # A plan needs no key of an encrypted file: what was written then is there still.
        return as_declared if _is_told(held, as_declared) else Object(revision)
    if kept.holds(entry, value):
        return as_declared
    return Object(revision, body=OTHER, digest=_OTHER_DIGEST, changed=kept.changed(entry))


def _is_told(held: Held | None, declared: Object) -> bool:
    return (
        held is not None and held.revision == declared.revision and held.digest == declared.digest
    )
