"""Fields of a FlyteSync as `serve` keeps to them: render, versions, prune, drift, former names."""

from __future__ import annotations

import json
import os

import pytest
import render_programs
import serve_kit
from flyteidl.admin.common_pb2 import ObjectGetRequest
from flyteidl.admin.launch_plan_pb2 import LaunchPlanSpec
from flyteidl.core.identifier_pb2 import LAUNCH_PLAN, Identifier
from serve_kit import Serving, plan, plans
from world import DOMAIN, PROJECT, ledger_of

CHART = {
    "deploy/chart/Chart.yaml": "{apiVersion: v2, name: plans, version: 1.0.0}",
    "deploy/chart/values.yaml": "count: 3",
    "deploy/chart/templates/plan.yaml": plan("daily", inputs={"count": "COUNT"}).replace(
        '"COUNT"', "{{ .Values.count }}"
    ),
    "deploy/prod.yaml": "count: 7",
}
OVERLAY = {
    "deploy/base/plan.json": plan("daily"),
    "deploy/base/kustomization.yaml": "resources: [plan.json]",
    "deploy/prod/kustomization.yaml": "{resources: [../base], patches: [{path: patch.yaml}]}",
    "deploy/prod/patch.yaml": """
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata: {name: daily}
spec: {inputs: {count: 7}}
""",
}


async def live(serving: Serving, name: str, version: str) -> LaunchPlanSpec:
    """Read a plan as Flyte has it."""
    identifier = Identifier(
        resource_type=LAUNCH_PLAN, project=PROJECT, domain=DOMAIN, name=name, version=version
    )
    found = await serving.world.stub.GetLaunchPlan(ObjectGetRequest(id=identifier))
    return found.spec


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{render_programs.search_path()}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("render", "paths", "files"),
    [("Helm", ["chart", "prod.yaml"], CHART), ("Kustomize", ["prod"], OVERLAY)],
    ids=["Helm", "Kustomize"],
)
async def test_repository_is_rendered_and_reaches_nothing_by_it(
    serving: Serving, tools: None, render: str, paths: list[str], files: dict[str, str | None]
) -> None:
    first = serving.repository.pushed(files)
    serving.declare(render=render, paths=paths)
    async with serve_kit.running(serving):
        await serving.at(first)
        version = (await serving.world.active())["daily"]
        spec = await live(serving, "daily", version)
        assert spec.default_inputs.parameters["count"].default.scalar.primitive.integer == 7
        hostile: dict[str, dict[str, str | None]] = {
            "Helm": {"deploy/chart/templates/plan.yaml": '{{ env "HOME" }}'},
            "Kustomize": {"deploy/prod/kustomization.yaml": "resources: [../../../etc]"},
        }
        bad = serving.repository.pushed(hostile[render])
        serving.pushed()
        await serving.reason("InvalidSpec", at=bad)
        assert await serving.world.active() == {"daily": version}


async def test_versions_of_the_owner_move_the_plans_of_a_repository(serving: Serving) -> None:
    await serving.world.register_workflow(version="v2")
    commit = serving.repository.pushed(plans("a"))
    serving.declare(versions={"other": "v2"})
    async with serve_kit.running(serving):
        await serving.at(commit)
        first = (await serving.world.active())["a"]
        serving.declare(versions={"etl": "v2"})
        await serving.until(lambda: len(serving.state().history) > 1)
        await serving.at(commit)
        second = (await serving.world.active())["a"]
        assert first != second
        assert (await live(serving, "a", first)).workflow_id.version == "v1"
        assert (await live(serving, "a", second)).workflow_id.version == "v2"


async def test_set_that_does_not_prune_leaves_what_is_gone_from_the_repository(
    serving: Serving,
) -> None:
    first = serving.repository.pushed(plans("a", "b"))
    serving.declare(prune="Keep")
    async with serve_kit.running(serving):
        await serving.at(first)
        second = serving.repository.pushed({"deploy/b.json": None})
        serving.pushed()
        await serving.at(second)
        assert set(await serving.world.active()) == {"a", "b"}


