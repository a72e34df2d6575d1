"""Reading what is registered on a Flyte 1, as people run it and as programs use the library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cli_kit import Shell, on_terminal
from e2e_get_kit import HERE, items, names
from flyteidl.admin import common_pb2, project_pb2
from flyteidl.core import identifier_pb2
from google.protobuf import json_format
from published_kit import validator
from world import DATETIME, DOMAIN, INTEGER, PROJECT, World, open_world

from reconciler.api import entities, interfaces
from reconciler.api.connecting import Target
from reconciler.api.entities import Reader
from reconciler.errors import BackendError, UsageError
from reconciler.model.entity import What


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow(defaults={"count": 7})
        yield opened


@pytest.fixture
def shell(world: World) -> Shell:
    return Shell(world)


async def archive(world: World, kind: Any, name: str) -> None:
    await world.stub.UpdateNamedEntity(
        common_pb2.NamedEntityUpdateRequest(
            resource_type=kind,
            id=common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN, name=name),
            metadata=common_pb2.NamedEntityMetadata(state=common_pb2.NAMED_ENTITY_ARCHIVED),
        )
    )


async def register_project(world: World, name: str, **fields: Any) -> None:
    await world.stub.RegisterProject(
        project_pb2.ProjectRegisterRequest(
            project=project_pb2.Project(id=name, name=name.title(), **fields)
        )
    )


async def test_projects_are_listed_by_state_and_name(world: World, shell: Shell) -> None:
    await register_project(world, "team-a", description="the first")
    await register_project(world, "team-b", state=project_pb2.Project.ARCHIVED)

    assert await names(shell, "projects") == [PROJECT, "team-a"]
    assert await names(shell, "projects", "--state", "archived") == ["team-b"]
    assert await names(shell, "projects", "--state", "all", "--sort", "-name") == [
        "team-b",
        "team-a",
        PROJECT,
    ]
    assert await names(shell, "projects", "team-*") == ["team-a"]
    assert await names(shell, "projects", "team-b") == ["team-b"]
    assert await names(shell, "projects", "--limit", "1") == [PROJECT]
    (found,) = await items(shell, "project", "team-a")
    assert found["facts"]["description"] == "the first"
    refused = await shell("get", "projects", "--sort", "colour")
    assert refused.code == 1
    assert "--sort: colour: projects are sorted by name, state" in refused.err


async def test_project_is_read_as_the_server_has_it(world: World, shell: Shell) -> None:
    await register_project(world, "team-a", description="the first")
    ended = await shell("describe", "project", "team-a", "-o", "json")
    found = ended.json()
    validator("describe").validate(found)
    live = await world.stub.GetProject(project_pb2.ProjectGetRequest(id="team-a"))

    assert json_format.ParseDict(found["message"], project_pb2.Project()) == live
    missing = await shell("describe", "project", "team-x")
    assert missing.code == 1
    assert missing.err == ("error: project team-x: is not registered; did you mean team-a?\n")
    lacking = await shell("get", "project", "team-x")
    assert lacking.code == 1
    assert "projects: team-x: not found" in lacking.err
    assert await names(shell, "domains") == ["development", "production", "staging"]


async def test_row_is_the_newest_version_and_each_version_on_demand(
    world: World, shell: Shell
) -> None:
    await world.register_workflow(version="v2")
    await world.register_workflow("other", "v1")

    (newest,) = await items(shell, "tasks", "etl.task", *HERE)
    assert (newest["version"], newest["facts"]["type"]) == ("v2", "python-task")
    rows = await items(shell, "tasks", "etl.task", "--all-versions", *HERE)
    assert [row["version"] for row in rows] == ["v2", "v1"]
    rows = await items(shell, "tasks", "--version", "v1", *HERE, "--sort", "name")
    assert [(row["name"], row["version"]) for row in rows] == [
        ("etl.task", "v1"),
        ("other.task", "v1"),
    ]
    rows = await items(shell, "workflows", "--version", "v*", "--limit", "2", *HERE)
    assert [(row["name"], row["version"]) for row in rows] == [("other", "v1"), ("etl", "v2")]
    assert await names(shell, "workflows", "-A", "--project", "x*") == []


async def test_time_filter_includes_after_and_excludes_before(world: World, shell: Shell) -> None:
    await world.register_workflow(version="v2")
    old, new = sorted(
        await items(shell, "tasks", "--all-versions", *HERE), key=lambda row: row["createdAt"]
    )
    at = new["createdAt"]

    async def shown(*arguments: str) -> list[str]:
        rows = await items(shell, "tasks", "--all-versions", *HERE, *arguments)
        return [row["version"] for row in rows]

    assert await shown("--created-after", at) == ["v2"]
    assert await shown("--created-before", at) == ["v1"]
    assert await shown("--created-after", old["createdAt"], "--created-before", at) == ["v1"]
    assert await shown("--created-after", "1h") == ["v2", "v1"]
    assert await shown("--created-before", "1h") == []
    # The row of a name is its newest version, whatever the filter: an older one never stands in.
    assert await names(shell, "tasks", *HERE, "--created-before", at) == []
    refused = await shell("get", "tasks", "--created-after", "yesterday")
    assert refused.code == 1
    assert "--created-after: yesterday: is neither a time with a zone nor a duration" in refused.err


async def test_launch_plans_show_what_is_active_else_the_newest(world: World, shell: Shell) -> None:
    for version in ("v1", "v2"):
        await world.register_plan(
            "daily", version, workflow_version="v1", cron="0 6 * * *", defaults={"count": 3}
        )
    await world.set_state("daily", "v1", active=True)
    await world.register_plan("idle", "v1")
    await world.register_plan("gone", "v1")
    await archive(world, identifier_pb2.LAUNCH_PLAN, "gone")

    rows = await items(shell, "launchplans", *HERE)
    assert [(row["name"], row["version"], row["state"]) for row in rows] == [
        ("daily", "v1", "active"),
        ("etl", "v1", "inactive"),
        ("idle", "v1", "inactive"),
    ]
    assert rows[0]["facts"]["schedule"] == {"cron": "0 6 * * *", "kickoffInput": "day"}
    assert await names(shell, "lp", "--state", "active", *HERE) == ["daily"]
    assert await names(shell, "lp", "--state", "archived", *HERE) == ["gone"]
    assert await names(shell, "lp", "--state", "inactive", "--version", "v2", *HERE) == ["daily"]
    assert await names(shell, "lp", "gone", *HERE) == ["gone"]
    # Archiving hides a name and stops nothing: an active plan is never left out.
    await archive(world, identifier_pb2.LAUNCH_PLAN, "daily")
    rows = await items(shell, "launchplans", "--name", "dai*", *HERE)
    assert [(row["state"], row["facts"]["nameState"]) for row in rows] == [("active", "archived")]


async def test_ledgers_are_not_listed_and_nothing_is_written(world: World, shell: Shell) -> None:
    world.declare()
    await world.reconcile()
    before = shell.writes()
    assert before["CreateTask"] > 1, "there is a ledger"

    assert await names(shell, "tasks", "-A") == ["etl.task"]
    assert await names(shell, "tasks", "-A", "--all-versions") == ["etl.task"]
    assert shell.writes() == before


async def test_place_is_that_of_the_set_unless_it_is_given(world: World, shell: Shell) -> None:
    await world.register_workflow("elsewhere", domain="production")
    world.declare()

    assert await names(shell, "workflows") == ["etl"]
    assert await names(shell, "workflows", "--domain", "production") == ["elsewhere"]
    assert await names(shell, "workflows", "-A") == ["etl", "elsewhere"]
    assert (await shell("describe", "workflow", "etl")).code == 0
    ended = await shell("describe", "workflow", "elsewhere")
    assert "workflow elsewhere: is not registered in flytesnacks/development" in ended.err


async def test_workflow_is_described_with_defaults_and_nodes(world: World, shell: Shell) -> None:
    ended = await shell("describe", "workflow", "etl", *HERE)
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0] == "workflow:     flytesnacks/development/etl"
    assert "  count  int = 7  # how many" in lines
    assert "  day    datetime (required)  # which day" in lines
    assert "  n0: task flytesnacks/development/etl.task version v1" in lines

    found = (await shell("describe", "wf", "etl", *HERE, "-o", "json")).json()
    validator("describe").validate(found)
    assert found["inputs"][0] == {
        "name": "count",
        "type": "int",
        "default": 7,
        "description": "how many",
    }
    (node,) = found["nodes"]
    assert node["target"]["name"] == "etl.task"
    assert [one["name"] for one in found["references"]] == ["etl.task"]
    drawn = await shell("describe", "wf", "etl", *HERE, "-o", "dot")
    assert '  "n0" [label="n0\\netl.task"];' in drawn.out.splitlines()


async def test_launch_plan_is_described_with_schedule_and_active_version(
    world: World, shell: Shell
) -> None:
    for version in ("v1", "v2"):
        await world.register_plan(
            "daily", version, workflow_version="v1", cron="0 6 * * *", defaults={"count": 3}
        )
    await world.set_state("daily", "v1", active=True)
    found = (await shell("describe", "lp", "daily", *HERE, "-o", "json")).json()
    validator("describe").validate(found)

    assert (found["version"], found["activeVersion"], found["state"]) == ("v1", "v1", "active")
    assert found["next"]["schedule"] == '"0 6 * * *" UTC'
    assert len(found["next"]["times"]) == 5
    assert found["references"][0]["name"] == "etl"
    assert found["console"].endswith(
        "/console/projects/flytesnacks/domains/development/launch_plan/daily/version/v1"
    )
    text = (await shell("describe", "lp", "daily", "--version", "v2", *HERE)).out
    assert "version:      v2 (active: v1)" in text
    assert "if active: " in text
    missing = await shell("describe", "lp", "daily", "--version", "v9", *HERE)
    assert missing.code == 1
    assert "launch plan daily version v9: is not registered" in missing.err


async def test_formats_hold_the_same_rows(world: World, shell: Shell) -> None:
    import yaml

    await world.register_workflow("other")
    for kind in ("tasks", "workflows", "projects", "domains"):
        as_json = (await shell("get", kind, "-o", "json")).json()
        as_yaml = yaml.safe_load((await shell("get", kind, "-o", "yaml")).out)
        assert as_yaml == as_json, kind
        assert len(as_json["items"]) > 0
    for kind in ("tasks", "lp"):
        empty = await shell("get", kind, "--name", "none*", "-o", "json")
        assert (empty.code, empty.json()["items"]) == (0, [])
        assert (
            yaml.safe_load((await shell("get", kind, "--name", "none*", "-o", "yaml")).out)["items"]
            == []
        )
    nothing = await shell("get", "tasks", "--name", "none*")
    assert (nothing.out, nothing.err) == ("", "no tasks found\n")


async def test_other_flytes_kinds_are_refused_with_the_way_out(shell: Shell) -> None:
    ended = await shell("get", "triggers")
    assert ended.code == 1
    assert ended.err == (
        "error: triggers: Flyte 1 has none; list launchplans, or connect to a Flyte 2\n"
    )
    assert "no cluster is known for the secrets" in (await shell("get", "secrets")).err


async def test_unreachable_server_is_no_empty_list(tmp_path: Path) -> None:
    from cli_kit import run

    ended = await run(
        *("get", "tasks", "--endpoint", "127.0.0.1:1", "--insecure", "--flyte", "Flyte1"),
        *("--deadline", "2"),
        cwd=tmp_path,
    )
    assert ended.code == 4
    assert ended.out == ""


async def test_narrow_terminal_keeps_names_readable(world: World, shell: Shell) -> None:
    ended = await on_terminal(
        *("get", "workflows", *HERE, *shell.connection),
        cwd=world.root,
        environ={"COLUMNS": "60"},
    )
    lines = ended.err.replace("\r", "").splitlines()
    assert lines[0].startswith("PROJECT")
    assert "etl" in lines[1]
    assert max(map(len, lines)) <= 60


async def test_whoami_says_where_and_as_whom(world: World, shell: Shell) -> None:
    found = (await shell("whoami", "-o", "json")).json()
    assert found["endpoint"] == world.endpoint
    assert (found["flyte"], found["identity"]) == ("Flyte1", "anonymous")
    assert found["chosenBy"] == "--endpoint"
    assert found["console"] == f"http://{world.endpoint}"
    world.write(
        {
            "reconcile.yaml": f"""
            apiVersion: flyte.reconciler.dev/v1alpha1
            kind: FlyteSync
            metadata: {{name: team}}
            spec: {{connection: here}}
            ---
            apiVersion: flyte.reconciler.dev/v1alpha1
            kind: FlyteConnection
            metadata: {{name: here}}
            spec:
              endpoint: {world.endpoint}
              tls: {{insecure: true}}
              console: https://flyte.example.com/console
            """
        }
    )
    from cli_kit import run

    text = (await run("whoami", cwd=world.root)).out
    assert "console:   https://flyte.example.com/console\n" in text


async def test_library_fetches_lists_and_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.root)
    await world.register_workflow(version="v2")
    target = Target(endpoint=world.endpoint, insecure=True, flyte="Flyte1")
    async with entities.reader(target, project=PROJECT, domain=DOMAIN) as flyte:
        assert (await flyte.task("etl.task")).entity.version == "v2"
        assert (await flyte.task("etl.task", "latest")).entity.version == "v2"
        assert (await flyte.workflow("etl", "v1")).inputs[0].default == 7
        assert (await flyte.launch_plan("etl")).entity.state == "inactive"
        assert (await flyte.project_of(PROJECT)).entity.name == PROJECT
        with pytest.raises(BackendError) as absent:
            await flyte.task("etl.taks")
        assert absent.value.code == entities.ABSENT
        assert "did you mean etl.task?" in str(absent.value)
        with pytest.raises(BackendError, match="is not registered in flytesnacks/production"):
            await flyte.task("etl.task", domain="production")
        with pytest.raises(UsageError, match="has no name"):
            await flyte.task("")
        soon = datetime.now(UTC) + timedelta(hours=1)
        rows = [one.version async for one in flyte.entities("tasks", history=True, limit=1)]
        assert rows == ["v2"]
        assert [one async for one in flyte.entities("tasks", created_after=soon)] == []
        with pytest.raises(UsageError, match="has no time zone"):
            flyte.entities("tasks", created_after=datetime(2026, 5, 1))  # noqa: DTZ001
        await _is_fetched_once(world, flyte)
    async with entities.reader(target) as flyte:
        with pytest.raises(UsageError, match="task: no project is named; give --project"):
            await flyte.task("etl.task")


async def test_interface_that_is_fetched_is_the_registered_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.root)
    target = Target(endpoint=world.endpoint, insecure=True, flyte="Flyte1")
    async with entities.reader(target, project=PROJECT, domain=DOMAIN) as flyte:
        found = await flyte.workflow("etl", "v1")
    assert {one.name: one.literal_type for one in found.inputs} == {
        "count": json_format.MessageToDict(INTEGER),
        "day": json_format.MessageToDict(DATETIME),
    }
    assert interfaces.literals(found, {"count": 1, "day": "2026-05-01T00:00:00Z"})


async def _is_fetched_once(world: World, flyte: Reader) -> None:
    before = world.calls()["ListTasks"]
    promises = [flyte.lazy("task", "etl.task") for _ in range(100)]
    assert "etl.task, not fetched" in repr(promises[0])
    assert world.calls()["ListTasks"] == before
    both = await asyncio.gather(promises[0].get(), promises[0].get())
    assert both[0] is both[1]
    assert world.calls()["ListTasks"] == before + 1
    assert not promises[1].is_fetched
    assert promises[0].what is What.TASKS


async def test_list_is_read_in_pages_and_no_further_than_it_must(world: World) -> None:
    for number in range(12):
        await world.register_plan(f"plan-{number:02}", "v1")
    target = Target(endpoint=world.endpoint, insecure=True, flyte="Flyte1")
    async with entities.reader(target, project=PROJECT, domain=DOMAIN) as flyte:
        before = world.calls()
        found = [one.name async for one in flyte.entities("launchplans")]
        spent = world.calls() - before

    assert found == ["etl", *(f"plan-{number:02}" for number in range(12))]
    assert spent.total() <= 4, spent
