"""Reading what is registered on a Flyte 2, as people run it and as programs use the library."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cli_kit import Shell
from e2e_get_kit import HERE, items, names
from flyteidl2.project import project_service_pb2, project_service_pb2_grpc
from flyteidl2.secret import definition_pb2, payload_pb2, secret_pb2_grpc
from google.protobuf import json_format
from published_kit import validator
from world import DOMAIN, PROJECT
from world2 import TASK, World2, open_world2

from reconciler.api import entities
from reconciler.api.connecting import Target
from reconciler.api.entities import Reader
from reconciler.backends.flyte2.reading import Flyte2Reading
from reconciler.backends.settings import for_endpoint
from reconciler.model.entity import Entity, What

VALUE = "a-value-that-nobody-may-see"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World2]:
    async with open_world2(tmp_path) as opened:
        await opened.deploy_task()
        yield opened


@pytest.fixture
def shell(world: World2) -> Shell:
    return Shell(world)


@pytest.fixture
async def flyte(world: World2, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Reader]:
    monkeypatch.chdir(world.root)
    target = Target(endpoint=world.endpoint, insecure=True, flyte="Flyte2")
    async with entities.reader(target, project=PROJECT, domain=DOMAIN) as opened:
        yield opened


async def rows(flyte: Reader, what: str, **filters: Any) -> list[Entity]:
    return [row async for row in flyte.entities(what, **filters)]


async def test_projects_are_listed_and_read(world: World2, shell: Shell, flyte: Reader) -> None:
    stub = project_service_pb2_grpc.ProjectServiceStub(world.channel)
    for name, state in (("team-a", "ACTIVE"), ("team-b", "ARCHIVED")):
        await stub.CreateProject(
            project_service_pb2.CreateProjectRequest(
                project=project_service_pb2.Project(
                    id=name,
                    name=name.title(),
                    state=project_service_pb2.ProjectState.Value(f"PROJECT_STATE_{state}"),
                )
            )
        )
    assert [row.name for row in await rows(flyte, "projects")] == [PROJECT, "team-a"]
    assert [row.name for row in await rows(flyte, "projects", state="archived")] == ["team-b"]
    assert [row.name for row in await rows(flyte, "projects", names=("team-b",))] == ["team-b"]
    ended = await shell("describe", "project", "team-b", "-o", "json")
    found = ended.json()
    validator("describe").validate(found)
    live = await stub.GetProject(project_service_pb2.GetProjectRequest(id="team-b"))
    assert json_format.ParseDict(found["message"], project_service_pb2.Project()) == live.project
    missing = await shell("describe", "project", "team-x")
    assert missing.code == 1
    assert "project team-x: is not registered" in missing.err
    assert [row.name for row in await rows(flyte, "domains")] == [
        "development",
        "production",
        "staging",
    ]


async def test_same_filters_mean_the_same_on_flyte_2(world: World2, flyte: Reader) -> None:
    for name, version in ((TASK, "v2"), ("etl.report", "v1"), ("ml.train", "v1")):
        await world.deploy_task(name, version)
    shown = [(row.name, row.version) for row in await rows(flyte, "tasks")]
    assert shown == [("etl.load", "v2"), ("etl.report", "v1"), ("ml.train", "v1")]
    assert [row.name for row in await rows(flyte, "tasks", names=("etl.*",))] == [
        "etl.load",
        "etl.report",
    ]
    found = await rows(flyte, "tasks", version="v1", sort="name")
    assert [row.name for row in found] == ["etl.load", "etl.report", "ml.train"]
    found = await rows(flyte, "tasks", names=(TASK,), history=True)
    assert [row.version for row in found] == ["v2", "v1"]
    assert found[0].created_at is not None
    at = found[0].created_at
    by_age = await rows(flyte, "tasks", names=(TASK,), history=True, created_after=at)
    assert [row.version for row in by_age] == ["v2"]
    by_age = await rows(flyte, "tasks", names=(TASK,), history=True, created_before=at)
    assert [row.version for row in by_age] == ["v1"]
    # The row of a name is its newest version, whatever the filter: an older one never stands in.
    assert await rows(flyte, "tasks", names=(TASK,), created_before=at) == []
    found = await rows(flyte, "tasks", created_after=at)
    assert [row.name for row in found] == ["etl.load", "etl.report", "ml.train"]
    found = await rows(flyte, "tasks", version="v*", sort="-created")
    assert [(row.name, row.version) for row in found][-2:] == [("etl.load", "v2"), (TASK, "v1")]
    assert await rows(flyte, "tasks", created_after=at + timedelta(days=1)) == []
    assert len(await rows(flyte, "tasks", limit=2)) == 2


async def test_task_is_described_with_defaults_and_triggers(world: World2, shell: Shell) -> None:
    await world.deploy("daily")
    found = (await shell("describe", "task", TASK, *HERE, "-o", "json")).json()
    validator("describe").validate(found)
    assert [(one["name"], one["type"]) for one in found["inputs"]] == [
        ("count", "int"),
        ("day", "datetime"),
        ("ratio", "float"),
    ]
    assert found["inputs"][2]["default"] == 0.5
    assert found["inputs"][0]["required"]
    assert found["facts"]["image"] == "example/image:v1"
    (trigger,) = found["references"]
    assert (trigger["name"], trigger["role"]) == ("etl.load/daily", "fires it, active")
    text = (await shell("describe", "task", TASK, *HERE)).out
    assert "  ratio  float = 0.5\n" in text


async def test_triggers_are_listed_and_described(
    world: World2, shell: Shell, flyte: Reader
) -> None:
    await world.deploy("daily")
    await world.deploy("off", active=False)
    assert [row.name for row in await rows(flyte, "triggers")] == ["etl.load/daily", "etl.load/off"]
    assert [row.name for row in await rows(flyte, "triggers", state="inactive")] == ["etl.load/off"]
    assert [row.name for row in await rows(flyte, "triggers", names=("dai*",))] == [
        "etl.load/daily"
    ]
    (listed,) = await items(shell, "triggers", "daily", *HERE)
    assert listed["facts"]["schedule"] == {"cron": "0 6 * * *"}
    found = (await shell("describe", "trigger", "etl.load/daily", *HERE, "-o", "json")).json()
    validator("describe").validate(found)
    assert len(found["next"]["times"]) == 5
    assert found["references"][0]["version"] == "v1"
    assert [one["name"] for one in found["inputs"]] == ["count", "day", "ratio"]
    assert found["facts"]["changed"].startswith("deployed at ")


async def test_secrets_are_listed_without_values(
    world: World2, shell: Shell, flyte: Reader
) -> None:
    stub = secret_pb2_grpc.SecretServiceStub(world.channel)
    for number in range(25):
        await stub.CreateSecret(
            payload_pb2.CreateSecretRequest(
                id=definition_pb2.SecretIdentifier(
                    name=f"key-{number:02}", project=PROJECT, domain=DOMAIN
                ),
                secret_spec=definition_pb2.SecretSpec(string_value=VALUE),
            )
        )
    everywhere = definition_pb2.SecretIdentifier(name="everywhere")
    spec = definition_pb2.SecretSpec(string_value=VALUE)
    await stub.CreateSecret(payload_pb2.CreateSecretRequest(id=everywhere, secret_spec=spec))

    found = await rows(flyte, "secrets")
    assert [row.name for row in found] == [f"key-{number:02}" for number in range(25)]
    assert len(await rows(flyte, "secrets", limit=7)) == 7
    ended = await shell("get", "secrets", "-A", "-o", "json")
    assert ended.json()["items"][0]["name"] == "everywhere"
    assert len(ended.json()["items"]) == 26
    one = await shell("describe", "secret", "key-07", *HERE)
    assert one.code == 0, one.err
    assert "presence:     fully-present" in one.out
    assert "created: " in one.out
    assert "type:" not in one.out
    assert VALUE not in ended.out + ended.err + one.out + one.err


async def test_library_reads_flyte_2(world: World2, flyte: Reader) -> None:
    await world.deploy("daily")
    assert (await flyte.task(TASK)).entity.version == "v1"
    assert (await flyte.trigger(TASK, "daily")).schedule == {"cron": "0 6 * * *"}
    assert flyte.flyte == "Flyte2"
    listing = flyte.entities("projects")
    first = await anext(listing)
    assert first.name == PROJECT
    before = world.calls()["ListTasks"]
    flyte.lazy("task", TASK)
    assert world.calls()["ListTasks"] == before


async def test_other_flytes_kinds_are_refused_with_the_way_out(shell: Shell) -> None:
    for kind, message in (
        ("workflows", "workflows: Flyte 2 has none, a task calls others; list tasks instead"),
        ("launchplans", "launchplans: Flyte 2 has none; list triggers instead"),
    ):
        ended = await shell("get", kind)
        assert (ended.code, ended.err) == (1, f"error: {message}\n")
    assert await names(shell, "tasks", *HERE) == [TASK]


@pytest.mark.parametrize(
    ("endpoint", "insecure", "base"),
    [
        ("localhost:8090", True, "http://localhost:8080"),
        ("flyte.example.com:443", False, "https://flyte.example.com"),
    ],
)
def test_console_of_a_local_flyte_2_has_its_own_port(
    endpoint: str, insecure: bool, base: str
) -> None:
    class Channel:
        settings = for_endpoint(endpoint, chosen_by="test", insecure=insecure)

    class Link:
        channel = Channel()

    assert Flyte2Reading(Link()).console_guess == base  # type: ignore[arg-type]
    assert What.TASKS.one == "task"
