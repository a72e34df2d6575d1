"""A kind that the chosen Flyte does not have is an error that says what to write instead."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from reconciler.backends.flyte1.adapters import ADAPTERS as FLYTE1
from reconciler.backends.flyte2.adapters import ADAPTERS as FLYTE2
from reconciler.engine.declaration import declare
from reconciler.engine.planning import resolve_offline

PLAN = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata: {name: daily}
spec:
  project: p
  domain: d
  workflow: {name: etl, version: v1}
"""


def test_launch_plan_on_flyte2_is_pointed_to_triggers(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN, encoding="utf-8")
    declaration = declare(["plan.yaml"], cwd=tmp_path)
    found = resolve_offline(declaration, FLYTE2, now=datetime(2026, 5, 1, tzinfo=UTC))

    (problem,) = found.errors
    assert str(problem) == (
        "plan.yaml:5:1: spec: FlyteLaunchPlan is not served by Flyte 2, which "
        "this connection leads to; declare a FlyteTrigger; `reconcile convert` writes it"
    )
    assert not found.desired.resources


def test_every_kind_of_the_other_flyte_has_a_pointer() -> None:
    assert {"FlyteTrigger", "FlyteSettings"} <= set(FLYTE1)
    assert "FlyteLaunchPlan" in FLYTE2
