"""One declared FlyteBackfill of a set, looked at and carried on by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from reconciler.api.backfills import INTERVAL, KIND
from reconciler.api.session import Session, new_run
from reconciler.engine import filling, planning
from reconciler.engine.applying import Applied
from reconciler.engine.filling import Filling
from reconciler.errors import UsageError
from reconciler.model.drive import Drive
from reconciler.model.key import Key
from reconciler.model.ledger import Driven
from reconciler.model.resource import Resource


@dataclass(slots=True)
class DeclaredBackfill:
    """A backfill of a set; `session` declares nothing else."""

    session: Session
    resource: Resource

    @property
    def key(self) -> Key:
        """Which backfill it is."""
        return self.resource.key

    async def look(self) -> Drive:
        """Read each tick and what covers it, also where the ledger says that all is done."""
        backend = self.session.backend
        ledger = await planning.ledger_of(self.session.declaration, backend)
        held = ledger.runs.get(self.key, Driven())
        return await Filling(backend, self.resource, held).look(datetime.now(UTC))

    async def once(self) -> Applied:
        """Plan and apply it alone, which starts what may be in flight now."""
        return await self.session.apply(await self.session.plan(), new_run())

    async def fill(
        self, *, interval: timedelta = INTERVAL, told: filling.Told | None = None
    ) -> Drive:
        """Apply it again and again until nothing follows, and return what was found last."""
        while True:
            drive = await self.look()
            if told is not None:
                told(drive)
            applied = await self.once()
            for outcome in applied.report.failures:
                if outcome.error is not None:
                    raise outcome.error
            if filling.is_over(drive):
                return drive
            await filling.pause(interval)


def declared(session: Session, name: str) -> DeclaredBackfill:
    """Find the backfill of that name in what a session declares; raises UsageError without one."""
    declaration = session.declaration
    items = [item for item in declaration.declared if item.kind == KIND]
    found = [item for item in items if item.name == name]
    if not found:
        known = ", ".join(sorted(item.name for item in items)) or "none"
        raise UsageError(f"{KIND} {name}: is not declared here; declared are: {known}")
    alone = replace(declaration, declared=tuple(found), is_whole=False)
    resolved = planning.resolve_offline(alone, session.backend.adapters, now=datetime.now(UTC))
    resources = [one for key, one in resolved.desired.resources.items() if key.kind == KIND]
    if not resources:
        told = "; ".join(problem.text for problem in resolved.problems)
        raise UsageError(f"{KIND} {name}: {told or 'cannot be resolved; see `reconcile validate`'}")
    return DeclaredBackfill(replace(session, declaration=alone), resources[0])
