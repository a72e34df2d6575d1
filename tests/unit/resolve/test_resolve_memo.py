"""A resolution stands while nothing that it was made from is another one, and no longer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.backends.flyte1.adapters import ADAPTERS
from reconciler.model.interface import Catalog, Missing, Want, Workflow
from reconciler.model.key import Key, Place
from reconciler.model.traits import Traits
from reconciler.resolve.context import Adapter, Context, Package, Resolution
from reconciler.resolve.memo import Memo
from reconciler.resolve.resolve import resolve
from reconciler.sources import yaml
from reconciler.specs.fields import DeletionPolicy
from reconciler.specs.validate import Declared, validate

NOW = datetime(2026, 5, 1, tzinfo=UTC)
WANT = Want("p", "d", "w", version="v1")
FLOW = Workflow(project="p", domain="d", name="w", version="v1", inputs={}, defaults={})
CONTEXT = Context(set_name="s", now=NOW, catalog={WANT: FLOW})


@dataclass
class Counting:
    """Resolves as the real one does, and counts."""

    real: Adapter = field(default_factory=lambda: ADAPTERS["FlyteLaunchPlan"])
    resolved: int = 0

    @property
    def traits(self) -> Traits:
        return self.real.traits

    def wants(self, declared: Declared, context: Context, /) -> Iterable[Want]:
        return self.real.wants(declared, context)

    def about(self, declared: Declared, context: Context, /) -> tuple[Key, ...]:
        return self.real.about(declared, context)

    def resolve(self, declared: Declared, context: Context, /) -> Resolution:
        self.resolved += 1
        return self.real.resolve(declared, context)


def plan(cron: str = "0 6 * * *") -> Declared:
    text = (
        "apiVersion: flyte.reconciler.dev/v1alpha1\nkind: FlyteLaunchPlan\n"
        "metadata: {name: a}\nspec: {project: p, domain: d, "
        f'workflow: {{name: w, version: v1}}, schedule: {{cron: "{cron}"}}}}\n'
    )
    documents, problems = yaml.parse(text.encode(), file="a.yaml")[:2]
    assert not problems
    return validate(documents).declared[0]


@pytest.fixture
def adapter() -> Counting:
    return Counting()


def test_the_same_document_is_resolved_once(adapter: Counting) -> None:
    memo, declared = Memo(), plan()
    first = memo.resolution(declared, adapter, CONTEXT)
    again = memo.resolution(declared, adapter, replace(CONTEXT, catalog={WANT: FLOW}))
    assert again is first
    assert adapter.resolved == 1


def _catalog(found: Workflow | Missing) -> Catalog:
    return {WANT: found}


CHANGES: dict[str, Callable[[Declared], tuple[Declared, Context]]] = {
    "another document": lambda _: (plan(), CONTEXT),
    "an edit": lambda _: (plan("0 7 * * *"), CONTEXT),
    "a policy": lambda one: (
        replace(one, spec=one.spec.model_copy(update={"deletion_policy": DeletionPolicy.ORPHAN})),
        CONTEXT,
    ),
    "a workflow that is another one": lambda one: (
        one,
        replace(CONTEXT, catalog=_catalog(replace(FLOW, inputs={"x": {}}))),
    ),
    "a workflow that is gone": lambda one: (one, replace(CONTEXT, catalog={})),
    "another set": lambda one: (one, replace(CONTEXT, set_name="t")),
    "versions of the set": lambda one: (one, replace(CONTEXT, versions={"*": "v1"})),
    "a package": lambda one: (
        one,
        replace(CONTEXT, packages={(Place("p", "d"), "code"): Package(workflows={"w": FLOW})}),
    ),
    "an hour": lambda one: (one, replace(CONTEXT, now=NOW + timedelta(hours=1))),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_is_seen(adapter: Counting, change: str) -> None:
    memo, declared = Memo(), plan()
    memo.resolution(declared, adapter, CONTEXT)
    other, context = CHANGES[change](declared)
    made = memo.resolution(other, adapter, context)
    assert adapter.resolved == 2
    assert made == adapter.real.resolve(other, context)


def test_a_package_that_offers_the_same_changes_nothing() -> None:
    memo = Memo()
    first = memo.offered("code.yaml", Package(workflows={"w": FLOW}, code={"u": b"1"}))
    again = memo.offered("code.yaml", Package(workflows={"w": FLOW}, code={"u": b"2"}))
    other = memo.offered("code.yaml", Package(workflows={}))
    assert again is first
    assert not first.code
    assert other is not first


def test_what_is_no_longer_declared_is_forgotten(adapter: Counting) -> None:
    memo, declared = Memo(), plan()
    adapters = {"FlyteLaunchPlan": adapter}
    for documents in ([declared], [], [declared]):
        resolve(documents, adapters, CONTEXT, memo=memo)
    assert adapter.resolved == 2


def test_what_holds_values_is_never_kept(adapter: Counting) -> None:
    memo, declared = Memo(), plan()
    origin = str(declared.document.origin)
    for _ in range(2):
        memo.resolution(declared, adapter, replace(CONTEXT, contents={origin: "gone"}))
    assert adapter.resolved == 2
