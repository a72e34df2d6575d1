"""What the operator has to say of a FlyteSync, and to whom.

Who may be written to is what the operator's owner allows, and secrets are those of the namespace.
What an earlier process told is seen in the status that it left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from reconciler.backends.kubernetes.client import Cluster
from reconciler.engine.planning import Planned
from reconciler.errors import DeniedError
from reconciler.notify import findings
from reconciler.notify.channels import Values
from reconciler.notify.notifier import Notifier, Target
from reconciler.notify.occasions import Seen, Told
from reconciler.operator import trust
from reconciler.operator.bundles import read_bundle
from reconciler.operator.conditions import Verdict, reason_before
from reconciler.operator.resources import Custom
from reconciler.operator.trust import Allowed
from reconciler.operator.units import Unit
from reconciler.operator.words import Reason
from reconciler.specs.notify import NotifySpec


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells of FlyteSyncs; `clock` is that of passes."""

    notifier: Notifier
    cluster: Cluster
    allowed: Allowed
    clock: Callable[[], datetime]

    def hear(self, unit: Unit, verdict: Verdict, planned: Planned | None, changes: int) -> None:
        """Take in what a pass came to; a plan that was not made says nothing of drift."""
        sync = unit.sync
        if sync is None or verdict.is_suspended or not unit.spec.notify:
            return
        known = _told(sync)
        seen = Seen(
            name=str(unit.id),
            at=self.clock(),
            is_ready=verdict.is_ready,
            is_passing=verdict.is_waiting,
            reason=str(verdict.reason),
            message=verdict.message,
            revision=_revision(sync, verdict),
            plan=planned.plan.id if planned is not None else "",
            changes=changes,
            drifted=findings.drifted(planned.plan) if planned is not None else frozenset(),
            contested=findings.contested(planned.plan) if planned is not None else frozenset(),
            missed=findings.missed(planned) if planned is not None else frozenset(),
        )
        self.notifier.hear(seen, tuple(self._targets(unit)), known=known)

    def _targets(self, unit: Unit) -> Iterator[Target]:
        for index, spec in enumerate(unit.spec.notify):
            values = partial(self._values, unit.id.namespace, index, spec)
            yield Target(spec=spec, values=values, permit=self._permit)

    async def _values(self, namespace: str, index: int, spec: NotifySpec) -> Values:
        name, bundle = spec.bundle
        if bundle is None:
            return {}
        return await read_bundle(
            self.cluster, namespace, f"notify[{index}].{name}.secretRef", bundle
        )

    async def _permit(self, host: str, port: int) -> None:
        why = trust.why_not_host(host, self.allowed)
        if why:
            raise DeniedError(why)
        await self.allowed.check(host, port)


def _revision(sync: Custom, verdict: Verdict) -> str:
    found = verdict.fields.get("lastAttemptedRevision", sync.status.get("lastAttemptedRevision"))
    return str(found or "")


def _told(sync: Custom) -> Told:
    """Tell what whoever wrote the status has said: the failure that it shows."""
    reason = reason_before(sync)
    if not reason or reason in {Reason.SUCCEEDED, Reason.SUSPENDED}:
        return Told()
    revision = str(sync.status.get("lastAttemptedRevision") or "")
    return Told(failed=frozenset({f"{reason} {revision}"}))
