"""`reconcile convert` as people run it: a set of launch plans, its triggers, and the move."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_kit import Ended, run
from world import DOMAIN, PROJECT, plan_document
from world2 import open_world2

GOLDEN = Path(__file__).parent / "cli"

SET = """\
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {name: sales-prod}
spec:
  defaults: {project: sales, domain: production}
---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata: {name: orders-berlin}
spec:
  workflow: {name: pipelines.etl, version: v1.4.2}
  state: Active
  schedule: {cron: "0 6 * * 1-5", timezone: Europe/Berlin, kickoffInput: day}
  inputs: {rows: 5000}
  fixedInputs: {source: orders}
  notifications:
    - phases: [Failed]
      slack: [oncall@example.com]
  iamRole: arn:aws:iam::1:role/etl
  labels: {team: sales}
  maxParallelism: 10
---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata: {name: heartbeat}
spec:
  workflow: {name: pipelines.beat, version: v1.4.2}
  schedule: {every: 6h}
---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata: {name: theirs}
spec:
  existing: {version: v7}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "set"
    root.mkdir()
    (root / "reconcile.yaml").write_text(SET, encoding="utf-8")
    return root


def shown(ended: Ended) -> str:
    return f"exit {ended.code}\n--- stdout\n{ended.out}--- stderr\n{ended.err}"


@pytest.mark.parametrize(
    ("golden", "arguments"),
    [
        ("convert", ("--task", "pipelines.etl=etl.load@v2", "--package", "code")),
        ("convert-cut-over", ("--cut-over", "--from", "2026-05-04T03:30:00Z")),
        ("convert-refused", ("--cut-over", "--from", "2026-05-04T03:57:00Z", "--margin", "10m")),
    ],
)
async def test_conversion_reads_as_in_its_golden_text(
    golden: str, arguments: tuple[str, ...], folder: Path
) -> None:
    ended = await run("convert", *arguments, cwd=folder)
    assert shown(ended) == (GOLDEN / f"{golden}.txt").read_text(encoding="utf-8")


async def test_files_are_written_once_and_are_valid_triggers(folder: Path) -> None:
    arguments = ("convert", "--package", "code", "--out", "../flyte2")
    first = await run(*arguments, cwd=folder)
    assert first.code == 0, first.err
    assert first.out == ""
    out = folder.parent / "flyte2"
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.yaml"))
    assert files == [
        "sales/production/pipelines.beat-heartbeat.yaml",
        "sales/production/pipelines.etl-orders-berlin.yaml",
    ]
    again = await run(*arguments, cwd=folder)
    assert again.code == 1
    assert "exists already" in again.err
    assert (await run(*arguments, "--force", cwd=folder)).code == 0
    checked = await run("explain", "FlyteTrigger", cwd=out)
    assert checked.code == 0
    listed = await run("next", "sales", cwd=out)
    assert "declared Inactive" in listed.out, "nothing fires before the cut-over"


async def test_json_has_documents_notes_and_the_move(folder: Path) -> None:
    moment = ("--from", "2026-05-04T03:57:00Z")
    ended = await run("convert", "--cut-over", *moment, "-o", "json", cwd=folder)
    assert ended.code == 3
    found = ended.json()
    assert [one["kind"] for one in found["documents"]] == ["FlyteTrigger", "FlyteTrigger"]
    role = next(note for note in found["notes"] if note["path"] == "spec.iamRole")
    assert role["source"] == {"file": "reconcile.yaml", "line": 19, "column": 3}
    assert role["fate"] == "no counterpart"
    assert found["cutOver"]["refused"] is True
    assert found["cutOver"]["window"]["from"] == "2026-05-04T04:01:00+00:00"
    (risky,) = (one for one in found["cutOver"]["plans"] if one["atRisk"])
    assert risky["atRisk"] == ["2026-05-04T06:00:00+02:00"]


async def test_refusal_writes_nothing(folder: Path) -> None:
    moment = ("--from", "2026-05-04T03:57:00Z")
    ended = await run("convert", "--cut-over", *moment, "--out", "../flyte2", cwd=folder)
    assert ended.code == 3
    assert not (folder.parent / "flyte2").exists()


async def test_converted_plan_is_active_on_flyte_2_after_the_move(folder: Path) -> None:
    place = {"project": PROJECT, "domain": DOMAIN}
    document = plan_document("daily", inputs={}, fixedInputs={"count": 4}, **place)
    (folder / "plan.json").write_text(json.dumps(document), encoding="utf-8")
    options = ("--task", "etl=etl.load@v1", "--out", "../flyte2")
    made = await run("convert", "plan.json", *options, cwd=folder)
    assert made.code == 0, made.err
    async with open_world2(folder.parent / "world") as world:
        await world.deploy_task()
        where = ("--endpoint", world.endpoint, "--insecure", "--flyte", "Flyte2")
        world.declare()
        (file,) = (folder.parent / "flyte2").rglob("*.yaml")
        target = world.root / "daily.yaml"
        target.write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
        applied = await run("--yes", *where, cwd=world.root)
        assert applied.code == 0, applied.out + applied.err
        assert {name: on for name, (_, on) in (await world.standing()).items()} == {"daily": False}
        text = target.read_text(encoding="utf-8").replace("state: Inactive", "state: Active")
        target.write_text(text, encoding="utf-8")
        assert (await run("--yes", *where, cwd=world.root)).code == 0
        assert {name: on for name, (_, on) in (await world.standing()).items()} == {"daily": True}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--task", "nobody=x"), "error: --task: nobody: no launch plan here runs this workflow"),
        (("--margin", "soon"), 'error: --margin: "soon" is not a duration; write a duration'),
        (("--cut-over", "--margin", "5s"), "error: --margin: is not between 1m"),
        (("--from", "2026-05-04T03:57:00Z"), "error: --from: belongs to --cut-over"),
        (("--cut-over", "--from", "noon"), "error: --from: noon: is not a time with a zone"),
    ],
)
async def test_options_that_cannot_be_meant_are_refused(
    arguments: tuple[str, ...], said: str, folder: Path
) -> None:
    ended = await run("convert", *arguments, cwd=folder)
    assert ended.code == 1
    assert said in ended.err
    assert ended.out == ""


async def test_faulty_plans_are_reported_and_nothing_is_converted(folder: Path) -> None:
    path = folder / "reconcile.yaml"
    path.write_text(SET.replace("every: 6h", "every: 0m"), encoding="utf-8")
    ended = await run("convert", cwd=folder)
    assert ended.code == 1
    assert "reconcile.yaml:28:21: spec.schedule.every: rate" in ended.err
    assert ended.out == ""


async def test_set_without_launch_plans_has_nothing_to_convert(folder: Path) -> None:
    text = SET.partition("---")[0]
    (folder / "reconcile.yaml").write_text(text, encoding="utf-8")
    ended = await run("convert", cwd=folder)
    assert ended.code == 0
    assert ended.err == "nothing to convert: no FlyteLaunchPlan was read\n"
    assert (await run("convert", "-o", "json", cwd=folder)).json()["documents"] == []
    assert json.loads((await run("convert", "-o", "json", cwd=folder)).out)["notes"] == []
