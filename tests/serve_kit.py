"""A service in this process, over an embedded Flyte and a real Git server."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import git_kit
from git_kit import Repository, Web
from world import World, plan_document

from reconciler.api.connecting import Target
from reconciler.git.job import Rules
from reconciler.serve.page import Page
from reconciler.serve.passes import Setup
from reconciler.serve.run import Options, Service
from reconciler.serve.states import State

SCHEMES = frozenset({"http", "https", "ssh"})


def plan(name: str, **spec: Any) -> str:
    """Write a plan document."""
    return json.dumps(plan_document(name, **spec))


def plans(*names: str, folder: str = "deploy", **spec: Any) -> dict[str, str | None]:
    """Write several, each in a file of its own."""
    return {f"{folder}/{name}.json": plan(name, **spec) for name in names}


@dataclass
class Serving:
    """What a test holds: the repository, its server, the Flyte, and the service on top."""

    world: World
    repository: Repository
    web: Web
    home: Path
    config: Path
    service: Service = field(init=False)
    port: int = 0

    @property
    def url(self) -> str:
        """The address of the repository."""
        return f"{self.web.url}/specs.git"

    def declare(self, name: str = "team", *, into: str = "", **spec: Any) -> None:
        """Write a FlyteSync of the repository's folder `deploy`; `git` adds to what that says."""
        git = {"url": self.url, "path": "deploy", **spec.pop("git", {})}
        spec.setdefault("defaults", {"project": "flytesnacks", "domain": "development"})
        notes = spec.pop("annotations", {})
        document = {
            "apiVersion": "flyte.reconciler.dev/v1alpha1",
            "kind": "FlyteSync",
            "metadata": {"name": name, **({"annotations": notes} if notes else {})},
            "spec": {"git": git, **spec},
        }
        self.config.mkdir(parents=True, exist_ok=True)
        path = self.config / f"{into or name}.json"
        made = path.with_suffix(".tmp")
        made.write_text(json.dumps(document))
        made.replace(path)

    def undeclare(self, name: str) -> None:
        """Take a FlyteSync away."""
        (self.config / f"{name}.json").unlink()

    def secret(self, name: str, values: Mapping[str, str]) -> dict[str, str]:
        """Write a folder of secret values, and return a reference to it."""
        folder = self.home / "secrets" / name
        folder.mkdir(parents=True, exist_ok=True)
        for key, value in values.items():
            (folder / key).write_text(value)
        return {"directory": str(folder)}

    def state(self, name: str = "team") -> State:
        """Return what the service says of a set."""
        return self.service.states.get(name)

    async def until(self, holds: Callable[[], object], seconds: float = 30.0) -> None:
        """Wait until something holds."""
        await git_kit.until(holds, seconds)

    async def at(self, commit: str, name: str = "team") -> State:
        """Wait until a set is like a commit."""
        await self.until(lambda: self._is_at(name, commit))
        return self.state(name)

    def _is_at(self, name: str, commit: str) -> bool:
        state = self.state(name)
        return state.is_ready and state.handled == commit

    async def reason(self, reason: str, name: str = "team", *, at: str = "") -> State:
        """Wait until a set has a reason, for a commit where one is given."""
        await self.until(
            lambda: self.state(name).reason == reason and at in self.state(name).attempted
        )
        return self.state(name)

    def pushed(self, name: str = "team") -> None:
        """Say that there is something new, as a webhook does."""
        self.service.pushed(name)


@asynccontextmanager
async def running(
    serving: Serving, *, page: Page | None = None, is_named: bool = False
) -> AsyncIterator[Serving]:
    """Run the service until the block ends; with `is_named` the FlyteSyncs name a connection."""
    world = serving.world
    given = Target(endpoint=world.endpoint, insecure=True, flyte=world.flyte)
    options = Options(
        paths=(str(serving.config),),
        cwd=serving.home,
        target=Target() if is_named else given,
        setup=Setup(rules=Rules(schemes=SCHEMES, cache=serving.home / "cache" / "git")),
        listen="127.0.0.1:0",
        page=page,
    )
    serving.service = Service(options)
    async with serving.service.serving() as port:
        serving.port = port
        working = asyncio.create_task(serving.service.work())
        try:
            yield serving
        finally:
            await serving.service.end(working)
    if not working.cancelled() and working.done():
        working.result()


@asynccontextmanager
async def serving(world: World, home: Path) -> AsyncIterator[Serving]:
    """Make everything but the service itself."""
    repository = git_kit.repository(home)
    with git_kit.web(repository.top) as web:
        yield Serving(world, repository, web, home, home / "config")


def environ() -> dict[str, str]:
    """The environment without what would choose a Flyte."""
    return {name: text for name, text in os.environ.items() if not name.startswith("RECONCILE")}
