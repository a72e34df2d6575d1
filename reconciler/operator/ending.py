"""How deleted objects end: when a finalizer may go, and what is left on Flyte by it.

While the operator lives no finalizer stays for good: what cannot be removed from Flyte, or may not
be, is left there and said in an event.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from reconciler.backends.kubernetes.client import Cluster
from reconciler.errors import DeniedError
from reconciler.model.key import Key
from reconciler.operator import events, members, verdicts, words
from reconciler.operator.concurrent import gather
from reconciler.operator.conditions import Verdict
from reconciler.operator.members import Cast
from reconciler.operator.resources import Custom
from reconciler.operator.scribe import Scribe
from reconciler.operator.units import Unit
from reconciler.operator.words import Reason
from reconciler.specs.crd import NAMES
from reconciler.specs.fields import DeletionPolicy

LIMIT = timedelta(minutes=30)
"""How long a deletion waits for a Flyte that does not answer."""


@dataclass(frozen=True, slots=True)
class Departures:
    """Lets deleted objects go; `limit` is how long one waits for a Flyte that does not answer."""

    cluster: Cluster
    scribe: Scribe
    limit: timedelta = LIMIT

    def is_overdue(self, custom: Custom, now: datetime) -> bool:
        """Say whether a deletion has waited long enough for a Flyte that does not answer."""
        return bool(custom.deleted) and now - datetime.fromisoformat(custom.deleted) > self.limit

    async def without_ending(self, unit: Unit, now: datetime) -> Unit:
        """Let go what goes with its namespace or its CRD; nothing on Flyte is touched for it.

        Whoever deletes a namespace or a CRD deletes much more than was looked at.
        """
        leaving = _leaving(unit)
        kinds = {item.ref.kind for item in leaving}
        reasons = {kind: await self.why_orphaned(unit.id.namespace, kind) for kind in kinds}
        gone = [item for item in leaving if reasons[item.ref.kind]]
        await gather(*(self._let_go(item, reasons[item.ref.kind], now) for item in gone))
        refs = {item.ref for item in gone}
        return replace(unit, members=tuple(item for item in unit.members if item.ref not in refs))

    async def leave(self, unit: Unit, cast: Cast, judge: verdicts.Judge, now: datetime) -> bool:
        """Let deleted objects go whose removal is over; says whether any has to wait."""
        leaving = [(item, _departure(item, unit, cast, judge)) for item in _leaving(unit)]
        waiting = [
            (item, departure)
            for item, departure in leaving
            if departure.late and not self.is_overdue(item, now)
        ]
        refs = {item.ref for item, _ in waiting}
        await gather(
            *(self._delay(item, departure, now) for item, departure in waiting),
            *(
                self._depart(item, departure, judge, now)
                for item, departure in leaving
                if item.ref not in refs
            ),
        )
        return bool(waiting)

    async def orphan(self, unit: Unit, why: str, now: datetime) -> None:
        """Let all deleted objects of a unit go, with what they have on Flyte left as it is."""
        await gather(
            *(
                self._let_go(item, "" if _is_orphaning(item, unit) else why, now)
                for item in _leaving(unit)
            )
        )

    async def _delay(self, custom: Custom, departure: _Departure, now: datetime) -> None:
        message = "; ".join(departure.late)
        verdict = Verdict(reason=Reason.DELETING, message=message, is_partial=True)
        await self.scribe.tell(custom, verdict, now=now)

    async def _depart(
        self, custom: Custom, departure: _Departure, judge: verdicts.Judge, now: datetime
    ) -> None:
        for key in departure.keys:
            change = judge.change_of(key)
            if change is not None and change.block is None and not departure.late:
                reason = events.reason_of(change, custom.ref.kind)
                await self.scribe.event(custom, reason, events.note_of(change), now=now)
        await self._let_go(custom, "; ".join((*departure.kept, *departure.late)), now)

    async def _let_go(self, custom: Custom, why: str, now: datetime) -> None:
        """Take the finalizer away; `why` tells what stays on Flyte against the object's policy."""
        if why:
            note = f"what it declares stays on Flyte as it is: {why}"
            await self.scribe.event(custom, "Orphaned", note, now=now, is_warning=True)
        await self.scribe.release(custom)

    async def why_orphaned(self, namespace: str, kind: str) -> str:
        """Say what of the cluster goes with objects of a kind; empty when nothing does."""
        found = await self._read(f"/api/v1/namespaces/{namespace}")
        if found is None or found["metadata"].get("deletionTimestamp"):
            return f"its namespace {namespace} is being deleted"
        crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        crd = await self._read(f"{crds}/{NAMES[kind].plural}.{words.GROUP}")
        if crd is None or crd["metadata"].get("deletionTimestamp"):
            return "its CustomResourceDefinition is being deleted"
        return ""

    async def _read(self, path: str) -> dict[str, Any] | None:
        """Read what this identity may read; what it may not is taken for there and alive."""
        try:
            return await self.cluster.get(path)
        except DeniedError:
            return {"metadata": {}}


@dataclass(frozen=True, slots=True)
class _Departure:
    """What is to be removed with an object: why it stays, and why it is not removed yet."""

    keys: tuple[Key, ...] = ()
    kept: tuple[str, ...] = ()
    late: tuple[str, ...] = ()


def _departure(custom: Custom, unit: Unit, cast: Cast, judge: verdicts.Judge) -> _Departure:
    if _is_orphaning(custom, unit):
        return _Departure()
    if custom.ref in cast.refused:
        return _Departure(kept=(cast.refused[custom.ref].message,))
    keys = cast.leaving.get(custom.ref, ())
    ends = [judge.removal(key) for key in keys]
    return _Departure(
        keys,
        kept=tuple(why for is_over, why in ends if is_over and why),
        late=tuple(why for is_over, why in ends if not is_over),
    )


def _leaving(unit: Unit) -> list[Custom]:
    return [item for item in unit.members if item.deleted and item.has_finalizer]


def _is_orphaning(custom: Custom, unit: Unit) -> bool:
    return members.policy(custom, unit) is DeletionPolicy.ORPHAN
