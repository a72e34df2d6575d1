"""`reconcile export --packages` on Flyte 2: the example read back, applied here and elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from cli_kit import Shell, run
from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.project import project_service_pb2, project_service_pb2_grpc
from flyteidl2.task import task_service_pb2, task_service_pb2_grpc
from world2 import World2, open_world2

EXAMPLE = Path(__file__).parents[2] / "examples" / "flyte2"
HERE = {"project": "flytesnacks", "domain": "development"}
THERE = {"project": "elsewhere", "domain": "production"}
OPTIONS = ("export", "--packages", "--project", HERE["project"], "--domain", HERE["domain"])


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World2]:
    async with open_world2(tmp_path) as opened:
        asked = project_service_pb2.Project(id=THERE["project"], name=THERE["project"])
        await project_service_pb2_grpc.ProjectServiceStub(opened.channel).CreateProject(
            project_service_pb2.CreateProjectRequest(project=asked)
        )
        yield opened


@pytest.fixture
def shell(world: World2) -> Shell:
    return Shell(world)


@pytest.fixture
def original(world: World2) -> Path:
    """A copy of the example, to be applied to the server of the test."""
    folder = world.root.parent / "original"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".reconcile"))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


async def registered(world: World2, *, project: str, domain: str) -> dict[str, str]:
    """Digests of the newest version of every task of a place."""
    request = task_service_pb2.ListTasksRequest(
        project_id=identifier_pb2.ProjectIdentifier(name=project, domain=domain),
        request=list_pb2.ListRequest(limit=100),
    )
    answer = await task_service_pb2_grpc.TaskServiceStub(world.channel).ListTasks(request)
    return {one.task_id.name: one.task_id.version.rpartition(".")[2] for one in answer.tasks}


async def test_export_applied_elsewhere_has_the_digests_of_the_original(
    world: World2, shell: Shell, original: Path
) -> None:
    assert (await shell("--yes", cwd=original)).code == 0
    made, again = world.root / "made", world.root / "again"
    before = world.calls()
    ended = await shell(*OPTIONS, "--set", "copied", "--out", str(made))
    assert ended.code == 0, ended.err
    assert "set copied, 1 objects" in ended.err
    assert "its code s3://" in ended.err
    assert f"next: reconcile --dry-run {made}" in ended.err
    written = {"DeployTask", "DeployTrigger", "CreateUploadLocation", "UploadInputs"}
    assert not (world.calls() - before).keys() & written
    assert (await shell(*OPTIONS, "--set", "copied", "--out", str(again))).code == 0
    assert contents(made) == contents(again)
    assert set(contents(made)) == {
        "reconcile.yaml",
        "connection.yaml",
        "packages/flytesnacks/development.yaml",
        "packages/flytesnacks/development.tgz",
    }

    path = made / "reconcile.yaml"
    sync = yaml.safe_load(path.read_text())
    sync["spec"] |= {
        "defaults": THERE,
        "scopes": [{"project": "elsewhere", "domains": ["production"]}],
    }
    path.write_text(yaml.safe_dump(sync))
    ended = await run("--yes", cwd=made)
    assert ended.code == 0, ended.out + ended.err
    silent = await run("--dry-run", "--detailed-exitcode", cwd=made)
    assert silent.code == 0, silent.out
    there = await registered(world, **THERE)
    assert len(there) == 4
    assert there == await registered(world, **HERE)

    silent = await shell("--dry-run", "--detailed-exitcode", cwd=original)
    assert silent.code == 0, silent.out


async def test_export_in_place_of_the_recorded_package_changes_nothing(
    world: World2, shell: Shell, original: Path
) -> None:
    """The triggers of the example run tasks of the package, whoever made its archive."""
    assert (await shell("--yes", cwd=original)).code == 0
    made = world.root / "made"
    assert (await shell(*OPTIONS, "--out", str(made))).code == 0
    archive = original / "dist" / "package.tgz"
    assert archive.read_bytes() != (made / "packages/flytesnacks/development.tgz").read_bytes()
    shutil.copyfile(made / "packages/flytesnacks/development.tgz", archive)

    silent = await shell("--dry-run", "--detailed-exitcode", cwd=original)

    assert silent.code == 0, silent.out


async def test_version_that_a_trigger_runs_and_the_package_does_not_hold_is_said(
    world: World2, shell: Shell
) -> None:
    for version in ("v1", "v2"):
        await world.deploy_task(version=version)
    await world.deploy("first", taskVersion="v1")
    await world.deploy("second", taskVersion="v2")

    ended = await shell("export", "--packages", "--out", "made")

    assert ended.code == 0, ended.err
    assert "left out: FlyteTrigger/flytesnacks/development/etl.load/first" in ended.err
    assert "and the package holds version v2; export that one by itself" in ended.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--packages",), "--packages: writes archives beside documents; name a folder by --out"),
        (("--packages", "--out", "x", "--project", "nope"), "--project: nope: there is none"),
        (("--packages", "--out", "x", "--version", "v9"), "nothing is registered under it"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    world: World2, shell: Shell, options: tuple[str, ...], words: str
) -> None:
    ended = await shell("export", *options)
    assert ended.code == 1
    assert words in ended.err
    assert not (world.root / "x").exists()


async def test_nothing_to_export_says_so(shell: Shell) -> None:
    ended = await shell("export", "--packages", "--out", "x")
    assert ended.code == 0
    assert "nothing to export: no task, workflow or launch plan is registered there" in ended.err
