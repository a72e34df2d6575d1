"""Annotations point at the line that a person would point at: edits of a set, one by one."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from world import World, open_world
from world2 import open_world2

from reconciler.api import reporting
from reconciler.report.findings import findings

EXAMPLES = Path(__file__).parents[2] / "examples"

PLANS = """\
# Plans over code that CI registers.
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata:
  name: daily
spec:
  workflow: {name: etl, version: v1}
  schedule:
    cron: "0 6 * * *"
    timezone: UTC
    kickoffInput: day
  inputs:
    count: 3
    "a b": 1
  labels:
    team: ranking
    owner: mia
  annotations: {example.com/a: one}
  envs:
    MODE: fast
  notifications:
    - phases: [Failed]
      email:
        - oncall@example.com
    - phases: [TimedOut]
      email: [late@example.com]
  maxParallelism: 20
  serviceAccount: robot
  interruptible: true
  concurrency:
    max: 1
  description: nightly numbers
  protect: true
---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata: {name: rate}
spec:
  workflow:
    name: etl
    version: v1
  schedule: {every: 6h}
  inputs:
    day: "2026-01-01T00:00:00Z"
    count: 1
    "a b": 7
  state: Active
---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata: {name: chosen}
spec:
  workflow: {name: other, version: v1}
  inputs: {count: 2}
  state: Active
---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata: {name: picked}
spec:
  existing:
    version: p1
  state: Active
"""
SYNC = """\
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata:
  name: team
spec:
  paths: [specs]
  defaults: {project: flytesnacks, domain: development}
  versions:
    oth*: v1
"""
PROJECT = """\
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteProject
metadata: {name: flytesnacks}
spec:
  description: first
  adopt: true
  labels:
    cost: "1"
    team: ranking
  attributes:
    taskResources:
      defaults: {cpu: "1"}
      limits:
        cpu: "2"
        memory: 2Gi
  domains:
    development:
      attributes:
        executionQueueTags: [fast]
        workflowExecution:
          maxParallelism: 4
"""
PACKAGE = """\
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlytePackage
metadata: {name: quickstart}
spec:
  archive: ../package.tgz
  launchPlans:
    activate: Unmanaged
    plans:
      - {name: quickstart.nightly, state: Active}
  images:
    - name: "*/quickstart"
      newTag: one
  options:
    labels:
      team: ranking
---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata: {name: weekly}
spec:
  workflow: {name: quickstart.report.weekly, package: quickstart}
  inputs:
    factor: 1.5
  state: Active
---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata:
  name: by-hand
spec:
  workflow: {name: quickstart.report.weekly, package: quickstart}
  inputs: {factor: 4}
"""
TRIGGERS = """\
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteTrigger
metadata: {name: berlin}
spec:
  task: {name: ranking.train, package: ranking}
  schedule:
    cron: "0 6 * * 1-5"
    timezone: Europe/Berlin
    kickoffInput: day
  inputs:
    market: berlin
    rounds: 200
  run:
    labels:
      team: ranking
    envs: {MODE: fast}
  state: Active
---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteTrigger
metadata: {name: report}
spec:
  task: {name: ranking.report, package: ranking}
  schedule: {every: 6h}
  state: Inactive
  inputs:
    limit: 0.25
"""


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit: what is replaced in which file, and the lines to point at, by what is on them."""

    file: str
    old: str
    new: str
    lines: tuple[str, ...]
    key: str


P, S, J, K, T = (
    "specs/plans.yaml",
    "reconcile.yaml",
    "specs/project.yaml",
    "specs/package.yaml",
    "specs/triggers.yaml",
)
DAILY, RATE, CHOSEN, PICKED = "daily", "rate", "chosen", "picked"


def edit(file: str, old: str, new: str, *lines: str, key: str = DAILY) -> Edit:
    return Edit(
        file, old, new, tuple(f"{file}|{line}" if "|" not in line else line for line in lines), key
    )


