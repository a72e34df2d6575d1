"""Pull requests of FlyteSyncs in a cluster: plans as far as a namespace may see, and no writes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import chart_kit
import forge_kit
import git_kit
import hook_kit
from forge_kit import StandIn
from git_kit import Repository
from operator_kit import Operator, Team, condition, until
from serve_kit import plan, plans

OPTIONS = ("--allow-scheme", "http")
SOON = (*OPTIONS, "--lease-duration", "6s")
COMMAND = ("serve", "--kubernetes")
GRANTED = {"scope": "namespaced", "secrets": {"read": True}, "git": {"enabled": True}}


def secret(name: str, **values: str) -> dict[str, Any]:
    data = {key: base64.b64encode(text.encode()).decode() for key, text in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}


@dataclass
class Desk:
    """A repository on its server, the forge that knows its pull requests, and a namespace."""

    team: Team
    repository: Repository
    forge: StandIn
    url: str

    def git(self, **pulls: Any) -> dict[str, Any]:
        """What a FlyteSync says of the repository."""
        return {
            "url": self.url,
            "path": "deploy",
            "webhook": {"forge": "GitHub", "secretRef": {"name": "hook"}},
            "pullRequests": {
                "api": self.forge.url,
                "repository": "team/specs",
                "secretRef": {"name": "forge"},
                **pulls,
            },
        }

    async def declare(self, *objects: dict[str, Any], **pulls: Any) -> None:
        """Declare a set with all that it needs; `objects` stand for the set and its connection."""
        await self.team.apply(
            secret("hook", secret=hook_kit.SECRET),
            secret("forge", token=f"{forge_kit.TOKEN}\n"),
            *(objects or (self.team.connection(), self.team.sync(git=self.git(**pulls)))),
        )

    async def at(self, commit: str) -> None:
        """Wait until a commit is applied."""

        def is_so(found: dict[str, Any]) -> bool:
            revision = str(found["status"].get("lastAppliedRevision"))
            return condition(found, "Ready") == "True" and commit in revision

        await self.team.settled("flytesync", "default", is_so)

    async def hook(self, number: int, commit: str, **given: Any) -> None:
        """Deliver what the forge says of a pull request, until it is taken."""
        body = hook_kit.pull("GitHub", self.url, number, commit, **given)
        async with aiohttp.ClientSession() as session:

            async def is_taken() -> bool:
                headers = hook_kit.headers("GitHub", body, event="pull_request")
                url = f"http://127.0.0.1:{self.team.listen}/hooks"
                async with session.post(url, data=body, headers=headers) as answer:
                    return answer.status == 202 and "1 sets" in await answer.text()

            await until(is_taken, lambda: "the webhook is not taken")

    async def told(self, count: int) -> None:
        """Wait until the forge was told so many times."""

        async def is_so() -> bool:
            return len(self.forge.statuses) >= count

        await until(is_so, lambda: f"{self.forge.statuses} {self.team.namespace}")

    async def says(self, *texts: str) -> None:
        """Wait until a comment has these texts."""

        async def is_so() -> bool:
            return any(all(text in body for text in texts) for body in self.forge.bodies)

        await until(is_so, lambda: f"none of {self.forge.bodies} says {texts}")


@asynccontextmanager
async def desk(team: Team, home: Path) -> AsyncIterator[Desk]:
    repository = git_kit.repository(home)
    with git_kit.web(repository.top) as web:
        async with forge_kit.open_forge("github") as forge:
            yield Desk(team, repository, forge, f"{web.url}/specs.git")


def lines(operator: Operator, *texts: str) -> list[str]:
    return [one for one in operator.log().splitlines() if all(text in one for text in texts)]


async def test_pull_requests_are_planned_with_the_rights_of_the_chart(
    team: Team, tmp_path: Path
) -> None:
    who = await asyncio.to_thread(
        lambda: chart_kit.operator(team.cluster, GRANTED, namespace=team.namespace)
    )
    begun = len(team.cluster.requests())
    async with desk(team, tmp_path) as at:
        first = at.repository.pushed(plans("a"))
        await at.declare()
        async with team.operator(*SOON, identity=who, command=COMMAND) as operator:
            await at.at(first)
            calls = team.world.calls()
            pull = at.repository.pull(3, plans("b", "c"))
            at.forge.opened(3, pull)
            await at.hook(3, pull)
            await at.told(1)
            (text,) = at.forge.bodies
            assert text.startswith("<!-- reconcile:plan:default -->")
            assert "2 to add" in text
            assert f"merging {pull[:12]} of pull request 3" in text
            assert at.forge.statuses[0]["context"] == "reconcile/plan (default)"
            assert at.forge.statuses[0]["state"] == "success"
            new = team.world.calls() - calls
            assert not [name for name in new if "Create" in name or "Update" in name]
            assert set(await team.world.active()) == {"a"}

            # What it goes into moves: it is planned again, by nobody's webhook but the push's.
            second = at.repository.pushed(plans("b"))
            stamp = f"flyte.reconciler.dev/requestedAt={second}"
            await team.kubectl("annotate", "--overwrite", "flytesync", "default", stamp)
            await at.at(second)
            await at.says("1 to add", pull[:12])
            (text,) = at.forge.bodies
            assert "deploy/b.json" not in text

            # One that was opened while nobody was there is found by its being open.
            await operator.kill()
            other = at.repository.pull(4, {"deploy/a.json": "{"})
            at.forge.opened(4, other)
            await operator.start()
            await at.says("deploy/a.json")
            assert len(at.forge.bodies) == 2
            assert {one["state"] for one in at.forge.statuses} == {"success", "failure"}
        assert forge_kit.TOKEN not in operator.log()
        assert "Traceback" not in operator.log()
    theirs = [item for item in team.cluster.requests(begun) if item.user.endswith(f":{who.name}")]
    forbidden = [item.path for item in theirs if item.code == 403]
    assert [path for path in forbidden if "customresourcedef" not in path] == []


async def test_plan_tells_nothing_of_where_the_namespace_has_no_business(
    team: Team, tmp_path: Path
) -> None:
    await team.world.register_workflow(domain="production")
    served = [
        {"namespaces": [team.namespace], "projects": ["flytesnacks"], "domains": ["development"]}
    ]
    async with desk(team, tmp_path) as at:
        first = at.repository.pushed(plans("a"))
        scopes = [{"project": "flytesnacks", "domains": ["*"]}]
        await at.declare(
            team.connection(serves=served), team.sync(git=at.git(forks=True), scopes=scopes)
        )
        await team.apply(secret("known", value="some"))
        async with team.operator(*OPTIONS, command=COMMAND) as operator:
            await at.at(first)
            files = {
                **plans("b"),
                **plans("hidden", folder="deploy/prod", domain="production"),
            }
            pull = at.repository.pull(5, files)
            await at.hook(5, pull)
            await at.told(1)
            (text,) = at.forge.bodies
            assert "1 to add" in text
            assert "1 more changes are not shown" in text
            assert "does not let namespace" in text
            assert "hidden" not in text.replace("(hidden", "")

            # A fork asks for a Secret of the namespace, to see whether it is there.
            reference = {"secretKeyRef": {"name": "known", "key": "value"}}
            asked = {
                "apiVersion": "flyte.reconciler.dev/v1alpha1",
                "kind": "FlyteSecret",
                "metadata": {"name": "api"},
                "spec": {"group": "api", "key": "token", "valueFrom": reference},
            }
            stranger = at.repository.pull(6, {"deploy/s.json": str(asked).replace("'", '"')})
            await at.hook(6, stranger, is_fork=True)
            await at.told(2)
            assert "is not read for a pull request from a fork" in at.forge.bodies[-1]
            assert at.forge.statuses[1]["state"] == "failure"
        assert "Traceback" not in operator.log()


async def test_forge_that_may_not_be_asked_and_a_token_that_is_not_there_are_told(
    team: Team, tmp_path: Path
) -> None:
    async with desk(team, tmp_path) as at:
        first = at.repository.pushed(plans("a"))
        await at.declare(api="http://169.254.169.254")
        async with team.operator(*OPTIONS, command=COMMAND) as operator:
            await at.at(first)
            pull = at.repository.pull(7, {"deploy/a.json": plan("a", inputs={"count": 8})})
            await at.hook(7, pull)

            async def is_told(*texts: str) -> None:
                async def is_so() -> bool:
                    return bool(lines(operator, *texts))

                await until(is_so, operator.log)

            await is_told("pull request 7", "git.pullRequests.api: 169.254.169.254")
            await team.kubectl("delete", "secret", "forge")
            await team.apply(team.sync(git=at.git()))
            await at.at(first)
            await at.hook(7, pull)
            await is_told("pull request 7", "there is no Secret", "/forge")
            assert at.forge.asked == []
            await team.apply(secret("forge", token=forge_kit.TOKEN))
            await at.told(1)
            assert "1 to change" in at.forge.bodies[0]
        assert "Traceback" not in operator.log()
