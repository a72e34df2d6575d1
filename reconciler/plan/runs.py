"""Planning for declarations of runs: what their drives want now, as actions of one call each.

A run is started once, under a whole name, so that nothing is compared and nothing drifts. What is
there under a name was started, by whomever; a run that came since the plan was made is success. A
content for which nothing will ever follow is done: the ledger says so, and no call is spent on it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from reconciler.model.digest import digest
from reconciler.model.drive import Drive, Outside
from reconciler.model.ledger import Driven
from reconciler.model.live import Absent, Runs, Unreadable
from reconciler.model.policy import Prune
from reconciler.model.pursuit import Asking, Pursuit
from reconciler.model.run import Gate, Launch, Phase, RunId
from reconciler.model.traits import Shape, Traits, Verb
from reconciler.plan.diff import diff
from reconciler.plan.plan import Action, Block, Change, Effect, Reason
from reconciler.schedule.window import show

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reconciler.model.document import Json
    from reconciler.model.drive import Reply
    from reconciler.model.key import Key
    from reconciler.model.live import Live
    from reconciler.model.resource import Desired, Resource
    from reconciler.model.run import Run
    from reconciler.plan.context import Context

_MOST_DONE = 8
"""Contents of one declaration that the ledger remembers as done: those before are read again."""

_BADLY = "!"
"""After the mark of a content that is done and did not end well: nothing comes after it."""

_SHOWN = 5
"""Runs that a change names."""


def content_of(resource: Resource, resources: Mapping[Key, Resource]) -> str:
    """Digest of what a declaration starts; another one of what it takes makes it another one."""
    return _content(resource, resources, ())


def _content(resource: Resource, resources: Mapping[Key, Resource], path: tuple[Key, ...]) -> str:
    own = resource.launch or resource.digest
    taken = [key for key in resource.takes if key in resources and key not in path]
    if not taken:
        return own
    inside = (*path, resource.key)
    return digest([own, *(_content(resources[key], resources, inside) for key in taken)])


def done_mark(resource: Resource, content: str) -> str:
    """Return what the ledger holds once nothing will follow for a declaration as it is now."""
    return digest([resource.digest, content]) if resource.takes else resource.digest


def is_done(resource: Resource, resources: Mapping[Key, Resource], context: Context) -> bool:
    """Say whether the ledger remembers that nothing will follow."""
    held = context.ledger.runs.get(resource.key)
    mark = done_mark(resource, content_of(resource, resources))
    return held is not None and not {mark, mark + _BADLY}.isdisjoint(held.done)


def _ended_badly(resource: Resource, resources: Mapping[Key, Resource], context: Context) -> bool:
    held = context.ledger.runs.get(resource.key, Driven())
    return done_mark(resource, content_of(resource, resources)) + _BADLY in held.done


def askings(desired: Desired, context: Context) -> dict[Key, Asking]:
    """List whose runs are to be read: of what is not done, of what that takes, and of what goes."""
    resources = _of_runs(desired, context)
    due = {key for key, one in resources.items() if not is_done(one, resources, context)}
    taken = {key for one in due for key in resources[one].takes if key in resources}
    found = {
        key: _asking(resources[key], resources, context, has_outputs=key in taken)
        for key in due | taken
    }
    for key, held in context.ledger.runs.items():
        if key not in desired.keys and held.started and _is_terminated(key, context):
            found[key] = Asking(resource=None, held=held)
    return found


def _asking(
    resource: Resource,
    resources: Mapping[Key, Resource],
    context: Context,
    *,
    has_outputs: bool = False,
    depth: int = 1,
) -> Asking:
    looked_at = [key for key in resource.looks_at if key in resources and depth]
    return Asking(
        resource=resource,
        held=context.ledger.runs.get(resource.key),
        content=content_of(resource, resources),
        others={key: _asking(resources[key], resources, context, depth=0) for key in looked_at},
        has_outputs=has_outputs,
        now=context.now,
    )


def minding(desired: Desired, context: Context) -> frozenset[str]:
    """Name the kinds of which something may start that hangs on what other sets have in flight."""
    resources = _of_runs(desired, context)
    return frozenset(
        key.kind
        for key, one in resources.items()
        if context.traits[key.kind].minds_others(one) and not is_done(one, resources, context)
    )


def _of_runs(desired: Desired, context: Context) -> dict[Key, Resource]:
    return {
        key: resource
        for key, resource in desired.resources.items()
        if context.traits[key.kind].shape is Shape.RUNS
    }


def drives(desired: Desired, live: Live, context: Context) -> dict[Key, Drive]:
    """Ask each declaration what it wants now; what could not be read is left out."""
    resources = _of_runs(desired, context)
    found: dict[Key, Drive] = {}
    left = dict(resources)
    while left:
        free = [key for key, one in left.items() if left.keys().isdisjoint(one.looks_at)]
        for key in free or list(left):
            resource = left.pop(key)
            if not free:
                found[key] = _looking_at_itself(resource)
                continue
            drive = _drive(resource, resources, found, live, context, desired)
            if drive is not None:
                found[key] = drive
    return {**found, **_shared(found, resources, context)}


def _shared(
    found: Mapping[Key, Drive], resources: Mapping[Key, Resource], context: Context
) -> dict[Key, Drive]:
    """Let the declarations of each kind share what they may start together, in order."""
    by_kind: defaultdict[str, list[Key]] = defaultdict(list)
    for key in sorted(found):
        by_kind[key.kind].append(key)
    shared: dict[Key, Drive] = {}
    for kind, keys in by_kind.items():
        pairs = [(resources[key], found[key]) for key in keys]
        together = context.traits[kind].share(pairs, context.outside.get(kind, Outside()))
        shared.update(zip(keys, together, strict=True))
    return shared


def _looking_at_itself(resource: Resource) -> Drive:
    others = ", ".join(str(key) for key in resource.looks_at)
    return Drive(failure=f"it waits for {others}, and that waits for it; take one of them out")


def _drive(
    resource: Resource,
    resources: Mapping[Key, Resource],
    known: Mapping[Key, Drive],
    live: Live,
    context: Context,
    desired: Desired,
) -> Drive | None:
    observed = live.get(resource.key)
    if isinstance(observed, Unreadable):
        return None
    is_over = is_done(resource, resources, context)
    if is_over and isinstance(observed, Absent):
        is_bad = _ended_badly(resource, resources, context)
        return Drive(is_done=True, failure="it did not end well" if is_bad else "")
    missing = [key for key in resource.looks_at if key not in known]
    if missing:
        return _without(missing[0], desired)
    pursuit = Pursuit(
        resource=resource,
        content=content_of(resource, resources),
        runs=observed if isinstance(observed, Runs) else Runs(),
        held=context.ledger.runs.get(resource.key, Driven()),
        now=context.now,
        others={key: known[key] for key in resource.looks_at},
    )
    drive = driven(context.traits[resource.key.kind], pursuit)
    if is_over:
        return replace(drive, launches=(), stops=(), replies=(), is_done=True)
    hold = context.ledger.hold_on(resource.key, context.now)
    if hold is not None and (drive.launches or drive.replies):
        why = f"paused until {hold.until.isoformat()}: {hold.reason}"
        return replace(drive, launches=(), replies=(), waits=why)
    return drive


def driven(traits: Traits, pursuit: Pursuit) -> Drive:
    """Ask a declaration what it wants now, and say where its failures can be looked at."""
    drive = traits.drive(pursuit)
    urls = pursuit.runs.urls
    if not urls:
        return drive
    rows = tuple(replace(row, url=urls.get(row.run, "")) if row.run else row for row in drive.rows)
    return replace(drive, rows=rows)


def _without(key: Key, desired: Desired) -> Drive:
    """Wait for what could not be read or resolved; what is nowhere will not come."""
    if key in desired.resources:
        return Drive(waits=f"{key} could not be read")
    if key in desired.faulty:
        return Drive(waits=f"{key} has an error")
    if desired.is_whole:
        return Drive(failure=f"it looks at {key}, which is not declared in this set")
    return Drive(waits=f"{key} is not among what was read")


def plan_declared(resource: Resource, drive: Drive, context: Context) -> Change | None:
    """Plan one declaration; None when nothing is to be done now, and nothing went wrong."""
    actions = tuple(_actions(resource, drive, context))
    if not actions and (drive.is_done or not drive.failure):
        return None
    change = Change(
        key=resource.key,
        effect=_effect(drive),
        reason=Reason.SPEC,
        # What has happened since the plan is no staleness: a run that is there was started.
        fingerprint="",
        origin=resource.origin,
        group=resource.group,
        awaits=resource.awaits,
        actions=actions,
        digest=resource.digest,
    )
    if not actions:
        return replace(change, block=Block.FAILED, block_detail=drive.failure)
    describe = context.traits[resource.key.kind].describe
    notes = [*resource.notes, *_started(drive), *drive.notes]
    if drive.waits:
        notes.append(f"then waits: {drive.waits}")
    if drive.failure:
        notes.append(f"failed: {drive.failure}")
    return replace(
        change,
        fields=diff({}, describe(resource.body)) if drive.launches else (),
        notes=tuple(notes),
    )


def _effect(drive: Drive) -> Effect:
    if drive.launches or not (drive.stops or drive.replies):
        return Effect.START
    return Effect.STOP if drive.stops else Effect.ANSWER


def _started(drive: Drive) -> Iterator[str]:
    for launch in drive.launches[:_SHOWN]:
        tick = f" for {show(launch.scheduled_at)}" if launch.scheduled_at else ""
        attempt = f", attempt {launch.attempt}" if launch.attempt > 1 else ""
        yield f"starts {launch.id.name}{tick}{attempt}"
    if len(drive.launches) > _SHOWN:
        yield f"and starts {len(drive.launches) - _SHOWN} more runs"
    for run in drive.stops[:_SHOWN]:
        yield f"stops {run.name}"
    if len(drive.stops) > _SHOWN:
        yield f"and stops {len(drive.stops) - _SHOWN} more runs"
    for reply in drive.replies:
        yield f"answers {reply.gate.signal} of {reply.gate.run.name}"


def _actions(resource: Resource, drive: Drive, context: Context) -> Iterator[Action]:
    calls = context.traits[resource.key.kind].calls
    waits = tuple(
        f"{ref.key}#{verb}" for ref in resource.refs for verb in (Verb.REGISTER, Verb.DEPLOY)
    )
    for launch in drive.launches:
        yield Action(
            id=f"{resource.key}#{Verb.START}:{launch.id.name}",
            key=resource.key,
            verb=Verb.START,
            call=calls[Verb.START],
            field=launch.id.name,
            body=launch.body,
            refs=resource.refs,
            waits=waits,
        )
    yield from (_stop(resource.key, run.name, drive.cause, calls) for run in drive.stops)
    yield from (_answer(resource.key, reply, calls) for reply in drive.replies)


def _stop(key: Key, run: str, cause: str, calls: Mapping[Verb, str]) -> Action:
    return Action(
        id=f"{key}#{Verb.TERMINATE}:{run}",
        key=key,
        verb=Verb.TERMINATE,
        call=calls[Verb.TERMINATE],
        field=run,
        body={"cause": cause},
    )


def _answer(key: Key, reply: Reply, calls: Mapping[Verb, str]) -> Action:
    gate = reply.gate
    return Action(
        id=f"{key}#{Verb.ANSWER}:{gate.run.name}/{gate.signal}",
        key=key,
        verb=Verb.ANSWER,
        call=calls[Verb.ANSWER],
        field=gate.run.name,
        body={
            "signal": gate.signal,
            "type": gate.type,
            "literalType": dict(gate.literal_type),
            "value": dict(reply.literal),
        },
    )


def launch_of(action: Action) -> Launch:
    """Read which run an action starts; a normal form tells the tick that it carries."""
    body = action.body or {}
    tick = body.get("scheduledAt")
    return Launch(
        id=RunId(action.key.place, action.field),
        body=body,
        scheduled_at=datetime.fromisoformat(tick) if isinstance(tick, str) else None,
    )


def answer_of(action: Action) -> tuple[Gate, dict[str, Json]]:
    """Read which gate an action answers, and with which literal."""
    body: dict[str, Json] = action.body or {}
    kind, value = body.get("literalType"), body.get("value")
    gate = Gate(
        run=RunId(action.key.place, action.field),
        signal=str(body["signal"]),
        type=str(body["type"]),
        literal_type=kind if isinstance(kind, dict) else {},
    )
    return gate, value if isinstance(value, dict) else {}


def plan_undeclared(key: Key, runs: Runs, context: Context) -> Change | None:
    """Plan what is no longer declared: its runs are stopped where that was asked for."""
    if not _is_terminated(key, context):
        return None
    calls = context.traits[key.kind].calls
    going = [run for run in runs.found if run.phase is not Phase.ABORTING]
    running = in_flight(context.ledger.runs.get(key, Driven()), going)
    if not running:
        return None
    actions = tuple(_stop(key, name, "no longer declared", calls) for name in sorted(running))
    change = Change(
        key=key,
        effect=Effect.REMOVE,
        reason=Reason.UNDECLARED,
        fingerprint="",
        actions=actions,
        notes=tuple(f"stops {name}" for name in sorted(running)[:_SHOWN]),
    )
    if key not in context.ledger.protected:
        return change
    return replace(
        change,
        block=Block.PROTECTED,
        block_detail="protected by an earlier `protect: true`; declare it with `protect: false` "
        "first",
    )


def in_flight(held: Driven, found: Iterable[Run]) -> frozenset[str]:
    """Name the runs of a declaration that were started and, as far as was read, have not ended."""
    return frozenset(
        run.id.name for run in found if run.id.name in held.started and not run.phase.is_terminal
    )


def _is_terminated(key: Key, context: Context) -> bool:
    return context.prune_of(key) is Prune.TERMINATE


def remembered(
    desired: Desired, live: Live, context: Context, found: Mapping[Key, Drive]
) -> dict[Key, Driven]:
    """Say what the ledger is to hold of each declaration, before anything is started."""
    resources = _of_runs(desired, context)
    kept: dict[Key, Driven] = {}
    for key, drive in found.items():
        held = context.ledger.runs.get(key, Driven())
        mark = done_mark(resources[key], content_of(resources[key], resources))
        mark += _BADLY if drive.failure else ""
        done = held.done
        if drive.is_done and mark not in done:
            done = (*done, mark)[-_MOST_DONE:]
        observed = live.get(key)
        runs = observed.found if isinstance(observed, Runs) else ()
        ended = {run.id.name for run in runs if run.phase.is_terminal}
        started = frozenset() if drive.is_done else held.started - ended
        new = Driven(done, drive.frozen or held.frozen, started)
        if new != held or drive.launches:
            kept[key] = new
    return kept


def released(desired: Desired, live: Live, context: Context) -> Iterator[Key]:
    """Name what the ledger no longer has to hold: undeclared, with nothing left to be stopped."""
    if not desired.is_whole:
        return
    for key in context.ledger.runs.keys() - desired.keys:
        observed = live.get(key)
        place = key.place
        if isinstance(observed, Unreadable) or place in desired.unreadable:
            continue
        runs = observed if isinstance(observed, Runs) else Runs()
        if plan_undeclared(key, runs, context) is None:
            yield key