FLYTE1 = [
    edit(P, '"0 6 * * *"', '"0 7 * * *"', 'cron: "0 7 * * *"'),
    edit(P, "timezone: UTC", "timezone: Europe/Berlin", "timezone: Europe/Berlin"),
    edit(
        P,
        "    kickoffInput: day\n  inputs:\n    count: 3",
        "  inputs:\n    day: 2026-01-01T00:00:00Z\n    count: 3",
        "    day: 2026",
        "  schedule:\n    cron",
    ),
    edit(P, "count: 3", "count: 4", "count: 4"),
    edit(P, '"a b": 1', '"a b": 2', '"a b": 2'),
    edit(P, "  inputs:\n    count: 3", "  inputs:\n    count: 5", "count: 5"),
    edit(P, "    team: ranking\n    owner", "    team: search\n    owner", "team: search"),
    edit(P, "    owner: mia\n", "", "  labels:\n    team"),
    edit(P, "    owner: mia", "    owner: mia\n    tier: gold", "tier: gold"),
    edit(P, "{example.com/a: one}", "{example.com/a: two}", "example.com/a: two"),
    edit(P, "  annotations: {example.com/a: one}\n", "", "spec:\n  workflow: {name: etl,"),
    edit(P, "MODE: fast", "MODE: slow", "MODE: slow"),
    edit(P, "    MODE: fast", "    MODE: fast\n    MORE: '1'", "MORE: '1'"),
    edit(P, "phases: [Failed]", "phases: [Failed, Aborted]", "phases: [Failed, Aborted]"),
    edit(P, "- oncall@example.com", "- other@example.com", "- other@example.com"),
    edit(P, "    - phases: [TimedOut]\n      email: [late@example.com]\n", "", "  notifications:"),
    edit(P, "maxParallelism: 20", "maxParallelism: 21", "maxParallelism: 21"),
    edit(P, "  maxParallelism: 20\n", "", "spec:\n  workflow: {name: etl,"),
    edit(P, "serviceAccount: robot", "serviceAccount: human", "serviceAccount: human"),
    edit(P, "interruptible: true", "interruptible: false", "interruptible: false"),
    edit(P, "max: 1", "max: 2", "max: 2"),
    edit(P, "nightly numbers", "daily numbers", "description: daily numbers"),
    edit(P, "protect: true", "protect: false", "protect: false"),
    edit(P, "{name: etl, version: v1}", "{name: etl, version: v2}", "version: v2"),
    edit(P, "  protect: true", "  protect: true\n  rawOutputPrefix: s3://b/raw", "rawOutputPrefix"),
    edit(P, "  protect: true", "  protect: true\n  overwriteCache: true", "overwriteCache"),
    edit(P, "  protect: true", "  protect: true\n  state: Inactive", "state: Inactive"),
    edit(P, "every: 6h", "every: 12h", "every: 12h", key=RATE),
    edit(P, "    version: v1\n", "    version: v2\n", "    version: v2", key=RATE),
    edit(P, 'day: "2026-01-01T00:00:00Z"', 'day: "2026-02-01T00:00:00Z"', "2026-02-01", key=RATE),
    edit(
        P,
        '    "a b": 7\n  state: Active',
        '    "a b": 7\n  state: Inactive',
        "state: Inactive",
        key=RATE,
    ),
    edit(
        P,
        "  schedule: {every: 6h}\n",
        '  schedule: {cron: "0 1 * * *"}\n',
        'cron: "0 1 * * *"',
        key=RATE,
    ),
    edit(P, "inputs: {count: 2}", "inputs: {count: 9}", "inputs: {count: 9}", key=CHOSEN),
    edit(S, "oth*: v1", "oth*: v2", "oth*: v2", key=CHOSEN),
    edit(P, "version: p1", "version: p2", "version: p2", key=PICKED),
    edit(
        P,
        "metadata: {name: chosen}",
        "metadata: {name: fresh}",
        "metadata: {name: fresh}",
        key="fresh",
    ),
    edit(
        P,
        "metadata: {name: rate}",
        "metadata: {name: slower}",
        "metadata: {name: slower}",
        key=RATE,
    ),
    edit(
        P,
        '  schedule:\n    cron: "0 6 * * *"\n    timezone: UTC\n    kickoffInput: day\n  inputs:\n',
        "  state: Inactive\n  inputs:\n    day: 2026-01-01T00:00:00Z\n",
        "state: Inactive",
    ),
    edit(P, PLANS[PLANS.index("---\n") :], "", f"{S}|  name: team", key=RATE),
    edit(J, "description: first", "description: second", "description: second", key=""),
    edit(J, "team: ranking", "team: search", "team: search", key=""),
    edit(J, '    cost: "1"\n', "", "  labels:", key=""),
    edit(J, 'defaults: {cpu: "1"}', 'defaults: {cpu: "2"}', 'defaults: {cpu: "2"}', key=""),
    edit(J, "memory: 2Gi", "memory: 4Gi", "memory: 4Gi", key=""),
    edit(J, "[fast]", "[slow]", "executionQueueTags: [slow]", key=""),
    edit(J, "maxParallelism: 4", "maxParallelism: 5", "maxParallelism: 5", key=""),
    # Of what nothing runs the plan knows no former content, so that the object's own line is told.
    edit(K, "{factor: 4}", "{factor: 5}", "  name: by-hand", key="by-hand"),
    edit(K, "newTag: one", "newTag: two", "archive: ../package.tgz", key="quickstart.etl.clean"),
    edit(K, "factor: 1.5", "factor: 2.5", "factor: 2.5", key="weekly"),
    edit(K, "newTag: one", "newTag: three", "archive: ../package.tgz", key="weekly"),
    edit(
        K,
        "  options:\n    labels:\n      team: ranking",
        "  options:\n    labels:\n      team: search",
        "      team: search",
        "archive: ../package.tgz",  # its workflow has another digest, since its default plan has
        key="quickstart.nightly",
    ),
]
# Inputs of triggers are uploaded, and a plan knows their digest: it tells the block, not the input.
FLYTE2 = [
    edit(T, '"0 6 * * 1-5"', '"0 7 * * 1-5"', '"0 7 * * 1-5"', key="berlin"),
    edit(T, "Europe/Berlin", "Europe/Paris", "timezone: Europe/Paris", key="berlin"),
    edit(T, "rounds: 200", "rounds: 300", "  inputs:\n    market", key="berlin"),
    edit(T, "      team: ranking", "      team: search", "team: search", key="berlin"),
    edit(T, "{MODE: fast}", "{MODE: slow}", "{MODE: slow}", key="berlin"),
    edit(T, "  state: Active", "  state: Inactive", "state: Inactive\n---", key="berlin"),
    edit(T, "every: 6h", "every: 8h", "every: 8h", key="report"),
    edit(T, "limit: 0.25", "limit: 0.5", "  inputs:\n    limit", key="report"),
]