async def test_set_that_reports_drift_does_not_put_it_back(serving: Serving) -> None:
    first = serving.repository.pushed(plans("a"))
    serving.declare(drift="Report", interval="1s")
    async with serve_kit.running(serving):
        await serving.at(first)
        versions = await serving.world.active()
        await serving.world.set_state("a", versions["a"], active=False)
        state = await serving.reason("DriftDetected")
        assert "FlyteLaunchPlan/flytesnacks/development/a" in state.message
        assert await serving.world.active() == {}


async def test_set_goes_on_under_another_name(serving: Serving) -> None:
    commit = serving.repository.pushed(plans("a", "b"))
    serving.declare()
    async with serve_kit.running(serving):
        await serving.at(commit)
    serving.undeclare("team")
    serving.declare("crew", previousNames=["team"])
    async with serve_kit.running(serving):
        await serving.at(commit, "crew")
        second = serving.repository.pushed({"deploy/b.json": None})
        serving.pushed("crew")
        await serving.at(second, "crew")
        assert set(await serving.world.active()) == {"a"}
    assert (await ledger_of(serving.world, "team")).renamed_to == "crew"


async def test_policies_hold_at_both_ends_and_nothing_is_applied_against_one(
    serving: Serving,
) -> None:
    often = {"cron": "*/5 * * * *", "kickoffInput": "day"}
    first = serving.repository.pushed(plans("a"))
    serving.declare(policies=[{"name": "not-too-often", "leastInterval": "1h"}])
    async with serve_kit.running(serving):
        await serving.at(first)
        before = await serving.world.active()
        bad = serving.repository.pushed({**plans("a", schedule=often), **plans("b")})
        serving.pushed()
        state = await serving.reason("PolicyFailed", at=bad)
        assert "not-too-often" in state.message
        # Whoever may push adds a rule of their own, and takes none away.
        inner = json.dumps(
            {
                "apiVersion": "flyte.reconciler.dev/v1alpha1",
                "kind": "FlyteSync",
                "metadata": {"name": "team"},
                "spec": {"policies": [{"name": "labelled", "requiredLabels": {"owner": "*"}}]},
            }
        )
        bad = serving.repository.pushed({"deploy/reconcile.yaml": inner, **plans("a", "b")})
        serving.pushed()
        state = await serving.reason("PolicyFailed", at=bad)
        assert "labelled" in state.message
        assert await serving.world.active() == before
        good = serving.repository.pushed({"deploy/reconcile.yaml": None})
        serving.pushed()
        await serving.at(good)
        assert set(await serving.world.active()) == {"a", "b"}


async def test_newest_tag_of_a_range_is_followed(serving: Serving) -> None:
    commits = {}
    for tag in ("v1.0.0", "v1.4.2", "v2.0.0"):
        commits[tag] = serving.repository.commit(plans(f"of-{tag[1]}-{tag[3]}"))
        serving.repository.push(f"HEAD:refs/tags/{tag}")
    serving.declare(git={"ref": {"semver": ">=1.0 <2"}}, interval="1h")
    async with serve_kit.running(serving):
        state = await serving.at(commits["v1.4.2"])
        assert state.attempted == f"v1.4.2@sha1:{commits['v1.4.2']}"
        assert set(await serving.world.active()) == {"of-1-0", "of-1-4"}
        serving.declare(git={"ref": {"tag": "v2.0.0"}})
        await serving.at(commits["v2.0.0"])
        assert set(await serving.world.active()) == {"of-1-0", "of-1-4", "of-2-0"}


async def test_limits_of_the_owner_say_how_much_goes_at_once(serving: Serving) -> None:
    names = [f"p{number}" for number in range(5)]
    first = serving.repository.pushed(plans(*names))
    serving.declare(limits={"maxRemovals": 1})
    async with serve_kit.running(serving):
        await serving.at(first)
        second = serving.repository.pushed({"deploy/p3.json": None, "deploy/p4.json": None})
        serving.pushed()
        await serving.reason("ApprovalRequired", at=second)
        assert set(await serving.world.active()) == set(names)
        serving.declare(limits={"maxRemovals": 2})
        await serving.at(second)
        assert set(await serving.world.active()) == {"p0", "p1", "p2"}
