"""Pull requests get a live plan as a comment and a status, and are never applied."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import forge_kit
import git_kit
import pytest
import serve_kit
from forge_kit import StandIn
from serve_kit import Serving, plan, plans

from reconciler.errors import UsageError
from reconciler.forges import open_pulls
from reconciler.forges.event import Forge
from reconciler.forges.forge import header_of
from reconciler.forges.http import Http
from reconciler.forges.open_pulls import Pull
from reconciler.model.secret import Secret
from reconciler.serve.pulls import MOST, Planned, Pulls

KINDS = {"github": "GitHub", "gitlab": "GitLab", "gitea": "Gitea"}


def declare(serving: Serving, forge: StandIn) -> None:
    hook = serving.secret("hook", {"secret": "x"})
    token = serving.secret("forge", {"token": f"{forge_kit.TOKEN}\n"})
    serving.declare(
        git={
            "webhook": {"forge": KINDS[forge.kind], "secretRef": hook},
            "pullRequests": {"api": forge.url, "repository": "team/specs", "secretRef": token},
        }
    )


def push_pull(serving: Serving, number: int, files: dict[str, str | None], kind: str) -> Pull:
    """Push a pull request, and say what its webhook would."""
    commit = serving.repository.pull(number, files, kind)
    return Pull(number=number, commit=commit, target="main", is_fork=False)


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_pull_request_is_planned_and_not_applied(serving: Serving, kind: str) -> None:
    first = serving.repository.pushed(plans("a"))
    async with forge_kit.open_forge(kind) as forge, serve_kit.running(serving):
        declare(serving, forge)
        await serving.at(first)
        calls = serving.world.calls()
        pull = push_pull(serving, 3, plans("b", "c"), kind)
        serving.service.pulled("team", pull)
        await serving.until(lambda: forge.statuses)
        (text,) = forge.bodies
        assert text.startswith("<!-- reconcile:plan:team -->")
        assert "2 to add" in text
        assert "deploy/b.json" in text
        assert f"merging {pull.commit[:12]} of pull request 3" in text
        (status,) = forge.statuses
        assert status["state"] == "success"
        assert status.get("context", status.get("name")) == "reconcile/plan (team)"
        assert any(f"/statuses/{pull.commit}" in one for one in forge.asked)
        assert set(await serving.world.active()) == {"a"}
        new = serving.world.calls() - calls
        assert not [name for name in new if "Create" in name or "Update" in name]

        second = push_pull(serving, 3, {"deploy/b.json": "{"}, kind)
        serving.service.pulled("team", second)
        await serving.until(lambda: len(forge.statuses) == 2)
        (text,) = forge.bodies
        assert "deploy/b.json" in text
        assert forge.statuses[1]["state"] in {"failure", "failed"}


async def test_what_others_merged_is_not_in_the_plan(serving: Serving) -> None:
    serving.repository.pushed(plans("a"))
    pull = push_pull(serving, 4, plans("b"), "github")
    # Merged meanwhile, and not in the branch; and a drift of its own.
    first = serving.repository.pushed(plans("c"))
    async with forge_kit.open_forge("github") as forge, serve_kit.running(serving):
        declare(serving, forge)
        await serving.at(first)
        version = (await serving.world.active())["c"]
        await serving.world.set_state("c", version, active=False)
        serving.service.pulled("team", pull)
        await serving.until(lambda: forge.statuses)
        (text,) = forge.bodies
        assert "1 to add, 0 to change, 0 to remove" in text
        assert "deploy/c.json" not in text


async def test_conflict_and_a_folder_that_is_not_touched_are_told(serving: Serving) -> None:
    serving.repository.pushed(plans("a"))
    clash = push_pull(serving, 5, {"deploy/a.json": plan("a", inputs={"count": 5})}, "github")
    apart = push_pull(serving, 6, {"README": "x"}, "github")
    first = serving.repository.pushed({"deploy/a.json": plan("a", inputs={"count": 7})})
    async with forge_kit.open_forge("github") as forge, serve_kit.running(serving):
        declare(serving, forge)
        await serving.at(first)
        serving.service.pulled("team", clash)
        await serving.until(lambda: forge.statuses)
        assert "cannot be merged into main" in forge.bodies[0]
        assert forge.statuses[0]["state"] == "failure"
        forge.comments.clear()
        serving.service.pulled("team", apart)
        await serving.until(lambda: len(forge.statuses) == 2)
        assert forge.bodies == []
        assert forge.statuses[1]["state"] == "success"


async def test_wrong_token_is_given_up_and_the_set_goes_on(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    first = serving.repository.pushed(plans("a"))
    async with forge_kit.open_forge("github") as forge, serve_kit.running(serving):
        declare(serving, forge)
        serving.secret("forge", {"token": "tok-wrong-secret"})
        await serving.at(first)
        serving.service.pulled("team", push_pull(serving, 7, plans("b"), "github"))
        await serving.until(lambda: "answered 401" in caplog.text)
        assert "tok-wrong-secret" not in caplog.text
        second = serving.repository.pushed(plans("c"))
        serving.pushed()
        await serving.at(second)


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_open_pull_requests_are_planned_without_a_webhook(
    serving: Serving, kind: str
) -> None:
    first = serving.repository.pushed(plans("a"))
    pull = push_pull(serving, 8, plans("b"), kind)
    stranger = push_pull(serving, 9, plans("c"), kind)
    elsewhere = push_pull(serving, 10, plans("c"), kind)
    async with forge_kit.open_forge(kind) as forge:
        forge.opened(8, pull.commit)
        forge.opened(9, stranger.commit, is_fork=True)
        forge.opened(10, elsewhere.commit, target="release")
        for _ in range(2):
            async with serve_kit.running(serving):
                declare(serving, forge)
                await serving.at(first)
                await serving.until(lambda: forge.statuses)
                (text,) = forge.bodies
                assert "1 to add" in text
                assert f"merging {pull.commit[:12]} of pull request 8" in text
                assert [one for one in forge.asked if "/statuses/" in one] == [
                    one for one in forge.asked if pull.commit in one
                ]
                forge.statuses.clear()


async def test_pull_requests_are_planned_again_when_what_they_go_into_moves(
    serving: Serving,
) -> None:
    first = serving.repository.pushed(plans("a"))
    pull = push_pull(serving, 11, plans("a", "b", inputs={"count": 9}), "github")
    closed = push_pull(serving, 12, plans("c"), "github")
    async with forge_kit.open_forge("github") as forge, serve_kit.running(serving):
        forge.opened(11, pull.commit)
        forge.opened(12, closed.commit)
        declare(serving, forge)
        await serving.at(first)
        await serving.until(lambda: len(forge.statuses) == 2)
        assert sum("1 to add, 1 to change" in text for text in forge.bodies) == 1
        serving.service.pulled("team", replace(closed, is_closed=True))

        second = serving.repository.pushed(plans("b", inputs={"count": 9}))
        serving.pushed()
        await serving.at(second)
        await serving.until(lambda: len(forge.statuses) == 3)
        assert sum("0 to add, 1 to change" in text for text in forge.bodies) == 1
        assert pull.commit in [one for one in forge.asked if "/statuses/" in one][-1]

        apart = serving.repository.pushed({"README": "x"})
        serving.pushed()
        await serving.at(apart)
        await asyncio.sleep(0.6)
        assert len(forge.statuses) == 3


class _Planner:
    """Notes what it is asked; `most` is how many are open, and what goes wrong is told."""

    def __init__(self, *numbers: int) -> None:
        self.open: tuple[Pull, ...] | None = tuple(_pull(number) for number in numbers)
        self.told_of: list[int] = []
        self.lists = 0
        self.fault = ""
        self.tree = "t1"

    async def listed(self, _name: str) -> tuple[Pull, ...] | None:
        self.lists += 1
        if self.fault:
            raise UsageError(self.fault)
        return self.open

    async def told(self, _name: str, pull: Pull) -> Planned | None:
        self.told_of.append(pull.number)
        if self.fault:
            raise UsageError(self.fault)
        return None if self.open is None else Planned(pull.commit, self.tree)


def _pull(number: int, commit: str = "c" * 40) -> Pull:
    return Pull(number=number, commit=commit, target="main", is_fork=False)


@asynccontextmanager
async def keeping(planner: _Planner) -> AsyncIterator[Pulls[str]]:
    pulls = Pulls[str](planner)
    working = asyncio.create_task(pulls.work())
    try:
        yield pulls
    finally:
        working.cancel()


async def test_no_more_pull_requests_are_kept_planned_than_said() -> None:
    planner = _Planner(*range(1, MOST + 20))
    async with keeping(planner) as pulls:
        pulls.looked("team", "t1")
        await git_kit.until(lambda: len(planner.told_of) == MOST)
        for number in range(200, 200 + MOST):
            pulls.pushed("team", _pull(number))
        await git_kit.until(lambda: len(planner.told_of) == 2 * MOST)
        planner.told_of.clear()
        planner.tree = "t2"
        pulls.looked("team", "t2")
        await git_kit.until(lambda: len(planner.told_of) == MOST)
        assert set(planner.told_of) == set(range(200, 200 + MOST))
        pulls.looked("team", "t2")
        await asyncio.sleep(0.5)
        assert len(planner.told_of) == MOST
        assert planner.lists == 1


async def test_pull_requests_of_a_set_that_is_gone_are_forgotten() -> None:
    planner = _Planner(1, 2)
    async with keeping(planner) as pulls:
        pulls.looked("team", "t1")
        await git_kit.until(lambda: sorted(planner.told_of) == [1, 2])
        pulls.keep(())
        planner.tree = "t2"
        pulls.looked("team", "t2")
        await git_kit.until(lambda: sorted(planner.told_of) == [1, 1, 2, 2])
        assert planner.lists == 2
        planner.open = None
        pulls.pushed("team", _pull(3))
        await git_kit.until(lambda: 3 in planner.told_of)
        planner.told_of.clear()
        pulls.looked("team", "t3")
        await git_kit.until(lambda: planner.lists == 3)
        await asyncio.sleep(0.4)
        assert planner.told_of == []


async def test_list_that_fails_is_asked_for_again_and_webhooks_hold_besides(
    caplog: pytest.LogCaptureFixture,
) -> None:
    planner = _Planner(1)
    planner.fault = "the forge is away"
    async with keeping(planner) as pulls:
        pulls.looked("team", "t1")
        await git_kit.until(lambda: planner.lists == 1)
        planner.fault = ""
        pulls.pushed("team", _pull(7))
        await git_kit.until(lambda: planner.told_of == [7])
        await git_kit.until(lambda: planner.lists == 2)
        await git_kit.until(lambda: planner.told_of == [7, 1])
        assert "team: open pull requests: the forge is away" in caplog.text


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_open_pull_requests_are_listed_in_pages(kind: str) -> None:
    async with forge_kit.open_forge(kind) as forge:
        for number in range(1, 121):
            forge.opened(number, "d" * 40, is_fork=number % 3 == 0)
        header, token = header_of(Forge(kind), Secret(forge_kit.TOKEN))
        async with Http(forge.url, header, token, pause=0) as http:
            found = await open_pulls.listed(
                http, Forge(kind), "team/specs", target="main", forks=False, most=70
            )
            assert [one.number for one in found[:3]] == [119, 118, 116]
            assert len(found) == 70
            every = await open_pulls.listed(
                http, Forge(kind), "team/specs", target="main", forks=True, most=500
            )
            assert len(every) == 120
            none = await open_pulls.listed(
                http, Forge(kind), "team/specs", target="release", forks=True, most=500
            )
            assert none == ()
