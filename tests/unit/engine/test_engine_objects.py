"""The use cases on a backend that has mutable objects only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pytest

from reconciler.backends.port import Backend
from reconciler.engine import applying, explanation, holds, inventory, planning, status
from reconciler.engine.applying import Run
from reconciler.engine.declaration import Declaration, declare
from reconciler.engine.planning import Planned, View
from reconciler.engine.status import Standing
from reconciler.errors import ConflictError, UsageError
from reconciler.model.attachment import Attachment
from reconciler.model.digest import digest
from reconciler.model.interface import Catalog, Want
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Claim, Held, Hold, Ledger
from reconciler.model.live import Live, Object, Query
from reconciler.model.origin import Origin, Problem
from reconciler.model.resource import Desired, Resource, State
from reconciler.model.secret import Content, Secret
from reconciler.model.traits import Shape, Traits, Verb
from reconciler.plan.plan import Action, Block, Effect
from reconciler.resolve.resolve import Resolved
from reconciler.specs.sync import SyncDefaults

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PLACE = Place("p", "d")
KIND = "FlyteTrigger"
TRAITS = Traits(
    kind=KIND,
    shape=Shape.OBJECT,
    rank=30,
    calls=dict.fromkeys((Verb.DEPLOY, Verb.ACTIVATE, Verb.DEACTIVATE), "TriggerService"),
    has_pointer=True,
)
RUN = Run(now=NOW, by="tester")
SYNC = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {name: team}
spec:
  connection: embedded
  defaults: {project: p, domain: d}
"""


def key(name: str) -> Key:
    return Key(KIND, "p", "d", name)


def trigger(name: str, tick: int = 6, **options: Any) -> Resource:
    body = {"schedule": {"cron": f"0 {tick} * * *"}}
    return Resource(
        key=key(name),
        body=dict(body),
        origin=Origin("a.yaml", 1, 1),
        digest=digest(dict(body)),
        state=State.ACTIVE,
        **options,
    )


A = trigger("a")


@dataclass
class Flyte:
    """Keeps objects and ledgers, and every version of a ledger that was written."""

    objects: dict[Key, Object] = field(default_factory=dict)
    sets: dict[str, Ledger] = field(default_factory=dict)
    written: list[Ledger] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    traits: Mapping[str, Traits] = field(default_factory=lambda: MappingProxyType({KIND: TRAITS}))
    adapters: Mapping[str, Any] = field(default_factory=dict)

    def offer(self, attachments: Mapping[str, Attachment]) -> None:
        assert not attachments

    def offer_contents(self, contents: Mapping[Key, Content]) -> None:
        assert not contents

    def hmac_key(self) -> Secret[str] | None:
        return None

    async def identity(self) -> Mapping[str, str]:
        return {"endpoint": "here", "flyte": "Flyte2"}

    async def catalog(self, wants: Collection[Want]) -> Catalog:
        assert not wants
        return {}

    async def observe(self, query: Query) -> Live:
        self.queries.append(query)
        asked = {item for item in self.objects if item.place in query.places} | query.objects.keys()
        return Live({item: self.objects[item] for item in asked if item in self.objects})

    async def unmet(self, resources: Mapping[Key, Resource]) -> tuple[Problem, ...]:
        assert resources is not None
        return ()

    async def places(self) -> frozenset[Place]:
        return frozenset({PLACE})

    async def perform(self, action: Action) -> str:
        known = self.objects.get(action.key)
        if (known.revision if known else "") != action.revision:
            raise ConflictError(f"{action.key}: moved")
        revision = str(int(action.revision or 0) + 1)
        body = action.body if action.verb is Verb.DEPLOY or known is None else known.body
        is_active = action.active or action.verb is Verb.ACTIVATE
        self.objects[action.key] = Object(revision, body, digest(body), is_active)
        return revision

    async def read_ledger(self, set_name: str, home: Place | None) -> Ledger:
        assert home in {None, PLACE}
        return self.sets.get(set_name, Ledger(set_name))

    async def ledgers(self, places: Collection[Place]) -> Mapping[str, Ledger]:
        return self.sets if PLACE in places else {}

    async def write_ledger(self, ledger: Ledger, home: Place) -> Ledger:
        written = replace(ledger, revision=ledger.revision + 1, home=home)
        self.sets[ledger.set_name] = written
        self.written.append(written)
        return written


def backend(flyte: Flyte) -> Backend:
    return cast("Backend", flyte)


@pytest.fixture
def declaration(tmp_path: Path) -> Declaration:
    (tmp_path / "reconcile.yaml").write_text(SYNC, encoding="utf-8")
    return declare([], cwd=tmp_path)


