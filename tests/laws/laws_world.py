"""Random histories of one installation: declarations, hands of others, crashes; and what was seen.

A history is plain data, so that the same one can be played in two worlds that differ in one point.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import grpc
from flyteidl.admin import common_pb2, launch_plan_pb2
from flyteidl.core.identifier_pb2 import LAUNCH_PLAN
from google.protobuf.message import Message
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from world import PROJECT, World, ledger_of, open_world, plan_document, write_ledger

from reconciler.engine.applying import Applied
from reconciler.model.ledger import Hold
from reconciler.plan.plan import Plan
from reconciler.server.serving import WRITES
from reconciler.server.status import StatusError

# More examples, and others each time, where somebody asks for them: LAWS_EXAMPLES=1000 pytest ...
EXAMPLES = int(os.environ.get("LAWS_EXAMPLES", "0"))
settings.register_profile(
    "ci",
    derandomize=not EXAMPLES,
    max_examples=EXAMPLES or 40,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
LAW = settings.get_profile("ci")
NAMES = ("a", "b", "c", "d")
DOMAINS = ("development", "staging")
TICKS = (1, 2, 3)
WRITES_TO_PLANS = frozenset({"CreateLaunchPlan", "UpdateLaunchPlan", "UpdateNamedEntity"})
SYNC = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {name: team}
spec:
  defaults: {project: flytesnacks, domain: development}
  limits: {maxRemovals: 10000, maxRemovalFraction: 1.0}
"""

Where = tuple[str, str]
"""Domain and name of a plan."""


@dataclass(frozen=True)
class Wanted:
    """What is declared of one plan."""

    tick: int
    state: str = "Active"
    adopt: bool = False
    description: str = ""


Declared = tuple[tuple[Where, Wanted], ...]


@dataclass(frozen=True)
class Hand:
    """Somebody else registers a version, or starts or stops one that there is."""

    where: Where
    version: str
    tick: int
    active: bool


@dataclass(frozen=True)
class Stop:
    """Stops whatever version is active, as somebody would in the console."""

    where: Where


@dataclass(frozen=True)
class Pause:
    """A hold of an hour, as `reconcile pause` writes it; what it stops is left to the next run."""

    where: Where


@dataclass(frozen=True)
class Wait:
    """Two hours go by."""


Step = Declared | Hand | Stop | Pause | Wait
PLACES = st.tuples(st.sampled_from(DOMAINS), st.sampled_from(NAMES))
WANTED = st.builds(
    Wanted,
    tick=st.sampled_from(TICKS),
    state=st.sampled_from(["Active", "Active", "Active", "Inactive", "Unmanaged"]),
    adopt=st.sampled_from([False, False, False, True]),
    description=st.sampled_from(["", "", "", "nightly"]),
)
DECLARED = st.dictionaries(PLACES, WANTED, max_size=6).map(lambda items: tuple(items.items()))
HANDS = st.builds(
    Hand,
    where=PLACES,
    version=st.sampled_from(["v1", "v2"]),
    tick=st.sampled_from(TICKS),
    active=st.booleans(),
)
HISTORIES: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        DECLARED,
        HANDS,
        HANDS,
        st.builds(Stop, where=PLACES),
        st.builds(Pause, where=PLACES),
        st.builds(Wait),
    ),
    max_size=6,
)
SYNCS = st.sampled_from(
    [
        SYNC,
        SYNC,
        SYNC + "  prune: Archive\n",
        SYNC + "  drift: Report\n",
        SYNC + "  prune: Report\n",
    ]
)


def document(where: Where, wanted: Wanted) -> dict[str, Any]:
    """The document of one plan."""
    domain, name = where
    spec: dict[str, Any] = {
        "domain": domain,
        "name": name,
        "state": wanted.state,
        "schedule": {"cron": f"0 {wanted.tick} * * *", "kickoffInput": "day"},
    }
    if wanted.adopt:
        spec["adopt"] = True
    if wanted.description:
        spec["description"] = wanted.description
    return plan_document(f"{name}-{domain}", **spec)


