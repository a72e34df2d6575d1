"""A service whose files, disk, servers or ends are not as they should be."""

from __future__ import annotations

import asyncio
import signal
import socket
import time

import cli_kit
import git_kit
import serve_kit
from git_kit import git, ssh_signing
from serve_kit import Serving, plans

from reconciler.operator.words import Reason


async def test_file_that_cannot_be_read_is_told_and_leaves_nothing_beside_itself(
    serving: Serving,
) -> None:
    first = serving.repository.pushed(plans("a"))
    serving.declare()
    broken = serving.config / "broken.yaml"
    broken.write_text("a: [")
    async with serve_kit.running(serving):
        await serving.at(first)
        names = [state.name for state in serving.service.states.all()]
        (name,) = [name for name in names if name != "team"]
        assert serving.state(name).reason is Reason.INVALID
        assert "broken.yaml:2:1" in serving.state(name).message
        broken.unlink()
        await serving.until(lambda: not serving.service.states.has(name))
    assert [path.name for path in serving.config.iterdir()] == ["team.json"]
    kept = [path.parent.name for path in (serving.home / "cache").rglob("*.json")]
    assert set(kept) == {"history", "told"}


async def test_cache_that_cannot_be_written_is_told(serving: Serving) -> None:
    serving.repository.pushed(plans("a"))
    serving.declare()
    (serving.home / "cache").write_text("a file")
    async with serve_kit.running(serving):
        state = await serving.reason(Reason.GIT)
    assert "free space there, or make it writable" in state.message


async def test_names_that_are_no_text_are_told_and_hold_back_no_other_set(
    serving: Serving,
) -> None:
    serving.repository.pushed(plans("a", folder="sound"))
    text = "apiVersion: flyte.reconciler.dev/v1alpha1\nkind: FlyteNone\n"
    names = ("\udcff.json", "a\nINFO forged.yaml", "\x1b[31m.yaml")
    commit = serving.repository.pushed({f"deploy/{name}": text for name in names})
    serving.declare()
    serving.declare("sound", git={"path": "sound"})
    async with serve_kit.running(serving):
        await serving.at(commit, "sound")
        state = await serving.reason(Reason.INVALID)
    assert "6 problems" in state.message
    assert not any(letter in state.message for letter in "\x1b\udcff")


async def test_sound_document_of_an_odd_file_is_applied(serving: Serving) -> None:
    commit = serving.repository.pushed({"deploy/\udcff \x1b<b>.json": serve_kit.plan("a")})
    serving.declare()
    async with serve_kit.running(serving):
        await serving.at(commit)
    assert set(await serving.world.active()) == {"a"}


async def test_process_ends_although_a_server_keeps_silent(serving: Serving) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/specs.git"
        serving.declare(git={"url": url})
        process = await asyncio.create_subprocess_exec(
            *(git_kit.PROGRAM, "serve", str(serving.config), "--allow-scheme", "http"),
            *("--endpoint", serving.world.endpoint, "--insecure", "--listen", "127.0.0.1:0"),
            cwd=serving.home,
            env={**serve_kit.environ(), "XDG_CACHE_HOME": str(serving.home / "cache")},
            stderr=asyncio.subprocess.PIPE,
        )
        silent.settimeout(30)
        asked, _ = await asyncio.to_thread(silent.accept)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, said = await asyncio.wait_for(process.communicate(), 40)
        asked.close()
    assert (process.returncode, b"Traceback" in said) == (0, False), said.decode()
    assert time.monotonic() - begun < 10
    (history,) = (serving.home / "cache" / "reconcile" / "history").iterdir()
    assert history.read_text() == "[]"


async def test_what_cannot_be_served_is_told_with_exit_1(serving: Serving) -> None:
    serving.declare()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for words, told in (
            (("none",), "error: none: does not exist; name files and folders with FlyteSyncs"),
            (("config", "--listen", f"127.0.0.1:{port}"), "cannot be listened at: "),
            (("config", "--listen", "127.0.0.1"), "127.0.0.1: is no address to listen at; "),
        ):
            flyte = ("--endpoint", serving.world.endpoint, "--insecure")
            ended = await cli_kit.run("serve", *words, *flyte, cwd=serving.home)
            assert (ended.code, told in ended.err) == (1, True), ended.err


async def test_unsigned_commit_of_a_laptop_is_not_put_back(serving: Serving) -> None:
    key = serving.home / "key"
    line = git_kit.key_pair(key)
    signers = serving.secret("signers", {"allowed_signers": f"dev@example.com {line}"})
    repository = serving.repository
    repository.commit(plans("a"))
    git(repository.work, *ssh_signing(key), "commit", "-q", "--amend", "--no-edit")
    signed = git(repository.work, "rev-parse", "HEAD")
    repository.push()
    serving.declare()
    async with serve_kit.running(serving):
        await serving.at(signed)
        unsigned = repository.pushed(plans("b"))
        serving.pushed()
        await serving.at(unsigned)
    serving.declare(git={"verify": {"mode": "Head", "secretRef": signers}})
    version = (await serving.world.active())["b"]
    await serving.world.set_state("b", version, active=False)
    async with serve_kit.running(serving):
        await serving.reason(Reason.SIGNATURE)
        await asyncio.sleep(1.0)
    assert set(await serving.world.active()) == {"a"}


async def test_set_that_is_gone_is_measured_no_longer(serving: Serving) -> None:
    first = serving.repository.pushed(plans("a"))
    serving.declare()
    async with serve_kit.running(serving):
        await serving.at(first)
        measured = serving.service.metrics.registry
        assert measured.get_sample_value("reconcile_plan_changes", {"set": "team"}) == 0
        serving.undeclare("team")
        await serving.until(lambda: not serving.service.states.has("team"))
        assert measured.get_sample_value("reconcile_plan_changes", {"set": "team"}) is None


async def test_connection_that_is_not_there_is_told_with_the_file_that_names_it(
    serving: Serving,
) -> None:
    serving.repository.pushed(plans("a"))
    serving.declare(connection="nowhere")
    async with serve_kit.running(serving, is_named=True):
        state = await serving.reason(Reason.INVALID)
    assert f"{serving.config}/team.json: nowhere: is neither a FlyteConnection" in state.message
