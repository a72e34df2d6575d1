"""One generated workflow of a whole window, as FlyteRemote makes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from backfill_kit import PLAN, Flyte, open_flyte
from cli_kit import Ended, run
from flyteidl.admin import common_pb2
from flyteidl.core import identifier_pb2

from reconciler.api.backfills import Backfills
from reconciler.errors import UsageError
from reconciler.model.backfill import OnFailure

WINDOW = {"start": "2025-01-01T00:00:00Z", "end": "2025-01-08T06:00:00Z"}


def library(flyte: Flyte, backend: Any) -> Backfills:
    del flyte
    return Backfills(backend, {}, "flytesnacks", "development")


async def command(flyte: Flyte, *arguments: str) -> Ended:
    return await run(
        *("backfill", "launchplan", PLAN, "--as-workflow"),
        *("--from", WINDOW["start"], "--to", WINDOW["end"]),
        *("--project", "flytesnacks", "--domain", "development"),
        *("--endpoint", flyte.world.endpoint, "--insecure", *arguments),
        cwd=flyte.world.root,
    )


async def registered(flyte: Flyte, version: str) -> Any:
    identifier = identifier_pb2.Identifier(
        resource_type=identifier_pb2.WORKFLOW,
        project="flytesnacks",
        domain="development",
        name=f"backfill-{PLAN}",
        version=version,
    )
    request = common_pb2.ObjectGetRequest(id=identifier)
    found = await flyte.world.stub.GetWorkflow(request)
    return found.closure.compiled_workflow.primary.template


async def test_workflow_has_a_node_for_each_tick_one_after_the_other(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte, flyte.world.backend() as backend:
        made = library(flyte, backend)
        built = await made.as_workflow(PLAN, **WINDOW)
        assert len(built.ticks) == 7, "the end is not part of the window"
        started = await made.run_workflow(built)
        template = await registered(flyte, built.version)
        nodes = [node for node in template.nodes if node.id.startswith("n")]
        assert [node.metadata.name for node in nodes] == [
            f"b-2025-01-0{day}T06:00:00Z" for day in range(1, 8)
        ]
        assert [list(node.upstream_node_ids) for node in nodes[1:]] == [
            [f"n{number}"] for number in range(6)
        ]
        assert {node.workflow_node.launchplan_ref.name for node in nodes} == {PLAN}
        (kickoff,) = nodes[0].inputs
        assert kickoff.var == "day"
        assert kickoff.binding.scalar.primitive.datetime.ToJsonString() == "2025-01-01T06:00:00Z"
        assert started is not None
        (execution,) = await flyte.executions()
        assert execution.id.name == started.run.id.name
        again = await made.run_workflow(built)
        assert again is not None
        assert again.was_there
        assert len(await flyte.executions()) == 1, "the same window is the same execution"


async def test_version_covers_order_policy_and_window(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte, flyte.world.backend() as backend:
        made = library(flyte, backend)
        versions = [
            (await made.as_workflow(PLAN, **{**WINDOW, **other})).version
            for other in (
                {},
                {"is_parallel": True},
                {"on_failure": OnFailure.CONTINUE},
                {"overwrites_cache": True},
                {"end": "2025-01-09T00:00:00Z"},
                {},
            )
        ]
        assert versions[0] == versions[-1]
        assert len(set(versions)) == 5


async def test_ticks_side_by_side_wait_for_no_other(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte, flyte.world.backend() as backend:
        made = library(flyte, backend)
        built = await made.as_workflow(
            PLAN, **WINDOW, is_parallel=True, on_failure=OnFailure.CONTINUE
        )
        assert all(not node.upstream_node_ids for node in built.template.nodes)
        policy = built.template.metadata.OnFailurePolicy
        assert built.template.metadata.on_failure == policy.FAIL_AFTER_EXECUTABLE_NODES_COMPLETE


async def test_what_cannot_be_built_is_told(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte, flyte.world.backend() as backend:
        made = library(flyte, backend)
        await flyte.world.register_plan("bare", "v1", workflow="etl", workflow_version="v1")
        for plan, window, told in (
            ("no", WINDOW, "is not in flytesnacks/development"),
            ("bare", WINDOW, "has no schedule"),
            (PLAN, {"start": "now", "end": "-1d"}, "is not before"),
            (
                PLAN,
                {"start": "2025-01-01T07:00:00Z", "end": "2025-01-01T09:00:00Z"},
                "the first one from its end on is 2025-01-02T06:00:00Z",
            ),
            (PLAN, {"start": "2020-01-01T00:00:00Z"}, "one workflow holds at most 1,000"),
        ):
            with pytest.raises(UsageError, match=told):
                await made.as_workflow(plan, **window)


async def test_command_has_the_three_modes(tmp_path: Path) -> None:
    async with open_flyte(tmp_path) as flyte:
        shown = await command(flyte, "--dry-run")
        assert shown.code == 0, shown.err
        assert shown.out.splitlines()[1] == "  2025-01-01T06:00:00Z"
        version = shown.out.split()[3].removesuffix(":")
        only = await command(flyte, "--register-only")
        assert only.out.splitlines()[-1] == "registered"
        assert await registered(flyte, version)
        assert await flyte.executions() == []
        ended = await command(flyte, "--execution-name", "fill")
        assert ended.out.splitlines()[-1] == "started flytesnacks/development/fill"
        again = await command(flyte, "--execution-name", "fill", "-o", "json")
        assert again.code == 0, again.err
        told = json.loads(again.out)
        assert told["workflow"] == {"name": f"backfill-{PLAN}", "version": version}
        assert told["ticks"][0] == "2025-01-01T06:00:00Z"
        assert told["done"] == "there"
        assert told["run"]["name"] == "fill"
