"""Where documents come from and what a set may say: stdin, live objects, other APIs, refusals."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cli_kit import Shell, environment, run
from world import DOMAIN, PROJECT, SYNC, World, open_world, plan_document

SERVED = {
    "resourceVersion": "71123",
    "uid": "0d1f2f33-8d0f-4f0c-9c0c-0a0b0c0d0e0f",
    "generation": 3,
    "creationTimestamp": "2026-01-01T00:00:00Z",
    "namespace": "ranking",
    "labels": {"app": "x"},
    "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
    "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {}}}],
    "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u"}],
    "finalizers": ["flyte.reconciler.dev/x"],
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow(defaults={"count": 7})
        yield opened


def placed(name: str) -> dict[str, Any]:
    """Make a plan that needs no defaults of a set."""
    document = plan_document(name)
    document["spec"] |= {"project": PROJECT, "domain": DOMAIN}
    return document


def stream(*documents: dict[str, Any]) -> bytes:
    return "\n---\n".join(json.dumps(item) for item in documents).encode()


async def test_stdin_is_applied_and_never_removes(world: World) -> None:
    shell = Shell(world)
    empty = world.root.parent / "empty"
    empty.mkdir()
    ended = await shell("-f", "-", cwd=empty, stdin=stream(placed("a"), placed("b")))
    assert ended.code == 0, ended.err
    assert set(await world.active()) == {"a", "b"}
    assert "set unclaimed on" in ended.out
    ended = await shell("-", cwd=empty, stdin=stream(placed("a")))
    assert ended.code == 0, ended.err
    assert set(await world.active()) == {"a", "b"}
    ended = await shell("-f", "-", cwd=empty, stdin=b"")
    assert set(await world.active()) == {"a", "b"}


async def test_output_of_kubectl_get_is_accepted(world: World) -> None:
    live = placed("a")
    live["metadata"] |= SERVED
    live["status"] = {"conditions": [{"type": "Ready", "status": "True"}], "anything": 1}
    listed = {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [live]}
    shell = Shell(world)
    for data in (stream(live), stream(listed)):
        ended = await shell("--dry-run", "-o", "json", "-f", "-", stdin=data, cwd=world.root.parent)
        assert ended.code == 0, ended.err
        (change,) = ended.json()["changes"]
        assert change["key"].endswith("/a")


async def test_other_apis_are_skipped_and_counted(world: World) -> None:
    other = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"n": "1"}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {}},
    ]
    data = stream(placed("a"), *other)
    ended = await run("validate", "-f", "-", stdin=data, cwd=world.root.parent)
    assert ended.code == 0, ended.err
    assert "1 document checked, 2 of other APIs skipped: 0 errors." in ended.out
    planned = await Shell(world)("--dry-run", "-", stdin=data, cwd=world.root.parent)
    assert "Plan: 1 to add" in planned.out


async def test_suspended_set_is_planned_and_not_applied(world: World) -> None:
    shell = Shell(world)
    world.declare(plan_document("a"), sync=SYNC + "  suspend: true\n")
    before = shell.writes()
    assert (await shell("--dry-run", "--detailed-exitcode")).code == 2
    ended = await shell("--yes")
    assert ended.code == 3
    assert "set team: is suspended by spec.suspend; nothing is applied" in ended.err
    saved = world.root.parent / "plan.json"
    assert (await shell("plan", "--out", str(saved))).code == 0
    assert (await shell("apply", str(saved))).code == 3
    assert shell.writes() == before


@pytest.mark.parametrize(
    ("line", "place", "said"),
    [
        ("render: Kustomize", ".: ", "has no kustomization; write a kustomization.yaml"),
        ("render: Helm", ".: ", "has no Chart.yaml; name the folder of a chart in paths"),
        ("prune: Delete", "reconcile.yaml:7:", "Delete needs a Flyte 2"),
        ("paths: [nowhere]", "reconcile.yaml:7:", "does not exist"),
        ("prune: Purge", "reconcile.yaml:7:", "must be Deactivate, Archive"),
    ],
)
async def test_set_that_asks_for_what_is_not_served_is_refused(
    world: World, line: str, place: str, said: str
) -> None:
    world.declare(plan_document("a"), sync=f"{SYNC}  {line}\n")
    shell = Shell(world)
    before = shell.writes()
    for arguments in (("--yes",), ("--dry-run",)):
        ended = await shell(*arguments)
        assert ended.code == 1
        assert ended.err.startswith(place), ended.err
        assert said in ended.err
    assert shell.writes() == before


async def test_part_of_a_set_keeps_the_rest(world: World) -> None:
    shell = Shell(world)
    world.declare(plan_document("a"), plan_document("b"))
    assert (await shell("--yes")).code == 0
    (world.root / "00001.json").unlink()
    ended = await shell("--dry-run", "-o", "json", "00000.json")
    assert ended.json()["isWhole"] is False
    assert ended.json()["changes"] == []
    ended = await shell("--dry-run", "-o", "json")
    assert [change["effect"] for change in ended.json()["changes"]] == ["remove"]


async def test_dry_run_runs_nothing_of_the_repository_and_writes_nothing(world: World) -> None:
    trap = "raise SystemExit('code of the repository was run')"
    world.declare(plan_document("a"))
    for name in ("sitecustomize.py", "yaml.py", "conftest.py", "reconciler.py", "json.py"):
        (world.root / name).write_text(trap)
    shell = Shell(world)
    before = shell.writes()
    files = sorted(path.name for path in world.root.rglob("*"))
    for arguments in (("--dry-run",), ("plan", "-o", "json"), ("status",)):
        ended = await shell(*arguments)
        assert ended.code == 0, ended.err
    assert shell.writes() == before
    assert sorted(path.name for path in world.root.rglob("*")) == files


@pytest.mark.parametrize("arguments", [["--help"], ["validate"], ["schema"], ["plan", "--help"]])
def test_light_commands_load_no_wire(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "reconcile.yaml").write_text(SYNC, encoding="utf-8")
    (tmp_path / "a.json").write_text(json.dumps(plan_document("a")), encoding="utf-8")
    code = f"""
import sys
from reconciler.cli.main import main
code = main({arguments!r})
heavy = {{"grpc", "kopf", "kubernetes", "aiohttp", "sqlite3"}} & set(sys.modules)
print("HEAVY", code, sorted(heavy))
"""
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env=environment(tmp_path),
    )
    assert ended.stdout.splitlines()[-1] == "HEAVY 0 []", ended.stdout + ended.stderr
