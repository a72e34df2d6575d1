"""What the service found is on its page: objects, changes, firings, syncs, and what was written."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import git_kit
import pytest
import serve_kit
from aiohttp import ClientSession
from click.testing import CliRunner
from serve_kit import Serving, plans
from world import ledger_of, write_ledger

from reconciler.cli.serve import serve
from reconciler.engine.status import Standing
from reconciler.errors import UsageError
from reconciler.model.ledger import Entry
from reconciler.model.secret import Secret
from reconciler.serve import run
from reconciler.serve.page import Page
from reconciler.serve.run import Options
from reconciler.web.board import Board, Result, State
from reconciler.web.gate import Gate

TOKEN = "a-token-of-the-page-that-is-long"
PAGE = Page(listen="127.0.0.1:0", gate=Gate(token=Secret(TOKEN)))


def board(serving: Serving, name: str = "team") -> Board:
    found = serving.service.boards.get(name)
    assert found is not None
    return found


async def test_push_is_on_the_page_as_it_was_left(serving: Serving) -> None:
    commit = serving.repository.pushed(plans("a", "b"))
    serving.declare()
    async with serve_kit.running(serving, page=PAGE):
        await serving.at(commit)
        found = board(serving)
        assert found.state is State.IN_SYNC
        assert {item.key.name: item.standing for item in found.objects} == {
            "a": Standing.READY,
            "b": Standing.READY,
        }
        active = await serving.world.active()
        assert {item.key.name: item.active for item in found.objects} == {
            name: (version,) for name, version in active.items()
        }
        assert {key.name for key in found.schedules} == {"a", "b"}
        assert not found.changes
        assert found.next_at is not None
        assert found.next_at > datetime.now(UTC)
        (sync,) = found.syncs
        assert (sync.result, len(sync.changes)) == (Result.APPLIED, 2)
        assert set(sync.outcomes.values()) == {"done"}
        assert found.audit.is_whole
        (written,) = found.audit.entries
        assert written.entry.commit == commit
        assert len(written.entry.done) >= 2


async def test_audit_goes_back_to_before_the_service_and_has_what_others_wrote(
    serving: Serving,
) -> None:
    serving.declare()
    commits = [serving.repository.pushed(plans("a"))]
    async with serve_kit.running(serving):
        await serving.at(commits[0])
        for hour in (5, 7):
            files = plans("a", schedule={"cron": f"0 {hour} * * *", "kickoffInput": "day"})
            commits.append(serving.repository.pushed(files))
            serving.pushed()
            await serving.at(commits[-1])
    async with serve_kit.running(serving, page=PAGE):
        await serving.at(commits[-1])
        known = board(serving).audit
        assert known.is_whole
        assert [one.entry.commit for one in known.entries] == commits[::-1]
        # Somebody pauses it from elsewhere, and what is pushed next is written after that.
        ledger = await ledger_of(serving.world)
        await write_ledger(
            serving.world, replace(ledger, entry=Entry(at=datetime.now(UTC), by="ada"))
        )
        calls = serving.world.calls()
        commits.append(serving.repository.pushed(plans("b")))
        serving.pushed()
        await serving.at(commits[-1])
        entries = board(serving).audit.entries
        assert [one.entry.by for one in entries][1] == "ada"
        assert entries[0].entry.commit == commits[-1]
        assert len(entries) == 5
        made = serving.world.calls() - calls
        commits.append(serving.repository.pushed(plans("c")))
        serving.pushed()
        await serving.at(commits[-1])
        assert len(board(serving).audit.entries) == 6
        # Its own writes it knows, and asks for nothing.
        assert (serving.world.calls() - calls - made)["ListTasks"] < made["ListTasks"]


async def test_what_is_active_and_not_declared_is_on_the_page_too(serving: Serving) -> None:
    await serving.world.register_plan("by.hand", "v1")
    await serving.world.set_state("by.hand", "v1", active=True)
    commit = serving.repository.pushed(plans("a"))
    serving.declare()
    async with serve_kit.running(serving, page=PAGE):
        await serving.at(commit)
        (other,) = board(serving).others
        assert (other.key.name, other.owner) == ("by.hand", "foreign")
        assert [item.key.name for item in board(serving).objects] == ["a"]


async def test_what_is_held_back_is_a_change_that_is_left(serving: Serving) -> None:
    names = [f"p{number}" for number in range(6)]
    first = serving.repository.pushed(plans(*names))
    serving.declare()
    async with serve_kit.running(serving, page=PAGE):
        await serving.at(first)
        serving.repository.pushed({f"deploy/{name}.json": None for name in names[1:]})
        serving.pushed()
        await serving.reason("ApprovalRequired")
        found = board(serving)
        standings = {item.key.name: item.standing for item in found.objects}
        assert standings["p0"] is Standing.READY
        assert standings["p1"] is Standing.UNDECLARED
        assert len(found.changes) == 5
        assert found.syncs[0].result is Result.REFUSED
        assert all(change.block for change in found.syncs[0].changes)


async def test_broken_commit_says_why_and_the_last_good_state_stays(serving: Serving) -> None:
    first = serving.repository.pushed(plans("a"))
    serving.declare()
    async with serve_kit.running(serving, page=PAGE):
        await serving.at(first)
        serving.repository.pushed({"deploy/a.json": "{"})
        serving.pushed()
        await serving.reason("InvalidSpec")
        found = board(serving)
        assert found.state is State.STALLED
        assert first in found.revision
        assert [item.key.name for item in found.objects] == ["a"]
        assert [sync.result for sync in found.syncs] == [Result.FAILED, Result.APPLIED]
        assert len(found.syncs[1].changes) == 1


async def test_suspended_and_forgotten_sets_are_so_on_the_page(serving: Serving) -> None:
    first = serving.repository.pushed(plans("a"))
    serving.declare()
    async with serve_kit.running(serving, page=PAGE):
        await serving.at(first)
        serving.declare(suspend=True)
        await serving.until(lambda: board(serving).state is State.SUSPENDED)
        assert board(serving).next_at is None
        serving.undeclare("team")
        await serving.until(lambda: serving.service.boards.get("team") is None)


async def test_service_without_a_page_keeps_nothing_for_one(serving: Serving) -> None:
    commit = serving.repository.pushed(plans("a"))
    serving.declare()
    async with serve_kit.running(serving):
        state = await serving.at(commit)
        assert state.shown is None
        assert serving.service.boards.all() == ()


async def test_page_is_served_beside_the_webhooks(serving: Serving) -> None:
    commit = serving.repository.pushed(plans("a"))
    serving.declare()
    ports: list[int] = []
    stop = asyncio.Event()
    options = Options(
        paths=(str(serving.config),),
        cwd=serving.home,
        target=run.Target(endpoint=serving.world.endpoint, insecure=True),
        setup=run.Setup(
            rules=serve_kit.Rules(schemes=serve_kit.SCHEMES, cache=serving.home / "cache" / "git")
        ),
        listen="127.0.0.1:0",
        page=Page(listen="127.0.0.1:0", gate=PAGE.gate, started=ports.append),
        started=ports.append,
    )
    working = asyncio.create_task(run.serve(options, stop))
    try:
        await git_kit.until(lambda: len(ports) == 2)
        page, hooks = ports
        async with ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:

            async def shows() -> str:
                async with session.get(f"http://127.0.0.1:{page}/sets/team") as answer:
                    return await answer.text()

            for _ in range(300):
                text = await shows()
                if commit[:12] in text:
                    break
                await asyncio.sleep(0.1)
            assert "FlyteLaunchPlan in flytesnacks/development" in text
            async with session.get(f"http://127.0.0.1:{hooks}/sets/team") as answer:
                assert answer.status == 404
    finally:
        stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await working


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--page", "127.0.0.1:0"], "give --page-token-file, or --page-header with --page-proxy"),
        (["--page-header", "X-User"], "--page: is not given"),
        (["--page", "127.0.0.1:0", "--page-header", "X-User"], "give --page-token-file"),
        (["--page", "127.0.0.1:0", "--page-proxy", "all"], "write an address or a network"),
        (["--page", "127.0.0.1:0", "--page-token-file", "short"], "fewer than 20 characters"),
        (["--page", "127.0.0.1:0", "--page-token-file", "none"], "No such file"),
    ],
)
def test_page_without_a_lock_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    (tmp_path / "short").write_text("secret")
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(serve, ["config", *options])
    assert isinstance(found.exception, UsageError)
    assert said in str(found.exception)
    assert "secret" not in str(found.exception)
