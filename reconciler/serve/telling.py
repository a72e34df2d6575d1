"""What the service has to say of a set, and to whom: from its states to a notifier."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

from reconciler.engine.planning import Planned
from reconciler.git import secrets
from reconciler.notify.channels import Values
from reconciler.notify.notifier import Target
from reconciler.notify.occasions import Seen
from reconciler.operator.git_verdicts import DRIFTS
from reconciler.plan.plan import Block, Plan
from reconciler.serve.config import Config
from reconciler.serve.states import State
from reconciler.specs.git import Bundle
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
        drifted=frozenset() if plan is None else drifted(plan),
        contested=frozenset() if plan is None else contested(plan),
        missed=state.missed,
    )


def drifted(plan: Plan) -> frozenset[str]:
    """Name what somebody else changed."""
    return frozenset(str(one.key) for one in plan.changes if one.reason in DRIFTS)


def contested(plan: Plan) -> frozenset[str]:
    """Name what is put back no longer."""
    return frozenset(str(one.key) for one in plan.changes if one.block is Block.CONTESTED)


def missed(planned: Planned) -> frozenset[str]:
    """Name the ticks that nothing ran for, of schedules whose gaps are looked for."""
    resources = planned.desired.resources
    return frozenset(
        f"{key.project}/{key.domain}/{key.name} at {row.scheduled_at:%Y-%m-%d %H:%M:%S} UTC"
        for key, drive in planned.plan.drives.items()
        if key in resources and "gaps" in resources[key].body
        for row in drive.rows
        if row.scheduled_at is not None and row.phase is None and not row.is_covered
    )


def targets(name: str, config: Config) -> Iterator[Target]:
    """List who wants to be told of a set; their secrets are read when they are needed."""
    sync = config.syncs.get(name)
    if sync is None:
        return
    for index, spec in enumerate(cast("SyncSpec", sync.spec).notify):
        yield Target(spec=spec, values=partial(_values, index, spec, config.base))


def bundle_of(spec: NotifySpec) -> tuple[str, Bundle | None]:
    """Name the field of a way's secrets, and where they are."""
    for name in ("webhook", "slack", "email"):
        target = getattr(spec, name)
        if target is not None:
            return name, target.secret_ref
    raise AssertionError(spec)


async def _values(index: int, spec: NotifySpec, base: Path) -> Values:
    name, bundle = bundle_of(spec)
    if bundle is None:
        return {}
    field = f"notify[{index}].{name}.secretRef"
    return await asyncio.to_thread(secrets.read_local, field, bundle, base=base)
