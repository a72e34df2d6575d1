"""Plain values for tests of the planner: one set, launch plans, what is live, and a ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from reconciler.backends.flyte1.adapters import TRAITS
from reconciler.model.digest import digest, version_of
from reconciler.model.document import Json
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Claim, Ledger
from reconciler.model.live import Live, LiveVersion, Record, Versions
from reconciler.model.origin import Origin
from reconciler.model.policy import Prune
from reconciler.model.resource import Desired, Reference, Resource, State
from reconciler.plan import settle
from reconciler.plan.compute import compute
from reconciler.plan.context import Context, Policy
from reconciler.plan.plan import Change, Plan

SET = "team"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PLACE = Place("p", "d")
BACKEND = {"endpoint": "here", "flyte": "Flyte1"}
CLAIM = Claim("c1", "source")


def key(name: str = "a", *, domain: str = "d", kind: str = "FlyteLaunchPlan") -> Key:
    return Key(kind, "p", domain, name)


def body(tick: int = 6) -> dict[str, Json]:
    return {
        "workflow": {"name": "etl", "version": "v1"},
        "schedule": {"cron": f"0 {tick} * * *"},
    }


def ours(name: str = "a", tick: int = 6, *, set_name: str = SET) -> str:
    return version_of(set_name, digest({"name": name, "body": body(tick)}))


def plan_of(
    name: str = "a",
    tick: int = 6,
    *,
    state: State = State.ACTIVE,
    domain: str = "d",
    set_name: str = SET,
    **options: Any,
) -> Resource:
    content = digest({"name": name, "body": body(tick)})
    return Resource(
        key=key(name, domain=domain),
        body=body(tick),
        origin=Origin(f"{name}.yaml", 1, 1),
        digest=content,
        version=version_of(set_name, content),
        state=state,
        **options,
    )


def chosen(name: str = "a", version: str = "v1", **options: Any) -> Resource:
    return Resource(
        key=key(name),
        body={},
        origin=Origin(f"{name}.yaml", 1, 1),
        digest=digest({"existing": version, "name": name}),
        version=version,
        state=State.ACTIVE,
        chosen=True,
        **options,
    )


def member(
    name: str, *, kind: str = "FlyteTask", group: str = "g", refs: Iterable[Resource] = ()
) -> Resource:
    content = digest({"name": name, "kind": kind})
    return Resource(
        key=key(name, kind=kind),
        body={"kind": kind},
        origin=Origin("package.yaml"),
        digest=content,
        version=version_of(SET, content),
        group=group,
        refs=tuple(Reference(ref.key, ref.version) for ref in refs),
    )


def version(name: str, tick: int | None = 6) -> LiveVersion:
    return LiveVersion(name, None if tick is None else body(tick))


def live_of(
    active: Mapping[str, int] | None = None,
    registered: Mapping[str, int] | None = None,
    **rest: Any,
) -> Versions:
    """Versions by name and by the hour of their schedule."""
    running = tuple(version(name, tick) for name, tick in (active or {}).items())
    known = {name: version(name, tick) for name, tick in (registered or {}).items()}
    return Versions(active=running, registered=known, **rest)


def declared(*resources: Resource, is_whole: bool = True, **options: Any) -> Desired:
    return Desired({item.key: item for item in resources}, is_whole=is_whole, **options)


def live(
    objects: Mapping[Key, Versions | Record] | None = None,
    unreadable: Mapping[tuple[str, Place], str] | None = None,
) -> Live:
    return Live(objects or {}, unreadable or {})


def ledger_of(*resources: Resource, **fields: Any) -> Ledger:
    """A ledger under which these resources were applied."""
    desired = declared(*resources)
    return Ledger(
        SET,
        revision=1,
        home=PLACE,
        claim=CLAIM,
        desired=desired.digest(),
        applied=frozenset(item.mark for item in resources),
        places=frozenset({PLACE}),
        **fields,
    )


def context_of(
    desired: Desired,
    ledger: Ledger | None = None,
    *,
    now: datetime = NOW,
    set_name: str = SET,
    previous_names: tuple[str, ...] = (),
    given_up: Mapping[Key, Prune] | None = None,
    **policy: Any,
) -> Context:
    return Context(
        set_name=set_name,
        traits=TRAITS,
        ledger=ledger or Ledger(set_name),
        now=now,
        desired_digest=desired.digest(),
        previous_names=previous_names,
        given_up=given_up or {},
        policy=Policy(**policy),
    )


def plan(desired: Desired, now_live: Live, ledger: Ledger | None = None, **options: Any) -> Plan:
    return compute(desired, now_live, context_of(desired, ledger, **options), backend=BACKEND)


def change(
    resource: Resource, found: Versions, ledger: Ledger | None = None, **options: Any
) -> Change | None:
    """Plan one resource; None when nothing is to be done."""
    changes = plan(declared(resource), live({resource.key: found}), ledger, **options).changes
    assert len(changes) <= 1
    return changes[0] if changes else None


def calls(made: Change | None) -> list[str]:
    """Verbs and versions of a change, such as `activate team.a...`; blocked changes have none."""
    if made is None or made.block is not None:
        return []
    return [f"{action.verb.value} {action.version}".strip() for action in made.actions]


def applied(
    made: Plan, ledger: Ledger, *, failed: Iterable[str] = (), now: datetime = NOW
) -> Ledger:
    """The ledger after an apply in which the actions of `failed` did not succeed."""
    lost = set(failed)
    done = {
        action.id: "" for item in made.doable for action in item.actions if action.id not in lost
    }
    return settle.after(settle.before(ledger, made, claim=CLAIM), made, done=done, now=now)
