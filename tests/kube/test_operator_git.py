"""FlyteSyncs from Git in a cluster: statuses, secrets, bounds, and what goes first."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import git_kit
import hook_kit
from git_kit import PASSWORD, USER
from operator_kit import Team, condition, custom, message, until
from serve_kit import plan, plans
from world import ledger_of

OPTIONS = ("--allow-scheme", "http")


def secret(name: str, **values: str) -> dict[str, Any]:
    data = {
        key.replace("__", "."): base64.b64encode(text.encode()).decode()
        for key, text in values.items()
    }
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}


async def at(team: Team, commit: str, name: str = "default") -> dict[str, Any]:
    def is_so(found: dict[str, Any]) -> bool:
        revision = str(found["status"].get("lastAppliedRevision"))
        return condition(found, "Ready") == "True" and commit in revision

    return await team.settled("flytesync", name, is_so)


async def look(team: Team, name: str = "default") -> None:
    moment = f"flyte.reconciler.dev/requestedAt={asyncio.get_running_loop().time()}"
    await team.kubectl("annotate", "--overwrite", "flytesync", name, moment)


async def test_repository_is_kept_so_and_its_status_tells(team: Team, tmp_path: Path) -> None:
    repository = git_kit.repository(tmp_path)
    first = repository.pushed(plans("a", "b"))
    with git_kit.web(repository.top, user=USER, password=PASSWORD) as web:
        url = f"{web.url}/specs.git"
        source = {"url": url, "path": "deploy", "secretRef": {"name": "git"}}
        await team.apply(team.connection(), team.sync(git=source))
        async with team.operator(*OPTIONS) as operator:
            lacking = await team.because("flytesync", "default", "GitOperationFailed")
            assert "there is no Secret" in message(lacking)
            await team.apply(secret("git", username=USER, password=PASSWORD))
            sync = await at(team, first)
            assert sync["status"]["objects"] == 2
            assert sync["status"]["lastAppliedRevision"] == f"main@sha1:{first}"
            assert sync["status"]["connection"] == f"{team.namespace}/prod"
            assert set(await team.world.active()) == {"a", "b"}
            listed = await team.kubectl("get", "flytelaunchplans", "-o", "name")
            assert listed.strip() == ""

            calls = team.world.calls()
            apart = repository.pushed({"README": "x"})
            await look(team)
            await at(team, apart)
            assert team.world.calls() == calls

            bad = repository.pushed({"deploy/a.json": "{"})
            await look(team)
            found = await team.because("flytesync", "default", "InvalidSpec")
            assert f"commit {bad[:12]}" in message(found)
            assert found["status"]["lastAttemptedRevision"] == f"main@sha1:{bad}"
            assert found["status"]["lastAppliedRevision"] == f"main@sha1:{apart}"
            assert condition(found, "Stalled") == "True"
            good = repository.pushed({"deploy/a.json": plan("a"), "deploy/b.json": None})
            await look(team)
            found = await at(team, good)
            assert set(await team.world.active()) == {"a"}
            reasons = [one["reason"] for one in found["status"]["history"]]
            assert reasons[:3] == [
                "ReconciliationSucceeded",
                "InvalidSpec",
                "ReconciliationSucceeded",
            ]
            await team.apply(team.plan("mine"))
            mine = await team.because("flytelaunchplan", "mine", "InvalidSpec")
            assert "takes its objects from Git" in message(mine)
            assert set(await team.world.active()) == {"a"}
            await team.kubectl("delete", "flytelaunchplan", "mine", "--timeout=60s")
            await team.kubectl("delete", "flytesync", "default", "--timeout=60s")
            assert set(await team.world.active()) == {"a"}
    assert PASSWORD not in operator.log()
    assert "Traceback" not in operator.log()
    ledger = await ledger_of(team.world, "default")
    assert ledger.claim is not None
    assert ledger.claim.commit == good


async def test_repository_reaches_no_further_than_its_namespace(team: Team, tmp_path: Path) -> None:
    await team.world.register_workflow(domain="production")
    repository = git_kit.repository(tmp_path)
    commit = repository.pushed(
        {**plans("a"), **plans("b", folder="deploy/prod", domain="production")}
    )
    served = [
        {"namespaces": [team.namespace], "projects": ["flytesnacks"], "domains": ["development"]}
    ]
    with git_kit.web(repository.top) as web:
        source = {"url": f"{web.url}/specs.git", "path": "deploy"}
        scopes = [{"project": "flytesnacks", "domains": ["*"]}]
        await team.apply(team.connection(serves=served), team.sync(git=source, scopes=scopes))
        async with team.operator(*OPTIONS):
            found = await team.because("flytesync", "default", "DriftDetected")
            assert "does not let namespace" in message(found)
            assert set(await team.world.active()) == {"a"}
            assert await team.world.active(domain="production") == {}
            for spec, reason in (
                ({"url": "git://127.0.0.1/x"}, "SourceInvalid"),
                ({"url": "https://git.example.com/x"}, "SourceNotAllowed"),
                ({"url": "https://169.254.169.254/x"}, "SourceNotAllowed"),
                (
                    {**source, "secretRef": {"directory": "/var/run/secrets"}},
                    "SourceInvalid",
                ),
                ({**source, "ref": {"branch": "gone"}}, "SourceInvalid"),
            ):
                await team.apply(team.sync(git=spec, scopes=scopes))
                await team.because("flytesync", "default", reason)
            assert set(await team.world.active()) == {"a"}
        assert commit


async def test_sets_of_a_cluster_wait_for_each_other(team: Team, tmp_path: Path) -> None:
    repository = git_kit.repository(tmp_path)
    repository.pushed({"first/a.json": "{", **plans("b", folder="second")})
    with git_kit.web(repository.top) as web:
        url = f"{web.url}/specs.git"
        await team.apply(
            team.connection(),
            team.sync("second", git={"url": url, "path": "second"}, dependsOn=["first"]),
        )
        async with team.operator(*OPTIONS):
            found = await team.because("flytesync", "second", "DependencyNotReady")
            assert "first, which does not exist" in message(found)
            await team.apply(team.sync("first", git={"url": url, "path": "first"}))
            await team.because("flytesync", "first", "InvalidSpec")
            assert await team.world.active() == {}
            commit = repository.pushed({"first/a.json": plan("a")})
            await look(team, "first")
            await at(team, commit, "first")
            await at(team, commit, "second")
            assert set(await team.world.active()) == {"a", "b"}


async def test_push_is_applied_by_a_webhook_and_drift_is_put_back_without_git(
    team: Team, tmp_path: Path
) -> None:
    repository = git_kit.repository(tmp_path)
    first = repository.pushed(plans("a"))
    with git_kit.web(repository.top) as web:
        url = f"{web.url}/specs.git"
        source = {
            "url": url,
            "path": "deploy",
            "webhook": {"forge": "GitHub", "secretRef": {"name": "hook"}},
        }
        await team.apply(
            team.connection(),
            secret("hook", secret=hook_kit.SECRET),
            team.sync(git=source),
        )
        async with (
            team.operator(*OPTIONS, command=("serve", "--kubernetes")) as operator,
            aiohttp.ClientSession() as session,
        ):
            await at(team, first)
            second = repository.pushed(plans("b"))
            body = hook_kit.push("GitHub", url, after=second)
            hooks = f"http://127.0.0.1:{team.listen}/hooks"
            wrong = hook_kit.headers("GitHub", body, secret="wrong")
            async with session.post(hooks, data=body, headers=wrong) as answer:
                assert answer.status == 401
            right = hook_kit.headers("GitHub", body)
            async with session.post(hooks, data=body, headers=right) as answer:
                assert answer.status == 202
            await at(team, second)
            assert set(await team.world.active()) == {"a", "b"}
            await team.apply(team.sync(git=source, interval="1s"))
            await at(team, second)
            web.fault = 503
            versions = await team.world.active()
            await team.world.set_state("a", versions["a"], active=False)
            await team.because("flytesync", "default", "GitOperationFailed")

            async def is_back() -> bool:
                return await team.world.active() == versions

            await until(is_back, lambda: "the drift stays")
        assert hook_kit.SECRET not in operator.log()
        assert "Traceback" not in operator.log()


async def test_operator_ends_although_a_server_keeps_silent(team: Team) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/specs.git"
        await team.apply(team.connection(), team.sync(git={"url": url}))
        async with team.operator(*OPTIONS) as operator:
            silent.settimeout(60)
            asked, _ = await asyncio.to_thread(silent.accept)
            begun = time.monotonic()
        asked.close()
    assert time.monotonic() - begun < 10
    assert "Traceback" not in operator.log()


async def test_api_server_refuses_what_no_repository_is(team: Team) -> None:
    url = "https://git.example.com/a/b"
    for spec in (
        {"url": "https://u:p@git.example.com/a"},
        {"url": "file:///etc"},
        {"url": url, "path": "a/../b"},
        {"url": url, "ref": {"branch": "-x"}},
        {"url": url, "ref": {"branch": "a", "tag": "b"}},
        {"url": url, "verify": {"mode": "Tag", "secretRef": {"name": "a"}}},
        {"url": url, "secretRef": {}},
        {"url": url, "pullRequests": {"repository": "a/b", "secretRef": {"name": "a"}}},
    ):
        text = json.dumps(custom("FlyteSync", "bad", git=spec))
        said = await team.kubectl("apply", "-f", "-", stdin=text, code=1)
        assert "is invalid" in said
    await team.kubectl(
        "apply", "-f", "-", stdin=json.dumps(custom("FlyteSync", "good", git={"url": url}))
    )


async def test_page_shows_the_sets_of_the_cluster(team: Team, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-that-is-long-enough")
    port = git_kit.free_port()
    options = ("--page", f"127.0.0.1:{port}", "--page-token-file", str(token))
    await team.apply(team.connection(), team.sync(), team.plan("daily"))
    serving = team.operator(*options, command=("serve", "--kubernetes"))
    async with (
        serving,
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token.read_text()}"}) as web,
    ):

        async def shown(path: str) -> str:
            with contextlib.suppress(aiohttp.ClientError):
                async with web.get(f"http://127.0.0.1:{port}{path}") as answer:
                    return await answer.text()
            return ""

        await team.ready("flytelaunchplan", "daily")
        name = f"{team.namespace}%2Fdefault"

        async def has(path: str, *texts: str) -> None:
            found = ""

            async def is_so() -> bool:
                nonlocal found
                found = await shown(path)
                return all(text in found for text in texts)

            await until(is_so, lambda: f"{path} shows {found}")

        await has("/", f"{team.namespace}/default", "in sync")
        await has(f"/sets/{name}", "daily", "ready", "applied", "custom resources")
        tomorrow = datetime.now(UTC).date() + timedelta(days=1)
        await has(f"/calendar?day={tomorrow}", "daily")
        await team.apply(team.sync(suspend=True))
        await has("/", "suspended")
        await team.kubectl("delete", "flytesync", "default", "--wait=false")
        await until_gone(shown, f"/sets/{name}")


async def until_gone(shown: Callable[[str], Awaitable[str]], path: str) -> None:
    async def is_so() -> bool:
        return "There is no set" in await shown(path)

    await until(is_so, lambda: f"{path} is still there")
