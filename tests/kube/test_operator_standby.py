"""Two replicas of `serve --kubernetes`: its Service leads to the one in charge, and to no other."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import chart_kit
import git_kit
import hook_kit
import pytest
from operator_kit import Operator, Team, condition, until
from serve_kit import plans
from test_operator_pulls import secret

from reconciler.errors import UsageError
from reconciler.serve import leading

TOKEN = "a-token-that-is-long-enough"
SERVICE = f"{chart_kit.RELEASE}-serve"
VALUES = {
    "scope": "namespaced",
    "replicas": 2,
    "secrets": {"read": True},
    "git": {"enabled": True},
    "page": {"enabled": True, "token": {"secretName": "page"}},
}


@dataclass
class Front:
    """What is before two pods: the chart's Service, followed as kube-proxy follows one."""

    team: Team

    async def endpoint(self, port: str) -> str:
        """Where the Service leads; empty for nowhere. Addresses of pods are this machine's."""
        said = await self.team.kubectl(
            *("get", "endpointslices", "-o", "json"),
            *("-l", f"kubernetes.io/service-name={SERVICE}"),
        )
        found = [
            (number["port"], endpoint["addresses"][0])
            for item in json.loads(said)["items"]
            for endpoint in item["endpoints"] or ()
            if endpoint["conditions"]["ready"]
            for number in item["ports"] or ()
            if number["name"] == port
        ]
        assert len(found) <= 1
        return f"http://127.0.0.1:{found[0][0]}" if found else ""

    async def leads_to(self, team: Team) -> None:
        """Wait until webhooks get to a replica."""

        async def is_so() -> bool:
            return await self.endpoint(leading.HOOKS) == f"http://127.0.0.1:{team.listen}"

        await until(is_so, lambda: f"the Service does not lead to {team.listen}")

    async def push(self, url: str, commit: str) -> int:
        """Deliver a webhook to the Service."""
        body = hook_kit.push("GitHub", url, after=commit)
        async with aiohttp.ClientSession() as session:
            hooks = f"{await self.endpoint(leading.HOOKS)}/hooks"
            headers = hook_kit.headers("GitHub", body)
            async with session.post(hooks, data=body, headers=headers) as answer:
                return answer.status

    async def page(self) -> str:
        """Read the first page by the Service."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = await self.endpoint(leading.PAGE)
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
            return await answer.text()


@asynccontextmanager
async def replica(team: Team, identity: Any, home: Path, number: int) -> AsyncIterator[Operator]:
    """Run one of the pods of a release, with the rights of the chart."""
    token = home / "page-token"
    token.write_text(TOKEN)
    pod = {
        "POD_IP": f"192.0.2.{number}",
        "POD_NAME": f"flyte-reconciler-{number}",
        "POD_UID": str(uuid.UUID(int=number)),
    }
    options = (
        *("--allow-scheme", "http", "--lease-duration", "12s"),
        *("--service", SERVICE, "--page", f"127.0.0.1:{git_kit.free_port()}"),
        *("--page-token-file", str(token)),
    )
    command = ("serve", "--kubernetes")
    running = team.operator(*options, identity=identity, command=command, environ=pod)
    async with running as operator:
        yield operator


async def at(team: Team, commit: str) -> None:
    def is_so(found: dict[str, Any]) -> bool:
        revision = str(found["status"].get("lastAppliedRevision"))
        return condition(found, "Ready") == "True" and commit in revision

    await team.settled("flytesync", "default", is_so)


async def test_webhooks_and_the_page_follow_the_lease(team: Team, tmp_path: Path) -> None:
    def install() -> Any:
        objects = chart_kit.render(team.cluster, VALUES, namespace=team.namespace)
        team.cluster.apply(chart_kit.one(objects, "Service", SERVICE))
        return chart_kit.operator(team.cluster, VALUES, namespace=team.namespace)

    who = await asyncio.to_thread(install)
    front, other = Front(team), replace(team, listen=0)
    repository = git_kit.repository(tmp_path)
    first = repository.pushed(plans("a"))
    with git_kit.web(repository.top) as web:
        url = f"{web.url}/specs.git"
        hook = {"forge": "GitHub", "secretRef": {"name": "hook"}}
        await team.apply(
            secret("hook", secret=hook_kit.SECRET),
            team.connection(),
            team.sync(git={"url": url, "path": "deploy", "webhook": hook}),
        )
        assert await front.endpoint(leading.HOOKS) == ""
        async with replica(team, who, tmp_path, 1) as leader:
            await at(team, first)
            await front.leads_to(team)
            async with replica(other, who, tmp_path, 2) as waiting:
                await _is_ready(other)
                assert await _hook_of(other) == 503
                commit = repository.pushed(plans("b"))

                async def is_taken() -> bool:
                    return await front.push(url, commit) == 202

                await until(is_taken, lambda: "the webhook is not taken")
                await at(team, commit)
                assert f"{team.namespace}/default" in await front.page()
                # Somebody else's hand does not lead it astray for long.
                astray = json.dumps({"endpoints": []})
                await team.kubectl(
                    *("patch", "endpointslice", f"{SERVICE}-ipv4"), "--type=merge", "-p", astray
                )
                await front.leads_to(team)

                # Pushed while nobody is in charge, and its webhook lost.
                await leader.kill()
                lost = repository.pushed(plans("c"))
                await front.leads_to(other)
                await at(team, lost)
                assert f"{team.namespace}/default" in await front.page()
                last = repository.pushed(plans("d"))
                await until(lambda: _taken(front, url, last), lambda: "it is not taken")
                await at(team, last)
                owners = await team.kubectl(
                    *("get", "endpointslices", "-o", "jsonpath={..ownerReferences[*].name}")
                )
                assert owners == "flyte-reconciler-2"
                assert "does not lead" not in waiting.log()


async def _taken(front: Front, url: str, commit: str) -> bool:
    return await front.push(url, commit) == 202


async def _is_ready(team: Team) -> None:
    async def is_so() -> bool:
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{team.listen}/readyz") as answer,
            ):
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    await until(is_so, lambda: "it is not ready")


async def _hook_of(team: Team) -> int:
    url = f"http://127.0.0.1:{team.listen}/hooks"
    async with aiohttp.ClientSession() as session, session.post(url, data=b"{}") as answer:
        return answer.status


def test_pod_that_does_not_know_itself_is_told_how() -> None:
    known = {"POD_IP": "10.0.0.7", "POD_NAME": "a", "POD_UID": "b"}
    assert leading.pod_of(known).family == "IPv4"
    assert leading.pod_of(known | {"POD_IP": "fd00::7"}).family == "IPv6"
    with pytest.raises(UsageError, match=r"--service: needs the variables .* POD_UID is not set"):
        leading.pod_of(known | {"POD_UID": ""})
    with pytest.raises(UsageError, match='POD_IP: "pod" is no address'):
        leading.pod_of(known | {"POD_IP": "pod"})