async def plan(flyte: Flyte, declaration: Declaration, *resources: Resource) -> Planned:
    desired = Desired({item.key: item for item in resources}, is_whole=True)
    ledger = await flyte.read_ledger("team", None)
    view = View(ledger=ledger, identity=await flyte.identity(), now=NOW)
    return await planning.plan_resolved(declaration, Resolved(desired, ()), backend(flyte), view)


async def test_creation_is_announced_in_the_ledger_before_it_is_done(
    declaration: Declaration,
) -> None:
    flyte = Flyte()
    planned = await plan(flyte, declaration, A)
    applied = await applying.apply_planned(planned, backend(flyte), RUN)
    assert applied.is_complete
    assert [ledger.objects for ledger in flyte.written] == [
        {A.key: Held("", A.digest)},
        {A.key: Held("1", A.digest)},
    ]
    again = await plan(flyte, declaration, A)
    assert (again.plan.changes, again.plan.bookkeeping) == ((), ())


async def test_objects_are_asked_for_with_what_is_held_unless_they_are_about_to_change(
    declaration: Declaration,
) -> None:
    gone, edited = Held("3", "x"), Held("4", "y")
    flyte = Flyte()
    flyte.sets["team"] = Ledger(
        "team",
        revision=1,
        objects={A.key: Held("1", A.digest), key("gone"): gone, key("b"): edited},
    )
    await plan(flyte, declaration, A, trigger("b"), trigger("new"))
    (query,) = flyte.queries
    assert query.objects == {
        A.key: Held("1", A.digest),
        key("gone"): gone,
        key("b"): None,
        key("new"): None,
    }
    assert query.places == {PLACE}
    assert query.expected[A.key] is A.body
    assert (query.versions, query.records) == ({}, frozenset())


async def test_place_of_a_held_object_is_looked_at_although_nothing_is_declared_there(
    declaration: Declaration,
) -> None:
    flyte = Flyte()
    elsewhere = Key(KIND, "p", "e", "x")
    flyte.sets["team"] = Ledger("team", revision=1, objects={elsewhere: Held("1", "x")})
    await plan(flyte, declaration, A)
    assert flyte.queries[0].places == {PLACE, Place("p", "e")}


async def test_object_that_another_set_holds_is_not_adopted(declaration: Declaration) -> None:
    flyte = Flyte({A.key: Object("1", A.body, A.digest, is_active=True)})
    flyte.sets["other"] = Ledger("other", revision=1, objects={A.key: Held("1", A.digest)})
    (change,) = (await plan(flyte, declaration, A)).plan.changes
    assert (change.effect, change.block) == (Effect.ADOPT, Block.ADOPTION)
    assert change.block_detail.startswith("it belongs to set other; ")


async def test_saved_plan_is_refused_for_an_object_that_moved(declaration: Declaration) -> None:
    flyte = Flyte()
    made = (await plan(flyte, declaration, A, trigger("b"))).plan
    flyte.objects[A.key] = Object("1", is_active=True)
    rest, refused = await applying.refuse_stale(made, backend(flyte), Ledger("team"), now=NOW)
    assert [change.key for change in refused] == [A.key]
    assert [change.key for change in rest.changes] == [key("b")]
    assert flyte.queries[-1].places == {PLACE}


async def test_failed_creation_is_no_longer_announced(declaration: Declaration) -> None:
    flyte = Flyte()
    planned = await plan(flyte, declaration, A)
    flyte.objects[A.key] = Object("1", {}, "x")
    applied = await applying.apply_plan(
        planned.plan, backend(flyte), RUN, ledger=planned.ledger, claim=Claim("c", "s"), home=PLACE
    )
    assert len(applied.report.failures) == 1
    assert applied.ledger.objects == {}


async def test_status_tells_the_revision_the_owner_and_the_next_firing(
    declaration: Declaration,
) -> None:
    flyte = Flyte({A.key: Object("7", None, A.digest, is_active=True, listed=A.body)})
    flyte.sets["team"] = Ledger("team", revision=1, objects={A.key: Held("7", A.digest)})
    planned = await plan(flyte, declaration, A)
    found = status.of_object(A.key, planned, now=NOW)
    assert found is not None
    assert (found.standing, found.active, found.owner) == (
        Standing.READY,
        ("revision 7",),
        "team",
    )
    assert found.firing is not None
    assert found.firing.text == '"0 6 * * *" UTC'

    flyte.sets["team"] = Ledger(
        "team", revision=1, objects={A.key: Held("7", A.digest, adopted=True)}
    )
    adopted = status.of_object(A.key, await plan(flyte, declaration, A), now=NOW)
    assert adopted is not None
    assert adopted.owner == "adopted"


