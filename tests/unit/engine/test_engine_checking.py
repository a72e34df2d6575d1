"""Everything that is wrong is said at once, and nothing that only follows from another error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.api.offline import require_sound
from reconciler.backends.flyte1.adapters import ADAPTERS as FLYTE1
from reconciler.backends.flyte2.adapters import ADAPTERS as FLYTE2
from reconciler.engine.checking import check
from reconciler.engine.declaration import declare
from reconciler.errors import SpecError
from reconciler.model.interface import Missing, Want
from reconciler.resolve.context import Adapter, Context
from reconciler.resolve.resolve import resolve

NOW = datetime(2027, 1, 1, tzinfo=UTC)
DOCUMENT = """---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: {kind}
metadata: {{name: {name}}}
spec: {spec}
"""
DEFAULTS = "{defaults: {project: ranking, domain: production}}"
TASK = "task: {name: etl.load, version: v1}"
FLOW = "workflow: {name: etl, version: v1}"
MARS = 'schedule: {cron: "0 6 * * *", timezone: Mars/Base}'

Doc = tuple[str, str, str]


def write(folder: Path, *documents: Doc, sync: str = DEFAULTS) -> None:
    """Write a set: each document by kind, name and spec."""
    every: list[Doc] = [("FlyteSync", "ranking-prod", sync), *documents]
    text = "".join(DOCUMENT.format(kind=kind, name=name, spec=spec) for kind, name, spec in every)
    (folder / "reconcile.yaml").write_text(text, encoding="utf-8")


def paths(
    folder: Path,
    *documents: Doc,
    sync: str = DEFAULTS,
    adapters: Mapping[str, Adapter] = FLYTE2,
) -> list[tuple[int, str]]:
    """Check a set and tell where its errors are: which document, and the path in it."""
    write(folder, *documents, sync=sync)
    found = check(declare((), cwd=folder), adapters, now=NOW)
    return [((item.origin.line - 1) // 5, item.path) for item in found.errors]


def test_unknown_field_of_one_document_hides_nothing_of_another(tmp_path: Path) -> None:
    assert paths(
        tmp_path,
        ("FlyteTrigger", "wrong", f"{{{TASK}, statee: Active}}"),
        ("FlyteTrigger", "mars", f"{{{TASK}, {MARS}}}"),
        ("FlyteTrigger", "twice", f"{{{TASK}, name: mars}}"),
    ) == [
        (1, "spec.statee"),
        (2, "spec.schedule.timezone"),
        (3, ""),
    ]


@pytest.mark.parametrize(
    ("kind", "reference", "adapters"),
    [("FlyteTrigger", TASK, FLYTE2), ("FlyteLaunchPlan", FLOW, FLYTE1)],
)
def test_schedule_of_a_faulty_document_is_checked_too(
    tmp_path: Path, kind: str, reference: str, adapters: Mapping[str, Adapter]
) -> None:
    found = paths(
        tmp_path, (kind, "daily", f"{{{reference}, statee: Active, {MARS}}}"), adapters=adapters
    )
    assert found == [(1, "spec.statee"), (1, "spec.schedule.timezone")]


def test_schedule_that_is_faulty_itself_is_not_linted(tmp_path: Path) -> None:
    spec = f"{{{TASK}, schedule: {{cron: 6, timezone: Mars/Base}}}}"
    assert paths(tmp_path, ("FlyteTrigger", "daily", spec)) == [(1, "spec.schedule.cron")]


def test_package_that_is_faulty_is_not_called_missing(tmp_path: Path) -> None:
    trigger = "{task: {name: etl.load, package: %s}}"
    assert paths(
        tmp_path,
        ("FlytePackage", "etl", "{archive: etl.tgz, archiv: etl.tgz}"),
        ("FlyteTrigger", "known", trigger % "etl"),
        ("FlyteTrigger", "unknown", trigger % "other"),
    ) == [(1, "spec.archiv"), (3, "spec.task.package")]


def test_set_that_is_faulty_keeps_what_is_sound_of_it(tmp_path: Path) -> None:
    elsewhere = ("FlyteTrigger", "elsewhere", f"{{{TASK}, project: other}}")
    daily = ("FlyteTrigger", "daily", f"{{{TASK}, sync: ranking-prod, {MARS}}}")
    sync = "{defaults: {project: ranking, domain: production}, prun: Keep}"
    assert paths(tmp_path, daily, elsewhere, sync=sync) == [
        (0, "spec.prun"),
        (1, "spec.schedule.timezone"),
        (2, "spec"),
    ]


def test_defaults_that_are_faulty_are_not_called_missing(tmp_path: Path) -> None:
    daily = ("FlyteTrigger", "daily", f"{{{TASK}, {MARS}}}")
    sync = "{defaults: {project: [ranking], domain: production}}"
    assert paths(tmp_path, daily, sync=sync) == [
        (0, "spec.defaults.project"),
        (1, "spec.schedule.timezone"),
    ]


def test_whoever_opens_a_faulty_set_is_told_all_of_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        ("FlyteTrigger", "wrong", f"{{{TASK}, statee: Active}}"),
        ("FlyteTrigger", "mars", f"{{{TASK}, {MARS}}}"),
    )
    with pytest.raises(SpecError) as caught:
        require_sound(declare((), cwd=tmp_path))
    assert [item.path for item in caught.value.problems] == [
        "spec.statee",
        "spec.schedule.timezone",
    ]


def test_set_without_an_error_is_left_to_the_backend(tmp_path: Path) -> None:
    write(tmp_path, ("FlyteTrigger", "mars", f"{{{TASK}, {MARS}}}"))
    require_sound(declare((), cwd=tmp_path))


def test_schedule_of_a_plan_is_checked_where_its_workflow_is_missing(tmp_path: Path) -> None:
    write(tmp_path, ("FlyteLaunchPlan", "daily", f"{{{FLOW}, {MARS}}}"))
    context = Context(
        set_name="ranking-prod",
        now=NOW,
        default_project="ranking",
        default_domain="production",
        catalog={Want("ranking", "production", "etl", version="v1"): Missing("it is not there")},
    )
    declared = declare((), cwd=tmp_path).declared

    missing = resolve(declared, FLYTE1, context)
    assert [item.path for item in missing.errors] == [
        "spec.workflow.version",
        "spec.schedule.timezone",
    ]
    offline = resolve(declared, FLYTE1, replace(context, catalog={}, is_offline=True))
    assert [item.path for item in offline.errors] == ["spec.schedule.timezone"]
    assert offline.unchecked == 1
