"""`reconcile export --packages`: the quickstart read back from Flyte, and applied elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_kit import Shell, run
from flyteidl.admin import common_pb2, project_pb2
from world import World, open_world

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"
THERE = {"project": "elsewhere", "domain": "production"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.stub.RegisterProject(
            project_pb2.ProjectRegisterRequest(
                project=project_pb2.Project(id="elsewhere", name="elsewhere")
            )
        )
        yield opened


@pytest.fixture
def shell(world: World) -> Shell:
    return Shell(world)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


async def registered(world: World, **place: str) -> dict[tuple[str, str], str]:
    """Digests of the newest tasks, workflows and plans of a place."""
    request = common_pb2.ResourceListRequest(
        id=common_pb2.NamedEntityIdentifier(**place),
        limit=1000,
        sort_by=common_pb2.Sort(key="id", direction=common_pb2.Sort.ASCENDING),
    )
    answers: list[Any] = [
        *(await world.stub.ListTasks(request)).tasks,
        *(await world.stub.ListWorkflows(request)).workflows,
        *(await world.stub.ListLaunchPlans(request)).launch_plans,
    ]
    return {
        (str(one.id.resource_type), one.id.name): one.id.version.rpartition(".")[2]
        for one in answers
        if one.id.name.startswith("quickstart.")
    }


async def test_export_applied_elsewhere_has_the_digests_of_the_original(
    world: World, shell: Shell
) -> None:
    original = world.root.parent / "original"
    shutil.copytree(QUICKSTART, original, ignore=shutil.ignore_patterns(".reconcile"))
    place = yaml.safe_load((original / "reconcile.yaml").read_text())["spec"]["defaults"]
    assert (await shell("--yes", cwd=original)).code == 0
    options = ("export", "--packages", "--project", place["project"], "--domain", place["domain"])
    made = world.root / "made"
    before = shell.writes()
    ended = await shell(*options, "--set", "copied", "--out", str(made))
    assert ended.code == 0, ended.err
    assert "set copied, 1 objects" in ended.err
    assert f"next: reconcile --dry-run {made}" in ended.err
    assert shell.writes() == before
    again = world.root / "again"
    assert (await shell(*options, "--set", "copied", "--out", str(again))).code == 0
    assert contents(made) == contents(again)
    folder = f"packages/{place['project']}"
    assert set(contents(made)) == {
        "reconcile.yaml",
        "connection.yaml",
        f"{folder}/{place['domain']}.yaml",
        f"{folder}/{place['domain']}.tgz",
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
    assert len(there) == 17
    # The quickstart's own plans are no part of its package and stand in its place alone.
    assert there.items() <= (await registered(world, **place)).items()

    silent = await shell("--dry-run", "--detailed-exitcode", cwd=original)
    assert silent.code == 0, silent.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--packages",), "--packages: writes archives beside documents; name a folder by --out"),
        (("--version", "v1"), "--version: belongs to --packages"),
        (("--packages", "--out", "x", "--kind", "FlyteProject"), "--kind: is about documents"),
        (("--packages", "--out", "x", "--inactive"), "--inactive: is about documents of plans"),
        (("--packages", "--out", "x", "--project", "nope"), "--project: nope: there is none"),
        (("--packages", "--out", "x", "--version", "v9"), "nothing is registered under it"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    world: World, shell: Shell, options: tuple[str, ...], words: str
) -> None:
    ended = await shell("export", *options)
    assert ended.code == 1
    assert words in ended.err
    assert not (world.root / "x").exists()


async def test_nothing_to_export_says_so(shell: Shell) -> None:
    ended = await shell("export", "--packages", "--out", "x")
    assert ended.code == 0
    assert "nothing to export: no task, workflow or launch plan is registered there" in ended.err