def place_of(root: Path, line: str) -> str:
    """Find the one line that a text begins on."""
    file, _, text = line.partition("|")
    content = (root / file).read_text(encoding="utf-8")
    assert content.count(text) == 1, (line, content.count(text))
    return f"{file}:{content[: content.index(text)].count(chr(10)) + 1}"


async def places(world: World, name: str) -> set[str]:
    """Plan, and gather where the findings about one object point."""
    planned = await world.plan()
    subject = reporting.of_plan(planned, now=world.now, cwd=world.root)
    keys = {str(change.key) for change in planned.plan.changes}
    wanted = {
        key for key in keys if key.rsplit("/", 1)[-1] == name or (not name and "Project" in key)
    }
    assert wanted, (name, keys)
    return {
        f"{one.origin.file}:{one.origin.line}" if one.origin else "nowhere"
        for one in findings(subject)
        if one.about and one.about[0] in wanted
    }


@pytest.fixture(scope="module")
def edited() -> dict[str, str]:
    return {P: PLANS, S: SYNC, J: PROJECT, K: PACKAGE}


@pytest.fixture
async def world(tmp_path: Path, edited: dict[str, str]) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        number = {"a b": _integer()}
        for version in ("v1", "v2"):
            await opened.register_workflow("etl", version, types=number)
            await opened.register_workflow("other", version, defaults={"count": 1})
            await opened.register_plan(
                "picked", version.replace("v", "p"), workflow="other", workflow_version=version
            )
        shutil.copy(EXAMPLES / "quickstart/dist/package.tgz", opened.root / "package.tgz")
        opened.write(edited)
        applied = await opened.reconcile()
        assert not applied.report.failures, applied.report.failures
        assert (await opened.plan()).plan.is_empty
        yield opened


def _integer() -> object:
    from world import INTEGER

    return INTEGER


async def check(world: World, edits: list[Edit], texts: dict[str, str]) -> None:
    wrong = []
    for one in edits:
        assert one.old in texts[one.file], one
        world.write({one.file: texts[one.file].replace(one.old, one.new, 1)})
        expected = {place_of(world.root, line) for line in one.lines}
        found = await places(world, one.key)
        if found != expected:
            wrong.append(f"{one.old!r} -> {one.new!r}: {found}, not {expected}")
        world.write({one.file: texts[one.file]})
    assert not wrong, "\n" + "\n".join(wrong)


async def test_each_edit_of_flyte_1_is_told_where_it_was_made(
    world: World, edited: dict[str, str]
) -> None:
    assert len(FLYTE1) >= 50
    await check(world, FLYTE1, edited)


async def test_each_edit_of_flyte_2_is_told_where_it_was_made(tmp_path: Path) -> None:
    texts = {
        S: SYNC.replace("  versions:\n    oth*: v1\n", ""),
        K: PACKAGE[: PACKAGE.index("  launchPlans")].replace("quickstart", "ranking"),
        T: TRIGGERS,
    }
    assert all(yaml.safe_load_all(text) for text in texts.values())
    async with open_world2(tmp_path) as opened:
        shutil.copy(EXAMPLES / "flyte2/dist/package.tgz", opened.root / "package.tgz")
        opened.write(texts)
        applied = await opened.reconcile()
        assert not applied.report.failures, applied.report.failures
        assert (await opened.plan()).plan.is_empty
        await check(opened, FLYTE2, texts)
