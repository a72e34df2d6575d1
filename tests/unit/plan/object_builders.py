"""Plain values for tests of the planner: mutable objects, with a switch (triggers) and without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from plan_builders import BACKEND, CLAIM, NOW, PLACE, SET

from reconciler.model.digest import digest
from reconciler.model.document import Json
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Held, Ledger
from reconciler.model.live import Live, Object
from reconciler.model.origin import Origin
from reconciler.model.resource import Desired, Resource, State
from reconciler.model.traits import Shape, Traits, Verb
from reconciler.plan import settle
from reconciler.plan.compute import compute
from reconciler.plan.context import Context, Policy
from reconciler.plan.plan import Change, Plan

TRIGGER, SECRET, TASK = "FlyteTrigger", "FlyteSecret", "FlyteTask"


def restarts(before: dict[str, Json] | None, after: dict[str, Json]) -> bool:
    return before is None or before.get("tick") != after.get("tick")


def consequences(before: dict[str, Json] | None, after: dict[str, Json] | None) -> tuple[str, ...]:
    return ("starts",) if before is None and after is not None else ("goes on",)


TRAITS = {
    TASK: Traits(
        kind=TASK, shape=Shape.VERSIONS, rank=10, calls={Verb.REGISTER: "TaskService.DeployTask"}
    ),
    SECRET: Traits(
        kind=SECRET,
        shape=Shape.OBJECT,
        rank=20,
        calls={Verb.DEPLOY: "SecretService.Write", Verb.DELETE: "SecretService.DeleteSecret"},
        is_readable=False,
        is_deletable=True,
    ),
    TRIGGER: Traits(
        kind=TRIGGER,
        shape=Shape.OBJECT,
        rank=30,
        calls={
            Verb.DEPLOY: "TriggerService.DeployTrigger",
            Verb.ACTIVATE: "TriggerService.UpdateTriggers",
            Verb.DEACTIVATE: "TriggerService.UpdateTriggers",
            Verb.DELETE: "TriggerService.DeleteTriggers",
        },
        has_pointer=True,
        is_deletable=True,
        restarts=restarts,
        consequences=consequences,
    ),
}


def key(name: str = "a", *, kind: str = TRIGGER, domain: str = "d") -> Key:
    return Key(kind, "p", domain, name)


def body(tick: int = 6, text: str = "") -> dict[str, Json]:
    """A tick cannot be replaced while the trigger runs, a text can."""
    return {"tick": tick, "text": text} if text else {"tick": tick}


def trigger(
    name: str = "a",
    tick: int = 6,
    *,
    text: str = "",
    state: State = State.ACTIVE,
    domain: str = "d",
    **options: Any,
) -> Resource:
    return _resource(key(name, domain=domain), body(tick, text), state=state, **options)


def secret(name: str = "s", token: str = "t1", **options: Any) -> Resource:
    return _resource(key(name, kind=SECRET), {"token": token}, **options)


def _resource(about: Key, content: dict[str, Json], **options: Any) -> Resource:
    return Resource(
        key=about,
        body=content,
        origin=Origin(f"{about.name}.yaml", 1, 1),
        digest=digest(content),
        **options,
    )


def found(
    tick: int = 6, *, text: str = "", revision: str = "1", active: bool = True, changed: str = ""
) -> Object:
    """A trigger whose content was read."""
    content = body(tick, text)
    return Object(revision, content, digest(content), is_active=active, changed=changed)


def sealed(revision: str = "t0") -> Object:
    """A secret: nobody tells its content."""
    return Object(revision)


def held(resource: Resource, revision: str = "1", *, adopted: bool = False) -> Held:
    return Held(revision, resource.digest, adopted)


def declared(*resources: Resource, is_whole: bool = True, **options: Any) -> Desired:
    return Desired({item.key: item for item in resources}, is_whole=is_whole, **options)


def ledger_of(
    *resources: Resource, objects: Mapping[Key, Held] | None = None, **fields: Any
) -> Ledger:
    """A ledger under which these resources were applied, each at revision 1 (secrets: t0)."""
    kept = {item.key: held(item, "t0" if item.key.kind == SECRET else "1") for item in resources}
    return Ledger(
        SET,
        revision=1,
        home=PLACE,
        claim=CLAIM,
        desired=declared(*resources).digest(),
        applied=frozenset(item.mark for item in resources),
        places=frozenset({PLACE}),
        objects={**kept, **(objects or {})},
        **fields,
    )


def context_of(desired: Desired, ledger: Ledger | None = None, **options: Any) -> Context:
    given = {
        name: options.pop(name)
        for name in ("now", "set_name", "elsewhere", "traits")
        if name in options
    }
    set_name = given.setdefault("set_name", SET)
    return Context(
        **{"now": NOW, "traits": TRAITS, **given},
        ledger=ledger or Ledger(set_name),
        desired_digest=desired.digest(),
        policy=Policy(**options),
    )


def plan(
    desired: Desired,
    objects: Mapping[Key, Object] | None = None,
    ledger: Ledger | None = None,
    *,
    unreadable: Mapping[tuple[str, Place], str] | None = None,
    **options: Any,
) -> Plan:
    reading = Live(objects or {}, unreadable or {})
    return compute(desired, reading, context_of(desired, ledger, **options), backend=BACKEND)


def change(
    resource: Resource, live: Object | None, ledger: Ledger | None = None, **options: Any
) -> Change | None:
    """Plan one resource; None when nothing is to be done."""
    objects = {} if live is None else {resource.key: live}
    changes = plan(declared(resource), objects, ledger, **options).changes
    assert len(changes) <= 1
    return changes[0] if changes else None


def calls(made: Change | None) -> tuple[str, ...]:
    """What a change does, such as `deploy on over 3`; blocked changes do nothing."""
    if made is None or made.block is not None:
        return ()
    words = []
    for action in made.actions:
        how = (" on" if action.active else " off") if action.verb is Verb.DEPLOY else ""
        words.append(f"{action.verb.value}{how} over {action.revision or 'nothing'}")
    return tuple(words)


def applied(
    made: Plan,
    ledger: Ledger,
    *,
    failed: Iterable[str] = (),
    unsure: Iterable[str] = (),
    revisions: Mapping[str, str] | None = None,
) -> Ledger:
    """The ledger after an apply in which the actions of `failed` and `unsure` did not succeed."""
    lost = {*failed, *unsure}
    done = {
        action.id: (revisions or {}).get(action.id, "")
        for item in made.doable
        for action in item.actions
        if action.id not in lost
    }
    opened = settle.before(ledger, made, claim=CLAIM)
    return settle.after(opened, made, done=done, now=NOW, unsure=frozenset(unsure))
