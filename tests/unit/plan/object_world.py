"""A Flyte with mutable objects, as small as the laws of their planner allow, and random histories.

Triggers have a revision that every write moves and that outlives their deletion, a switch, and a
lock on deployments only. Secrets tell when they were made, and never their content.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import strategies as st
from object_builders import SECRET, TRAITS, body, declared, key, secret, trigger
from plan_builders import BACKEND, CLAIM, NOW, PLACE, SET

from reconciler.apply import execute
from reconciler.apply.outcome import Report
from reconciler.engine.planning import query
from reconciler.errors import ConflictError
from reconciler.model.digest import digest
from reconciler.model.document import Json
from reconciler.model.key import Key
from reconciler.model.ledger import Hold, Ledger
from reconciler.model.live import Live, Object, Query
from reconciler.model.policy import Drift, Prune
from reconciler.model.resource import Desired, Resource, State
from reconciler.model.traits import Verb
from reconciler.plan import settle
from reconciler.plan.compute import compute
from reconciler.plan.context import Context, Policy
from reconciler.plan.plan import Action, Plan


class Killed(BaseException):
    """The process ends between two calls."""


@dataclass(frozen=True)
class Stored:
    """One object as the server keeps it."""

    revision: str
    content: dict[str, Json]
    active: bool = False


@dataclass
class Flyte:
    """The server: `calls` are our writes, `details` the contents that were read one by one.

    `tells` says whether a switch answers with the revision that it made.
    """

    objects: dict[Key, Stored] = field(default_factory=dict)
    last: dict[Key, int] = field(default_factory=dict)
    calls: list[tuple[Verb, Key]] = field(default_factory=list)
    details: int = 0
    tells: bool = True
    dies_at: int = 0
    dies_after: bool = False

    def put(self, about: Key, content: dict[str, Json], *, active: bool) -> str:
        """Write an object whole, whoever does it."""
        known = self.objects.get(about)
        if about.kind == SECRET and known is not None:
            revision = known.revision
        else:
            self.last[about] = self.last.get(about, 0) + 1
            revision = str(self.last[about])
        self.objects[about] = Stored(revision, content, active)
        return revision

    def switch(self, about: Key, *, active: bool) -> None:
        known = self.objects.get(about)
        if known is not None and known.active is not active:
            self.put(about, known.content, active=active)

    def delete(self, about: Key) -> None:
        if self.objects.pop(about, None) is not None:
            self.last[about] += 1

    def observe(self, asked: Query) -> Live:
        """List everything, and read the contents that the ledger does not tell."""
        found: dict[Key, Object] = {}
        for about, stored in self.objects.items():
            listed = Object(stored.revision, is_active=stored.active)
            held = asked.objects.get(about)
            if about not in asked.objects or about.kind == SECRET:
                found[about] = listed
            elif held is not None and held.revision == stored.revision:
                content = asked.expected.get(about)
                found[about] = replace(listed, body=content, digest=held.digest)
            else:
                self.details += 1
                found[about] = replace(listed, body=stored.content, digest=digest(stored.content))
        return Live(found)

    async def perform(self, action: Action) -> str:
        """Carry out one action of ours, or die on the way."""
        is_last = self.dies_at and len(self.calls) + 1 == self.dies_at
        if is_last and not self.dies_after:
            raise Killed
        self.calls.append((action.verb, action.key))
        made = self._perform(action)
        if is_last:
            raise Killed
        return made

    def _perform(self, action: Action) -> str:
        about, known = action.key, self.objects.get(action.key)
        match action.verb:
            case Verb.DEPLOY:
                assert action.body is not None
                if (known.revision if known else "") != action.revision:
                    is_made = known is not None and known.content == action.body
                    if about.kind == SECRET or not is_made or known.active is not action.active:
                        raise ConflictError(f"{about}: was written in between")
                    return known.revision
                return self.put(about, action.body, active=action.active)
            case Verb.DELETE:
                self.delete(about)
                return ""
            case _:
                self.switch(about, active=action.verb is Verb.ACTIVATE)
                is_ours = known is not None and known.revision == action.revision
                return self.objects[about].revision if self.tells and is_ours else ""


@dataclass(frozen=True)
class Wanted:
    """What is declared of one object."""

    tick: int
    text: str = ""
    state: State = State.ACTIVE
    adopt: bool = False

    def resource(self, about: Key) -> Resource:
        if about.kind == SECRET:
            return secret(about.name, f"t{self.tick}", adopt=self.adopt)
        return trigger(about.name, self.tick, text=self.text, state=self.state, adopt=self.adopt)


Declared = Mapping[Key, Wanted]


@dataclass(frozen=True)
class Hand:
    """Somebody else writes an object whole, switches it or deletes it."""

    about: Key
    does: str
    tick: int
    active: bool

    def act(self, flyte: Flyte) -> None:
        if self.does == "delete":
            flyte.delete(self.about)
        elif self.about.kind == SECRET:
            # A new value in an old secret is seen by nobody; one that was made again is.
            flyte.delete(self.about)
            flyte.put(self.about, {"token": "theirs"}, active=False)
        elif self.does == "switch":
            flyte.switch(self.about, active=self.active)
        else:
            flyte.put(self.about, body(self.tick), active=self.active)


@dataclass(frozen=True)
class Pause:
    """A hold of an hour on one object."""

    about: Key


@dataclass(frozen=True)
class Wait:
    """Two hours go by."""


@dataclass
class World:
    """One set that is planned and applied; nothing is remembered but Flyte and the ledger."""

    flyte: Flyte = field(default_factory=Flyte)
    ledger: Ledger = field(default_factory=lambda: Ledger(SET))
    wanted: Desired = field(default_factory=declared)
    policy: Policy = field(default_factory=Policy)
    now: datetime = NOW
    set_name: str = SET

    @property
    def context(self) -> Context:
        return Context(
            set_name=self.set_name,
            traits=TRAITS,
            ledger=self.ledger,
            now=self.now,
            desired_digest=self.wanted.digest(),
            policy=self.policy,
        )

    def read(self) -> Live:
        return self.flyte.observe(query(self.wanted, self.context))

    def plan(self, live: Live | None = None) -> Plan:
        """Plan, with leave to remove as much as it likes."""
        live, context = live or self.read(), self.context
        first = compute(self.wanted, live, context, backend=BACKEND)
        policy = replace(self.policy, approved=first.id)
        return compute(self.wanted, live, replace(context, policy=policy), backend=BACKEND)

    def apply(self, made: Plan | None = None) -> Report:
        """Write the ledger, act, and write the ledger: as the engine does, and as killable."""
        made = made or self.plan()
        opened = settle.before(self.ledger, made, claim=CLAIM)
        if any(change.actions for change in made.doable):
            self.ledger = opened
        report = asyncio.run(execute.run(made.changes, self.flyte.perform, parallel=1))
        self.ledger = settle.after(
            opened, made, done=report.done, now=self.now, unsure=report.unsure
        )
        return report

    def play(self, history: list[Step]) -> None:
        for step in history:
            match step:
                case Hand():
                    step.act(self.flyte)
                case Pause(about):
                    hold = Hold(str(about), "law", self.now + timedelta(hours=1))
                    self.ledger = replace(self.ledger, holds=(*self.ledger.holds, hold))
                case Wait():
                    self.now += timedelta(hours=2)
                case _:
                    self.declare(step)
                    self.apply()

    def declare(self, wanted: Declared) -> None:
        self.wanted = declared(*(one.resource(about) for about, one in wanted.items()))

    def state(self) -> dict[Key, tuple[str, bool]]:
        """What the objects are, whatever their revisions."""
        return {
            about: (digest(stored.content), stored.active)
            for about, stored in self.flyte.objects.items()
        }


Step = Declared | Hand | Pause | Wait
TRIGGERS = tuple(key(name) for name in ("a", "b"))
KEYS = (*TRIGGERS, key("s", kind=SECRET))
WANTED = st.builds(
    Wanted,
    tick=st.sampled_from([1, 2]),
    text=st.sampled_from(["", "", "new"]),
    state=st.sampled_from([State.ACTIVE, State.ACTIVE, State.INACTIVE, State.UNMANAGED]),
    adopt=st.sampled_from([False, False, True]),
)
DECLARED = st.tuples(*(st.one_of(WANTED, WANTED, WANTED, st.none()) for _ in KEYS)).map(
    lambda items: {about: one for about, one in zip(KEYS, items, strict=True) if one is not None}
)
HANDS = st.builds(
    Hand,
    about=st.sampled_from(KEYS),
    does=st.sampled_from(["write", "write", "switch", "delete"]),
    tick=st.sampled_from([1, 2, 3]),
    active=st.booleans(),
)
PAUSES = st.builds(Pause, st.sampled_from(TRIGGERS))
STEPS = st.one_of(DECLARED, HANDS, HANDS, PAUSES, st.just(Wait()))
HISTORIES = st.tuples(st.lists(STEPS, max_size=1), DECLARED, st.lists(STEPS, max_size=3)).map(
    lambda parts: [*parts[0], parts[1], *parts[2]]
)
POLICIES = st.builds(
    Policy,
    prune=st.sampled_from(Prune),
    drift=st.sampled_from([Drift.CORRECT, Drift.CORRECT, Drift.REPORT]),
    max_removals=st.just(1000),
    max_removal_fraction=st.just(1.0),
)
assert {about.place for about in KEYS} == {PLACE}
