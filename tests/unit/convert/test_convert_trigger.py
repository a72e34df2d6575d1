"""Every field of a launch plan is either in the trigger or named, and the trigger is valid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from convert_files import WORKFLOW, convert, plan, trigger
from pydantic import BaseModel

from reconciler.api import converting
from reconciler.convert.fields import BY_PATH, RULES, Fate
from reconciler.convert.trigger import TaskChoice
from reconciler.engine.declaration import declare
from reconciler.errors import SpecError, UsageError
from reconciler.specs.launch_plan import LaunchPlanSpec
from reconciler.specs.shape import written_name
from reconciler.specs.trigger import TriggerSpec

CRON = {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}
MAIL = {"phases": ["Failed"], "email": ["a@example.com"]}

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "sync": ({"sync": "unclaimed-set"}, {}, "spec.sync"),
    "adopt": ({"adopt": True}, {}, "spec.adopt"),
    "deletionPolicy": ({"deletionPolicy": "Orphan"}, {"deletionPolicy": "Orphan"}, ""),
    "protect": ({"protect": True}, {"protect": True}, ""),
    "project": ({"project": "other"}, {"project": "other"}, ""),
    "domain": ({"domain": "staging"}, {"domain": "staging"}, ""),
    "name": ({"name": "etl.Daily"}, {"name": "etl.Daily"}, ""),
    "workflow.name": ({}, {"task.name": "etl.main"}, "spec.workflow.name"),
    "workflow.package": (
        {"workflow": {"name": "etl.main", "package": "etl"}},
        {"task.package": "etl"},
        "spec.workflow.package",
    ),
    "workflow.version": ({}, {"task.version": "v1"}, "spec.workflow.version"),
    "workflow.version.latest": (
        {"workflow": {"name": "etl.main", "version": {"latest": True}}},
        {"task.version": {"latest": True}},
        "spec.workflow.version.latest",
    ),
    "workflow.version.matching": (
        {"workflow": {"name": "etl.main", "version": {"latest": True, "matching": "v*"}}},
        {"task.version": {"latest": True, "matching": "v*"}},
        "spec.workflow.version.latest",
    ),
    "workflow.sameAs.domain": (
        {"workflow": {"name": "etl.main", "sameAs": {"domain": "staging"}}},
        {"task.package": "code"},
        "spec.workflow.sameAs",
    ),
    "workflow.project": (
        {"workflow": {**WORKFLOW, "project": "shared"}},
        {},
        "spec.workflow.project",
    ),
    "workflow.domain": (
        {"workflow": {**WORKFLOW, "domain": "staging"}},
        {},
        "spec.workflow.domain",
    ),
    "existing.version": ({"existing": {"version": "v1"}}, {}, "spec.existing"),
    "existing.version.latest": ({"existing": {"version": {"latest": True}}}, {}, "spec.existing"),
    "existing.version.matching": (
        {"existing": {"version": {"latest": True, "matching": "v*"}}},
        {},
        "spec.existing",
    ),
    "state": ({"state": "Active"}, {"state": "Inactive"}, "spec.state"),
    "schedule.cron": ({"schedule": CRON}, {"schedule": CRON}, "spec.schedule.cron"),
    "schedule.timezone": ({"schedule": CRON}, {"schedule.timezone": "Europe/Berlin"}, ""),
    "schedule.kickoffInput": (
        {"schedule": {**CRON, "kickoffInput": "day"}},
        {"schedule.kickoffInput": "day"},
        "",
    ),
    "schedule.every": (
        {"schedule": {"every": "6h"}},
        {"schedule": {"every": "6h"}},
        "spec.schedule.every",
    ),
    "schedule.acknowledgeRestarts": (
        {"schedule": {"every": "6h", "acknowledgeRestarts": True}},
        {"schedule": {"every": "6h"}},
        "spec.schedule.acknowledgeRestarts",
    ),
    "schedule.gaps": (
        {"schedule": {**CRON, "gaps": "Report"}},
        {"schedule": CRON},
        "spec.schedule.gaps",
    ),
    "schedule.lookBack": (
        {"schedule": {**CRON, "gaps": "Report", "lookBack": "12h"}},
        {"schedule": CRON},
        "spec.schedule.lookBack",
    ),
    "inputs": ({"inputs": {"rows": 5, "none": None}}, {"inputs": {"rows": 5, "none": None}}, ""),
    "fixedInputs": ({"fixedInputs": {"rows": 5}}, {"inputs": {"rows": 5}}, "spec.fixedInputs"),
    "notifications.phases": (
        {"notifications": [MAIL]},
        {"run.notifications": [MAIL]},
        "spec.notifications",
    ),
    "notifications.email": (
        {"notifications": [MAIL]},
        {"run.notifications": [MAIL]},
        "spec.notifications",
    ),
    "notifications.pagerDuty": (
        {"notifications": [{"phases": ["Failed"], "pagerDuty": ["a@example.com"]}]},
        {"run.notifications": [MAIL]},
        "spec.notifications[0].pagerDuty",
    ),
    "notifications.slack": (
        {"notifications": [{"phases": ["Failed"], "slack": ["a@example.com"]}]},
        {"run.notifications": [MAIL]},
        "spec.notifications[0].slack",
    ),
    "labels": ({"labels": {"team": "x"}}, {"run.labels": {"team": "x"}}, ""),
    "annotations": ({"annotations": {"a/b": "c"}}, {"run.annotations": {"a/b": "c"}}, ""),
    "serviceAccount": (
        {"serviceAccount": "sa"},
        {"run.serviceAccount": "sa"},
        "spec.serviceAccount",
    ),
    "iamRole": ({"iamRole": "arn:x"}, {}, "spec.iamRole"),
    "rawOutputPrefix": ({"rawOutputPrefix": "s3://b/p"}, {"run.rawOutputPrefix": "s3://b/p"}, ""),
    "maxParallelism": (
        {"maxParallelism": 7},
        {"run.maxActionConcurrency": 7},
        "spec.maxParallelism",
    ),
    "interruptible": ({"interruptible": False}, {"run.interruptible": False}, ""),
    "overwriteCache": (
        {"overwriteCache": True},
        {"run.overwriteCache": True},
        "spec.overwriteCache",
    ),
    "envs": ({"envs": {"A": "b"}}, {"run.envs": {"A": "b"}}, ""),
    "concurrency.max": ({"concurrency": {"max": 1}}, {}, "spec.concurrency"),
    "concurrency.onLimit": (
        {"concurrency": {"max": 1, "onLimit": "Skip"}},
        {},
        "spec.concurrency",
    ),
    "description": ({"description": "why"}, {"description": "why"}, ""),
}
"""Each leaf of the language: a plan that has it, where its value goes, and where it is named."""


def _leaves(model: type[BaseModel], above: str = "") -> Iterator[str]:
    for attribute, one in model.model_fields.items():
        path = above + written_name(model, attribute)
        inner = list(_models((one.annotation, *one.metadata)))
        is_leaf = not inner or path.endswith("version")
        yield from [path] if is_leaf else []
        for below in inner:
            yield from _leaves(below, f"{path}.")


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    parts = annotation if isinstance(annotation, tuple) else get_args(annotation)
    for part in parts:
        yield from _models(part)


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value[step]
    return value


def test_cases_are_all_fields_of_a_launch_plan() -> None:
    assert sorted(_leaves(LaunchPlanSpec)) == sorted(CASES)


@pytest.mark.parametrize("leaf", CASES)
def test_every_field_is_converted_or_named(leaf: str, tmp_path: Path) -> None:
    given, expected, named = CASES[leaf]
    document = plan(**given)
    package = "code" if "sameAs" in leaf else ""
    (item,) = convert(tmp_path, document, package=package).converted
    assert expected or named
    for path, value in expected.items():
        assert item.document is not None
        assert _at(item.document["spec"], path) == value
    notes = {note.path: note for note in item.notes}
    if named:
        line = notes[named].origin.line
        written = (tmp_path / "plan0.json").read_text(encoding="utf-8").splitlines()[line - 1]
        field = named.rpartition(".")[2]
        assert f'"{field}"' in written or "[" in named
        assert notes[named].fate is not Fate.SAME
        assert notes[named].why
    else:
        assert [path for path in notes if path.startswith(f"spec.{leaf}")] == []
        assert BY_PATH[tuple(leaf.split("."))].fate is Fate.SAME


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: ".".join(rule.path))
def test_every_rule_says_why_unless_all_is_the_same(rule: Any) -> None:
    assert (rule.why == "") == (rule.fate is Fate.SAME)
    assert any(leaf.startswith(".".join(rule.path)) for leaf in CASES), "a rule of no field"


def test_written_triggers_read_back(tmp_path: Path) -> None:
    full = {name: value for given, _, _ in CASES.values() for name, value in given.items()}
    for name in ("existing", "sync", "workflow"):
        full.pop(name)
    full |= {"schedule": {**CRON, "kickoffInput": "day"}, "fixedInputs": {"a": 1}}
    found = convert(tmp_path, plan("all", **full), plan("bare"))
    out = tmp_path / "out"
    for path, content in converting.files(found, folder=out).items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_text(content, encoding="utf-8")
    again = declare(("out",), cwd=tmp_path)
    again.check()
    assert sorted(item.name for item in again.declared) == ["all", "bare"]
    for item in again.declared:
        assert isinstance(item.spec, TriggerSpec)
        assert item.spec.state == "Inactive"
    (tmp_path / "stream.yaml").write_text("".join(converting.stream(found)), encoding="utf-8")
    streamed = declare(("stream.yaml",), cwd=tmp_path)
    streamed.check()
    written = {item.name: item.document.value for item in again.declared}
    assert {item.name: item.document.value for item in streamed.declared} == written


def test_task_takes_the_place_of_the_workflow(tmp_path: Path) -> None:
    choice = {"etl.main": TaskChoice("etl.load", "v9")}
    found = convert(tmp_path, plan(), tasks=choice, package="code")
    assert trigger(found)["task"] == {"name": "etl.load", "version": "v9"}
    assert str(found.converted[0].key) == "FlyteTrigger/sales/production/etl.load/daily"
    said = {note.path: note.why for note in found.notes}
    assert said["spec.workflow.name"] == 'the trigger runs the task "etl.load", by --task'
    assert said["spec.workflow.version"] == "is replaced by version v9 of the task"


def test_task_of_a_workflow_that_nothing_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"etl\.typo: no launch plan here runs this workflow"):
        convert(tmp_path, plan(), tasks={"etl.typo": TaskChoice("x")})


def test_promotion_needs_a_version(tmp_path: Path) -> None:
    promoted = plan(workflow={"name": "etl.main", "sameAs": {"domain": "staging"}})
    with pytest.raises(SpecError, match=r"plan0\.json:\d+:\d+: spec\.workflow\.sameAs: has no"):
        convert(tmp_path, promoted)


def test_version_that_no_trigger_holds_is_an_error_at_the_plan(tmp_path: Path) -> None:
    long = plan(workflow={"name": "etl.main", "version": "v" * 64})
    with pytest.raises(SpecError, match=r"plan0\.json:1:1: spec\.task\.version: .*64 characters"):
        convert(tmp_path, long)


def test_plans_that_would_be_one_trigger_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="would be the same trigger"):
        convert(tmp_path, plan("one", name="daily"), plan("two", name="daily"))


def test_value_of_the_kickoff_input_is_left_out_and_named(tmp_path: Path) -> None:
    schedule = {**CRON, "kickoffInput": "day"}
    found = convert(tmp_path, plan(schedule=schedule, inputs={"day": "2026-01-01", "rows": 1}))
    assert trigger(found)["inputs"] == {"rows": 1}
    assert "spec.inputs.day" in {note.path for note in found.notes}


@pytest.mark.parametrize("value", [{"path": "a.csv"}, [{"path": "a.csv"}], {"k": {"path": "a"}}])
def test_local_file_is_carried_over(value: Any, tmp_path: Path) -> None:
    found = convert(tmp_path, plan(inputs={"table": value}))
    assert trigger(found)["inputs"] == {"table": value}
    assert not [note for note in found.notes if note.path.startswith("spec.inputs")]


def test_local_file_is_named_as_it_is_seen_from_the_file_of_its_trigger(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_text("id\n")
    inputs = {
        "rows": [{"path": "data/a.csv", "format": "csv"}, {"uri": "s3://b/a.csv"}],
        "settings": {"path": "no/such/file"},
        "absolute": {"path": "/"},
        "path": "data/a.csv",
    }
    found = convert(tmp_path, plan(inputs=inputs))
    (content,) = converting.files(found, folder=tmp_path / "out").values()
    written: Any = yaml.safe_load(content)
    assert written["spec"]["inputs"] == {
        **inputs,
        "rows": [{"path": "../../../data/a.csv", "format": "csv"}, {"uri": "s3://b/a.csv"}],
    }
    assert trigger(found)["inputs"] == inputs, "a stream may stand anywhere"


def test_zone_in_the_text_becomes_the_timezone(tmp_path: Path) -> None:
    cron = {"cron": "CRON_TZ=Asia/Tokyo 0  6 * * *"}
    assert trigger(convert(tmp_path, plan(schedule=cron)))["schedule"] == {
        "cron": "0 6 * * *",
        "timezone": "Asia/Tokyo",
    }


def test_cron_without_a_zone_is_named(tmp_path: Path) -> None:
    found = convert(tmp_path, plan(schedule={"cron": "0 6 * * *"}))
    assert "timezone" not in trigger(found)["schedule"]
    assert any("names no time zone" in note.why for note in found.notes)


def test_description_is_cut_and_named(tmp_path: Path) -> None:
    found = convert(tmp_path, plan(description="x" * 300))
    assert trigger(found)["description"] == "x" * 255
    assert any("was cut" in note.why for note in found.notes)


def test_archive_is_no_policy_of_a_trigger(tmp_path: Path) -> None:
    found = convert(tmp_path, plan(deletionPolicy="Archive"))
    assert "deletionPolicy" not in trigger(found)
    assert "spec.deletionPolicy" in {note.path for note in found.notes}


def test_place_comes_from_the_set_and_stays_in_the_document(tmp_path: Path) -> None:
    sync = {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteSync",
        "metadata": {"name": "sales-set"},
        "spec": {"defaults": {"project": "ranking", "domain": "development"}},
    }
    bare = plan()
    del bare["spec"]["project"], bare["spec"]["domain"]
    spec = trigger(convert(tmp_path, sync, bare))
    assert (spec["project"], spec["domain"]) == ("ranking", "development")


@pytest.mark.parametrize("word", ["etl.main", "=x", "etl.main=", "etl.main=x@"])
def test_task_option_that_is_not_readable_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="WORKFLOW=TASK"):
        converting.task_choices([word])


def test_task_option_is_read(tmp_path: Path) -> None:
    assert converting.task_choices(["a=b", "c=d@v1"]) == {
        "a": TaskChoice("b"),
        "c": TaskChoice("d", "v1"),
    }
    with pytest.raises(UsageError, match="given twice"):
        converting.task_choices(["a=b", "a=c"])
