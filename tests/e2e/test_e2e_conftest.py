"""The policy of docs/pull-requests.md, by which conftest itself judges plans as they are saved."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import go_tools
import pytest
from cli_kit import Shell
from world import World, open_world, plan_document

ROOT = Path(__file__).parents[2]
CONFTEST = go_tools.Tools(
    ROOT / "tests" / "policy_tools" / "conftest", ("github.com/open-policy-agent/conftest",)
)
SYNC = """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {name: team}
spec:
  defaults: {project: flytesnacks, domain: production}
"""
pytestmark = pytest.mark.timeout(1800)  # the first run builds conftest: minutes on two cores


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow(domain="production", defaults={"count": 7})
        yield opened


async def judged(world: World) -> tuple[int, list[str]]:
    """Save a plan and let conftest judge it: its exit code, and what it holds against the plan."""
    ended = await Shell(world)("plan", "--out", str(world.root.parent / "plan.json"))
    assert ended.code == 0, ended.err
    return await asyncio.to_thread(conftest, world.root.parent)


def conftest(folder: Path) -> tuple[int, list[str]]:
    """Run conftest on `plan.json` with the policy of the documents."""
    (rules,) = re.findall(
        r"^```rego\n(.*?)^```$",
        (ROOT / "docs" / "pull-requests.md").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    policy = folder / "policy"
    policy.mkdir(exist_ok=True)
    (policy / "plan.rego").write_text(rules)
    program = go_tools.folder_of(CONFTEST) / "conftest"
    done = subprocess.run(
        [program, "test", "--output", "json", "plan.json"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return done.returncode, [one["msg"] for part in found for one in part.get("failures", ())]


async def test_additions_and_one_stop_pass(world: World) -> None:
    world.declare(plan_document("a"), plan_document("b"), plan_document("c"), sync=SYNC)
    assert await judged(world) == (0, [])
    assert (await world.reconcile()).is_complete
    world.declare(plan_document("a"), plan_document("b"), sync=SYNC)
    assert await judged(world) == (0, [])


async def test_two_stops_in_production_are_refused_by_name(world: World) -> None:
    world.declare(plan_document("a"), plan_document("b"), plan_document("c"), sync=SYNC)
    assert (await world.reconcile()).is_complete
    world.declare(plan_document("a"), sync=SYNC)
    code, said = await judged(world)
    assert code == 1
    key = "FlyteLaunchPlan/flytesnacks/production"
    assert said == [f"2 objects of production stop: {key}/b, {key}/c"]


async def test_what_is_held_back_is_refused_with_its_line(world: World) -> None:
    await world.register_plan(
        "a",
        "ci-1",
        workflow_version="v1",
        cron="0 7 * * *",
        defaults={"count": 1},
        domain="production",
    )
    await world.set_state("a", "ci-1", active=True, domain="production")
    world.declare(plan_document("a"), sync=SYNC)
    code, said = await judged(world)
    assert code == 1
    (message,) = said
    assert re.fullmatch(r"00000\.json:1: FlyteLaunchPlan/\S+/a is held back: .+", message)
