"""What the metrics say of sets: how old each is, and nothing about those that rest or went."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from reconciler.operator.measures import Measures
from reconciler.operator.metrics import Metrics
from reconciler.operator.queue import Queue
from reconciler.operator.resources import Ref
from reconciler.operator.store import Store
from reconciler.operator.units import UnitId

SALES = UnitId("team", "sales")


@dataclass
class Watch:
    """The measures of an operator at a clock of its own."""

    now: float = 1000.0
    store: Store = field(default_factory=Store)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.measures = Measures(self.store, Queue(), self.metrics, lambda: self.now)

    def see(self, kind: str, name: str, generation: int = 1, /, **spec: Any) -> None:
        metadata: dict[str, Any] = {"name": name, "namespace": "team", "generation": generation}
        metadata |= {"uid": f"{kind}{name}", "resourceVersion": str(generation)}
        self.store.put({"kind": kind, "metadata": metadata, "spec": spec})

    def ages(self) -> dict[str, float]:
        self.measures.refresh()
        (metric,) = self.metrics.sync_age.collect()
        return {sample.labels["set"]: sample.value for sample in metric.samples}


@pytest.fixture
def watch() -> Watch:
    """Measures of nothing yet."""
    return Watch()


def test_set_that_never_ended_well_gets_older_too(watch: Watch) -> None:
    watch.see("FlyteSync", "sales", connection="prod")
    assert watch.ages() == {"team/sales": 0}
    watch.now += 90
    assert watch.ages() == {"team/sales": 90}
    watch.measures.passed(SALES, 1, is_failed=True)
    assert watch.ages() == {"team/sales": 90}
    watch.measures.passed(SALES, 1, is_failed=False)
    assert watch.ages() == {"team/sales": 0}


def test_set_that_rests_or_is_gone_has_no_age_and_no_changes(watch: Watch) -> None:
    watch.see("FlyteSync", "sales", connection="prod")
    watch.metrics.plan_changes.labels("team/sales").set(3)
    watch.ages()
    watch.see("FlyteSync", "sales", 2, connection="prod", suspend=True)
    assert watch.ages() == {}
    assert list(watch.metrics.plan_changes.collect()[0].samples) == []
    watch.see("FlyteSync", "sales", 3, connection="prod")
    watch.now += 50
    assert watch.ages() == {"team/sales": 0}
    watch.store.drop(Ref("FlyteSync", "team", "sales"), "FlyteSyncsales")
    assert watch.ages() == {}


def test_connection_has_no_age(watch: Watch) -> None:
    watch.see("FlyteConnection", "prod", endpoint="flyte.example.com:443")
    watch.measures.passed(UnitId("team", "", "prod"), 1, is_failed=False)
    assert watch.ages() == {}