@dataclass
class Flyte:
    """A world with somebody who watches every call; this one is a Flyte 1."""

    world: World
    kind: ClassVar[str] = "FlyteLaunchPlan"
    ticks: dict[tuple[Where, str], int] = field(default_factory=dict)
    active: defaultdict[Where, set[str]] = field(default_factory=lambda: defaultdict(set))
    reactivated: list[tuple[Where, str]] = field(default_factory=list)
    written: list[tuple[str, str]] = field(default_factory=list)
    unreadable: tuple[str, str] = ("", "")
    """Domain and method that are refused."""
    refusals: int = 0
    dies_at: int = 0
    """The write at which our process dies, 0 for none."""
    dies_after: bool = False
    """Whether that write still takes effect."""
    ours: asyncio.Task[Applied] | None = None

    def declare(self, declared: Declared, sync: str = SYNC) -> None:
        """Replace what is declared."""
        self.world.declare(*(self.document(where, wanted) for where, wanted in declared), sync=sync)

    def document(self, where: Where, wanted: Wanted) -> dict[str, Any]:
        """The document of one object."""
        return document(where, wanted)

    async def play(self, history: Sequence[Step], sync: str = SYNC) -> None:
        """Carry out a history; declarations are applied, with every removal approved."""
        for step in history:
            match step:
                case Hand():
                    await self.meddle(step)
                case Stop(where):
                    await self.stop(where)
                case Pause(where):
                    await self._pause(where)
                case Wait():
                    self.world.now += timedelta(hours=2)
                case _:
                    self.declare(step, sync)
                    await self.apply()

    async def apply(self) -> Applied:
        """Reconcile with every removal approved."""
        planned = await self.world.plan()
        return await self.world.reconcile(approved=planned.plan.id)

    async def plan(self) -> Plan:
        """Plan what is declared."""
        return (await self.world.plan()).plan

    async def crash(self, at: int, *, after: bool) -> bool:
        """Reconcile, and die at a write; says whether it came to that."""
        planned = await self.world.plan()
        self.dies_at, self.dies_after = at, after
        self.ours = asyncio.ensure_future(self.world.reconcile(approved=planned.plan.id))
        try:
            await self.ours
        except asyncio.CancelledError:
            return True
        finally:
            self.dies_at, self.ours = 0, None
        return False

    async def snapshot(self) -> dict[tuple[str, str, str], tuple[str, bytes]]:
        """Every version of every plan, with its state and content."""
        found = {}
        for domain in ("development", "staging", "production"):
            answer = await self.world.stub.ListLaunchPlans(
                common_pb2.ResourceListRequest(
                    id=common_pb2.NamedEntityIdentifier(project=PROJECT, domain=domain),
                    limit=10_000,
                    sort_by=common_pb2.Sort(key="id"),
                )
            )
            for plan in answer.launch_plans:
                state = launch_plan_pb2.LaunchPlanState.Name(plan.closure.state)
                content = plan.spec.SerializeToString(deterministic=True)
                found[domain, plan.id.name, plan.id.version] = (state, content)
            names = await self.world.stub.ListNamedEntities(
                common_pb2.NamedEntityListRequest(
                    resource_type=LAUNCH_PLAN,
                    project=PROJECT,
                    domain=domain,
                    limit=10_000,
                    filters="gte(state,0)",
                    sort_by=common_pb2.Sort(key="name"),
                )
            )
            for entity in names.entities:
                about = entity.metadata.SerializeToString(deterministic=True)
                found[domain, entity.id.name, ""] = ("", about)
        return found

    async def _pause(self, where: Where) -> None:
        ledger = await ledger_of(self.world)
        domain, name = where
        pattern = f"{self.kind}/{PROJECT}/{domain}/*{name}"
        hold = Hold(pattern, "law", self.world.now + timedelta(hours=1))
        if ledger.revision:
            await write_ledger(self.world, replace(ledger, holds=(*ledger.holds, hold)))

    async def stop(self, where: Where) -> None:
        """Deactivate whatever is active."""
        for version in sorted(self.active[where]):
            await self._set_state(where, version, active=False)

    async def meddle(self, hand: Hand) -> None:
        """Do what somebody else does."""
        (domain, name), version = hand.where, hand.version
        if (hand.where, version) not in self.ticks:
            self.ticks[hand.where, version] = hand.tick
            await self.world.register_plan(
                name,
                version,
                workflow_version="v1",
                cron=f"0 {hand.tick} * * *",
                defaults={"count": 3},
                domain=domain,
            )
        if hand.active is not (version in self.active[hand.where]):
            await self._set_state(hand.where, version, active=hand.active)

    async def _set_state(self, where: Where, version: str, *, active: bool) -> None:
        await self.world.set_state(where[1], version, active=active, domain=where[0])

    async def on_call(self, method: str, request: Message) -> None:
        """Refuse what is unreadable, die where it is time, and watch."""
        domain, refused = self.unreadable
        if method == refused and _domain(request) == domain:
            self.refusals += 1
            raise StatusError(grpc.StatusCode.INTERNAL, "somebody pulled the plug")
        if method in WRITES:
            self._die(is_before=True)
            self.written.append((method, _domain(request)))
        self.watch(method, request)

    def watch(self, method: str, request: Any) -> None:
        """Note what is active, and what is activated that was so already."""
        if method == "UpdateLaunchPlan":
            where, version = (request.id.domain, request.id.name), request.id.version
            if request.state != launch_plan_pb2.ACTIVE:
                self.active[where].discard(version)
            elif version in self.active[where]:
                self.reactivated.append((where, version))
            else:
                self.active[where] = {version}

    async def after_call(self, method: str, _answer: Message) -> None:
        """Die after the effect of a write, where it is time."""
        if method in WRITES:
            self._die(is_before=False)

    def _die(self, *, is_before: bool) -> None:
        if self.ours is None:
            return
        if is_before:
            self.dies_at -= 1
        if self.dies_at < 0 or (self.dies_at == 0 and is_before is not self.dies_after):
            self.ours.cancel()
            raise StatusError(grpc.StatusCode.UNAVAILABLE, "nobody is there any more")


def _domain(request: Any) -> str:
    """The domain that a request is about."""
    known = request.DESCRIPTOR.fields_by_name
    if "names" in known:
        request = request.names[0]
    for part in ("id", "name", "project_id", "task_id", "task_name"):
        if part in known and known[part].message_type is not None and request.HasField(part):
            request = getattr(request, part)
            break
    return str(getattr(request, "domain", ""))


@asynccontextmanager
async def open_flyte() -> AsyncIterator[Flyte]:
    """Open a world with a workflow in both domains, and one plan of others outside of the scope."""
    with tempfile.TemporaryDirectory() as directory:
        async with open_world(Path(directory)) as world:
            flyte = Flyte(world)
            world.server.on_call = flyte.on_call
            world.server.after_call = flyte.after_call
            for domain in (*DOMAINS, "production"):
                await world.register_workflow(domain=domain)
            for name in NAMES:
                await world.register_plan(
                    name, "v1", cron="0 1 * * *", defaults={"count": 3}, domain="production"
                )
                await world.set_state(name, "v1", active=True, domain="production")
            yield flyte


def blocked(plan: Plan) -> Counter[tuple[str, str]]:
    """The changes that are held back, by key and reason."""
    return Counter((str(change.key), change.block.value) for change in plan.changes if change.block)
