"""Snapshots as files: what `reconcile snapshot` writes and `--against` plans on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from reconciler.api.connecting import FLYTE1
from reconciler.backends.flyte1 import adapters as flyte1
from reconciler.backends.port import Backend
from reconciler.backends.snapshot.backend import SnapshotBackend
from reconciler.backends.snapshot.encode import decode, encode
from reconciler.engine import snapshot
from reconciler.engine.checking import check
from reconciler.engine.declaration import Declaration
from reconciler.engine.reach import Reach
from reconciler.errors import SpecError, UsageError
from reconciler.model.document import Json
from reconciler.model.traits import Traits
from reconciler.resolve.context import Adapter

MAX_BYTES = 512 << 20


async def take(
    declaration: Declaration, backend: Backend, *, now: datetime | None = None
) -> dict[str, Json]:
    """Make the snapshot of a set, as the JSON that is to be kept."""
    return encode(await snapshot.take(declaration, backend, now=now or datetime.now(UTC)))


def load(path: Path) -> SnapshotBackend:
    """Open a snapshot; raises UsageError where the file is none."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror or error}); correct the path"
        ) from None
    if len(text) > MAX_BYTES:
        raise UsageError(f"{path}: is larger than {MAX_BYTES >> 20} MiB; it is no snapshot")
    try:
        value = json.loads(text)
        made = decode(value if isinstance(value, dict) else {})
    except (ValueError, RecursionError) as error:
        why = "is not JSON" if isinstance(error, json.JSONDecodeError) else str(error)
        raise UsageError(f"{path}: {why}") from None
    traits, adapters = _flyte(made.connection["flyte"])
    return SnapshotBackend(snapshot=made, name=path.name, served=traits, resolving=adapters)


def confined(where: Path) -> Reach:
    """Bound what may be read to the checkout that holds a folder, or to the folder, offline."""
    for folder in (where, *where.parents):
        if (folder / ".git").exists():
            return Reach(tree=folder, is_offline=True)
    return Reach(tree=where, is_offline=True)


def require_sound(declaration: Declaration, backend: SnapshotBackend) -> None:
    """Raise SpecError where documents have errors, with all that can be said besides."""
    try:
        declaration.check()
    except SpecError:
        found = check(declaration, backend.adapters, now=datetime.now(UTC))
        raise SpecError(found.errors) from None


def _flyte(name: str) -> tuple[Mapping[str, Traits], Mapping[str, Adapter]]:
    if name == FLYTE1:
        return flyte1.TRAITS, flyte1.ADAPTERS
    from reconciler.backends.flyte2 import adapters as flyte2

    return flyte2.TRAITS, flyte2.ADAPTERS
