"""Pull requests get a live plan as a comment and a status, and are never applied."""

from __future__ import annotations

import forge_kit
import pytest
import serve_kit
from forge_kit import StandIn
from git_kit import git
from serve_kit import Serving, plan, plans

from reconciler.serve.payloads import Pull

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
    """Push a branch beside main, as a forge keeps a pull request, and return to main."""
    work = serving.repository.work
    git(work, "checkout", "-q", "-B", f"topic-{number}")
    commit = serving.repository.commit(files)
    name = "merge-requests" if kind == "gitlab" else "pull"
    serving.repository.push("--force", f"HEAD:refs/{name}/{number}/head")
    git(work, "checkout", "-q", "-")
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
