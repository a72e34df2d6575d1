"""Commits, reverts and force-pushes while the service is killed: the end is what history says.

RECONCILER_CHAOS_COMMITS chooses how many, RECONCILER_CHAOS_SEEDS which; fifty take some minutes.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import git_kit
import hook_kit
import pytest
import serve_kit
from git_kit import git
from hook_kit import SECRET
from serve_kit import Serving, plan
from world import World, ledger_of

COMMITS = int(os.environ.get("RECONCILER_CHAOS_COMMITS", "10"))
SEEDS = tuple(map(int, os.environ.get("RECONCILER_CHAOS_SEEDS", "11").split()))
SECONDS = 60.0
NAMES = tuple(f"plan-{number}" for number in range(6))


@dataclass
class Service:
    """`reconcile serve` as a process that may be killed at any time."""

    serving: Serving
    log: Path
    port: int = field(default_factory=git_kit.free_port)
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        world = self.serving.world
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(git_kit.PROGRAM, "serve", str(self.serving.config)),
                *("--endpoint", world.endpoint, "--insecure", "--flyte", "Flyte1"),
                *("--allow-scheme", "http", "--listen", f"127.0.0.1:{self.port}"),
                cwd=self.serving.home,
                env={**serve_kit.environ(), "XDG_CACHE_HOME": str(self.serving.home / "cache")},
                stdout=log,
                stderr=log,
            )

    async def kill(self) -> None:
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


@dataclass
class Author:
    """Pushes to the repository; `good` are the commits that are signed, with what they declare."""

    serving: Serving
    signing: tuple[str, ...]
    good: dict[str, Mapping[str, int]] = field(default_factory=dict)
    pushed: list[str] = field(default_factory=list)

    def edit(self, dice: random.Random) -> None:
        """Change, add or remove plans in a signed commit."""
        plans = dict(self._plans())
        for name in dice.sample(NAMES, dice.randint(1, 3)):
            if dice.random() < 0.25 and len(plans) > 4:
                plans.pop(name, None)
            else:
                plans[name] = dice.randint(1, 10**6)
        self._commit(plans, signed=True)

    def revert(self) -> None:
        """Go back to what the commit before declared, in a new commit."""
        before = self.good.get(self._at("HEAD~1"))
        if before is not None:
            self._commit(before, signed=True)

    def unsigned(self, dice: random.Random) -> None:
        """Push a commit that nobody signed, and take it back a moment later."""
        self._commit({**self._plans(), "evil": dice.randint(1, 10**6)}, signed=False)

    def rewrite(self, dice: random.Random) -> None:
        """Go back some commits and on from there, by force."""
        back = self._at(f"HEAD~{dice.randint(1, 3)}")
        while back and back not in self.good:
            back = self._at(f"{back}~1")
        if back:
            git(self.serving.repository.work, "reset", "-q", "--hard", back)
            self.edit(dice)

    def take_back(self, dice: random.Random) -> None:
        """Replace an unsigned commit by a signed one on what was before."""
        if self._at("HEAD") not in self.good:
            git(self.serving.repository.work, "reset", "-q", "--hard", "HEAD~1")
            self.edit(dice)

    def follows(self, older: str, newer: str) -> bool:
        """Say whether a commit follows another one."""
        words = ("git", "merge-base", "--is-ancestor", older, newer)
        return not subprocess.run(words, cwd=self.serving.repository.work, check=False).returncode

    def _plans(self) -> Mapping[str, int]:
        return self.good.get(self._at("HEAD"), {})

    def _at(self, name: str) -> str:
        with suppress(subprocess.CalledProcessError):
            return git(self.serving.repository.work, "rev-parse", "-q", "--verify", name)
        return ""

    def _commit(self, plans: Mapping[str, int], *, signed: bool) -> None:
        repository = self.serving.repository
        folder = repository.work / "deploy"
        folder.mkdir(exist_ok=True)
        for path in folder.glob("*.json"):
            path.unlink()
        for name, count in plans.items():
            (folder / f"{name}.json").write_text(plan(name, inputs={"count": count}))
        git(repository.work, "add", "-A")
        settings = self.signing if signed else ()
        git(repository.work, *settings, "commit", "-q", "--allow-empty", "-m", "edit")
        commit = git(repository.work, "rev-parse", "HEAD")
        if signed:
            self.good[commit] = dict(plans)
        repository.push("--force", "HEAD:refs/heads/main")
        self.pushed.append(commit)


async def live(world: World) -> dict[str, int]:
    """What is active on Flyte: the plans, with the number that each was declared with."""
    found: dict[str, int] = {}
    for name, version in (await world.active()).items():
        found[name] = await count_of(world, name, version)
    return found


async def count_of(world: World, name: str, version: str) -> int:
    from flyteidl.admin import common_pb2
    from flyteidl.core import identifier_pb2

    identifier = identifier_pb2.Identifier(
        resource_type=identifier_pb2.LAUNCH_PLAN,
        project="flytesnacks",
        domain="development",
        name=name,
        version=version,
    )
    answer = await world.stub.GetLaunchPlan(common_pb2.ObjectGetRequest(id=identifier))
    parameter = answer.spec.default_inputs.parameters["count"]
    return int(parameter.default.scalar.primitive.integer)


async def told(service: Service, commit: str) -> None:
    """Send a webhook, which may get lost like any other."""
    body = hook_kit.push("GitHub", service.serving.url, after=commit)
    with suppress(aiohttp.ClientError, TimeoutError):
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{service.port}/hooks"
            headers = hook_kit.headers("GitHub", body)
            await session.post(url, data=body, headers=headers, timeout=aiohttp.ClientTimeout(2))


@pytest.mark.timeout(60 + 30 * COMMITS)
@pytest.mark.parametrize("seed", SEEDS)
async def test_end_is_the_last_commit_that_follows_the_last_applied_one(
    serving: Serving, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    public = git_kit.key_pair(tmp_path / "key")
    signers = serving.secret("signers", {"allowed_signers": f"dev@example.com {public}"})
    author = Author(serving, git_kit.ssh_signing(tmp_path / "key"))
    author.edit(dice)
    hook = serving.secret("hook", {"secret": SECRET})
    serving.declare(
        interval="2s",
        limits={"maxRemovals": 1000, "maxRemovalFraction": 1.0},
        git={
            "verify": {"secretRef": signers},
            "webhook": {"forge": "GitHub", "secretRef": hook},
        },
    )
    service = Service(serving, tmp_path / "log")
    await service.start()
    applied: list[str] = []

    async def check() -> None:
        """See that what is claimed was signed and follows what was claimed before."""
        claim = (await ledger_of(serving.world)).claim
        assert "evil" not in await serving.world.active()
        if claim is None or (applied and applied[-1] == claim.commit):
            return
        assert claim.commit in author.good
        assert not applied or author.follows(applied[-1], claim.commit)
        applied.append(claim.commit)

    try:
        while len(author.pushed) < COMMITS:
            what = dice.choices(
                [
                    lambda: author.edit(dice),
                    author.revert,
                    lambda: author.unsigned(dice),
                    lambda: author.rewrite(dice),
                ],
                [5, 2, 1, 1],
            )[0]
            await asyncio.to_thread(what)
            if dice.random() < 0.6:
                await told(service, author.pushed[-1])
            await asyncio.sleep(dice.choice([0.0, 0.1, 0.5, 1.5]))
            await check()
            if dice.random() < 0.4:
                await service.kill()
                await service.start()
            await asyncio.to_thread(author.take_back, dice)
        tip = author.pushed[-1]
        end = asyncio.get_running_loop().time() + SECONDS
        while True:
            await check()
            last = applied[-1] if applied else ""
            is_due = not last or author.follows(last, tip)
            wanted = author.good[tip if is_due else last]
            if await live(serving.world) == wanted:
                break
            assert asyncio.get_running_loop().time() < end, (
                f"{await live(serving.world)} is not {wanted}\n{service.log.read_text()[-3000:]}"
            )
            await asyncio.sleep(0.3)
        # Left alone it stays so: what does not follow is not applied by a later look.
        await asyncio.sleep(3)
        await check()
        assert await live(serving.world) == wanted
    finally:
        await service.kill()
    said = service.log.read_text()
    assert "a fault of the service itself" not in said
    assert "Traceback" not in said
    assert SECRET not in said
