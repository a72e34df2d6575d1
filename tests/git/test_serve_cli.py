"""The process: its options, its check, and how it ends."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import cli_kit
import git_kit
import serve_kit
from serve_kit import Serving, plans

EXAMPLE = Path(__file__).parents[2] / "examples" / "serve"


async def test_example_has_no_problems_and_a_bad_one_is_told_whole(tmp_path: Path) -> None:
    ended = await cli_kit.run("serve", "--check", str(EXAMPLE), cwd=tmp_path)
    assert (ended.code, ended.out) == (0, "1 FlyteSync from Git: no problems\n")
    head = "apiVersion: flyte.reconciler.dev/v1alpha1\nkind: FlyteSync\n"
    (tmp_path / "a.yaml").write_text(f"{head}metadata: {{name: team}}\nspec: {{}}\n")
    (tmp_path / "b.yaml").write_text(f"{head}metadata: {{name: team-b}}\nspec: {{git: {{}}}}\n")
    (tmp_path / "c.yaml").write_text("a: [")
    ended = await cli_kit.run("serve", "--check", ".", cwd=tmp_path)
    assert ended.code == 1
    for text in ("names no repository; write spec.git", "spec.git.url: is missing", "c.yaml:2:1"):
        assert text in ended.err


async def test_options_of_both_forms_are_told(tmp_path: Path) -> None:
    files = await cli_kit.run("serve", "--help", cwd=tmp_path)
    cluster = await cli_kit.run("serve", "--kubernetes", "--help", cwd=tmp_path)
    assert "--fetch-seconds" in files.out
    assert "--lease-duration" in cluster.out
    assert "--service" in cluster.out
    bare = await cli_kit.run("serve", cwd=tmp_path)
    assert bare.code == 1


async def test_files_and_a_cluster_are_for_two_processes(tmp_path: Path) -> None:
    ended = await cli_kit.run("serve", "--kubernetes", "config/", cwd=tmp_path)
    assert ended.code == 1
    assert "--kubernetes: excludes CONFIG: files may name secrets of this machine" in ended.err
    assert "serve CONFIG by a process of its own" in ended.err
    ended = await cli_kit.run("serve", "--kubernetes", "--service", "front", cwd=tmp_path)
    assert ended.code == 1
    assert "--service: needs the variables POD_IP, POD_NAME, POD_UID" in ended.err


async def test_process_applies_and_ends_when_it_is_asked_to(serving: Serving) -> None:
    serving.repository.pushed(plans("a"))
    serving.declare()
    port = git_kit.free_port()
    process = await asyncio.create_subprocess_exec(
        *(git_kit.PROGRAM, "serve", str(serving.config), "--allow-scheme", "http"),
        *("--endpoint", serving.world.endpoint, "--insecure", "--flyte", "Flyte1"),
        *("--listen", f"127.0.0.1:{port}"),
        cwd=serving.home,
        env={**serve_kit.environ(), "XDG_CACHE_HOME": str(serving.home / "cache")},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        for _ in range(600):
            if await serving.world.active():
                break
            await asyncio.sleep(0.05)
        assert set(await serving.world.active()) == {"a"}
        process.send_signal(signal.SIGTERM)
        _, said = await asyncio.wait_for(process.communicate(), 40)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, said.decode()
    assert b"Traceback" not in said
    (history,) = (serving.home / "cache" / "reconcile" / "history").glob("*.json")
    assert json.loads(history.read_text())[0]["reason"] == "ReconciliationSucceeded"
