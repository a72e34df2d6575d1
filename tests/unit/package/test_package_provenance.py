"""Every version says where it was declared: repository, commit, path; on Flyte, in the ledger."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from cli_kit import Shell
from flyteidl.admin import common_pb2
from flyteidl.core import identifier_pb2
from flyteidl2.task import task_definition_pb2, task_service_pb2, task_service_pb2_grpc
from package_files import QUICKSTART, ROOT, edited, opened, tar
from world import DOMAIN, PROJECT, SYNC, World, open_world
from world2 import World2, open_world2

from reconciler.backends.flyte1.task import KIND as TASK
from reconciler.backends.flyte1.workflow import KIND as WORKFLOW
from reconciler.model.key import Place

FLYTE2 = ROOT / "examples/flyte2/dist/package.tgz"
PACKAGE = """\
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlytePackage
metadata: {name: code}
spec:
  archive: ../dist/package.tgz
"""
HERE = ("--project", PROJECT, "--domain", DOMAIN)
TYPES: dict[str, Any] = {TASK: identifier_pb2.TASK, WORKFLOW: identifier_pb2.WORKFLOW}


def git(world: World, *words: str) -> str:
    """Run git in the set's directory, by a name of its own."""
    who = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *words], cwd=world.root, check=True, capture_output=True)
    return done.stdout.decode().strip()


def commit(world: World) -> str:
    """Commit everything and return the commit."""
    git(world, "add", "--all")
    git(world, "commit", "--quiet", "--message", "change")
    return git(world, "rev-parse", "HEAD")


def checkout(world: World, archive: Path, ignored: str = ".reconcile/") -> str:
    """Make a repository with a package and a remote; returns its first commit."""
    world.write({"reconcile.yaml": SYNC, "specs/code.yaml": PACKAGE, ".gitignore": f"{ignored}\n"})
    (world.root / "dist").mkdir()
    shutil.copy(archive, world.root / "dist" / "package.tgz")
    git(world, "init", "--quiet")
    git(world, "remote", "add", "origin", "git@git.example.com:data/flows.git")
    return commit(world)


def link(commit: str) -> str:
    return f"https://git.example.com/data/flows/blob/{commit}/specs/code.yaml#L5"


async def links(world: World) -> dict[tuple[str, str], str]:
    """The source links of everything that is declared, by kind and name."""
    found = {}
    for one in (await world.plan()).desired.resources.values():
        if one.key.kind not in TYPES:
            continue
        about = await world.stub.GetDescriptionEntity(
            common_pb2.ObjectGetRequest(
                id=identifier_pb2.Identifier(
                    resource_type=TYPES[one.key.kind],
                    project=PROJECT,
                    domain=DOMAIN,
                    name=one.key.name,
                    version=one.version,
                )
            )
        )
        found[one.key.kind, one.key.name] = about.source_code.link
    return found


async def test_tasks_and_workflows_link_to_the_document_at_its_commit(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        first = checkout(world, QUICKSTART)
        assert (await world.reconcile()).is_complete
        found = await links(world)
        assert set(found.values()) == {link(first)}
        assert {kind for kind, _ in found} == {TASK, WORKFLOW}

        # A later commit is no other version: the plan is empty, and nothing is asked or sent again.
        (world.root / "README").write_text("more\n")
        commit(world)
        before = world.calls()
        planned = await world.plan()
        assert planned.plan.is_empty
        asked = world.calls() - before
        assert not {name for name in asked if "Description" in name}
        await world.reconcile()
        assert not {name for name in world.calls() - before if name.startswith("Create")} - {
            "CreateTask"  # the ledger, once: the claim follows the commit
        }
        assert (await links(world)) == found


async def test_what_is_not_committed_has_no_link(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        checkout(world, QUICKSTART)
        document = world.root / "specs" / "code.yaml"
        document.write_text(f"# a note\n{PACKAGE}")
        await world.reconcile()
        shown = await Shell(world)("describe", "task", "quickstart.etl.clean", *HERE, "-o", "json")
        assert shown.code == 0, shown.err
        assert "blob/" not in shown.out


async def test_ci_builds_the_archive_and_the_link_is_that_of_the_document(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        first = checkout(world, QUICKSTART, ignored="dist/")
        await world.reconcile()
        assert set((await links(world)).values()) == {link(first)}
        shown = await Shell(world)("describe", "workflow", "quickstart.etl.etl", *HERE)
        assert shown.code == 0, shown.err
        assert (
            f"source: {link(first)}".split()
            == next(line for line in shown.out.splitlines() if line.startswith("source:")).split()
        )


async def test_a_link_that_a_package_brings_is_kept(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        checkout(world, QUICKSTART)
        own = "https://git.example.com/data/code/blob/main/clean.py"
        archive = edited(
            opened(QUICKSTART),
            "quickstart.etl.clean_1",
            lambda spec: spec.description.source_code.__setattr__("link", own),
        )
        (world.root / "dist" / "package.tgz").write_bytes(tar(archive.members))
        commit(world)
        await world.reconcile()
        found = await links(world)
        assert found[TASK, "quickstart.etl.clean"] == own
        assert len(set(found.values())) == 2


async def test_the_ledger_names_every_version_with_its_commit(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        first = checkout(world, QUICKSTART)
        await world.reconcile()
        async with world.session() as session:
            entry = (await session.backend.read_ledger("team", Place(PROJECT, DOMAIN))).entry
        assert (entry.source, entry.commit) == ("git.example.com/data/flows", first)
        resources = (await world.plan()).desired.resources.values()
        made = {f"{one.key}#register {one.version}" for one in resources}
        assert made == set(entry.done)


async def test_a_workflow_whose_description_alone_was_written_is_registered(
    tmp_path: Path,
) -> None:
    """As flyteadmin leaves it that stops between the two; no description of ours replaces it."""
    async with open_world(tmp_path) as world:
        first = checkout(world, QUICKSTART)
        await world.reconcile()
        store = world.server.store
        with store.writing():
            store.run("DELETE FROM workflows WHERE name = 'quickstart.etl.etl'")
        (change,) = (await world.plan()).plan.changes
        assert change.key.name == "quickstart.etl.etl"
        assert (await world.reconcile()).is_complete
        assert (await world.plan()).plan.is_empty
        assert (await links(world))[WORKFLOW, "quickstart.etl.etl"] == link(first)


async def test_tasks_of_flyte_2_link_to_their_code_else_to_their_package(tmp_path: Path) -> None:
    async with open_world2(tmp_path) as world:
        first = checkout(world, FLYTE2)
        assert (await world.reconcile()).is_complete
        assert (await world.plan()).plan.is_empty
        for one in (await world.plan()).desired.resources.values():
            about = (await _details(world, one.key.name, one.version)).documentation
            assert about.source_code.link == link(first)


async def _details(world: World2, name: str, version: str) -> task_definition_pb2.TaskSpec:
    request = task_service_pb2.GetTaskDetailsRequest(
        task_id=task_definition_pb2.TaskIdentifier(
            project=PROJECT, domain=DOMAIN, name=name, version=version
        )
    )
    stub = task_service_pb2_grpc.TaskServiceStub(world.channel)
    return (await stub.GetTaskDetails(request)).details.spec
