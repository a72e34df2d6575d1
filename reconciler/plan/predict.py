"""What a reading will be once a plan was carried out: pure, and only what the plan itself says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.model.live import (
    About,
    Found,
    Live,
    LiveVersion,
    Object,
    Query,
    Record,
    Runs,
    Versions,
)
from reconciler.model.run import Phase, Run, RunId
from reconciler.model.traits import Shape, Verb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.model.document import Json
    from reconciler.model.key import Key
    from reconciler.model.traits import Traits
    from reconciler.plan.plan import Action, Change, Plan

REVISION = "(after the base)"
"""The revision of what the plan writes: one that no backend gives."""


def asked(query: Query, plan: Plan) -> Query:
    """Ask also for the versions that a plan moves, whose content `after` needs."""
    wanted = dict(query.versions)
    for change in plan.doable:
        moved = {item.version for item in change.actions if item.version}
        if moved and (change.key in wanted or change.key.place in query.places):
            wanted[change.key] = wanted.get(change.key, frozenset()) | moved
    return replace(query, versions=wanted)


def after(live: Live, plan: Plan, traits: Mapping[str, Traits], query: Query) -> Live:
    """Say how a query will be answered; `live` is the answer to `asked` before the plan."""
    objects = dict(live.objects)
    for change in plan.doable:
        key = change.key
        if (key.kind, key.place) in live.unreadable or not _is_asked(change, traits, query):
            continue
        item = _after(objects.get(key), change, traits[key.kind], query)
        if item is None:
            objects.pop(key, None)
        else:
            objects[key] = item
    for key, item in tuple(objects.items()):
        if isinstance(item, Versions):
            narrowed = _narrowed(item, query.versions.get(key, frozenset()))
            objects[key] = narrowed
            if not (narrowed.active or narrowed.registered or narrowed.about):
                del objects[key]
    return replace(live, objects=objects)


def _is_asked(change: Change, traits: Mapping[str, Traits], query: Query) -> bool:
    key = change.key
    match traits[key.kind].shape:
        case Shape.RECORD:
            return key in query.records
        case Shape.VERSIONS:
            return key in query.versions or key.place in query.places
        case Shape.OBJECT:
            return key in query.objects or key.place in query.places
        case Shape.RUNS:
            return key in query.runs


def _after(item: Found | None, change: Change, traits: Traits, query: Query) -> Found | None:
    match traits.shape:
        case Shape.RUNS:
            return _runs(item if isinstance(item, Runs) else Runs(), change)
        case Shape.VERSIONS:
            versions = item if isinstance(item, Versions) else Versions()
            return _versions(versions, change, is_described=change.key.place in query.described)
        case Shape.RECORD:
            return _record(item if isinstance(item, Record) else Record({}), change)
        case Shape.OBJECT:
            found = _object(item if isinstance(item, Object) else None, change)
            return found and _as_asked(found, change.key, query)


def _versions(versions: Versions, change: Change, *, is_described: bool) -> Versions:
    for action in change.actions:
        known = {**{one.version: one for one in versions.active}, **versions.registered}
        about = versions.about or (About() if is_described and known else None)
        match action.verb:
            case Verb.REGISTER:
                made = {action.version: LiveVersion(action.version, action.body)}
                about = about or (About() if is_described else None)
                versions = replace(
                    versions, registered={**versions.registered, **made}, about=about
                )
            case Verb.ACTIVATE:
                one = known.get(action.version, LiveVersion(action.version, None))
                versions = replace(versions, active=(one,))
            case Verb.DEACTIVATE:
                rest = tuple(one for one in versions.active if one.version != action.version)
                versions = replace(versions, active=rest)
            case Verb.ARCHIVE if about is not None:
                versions = replace(versions, about=replace(about, is_archived=True))
            case Verb.DESCRIBE if about is not None:
                text = str((action.body or {}).get("description", ""))
                versions = replace(versions, about=About(text))
            case _:
                pass
    return versions


def _narrowed(versions: Versions, wanted: frozenset[str]) -> Versions:
    known = {**{one.version: one for one in versions.active}, **versions.registered}
    return replace(
        versions, registered={name: one for name, one in known.items() if name in wanted}
    )


def _record(record: Record, change: Change) -> Record:
    fields = dict(record.fields)
    for action in change.actions:
        body = action.body or {}
        match action.verb:
            case Verb.SET:
                fields[action.field] = body.get("value")
            case Verb.UNSET:
                for path in (action.field, *_texts(body.get("takes"))):
                    fields.pop(path, None)
            case _:
                fields.update(body)
    kept = {path: value for path, value in fields.items() if value is not None}
    return replace(record, fields=kept, exists=True)


def _runs(runs: Runs, change: Change) -> Runs:
    """Add what is started, and end what is stopped; a gate that got its answer is no more open."""
    found = {run.id.name: run for run in runs.found}
    gates = runs.gates
    for action in change.actions:
        name = action.field
        match action.verb:
            case Verb.START:
                started = Run(id=RunId(change.key.place, name), phase=Phase.QUEUED)
                found.setdefault(name, started)
            case Verb.TERMINATE if name in found:
                found[name] = replace(found[name], phase=Phase.ABORTING)
            case _:
                signal = (action.body or {}).get("signal")
                gates = tuple(
                    replace(gate, is_answered=gate.is_answered or gate.signal == signal)
                    for gate in gates
                )
    return replace(runs, found=tuple(found.values()), gates=gates)


def _texts(value: Json) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _object(found: Object | None, change: Change) -> Object | None:
    for action in change.actions:
        found = _moved(found, action, change)
    return found


def _moved(found: Object | None, action: Action, change: Change) -> Object | None:
    match action.verb:
        case Verb.DEPLOY:
            body = action.body or {}
            schedule: dict[str, Json] = {"schedule": body.get("schedule") or {}}
            return Object(REVISION, action.body, change.digest, action.active, schedule)
        case Verb.DELETE:
            return None
        case _ if found is not None:
            return replace(
                found, revision=REVISION, is_active=action.verb is Verb.ACTIVATE, changed=""
            )
        case _:
            return None


def _as_asked(found: Object, key: Key, query: Query) -> Object:
    """Tell as much of an object as a backend would: what is listed, or held, is not read again."""
    if key not in query.objects:
        return replace(found, body=None, digest="", changed="")
    held = query.objects[key]
    if held is not None and held.digest and held.revision == found.revision:
        return replace(found, body=query.expected.get(key), digest=held.digest, changed="")
    return found


def revisions(plan: Plan) -> dict[str, str]:
    """Give what each action of a plan will have made, for the ledger."""
    return {action.id: REVISION for change in plan.doable for action in change.actions}


def moved(plan: Plan) -> frozenset[Key]:
    """Name the objects whose active version a plan changes."""
    return frozenset(
        change.key
        for change in plan.doable
        for action in change.actions
        if action.verb in {Verb.ACTIVATE, Verb.DEACTIVATE}
    )
