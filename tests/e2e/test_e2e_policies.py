"""Policies of a set: a verdict each, with place and fix, and nothing applied where one fails."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cli_kit import Shell, run
from jsonschema import Draft202012Validator
from world import SYNC, World, open_world

SCHEMA = json.loads((Path(__file__).parents[2] / "specs/plan.schema.json").read_text())
POLICIES = """\
  policies:
    - name: not-too-often
      domains: [dev*]
      leastInterval: 15m
    - name: by-day
      allowedHours: {from: 06:00, to: "20:00"}
    - name: labelled
      requiredLabels: {team: "*"}
    - name: elsewhere
      domains: [production]
      requiredLabels: {cost: "*"}
"""
BAD = """\
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata: {name: a}
spec:
  workflow: {name: etl, version: v1}
  schedule:
    cron: "*/5 * * * *"
    kickoffInput: day
  inputs: {count: 3}
"""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow(defaults={"count": 7})
        opened.write({"reconcile.yaml": SYNC + POLICIES, "a.yaml": BAD})
        yield opened


async def test_plan_gives_a_verdict_each_and_exits_as_refused(world: World) -> None:
    shell = Shell(world)
    ended = await shell(
        "plan",
        "--detailed-exitcode",
        "--out",
        "plan.json",
        "-o",
        "markdown",
        "--report",
        "github=log",
    )
    assert ended.code == 3, ended.err
    plan = json.loads((world.root / "plan.json").read_text())
    Draft202012Validator(SCHEMA).validate(plan)
    verdicts = {one["policy"]: one for one in plan["policies"]}
    assert {name: one["passed"] for name, one in verdicts.items()} == {
        "not-too-often": False,
        "by-day": False,
        "labelled": False,
        "elsewhere": True,
    }
    (often,) = verdicts["not-too-often"]["violations"]
    assert often["source"] == {"file": "a.yaml", "line": 7, "column": 5}
    assert often["path"] == "schedule.cron"
    assert verdicts["elsewhere"]["checked"] == 0
    assert "3 policies fail." in ended.out
    assert (
        "::error file=a.yaml,line=7,col=5,title=A schedule fires more often"
        in (world.root / "log").read_text()
    )


async def test_nothing_is_applied_against_a_policy_at_any_door(world: World) -> None:
    shell = Shell(world)
    saved = await shell("plan", "--out", "../plan.json")
    assert saved.code == 3
    before = shell.writes()
    for arguments in (("--yes",), ("apply", "../plan.json", "--yes")):
        ended = await shell(*arguments)
        assert ended.code == 3, ended.err
        assert "set team: refused by policy not-too-often, by-day, labelled" in ended.err
    assert shell.writes() == before
    fine = BAD.replace("*/5 * * * *", "0 7 * * *").replace(
        "  inputs", "  labels: {team: x}\n  inputs"
    )
    world.write({"a.yaml": fine})
    ended = await shell("--yes")
    assert ended.code == 0, ended.err
    assert "policy by-day (allowedHours): passes, 1 object checked" in ended.out


async def test_validate_says_what_can_be_said_without_a_backend(world: World) -> None:
    ended = await run("validate", cwd=world.root)
    assert ended.code == 3, ended.err
    assert "policy labelled (requiredLabels): FAILS, 1 of 1 object" in ended.out
    assert (
        "a.yaml:4:1: FlyteLaunchPlan/flytesnacks/development/a: labels: has no label team"
        in ended.err
    )
    found = (await run("validate", "-o", "json", cwd=world.root)).json()
    assert [one["passed"] for one in found["policies"]] == [False, False, False, True]
    sarif = (await run("validate", "-o", "sarif", cwd=world.root)).json()
    rules = [one["ruleId"] for one in sarif["runs"][0]["results"]]
    assert rules == ["policy/leastInterval", "policy/allowedHours", "policy/requiredLabels"]


async def test_images_of_a_package_are_judged_without_a_backend(tmp_path: Path) -> None:
    package = (Path(__file__).parents[2] / "examples/quickstart/dist/package.tgz").read_bytes()
    (tmp_path / "package.tgz").write_bytes(package)
    policy = "  policies:\n    - {name: images, allowedImages: [registry.example.com/*]}\n"
    (tmp_path / "reconcile.yaml").write_text(SYNC + policy)
    (tmp_path / "p.yaml").write_text(
        "apiVersion: flyte.reconciler.dev/v1alpha1\nkind: FlytePackage\nmetadata: {name: p}\n"
        "spec:\n  archive: package.tgz\n"
    )
    ended = await run("validate", cwd=tmp_path)
    assert ended.code == 3, ended.err
    assert "p.yaml:5:3: FlyteTask/" in ended.err
    assert "which is none of registry.example.com/*" in ended.err


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ("{name: a, leastInterval: 15m, requiredLabels: {a: b}}", "keep one of the two"),
        ("{name: a}", "add one of them"),
        ("{name: a, allowedHours: {from: '6', to: '20:00'}}", "is not a time of day"),
        ("{name: a, allowedHours: {from: '06:00', to: '06:00'}}", "is the same as from"),
        ("{name: a, allowedHours: {from: '06:00', to: '07:00', timezone: Mars/X}}", "is unknown"),
        ("{name: a, leastInterval: 0m}", "leastInterval"),
    ],
)
async def test_a_policy_that_makes_no_sense_is_an_error(
    tmp_path: Path, policy: str, why: str
) -> None:
    (tmp_path / "reconcile.yaml").write_text(f"{SYNC}  policies:\n    - {policy}\n")
    ended = await run("validate", cwd=tmp_path)
    assert ended.code == 1
    assert why in ended.err
