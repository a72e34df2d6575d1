"""What the service has to say of a set, and to whom: from its states to a notifier."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

from reconciler.git import secrets
from reconciler.notify import findings
from reconciler.notify.channels import Values
from reconciler.notify.notifier import Target
from reconciler.notify.occasions import Seen
from reconciler.serve.config import Config
from reconciler.serve.states import State
from reconciler.specs.notify import NotifySpec
from reconciler.specs.sync import SyncSpec


def seen_of(state: State) -> Seen:
    """Say how a set is, for whoever wants to be told."""
    past = state.history[0] if state.history else None
    plan = state.plan
    return Seen(
        name=state.name,
        at=datetime.fromisoformat(state.looked) if state.looked else datetime.now(UTC),
        is_ready=state.is_ready,
        is_passing=state.is_waiting,
        reason=str(state.reason),
        message=state.message,
        revision=state.attempted,
        plan=past.plan if past is not None else "",
        changes=past.changes if past is not None else 0,
        drifted=frozenset() if plan is None else findings.drifted(plan),
        contested=frozenset() if plan is None else findings.contested(plan),
        missed=state.missed,
    )


def targets(name: str, config: Config) -> Iterator[Target]:
    """List who wants to be told of a set; their secrets are read when they are needed."""
    sync = config.syncs.get(name)
    if sync is None:
        return
    for index, spec in enumerate(cast("SyncSpec", sync.spec).notify):
        yield Target(spec=spec, values=partial(_values, index, spec, config.base))


async def _values(index: int, spec: NotifySpec, base: Path) -> Values:
    name, bundle = spec.bundle
    if bundle is None:
        return {}
    field = f"notify[{index}].{name}.secretRef"
    return await asyncio.to_thread(secrets.read_local, field, bundle, base=base)
