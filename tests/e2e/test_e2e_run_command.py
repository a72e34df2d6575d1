"""`reconcile run`: a launch plan, a workflow or a task is started once, typed by its interface."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from flyteidl.admin import execution_pb2
from played_shell_kit import PlayedShell, shell_in
from running_kit import Phase, Played, open_played

from reconciler.api import runs
from reconciler.api.connecting import Target
from reconciler.errors import BackendError, ConflictError, SpecError, UsageError

WAIT = ("--wait", "--timeout", "1ms")


@pytest.fixture
async def flyte(tmp_path: Path) -> AsyncIterator[Played]:
    async with open_played(tmp_path) as played:
        yield played


@pytest.fixture
def shell(flyte: Played, tmp_path: Path) -> PlayedShell:
    return shell_in(tmp_path, flyte)


async def spec_of(flyte: Played, name: str) -> Any:
    found = await flyte.admin.GetExecution(
        execution_pb2.WorkflowExecutionGetRequest(id=flyte.execution(name))
    )
    return found.spec


async def test_launch_plan_is_started_with_typed_inputs_and_options(
    flyte: Played, shell: PlayedShell
) -> None:
    said = await shell(
        *("run", "launchplan", "etl", "--version", "v1", "--name", "first", "-i", "count=9"),
        *("--overwrite-cache", "--interruptible", "--env", "A=1", "--label", "team=sales"),
        *("--annotation", "note=x", "--tag", "nightly", "--cluster-pool", "gpu"),
        *("--max-parallelism", "3", "--service-account", "runner"),
    )
    assert (said.code, said.out) == (0, f"{flyte.place}/first\n"), said.err
    spec = await spec_of(flyte, "first")
    assert (spec.launch_plan.name, spec.launch_plan.version) == ("etl", "v1")
    assert spec.overwrite_cache
    assert spec.interruptible.value is True
    assert [(one.key, one.value) for one in spec.envs.values] == [("A", "1")]
    assert dict(spec.labels.values) == {"team": "sales"}
    assert dict(spec.annotations.values) == {"note": "x"}
    assert list(spec.tags) == ["nightly"]
    assert spec.cluster_assignment.cluster_pool_name == "gpu"
    assert spec.max_parallelism == 3
    assert spec.security_context.run_as.k8s_service_account == "runner"
    told = (await shell("describe", "run", "first", "-o", "json")).json()
    assert told["inputs"]["count"]["value"] == 9
    assert told["mode"] == "manual"


async def test_name_that_is_there_is_the_same_run_and_names_are_made_up(
    flyte: Played, shell: PlayedShell
) -> None:
    one = await shell("run", "lp", "etl", "--version", "v1", "--name", "first")
    again = await shell("run", "lp", "etl", "--version", "v1", "--name", "first")
    assert (one.code, again.code) == (0, 0), again.err
    assert one.out == again.out
    assert f"{flyte.place}/first: is there already, and was not started again" in again.err
    waited = await shell("run", "lp", "etl", "--version", "v1", "--name", "first", *WAIT)
    assert waited.code == 1
    assert ": started" not in waited.err
    prefixed = await shell("run", "workflow", "etl", "--name-prefix", "adhoc")
    assert prefixed.code == 0, prefixed.err
    name = prefixed.out.strip().rpartition("/")[2]
    assert name.startswith("adhoc-")
    assert len(name) == len("adhoc-") + 19
    assert sorted(await flyte.names()) == sorted(["first", name])


OTHERS = [
    (("launchplan", "etl", {"count": 8}), {}, "its input count has another value"),
    (("launchplan", "etl", {}), {}, "its input count has another value"),
    (("task", "etl.task", {}), {}, "it runs launch plan etl version v1"),
    (("launchplan", "etl", {"count": 9}), {"envs": {"A": "2"}}, "it has other envs"),
    (
        ("launchplan", "etl", {"count": 9}),
        {"tags": ["t"], "overwriteCache": True},
        "it has other overwriteCache, tags",
    ),
    (("launchplan", "etl", {"count": 9}), {"interruptible": False}, "it has other interruptible"),
    (("launchplan", "etl", {"count": 9}), {"labels": {"a": "b"}}, "it has other labels"),
]
"""What is not the run of `etl` with 9, and what differs."""


async def test_name_of_another_run_is_refused_and_that_run_is_left_as_it_is(
    flyte: Played, shell: PlayedShell
) -> None:
    target = Target(endpoint=flyte.channel.endpoint, insecure=True, flyte="Flyte1")
    async with runs.client(target, project=flyte.project, domain=flyte.place.domain) as opened:
        first = await opened.launch("lp", "etl", {"count": 9}, version="v1", run="first")
        before = await spec_of(flyte, "first")
        for arguments, options, what in OTHERS:
            with pytest.raises(ConflictError) as caught:
                await opened.launch(*arguments, version="v1", run="first", **options)
            assert str(caught.value) == (
                f"run {flyte.place}/first: is there and another one: {what}; use another name"
            )
        assert (await first.inputs())["count"] == 9

    for dry in ((), ("--dry-run",)):
        said = await shell("run", "lp", "etl", "--version", "v1", "--name", "first", *dry)
        assert (said.code, said.out) == (3, "")
        assert "its input count has another value; use another name" in said.err
    assert await spec_of(flyte, "first") == before
    assert await flyte.names() == ["first"]


async def test_same_options_and_a_default_that_is_said_are_the_same_run(flyte: Played) -> None:
    options: dict[str, Any] = {
        "overwriteCache": True,
        "interruptible": True,
        "envs": {"A": "1", "B": "2"},
        "labels": {"team": "sales"},
        "annotations": {"note": "x"},
        "tags": ["b", "a"],
        "clusterPool": "gpu",
        "clusterLabel": "big",
        "rawOutputPrefix": "s3://x/y",
        "maxParallelism": 3,
        "serviceAccount": "runner",
        "notifications": [{"phases": ["Failed"], "email": ["a@example.com"]}],
    }
    target = Target(endpoint=flyte.channel.endpoint, insecure=True, flyte="Flyte1")
    async with runs.client(target, project=flyte.project, domain=flyte.place.domain) as opened:
        first = await opened.launch("lp", "etl", version="v1", run="first", **options)
        said = {"count": (await first.inputs())["count"]}
        again = await opened.launch("lp", "etl", said, version="v1", run="first", **options)
        assert again.id == first.id
        for left_out in options.keys() - {"maxParallelism", "serviceAccount"}:
            rest = {name: one for name, one in options.items() if name != left_out}
            with pytest.raises(ConflictError, match=f"it has other {left_out}; use another"):
                await opened.launch("lp", "etl", version="v1", run="first", **rest)
        for word, other in (("maxParallelism", 4), ("serviceAccount", "another")):
            with pytest.raises(ConflictError, match=f"it has other {word}; use another"):
                await opened.launch(
                    "lp", "etl", version="v1", run="first", **options | {word: other}
                )


async def test_dry_run_writes_nothing_and_faults_are_all_told(
    flyte: Played, shell: PlayedShell
) -> None:
    dry = await shell("run", "launchplan", "etl", "--version", "v1", "--dry-run", "-i", "count=4")
    assert dry.code == 0, dry.err
    assert "would be started" in dry.out
    assert "count" in dry.out
    (shell.root / "in.yaml").write_text("count: many\nrows: 1\n")
    wrong = await shell("run", "launchplan", "etl", "--version", "v1", "--inputs", "in.yaml")
    assert wrong.code == 1
    assert wrong.err.splitlines() == [
        'in.yaml:1:8: count: expected int, found the text "many"',
        'in.yaml:2:7: rows: the run has no input "rows"; write one of "count", "day"',
        "2 problems; nothing was written",
    ]
    missing = await shell("run", "launchplan", "elt", "--version", "v1")
    assert missing.code == 1
    assert missing.err == (
        f"error: run: launch plan elt version v1 is not registered in {flyte.place}; "
        "did you mean etl?\n"
    )
    idle = await shell("run", "launchplan", "etl")
    assert idle.code == 1
    assert idle.err == (
        f"error: run: no version of launch plan etl is active in {flyte.place}; name another "
        "version, see `reconcile get launchplans etl --all-versions`\n"
    )
    both = await shell("run", "lp", "etl", "--name", "a", "--name-prefix", "b")
    assert "--name and --name-prefix: give one of the two" in both.err
    other = await shell("run", "project", "x")
    assert "project: cannot be run; write launchplan, workflow, task or trigger" in other.err
    assert await flyte.names() == []


async def test_library_starts_waits_and_reads(flyte: Played) -> None:
    target = Target(endpoint=flyte.channel.endpoint, insecure=True, flyte="Flyte1")
    async with runs.client(target, project=flyte.project, domain=flyte.place.domain) as opened:
        started = await opened.launch("workflow", "etl", {"count": 8}, run="first", tags=["t"])
        assert (started.name, started.state.tags) == ("first", ("t",))
        assert (await started.inputs())["count"] == 8
        same = await opened.launch("workflow", "etl", {"count": 8}, run="first", tags=["t"])
        assert same.id == started.id
        await flyte.tell("first", Phase.RUNNING, 1)
        await flyte.tell("first", Phase.SUCCEEDED, 2)
        assert (await started.wait(timeout=30)).phase == "succeeded"
        task = await opened.launch("task", "etl.task", version="v1")
        assert task.state.entity is not None
        assert task.state.entity.name == "etl.task"
        with pytest.raises(ConflictError, match="its input count has another value"):
            await opened.launch("workflow", "etl", {"count": 9}, run="first", tags=["t"])
        with pytest.raises(UsageError, match="after: is of a run that a set declares; write a Fl"):
            await opened.launch("workflow", "etl", after=["first"])
        with pytest.raises(SpecError, match="row"):
            await opened.launch("workflow", "etl", {"row": 8})
        with pytest.raises(BackendError):
            await opened.launch("task", "none")
        assert sorted(await flyte.names()) == sorted(["first", task.name])


async def test_run_may_be_in_another_place_than_the_defaults(flyte: Played) -> None:
    target = Target(endpoint=flyte.channel.endpoint, insecure=True, flyte="Flyte1")
    async with runs.client(target, project=flyte.project, domain="staging") as opened:
        here = await opened.launch("workflow", "etl", run="here", domain=flyte.place.domain)
        assert here.id.place == flyte.place
        with pytest.raises(BackendError, match="etl"):
            await opened.launch("workflow", "etl", run="there")
