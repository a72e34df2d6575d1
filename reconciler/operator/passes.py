"""One pass over a unit: what is planned and applied, and what becomes of each object.

A pass never raises for what a cluster, a server or a document can do wrong: it is told in the
conditions of the objects that are concerned, and tried again where that can help.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from reconciler.backends.kubernetes.client import Cluster
from reconciler.backends.port import Backend
from reconciler.engine import applying, planning
from reconciler.engine.applying import Applied, Run
from reconciler.engine.planning import Options, Planned
from reconciler.engine.reach import Reach
from reconciler.errors import ReconcilerError, RefusedError, SpecError
from reconciler.git import job as jobs
from reconciler.git.source import Found
from reconciler.notify.notifier import Notifier
from reconciler.operator import events, fences, members, sync_status, units, verdicts, words
from reconciler.operator.claims import Claims
from reconciler.operator.concurrent import gather
from reconciler.operator.conditions import Verdict, expires_in, reason_before
from reconciler.operator.connections import Connections, Opened, UnusableError, values_of
from reconciler.operator.ending import Departures
from reconciler.operator.git_passes import GitPasses
from reconciler.operator.members import Cast
from reconciler.operator.metrics import Metrics
from reconciler.operator.resources import Custom, Ref
from reconciler.operator.scribe import Scribe
from reconciler.operator.store import Store
from reconciler.operator.telling import Telling
from reconciler.operator.units import Unit, UnitId
from reconciler.operator.words import Reason
from reconciler.plan.plan import Reason as Why
from reconciler.plan.settle import is_done
from reconciler.resolve.memo import Memo
from reconciler.schedule import duration
from reconciler.specs.fields import DeletionPolicy

log = logging.getLogger(__name__)

_IN_FLIGHT_SECONDS = 15.0
"""How soon a unit is looked at again while runs of it are in flight."""

_AT_ONCE = 16
"""Calls to Flyte under way for one unit; the connection's own limit holds for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the owner of the operator chose for passes.

    `connection` is the namespace and name of the FlyteConnection for objects without a FlyteSync.
    `interval` is how often those are looked at, in seconds. `urls` are what archives may be
    fetched from, `git` is what repositories may be.
    """

    connection: tuple[str, str] | None = None
    interval: float = 600.0
    urls: frozenset[str] = frozenset()
    git: jobs.Rules = field(default_factory=jobs.Rules)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a pass ended: `again_after` seconds it is due, sooner when something failed.

    `freed` are units that may go on by it. `telling` still writes what became of the objects: the
    next pass need not wait for it, and what it tells comes after.
    """

    again_after: float | None
    is_failed: bool = False
    freed: frozenset[UnitId] = frozenset()
    telling: asyncio.Task[None] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What a pass over a unit came to; without a plan nothing was looked at on Flyte.

    `backend` is where it was, as long as whoever watches has not returned. `found` is the commit
    that was looked at.
    """

    unit: Unit
    verdict: Verdict
    planned: Planned | None = None
    applied: Applied | None = None
    backend: Backend | None = None
    found: Found | None = None


Watch = Callable[[Watched], Awaitable[None]]


@dataclass(slots=True)
class Passes:
    """Runs passes over units of one cluster; `watch` is told of those that have a FlyteSync."""

    store: Store
    cluster: Cluster
    connections: Connections
    scribe: Scribe
    departures: Departures
    metrics: Metrics
    setup: Setup
    notifier: Notifier
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    claims: Claims = field(default_factory=Claims)
    sources: dict[UnitId, frozenset[tuple[str, str]]] = field(default_factory=dict)
    memos: dict[UnitId, Memo] = field(default_factory=lambda: defaultdict(Memo))
    watch: Watch | None = None
    _telling: dict[UnitId, asyncio.Task[None]] = field(default_factory=dict)
    git: GitPasses = field(init=False)
    _tells: Telling = field(init=False)

    def __post_init__(self) -> None:
        """Make what looks at repositories, of the same parts."""
        self._tells = Telling(self.notifier, self.cluster, self.connections.allowed, self.clock)
        self.git = GitPasses(
            cluster=self.cluster,
            connections=self.connections,
            urls=self.setup.urls,
            rules=self.setup.git,
            sources=self.sources,
            clock=self.clock,
        )

    async def run(self, identifier: UnitId, stop: asyncio.Event) -> Ended:
        """Look at one unit; `stop` asks to end early because something urgent came."""
        if identifier.connection:
            return await self._connection(identifier)
        unit = units.unit(identifier, self.store)
        if not unit.all:
            _, freed = self.claims.settle(identifier, "", ())
            self.sources.pop(identifier, None)
            self.memos.pop(identifier, None)
            self.git.forget(identifier)
            return Ended(None, freed=freed)
        try:
            return await self._set(await self.departures.without_ending(unit, self.clock()), stop)
        except RefusedError as error:
            # What is a flag elsewhere is an annotation here.
            message = str(error).replace("--take-over ", f"{words.TAKE_OVER}=")
            return await self._all(unit, Verdict(reason=Reason.CLAIM, message=message))
        except ReconcilerError as error:
            return await self._all(unit, verdicts.of_error(error))

    async def _set(self, unit: Unit, stop: asyncio.Event) -> Ended:
        obstacle = self._obstacle(unit)
        if obstacle is not None:
            return await self._all(unit, obstacle, is_over=unit.sync is None)
        if unit.spec.suspend or (unit.sync is not None and unit.sync.is_disabled):
            return await self._suspended(unit)
        try:
            custom = self.connection_of(unit)
            if unit.spec.git is not None:
                return await self._repository(unit, custom, stop)
            async with self.connections.use(custom) as opened:
                return await self._on(unit, opened, stop)
        except UnusableError as error:
            verdict = Verdict(
                reason=error.reason,
                message=str(error),
                is_partial=True,
                is_stalled=error.is_stalled,
            )
            return await self._all(unit, verdict, is_over=error.is_gone)

    def _obstacle(self, unit: Unit) -> Verdict | None:
        """Say what keeps a whole unit from being looked at."""
        if not unit.is_claimed:
            return None
        named = f"FlyteSync {unit.id.namespace}/{unit.id.set_name}"
        if unit.sync is None:
            return Verdict(
                reason=Reason.DEPENDENCY,
                message=f"{named} does not exist; create it, or correct spec.sync",
            )
        if unit.sync.declared is None:
            return verdicts.of_problems(unit.sync.problems)
        waits = self._waits_for(unit)
        if waits and not unit.spec.suspend:
            return Verdict(reason=Reason.DEPENDENCY, message=waits, is_partial=True)
        return None

    async def _repository(self, unit: Unit, custom: Custom, stop: asyncio.Event) -> Ended:
        """Sync a FlyteSync from its repository; objects of the cluster have no part in it."""
        assert unit.sync is not None
        now = self.clock()
        why = "its FlyteSync takes its objects from Git"
        await self.departures.orphan(unit, why, now)
        looked = await self.git.look(unit, custom, stop)
        fix = "name another one in spec.sync, or declare it in the repository"
        foreign = Verdict(reason=Reason.INVALID, message=f"{why}; {fix}", is_partial=True)
        told = {item.ref: foreign for item in unit.members if not item.is_disabled}
        if looked.synced is None:
            await self._heard(Watched(unit=unit, verdict=looked.verdict, found=looked.found))
        else:
            planned, applied = looked.synced.planned, looked.synced.applied
            self._count(unit, planned, applied)
            async with self.connections.use(custom) as opened:
                await self._heard(
                    Watched(
                        unit=unit,
                        verdict=looked.verdict,
                        planned=planned,
                        applied=applied,
                        backend=opened.backend,
                        found=looked.found,
                    )
                )
        telling = self._begin_telling(unit, {**told, unit.sync.ref: looked.verdict}, now)
        # Those that wait for this one look at its status.
        await asyncio.wait({telling})
        freed = frozenset(self._dependents(unit)) if looked.verdict.is_ready else frozenset()
        is_failed = looked.verdict.is_waiting
        return Ended(looked.due, is_failed=is_failed, freed=freed, telling=telling)

    def _dependents(self, unit: Unit) -> Iterator[UnitId]:
        """Yield the units that wait for this one."""
        for other in self.store.within(unit.id.namespace):
            if other.ref.kind == words.SYNC and unit.id.set_name in _needs(other):
                yield UnitId(unit.id.namespace, other.ref.name)

    def _waits_for(self, unit: Unit) -> str:
        """Say which FlyteSync has to go first, as spec.dependsOn has it; empty for none."""
        for name in unit.spec.depends_on:
            other = self.store.get(Ref(words.SYNC, unit.id.namespace, name))
            if other is None:
                return f"it depends on the FlyteSync {name}, which does not exist; create it"
            if unit.id.set_name in _needed(name, unit.id.namespace, self.store):
                return f"it depends on {name}, and {name} on it; remove one of the two"
            is_seen = other.status.get("observedGeneration") == other.generation
            if not is_seen or reason_before(other) != Reason.SUCCEEDED:
                return f"it waits for the FlyteSync {name}, which is not ready"
        return ""

    def connection_of(self, unit: Unit) -> Custom:
        """Find the connection of a unit; raises UnusableError where none is named or there."""
        if not unit.is_claimed:
            if self.setup.connection is None:
                raise UnusableError(
                    Reason.DEPENDENCY,
                    "it belongs to no FlyteSync and the operator has no connection for such "
                    "objects; name a FlyteSync in spec.sync, or create one that is called default",
                    is_stalled=True,
                )
            return self.connections.find(*self.setup.connection)
        name = unit.spec.connection
        if name is None:
            raise UnusableError(
                Reason.DEPENDENCY,
                f"FlyteSync {unit.id.namespace}/{unit.id.set_name} names no connection; write "
                "spec.connection",
                is_stalled=True,
            )
        return self.connections.find(unit.id.namespace, name)

    async def _on(self, unit: Unit, opened: Opened, stop: asyncio.Event) -> Ended:
        """Plan and apply a unit on its connection."""
        now = self.clock()
        cast = await self._cast(unit, opened, now)
        planned = fences.within(await self._plan(unit, opened, cast), unit, opened)
        planned = await fences.outliving(planned, unit, self.departures)
        planned = fences.under_policies(planned, cast)
        await self._hold(unit, planned)
        applied = await self._apply(opened, cast, planned, stop)
        judge = verdicts.Judge(verdicts.Results(planned, applied, now))
        told = {
            item.ref: cast.refused.get(item.ref) or judge.verdict(item)
            for item in unit.members
            if not item.deleted and not item.is_disabled
        }
        connection = f"{opened.ref.namespace}/{opened.ref.name}"
        told = {
            ref: replace(one, fields={**one.fields, "connection": connection})
            for ref, one in told.items()
        }
        waiting = await self.departures.leave(unit, cast, judge, now)
        summary = sync_status.Sync(
            verdicts=told,
            planned=planned,
            applied=applied,
            connection=connection,
            before=unit.sync.status if unit.sync else {},
            now=now,
        )
        if unit.sync is not None:
            told[unit.sync.ref] = sync_status.verdict(summary)
        self._count(unit, planned, applied)
        if unit.sync is not None:
            await self._heard(
                Watched(
                    unit=unit,
                    verdict=told[unit.sync.ref],
                    planned=planned,
                    applied=applied,
                    backend=opened.backend,
                )
            )
        telling = self._begin_telling(unit, told, now)
        await self._announce(unit, judge, now)
        expiry = await self._expire(unit, told, now)
        waits = [one for one in told.values() if one.is_waiting]
        is_in_flight = any(one.reason is Reason.PROGRESSING for one in waits)
        is_failed = waiting or any(one.reason is not Reason.PROGRESSING for one in waits)
        soon = _IN_FLIGHT_SECONDS if is_in_flight else math.inf
        again = min(self._interval(unit), soon, expiry)
        again_after = 0.0 if stop.is_set() else again
        is_failed = is_failed and not stop.is_set()
        freed = cast.freed
        if unit.sync is not None and told[unit.sync.ref].is_ready:
            freed |= frozenset(self._dependents(unit))
        return Ended(again_after, is_failed=is_failed, freed=freed, telling=telling)

    async def _expire(self, unit: Unit, told: Mapping[Ref, Verdict], now: datetime) -> float:
        """Delete the objects of runs that ended longer ago than their time to live.

        Returns the seconds until the next one is due, infinity where none is.
        """
        left = {
            item.ref: (item, seconds)
            for item in unit.members
            if item.ref in told and (seconds := expires_in(item, told[item.ref], now)) is not None
        }
        over = [item for item, seconds in left.values() if seconds <= 0]
        await gather(
            *(self.cluster.delete(item.ref.path, precondition_uid=item.uid) for item in over)
        )
        return min((seconds for _, seconds in left.values() if seconds > 0), default=math.inf)

    async def _cast(self, unit: Unit, opened: Opened, now: datetime) -> Cast:
        references = members.secret_references(unit)
        self.sources[unit.id] = frozenset((unit.id.namespace, name) for name, _ in references)
        values = await values_of(self.cluster, unit.id.namespace, references)
        reach = Reach(is_local=False, urls=self.setup.urls, secrets=values)
        source = await self._source(unit)
        return members.assign(unit, opened, self.claims, reach=reach, source=source, now=now)

    async def _source(self, unit: Unit) -> str:
        """Name a FlyteSync for the claim on its set: no other cluster has this namespace.

        Its own name is that of the set, and is left out: a set that is renamed is of one source.
        """
        if unit.sync is None:
            return ""
        found = await self.cluster.get(f"/api/v1/namespaces/{unit.id.namespace}")
        uid = found["metadata"]["uid"] if found is not None else ""
        return f"kubernetes:{uid}/{unit.id.namespace}"

    async def _plan(self, unit: Unit, opened: Opened, cast: Cast) -> Planned:
        home = cast.declaration.home
        why = members.unserved(opened, unit.id.namespace, home) if home and unit.is_claimed else ""
        if why:
            raise UnusableError(Reason.ACCESS, why)
        notes = unit.sync.annotations if unit.sync is not None else {}
        if not opened.identity:
            opened.identity = await opened.backend.identity()
        options = Options(
            identity=opened.identity,
            approved=notes.get(words.APPROVE, ""),
            take_over=notes.get(words.TAKE_OVER, ""),
            memo=self.memos[unit.id],
        )
        try:
            return await planning.plan(
                cast.declaration, opened.backend, now=self.clock(), options=options
            )
        except SpecError as error:
            raise UnusableError(Reason.INVALID, str(error)) from error

    async def _hold(self, unit: Unit, planned: Planned) -> None:
        """See to it that nothing is written for an object that could go without our notice."""
        origins = {resource.origin.file for resource in planned.desired.resources.values()}
        wanted = [
            item
            for item in unit.members
            if not item.deleted
            and str(item.ref) in origins
            and not item.has_finalizer
            and members.policy(item, unit) is not DeletionPolicy.ORPHAN
        ]
        unwanted = [item for item in unit.members if _is_orphaning(item, unit) and not item.deleted]
        await gather(
            *(self.scribe.hold(item) for item in wanted),
            *(self.scribe.release(item) for item in unwanted),
        )

    async def _apply(
        self, opened: Opened, cast: Cast, planned: Planned, stop: asyncio.Event
    ) -> Applied:
        """Apply a plan, what stops something first: an emergency does not wait for a roll-out."""
        run = Run(now=self.clock(), by=words.CONTROLLER, parallel=_AT_ONCE, stop=stop)
        stops = [change for change in planned.plan.doable if fences.is_stop(change, cast)]
        first_keys = {change.key for change in stops}
        rest = [change for change in planned.plan.doable if change.key not in first_keys]
        if not stops or not rest:
            return await applying.apply_planned(planned, opened.backend, run)
        first = replace(planned, plan=planned.plan.part(stops))
        stopped = await applying.apply_planned(first, opened.backend, run)
        again = replace(
            planned, plan=planned.plan.part([*rest, *planned.plan.blocked]), ledger=stopped.ledger
        )
        applied = await applying.apply_planned(again, opened.backend, run)
        outcomes = (*stopped.report.outcomes, *applied.report.outcomes)
        return replace(applied, report=replace(applied.report, outcomes=outcomes))

    async def _suspended(self, unit: Unit) -> Ended:
        """Say so on the FlyteSync, and let what is deleted go."""
        now = self.clock()
        await self.departures.orphan(unit, "its FlyteSync is suspended", now)
        if unit.sync is not None:
            before = reason_before(unit.sync)
            reason = Reason(before) if before in set(Reason) else Reason.SUSPENDED
            verdict = Verdict(
                reason=reason, message="suspended", is_partial=True, is_suspended=True
            )
            await self.scribe.tell(unit.sync, verdict, now=now)
            await self._heard(Watched(unit=unit, verdict=verdict))
        unseen = Verdict(
            reason=Reason.SUSPENDED, message="its FlyteSync is suspended", is_partial=True
        )
        told = {item.ref: unseen for item in unit.members if _is_unseen(item)}
        return Ended(None, telling=self._begin_telling(unit, told, now))

    async def _all(self, unit: Unit, verdict: Verdict, *, is_over: bool = False) -> Ended:
        """Tell every object of a unit the same; with `is_over` nothing is to be waited for."""
        now = self.clock()
        orphaning = [item for item in unit.members if _is_orphaning(item, unit)]
        await gather(*(self.scribe.release(item) for item in orphaning if not item.deleted))
        leaving = [
            item
            for item in unit.members
            if is_over or self.departures.is_overdue(item, now) or _is_orphaning(item, unit)
        ]
        await self.departures.orphan(replace(unit, members=tuple(leaving)), verdict.message, now)
        told: dict[Ref, Verdict] = {
            item.ref: verdict for item in unit.members if not item.is_disabled
        }
        if unit.sync is not None:
            told[unit.sync.ref] = verdict
            await self._heard(Watched(unit=unit, verdict=verdict))
        telling = self._begin_telling(unit, told, now)
        return Ended(self._interval(unit), is_failed=True, telling=telling)

    async def _heard(self, found: Watched) -> None:
        """Tell of a FlyteSync to whoever wants to know."""
        done = len(found.applied.report.done) if found.applied is not None else 0
        self._tells.hear(found.unit, found.verdict, found.planned, done)
        if self.watch is not None:
            await self.watch(found)

    def _begin_telling(
        self, unit: Unit, told: Mapping[Ref, Verdict], now: datetime
    ) -> asyncio.Task[None]:
        """Begin to write statuses, after those of the pass before."""

        def ended(task: asyncio.Task[None]) -> None:
            if self._telling.get(unit.id) is task:
                del self._telling[unit.id]

        task = asyncio.create_task(self._tell(unit, told, now, self._telling.get(unit.id)))
        self._telling[unit.id] = task
        task.add_done_callback(ended)
        return task

    async def _tell(
        self,
        unit: Unit,
        told: Mapping[Ref, Verdict],
        now: datetime,
        before: asyncio.Task[None] | None,
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        await gather(
            *(
                self.scribe.tell(item, told[item.ref], now=now)
                for item in unit.all
                if item.ref in told
            )
        )

    async def _announce(self, unit: Unit, judge: verdicts.Judge, now: datetime) -> None:
        done = [(item, judge.change(str(item.ref))) for item in unit.members if not item.deleted]
        await gather(
            *(
                self.scribe.event(
                    item, events.reason_of(change, item.ref.kind), events.note_of(change), now=now
                )
                for item, change in done
                if change is not None
            )
        )

    def _count(self, unit: Unit, planned: Planned, applied: Applied) -> None:
        name = str(unit.id)
        done = applied.report.done
        pending = [one for one in planned.plan.changes if one.block or not is_done(one, done)]
        self.metrics.plan_changes.labels(name).set(len(pending))
        for outcome in applied.report.outcomes:
            kind = outcome.action.key.kind
            self.metrics.actions.labels(kind, str(outcome.status)).inc()
        for change in planned.plan.changes:
            if change.reason in {Why.DRIFT, Why.FOREIGN}:
                self.metrics.drift.labels(change.key.kind, str(change.reason)).inc()

    def _interval(self, unit: Unit) -> float:
        if not unit.is_claimed:
            return self.setup.interval
        return duration.parse(unit.spec.interval) / duration.SECOND

    async def _connection(self, identifier: UnitId) -> Ended:
        """Say of a FlyteConnection whether it can be used, and what is behind it."""
        custom = self.store.get(Ref(words.CONNECTION, identifier.namespace, identifier.connection))
        if custom is None or custom.deleted:
            return Ended(None)
        verdict: Verdict
        try:
            if custom.declared is None:
                verdict = verdicts.of_problems(custom.problems)
            else:
                async with self.connections.use(custom) as opened:
                    known = opened.identity = await opened.backend.identity()
                verdict = Verdict(
                    reason=Reason.SUCCEEDED,
                    message=f"{known['endpoint']} answers",
                    fields={
                        "endpoint": known["endpoint"],
                        "flyte": known.get("flyte"),
                        "version": known.get("version") or None,
                    },
                )
        except UnusableError as error:
            verdict = Verdict(reason=error.reason, message=str(error), is_partial=True)
        except ReconcilerError as error:
            verdict = verdicts.of_error(error)
        await self.scribe.tell(custom, verdict, now=self.clock())
        return Ended(self.setup.interval, is_failed=verdict.is_waiting)


def _needs(custom: Custom) -> tuple[str, ...]:
    found = custom.spec.get("dependsOn")
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _needed(name: str, namespace: str, store: Store) -> set[str]:
    """List what a FlyteSync needs, and what that needs."""
    found: set[str] = set()
    left = [name]
    while left:
        custom = store.get(Ref(words.SYNC, namespace, left.pop()))
        new = set(_needs(custom)) - found if custom is not None else set()
        found |= new
        left += sorted(new)
    return found


def _is_orphaning(custom: Custom, unit: Unit) -> bool:
    """Say whether an object has a finalizer and by now nothing that it could wait for."""
    return custom.has_finalizer and members.policy(custom, unit) is DeletionPolicy.ORPHAN


def _is_unseen(custom: Custom) -> bool:
    """Say whether an object has a spec that was not looked at yet."""
    is_other = custom.status.get("observedGeneration") != custom.generation
    return is_other and not custom.deleted and not custom.is_disabled