async def test_status_says_what_is_adopted_next(declaration: Declaration) -> None:
    flyte = Flyte({A.key: Object("7", A.body, A.digest, is_active=True)})
    found = status.of_object(A.key, await plan(flyte, declaration, A), now=NOW)
    assert found is not None
    assert (found.standing, found.detail) == (
        Standing.PENDING,
        "adopt it, which is as declared",
    )
    assert found.owner == "foreign"


async def test_connection_status_names_the_set_that_holds_an_object() -> None:
    flyte = Flyte(
        {
            A.key: Object("7", is_active=True),
            key("b"): Object("1", is_active=True),
            key("c"): Object("1"),
        }
    )
    flyte.sets["other"] = Ledger("other", revision=1, objects={A.key: Held("5", A.digest)})
    found = await status.of_connection(backend(flyte), now=NOW)
    assert [(item.key.name, item.owner) for item in found.others] == [
        ("a", "other"),
        ("b", "foreign"),
    ]


async def test_explanation_tells_what_the_ledger_holds(declaration: Declaration) -> None:
    flyte = Flyte({A.key: Object("7", A.body, A.digest, is_active=True)})
    flyte.sets["team"] = Ledger(
        "team", revision=1, objects={A.key: Held("7", A.digest), key("b"): Held("", "x")}
    )
    found = await explanation.explain(declaration, backend(flyte), A.key, now=NOW)
    assert found.ledger == (f"written at revision 7, with digest {A.digest}",)
    assert found.rule == (
        "it is the set's and not declared any more; the set's prune policy is Deactivate"
    )
    with pytest.raises(UsageError, match="is neither declared here nor active"):
        await explanation.explain(declaration, backend(flyte), key("b"), now=NOW)


async def test_explanation_of_somebody_elses_object(declaration: Declaration) -> None:
    flyte = Flyte({A.key: Object("7", is_active=True)})
    found = await explanation.explain(declaration, backend(flyte), A.key, now=NOW)
    assert found.rule == "it is not this set's: no plan of this set touches it"
    assert found.status.owner == "foreign"


def test_name_to_pause_is_that_of_anything_that_can_be_active() -> None:
    kinds = {
        KIND: TRAITS,
        "FlyteLaunchPlan": replace(TRAITS, kind="FlyteLaunchPlan"),
        "FlyteSecret": replace(TRAITS, kind="FlyteSecret", has_pointer=False),
    }
    assert holds.patterns_of("a*", kinds) == ("FlyteLaunchPlan/*/*/a*", "FlyteTrigger/*/*/a*")
    assert holds.patterns_of("FlyteTrigger/p/d/a", kinds) == ("FlyteTrigger/p/d/a",)


async def test_pause_of_what_is_not_declared_names_the_pattern(declaration: Declaration) -> None:
    hold = Hold("", "because", NOW + timedelta(hours=1))
    with pytest.raises(UsageError) as error:
        await holds.pause(declaration, backend(Flyte()), names=["x"], hold=hold, run=RUN)
    assert str(error.value) == (
        "FlyteTrigger/*/*/x: matches nothing that set team declares; see `reconcile status` for "
        "the names"
    )


async def test_object_can_be_given_up(declaration: Declaration) -> None:
    flyte = Flyte({A.key: Object("7", A.body, A.digest, is_active=True)})
    flyte.sets["team"] = Ledger("team", revision=1, home=PLACE, objects={A.key: Held("7", "x")})
    ledger = await holds.forget(declaration, backend(flyte), keys=[A.key], run=RUN)
    assert ledger.objects == {}
    assert (await plan(flyte, declaration)).plan.changes == ()


async def test_ledger_is_not_kept_where_there_are_many_places(declaration: Declaration) -> None:
    nowhere = replace(
        declaration, sync=declaration.sync.model_copy(update={"defaults": SyncDefaults()})
    )
    flyte = Flyte()
    places = frozenset({Place("*", "d"), PLACE})
    flyte.sets["team"] = Ledger("team", revision=1, places=places, objects={A.key: Held("7", "x")})
    ledger = await holds.forget(nowhere, backend(flyte), keys=[A.key], run=RUN)
    assert ledger.home == PLACE


async def test_holders_are_read_with_the_adopters() -> None:
    flyte = Flyte()
    flyte.sets["team"] = Ledger("team", objects={A.key: Held("7", "x")}, adopted={key("b"): "v1"})
    assert await inventory.adopted(backend(flyte)) == {
        A.key: ("team", ""),
        key("b"): ("team", "v1"),
    }
