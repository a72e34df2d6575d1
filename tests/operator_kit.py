"""The operator as a process, beside a real API server and an embedded Flyte."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kube_kit import Cluster, Identity
from world import DOMAIN, PROJECT, World

PROGRAM = str(Path(sys.executable).with_name("reconcile"))
API_VERSION = "flyte.reconciler.dev/v1alpha1"
WAIT_SECONDS = 60


def custom(kind: str, name: str, /, **spec: Any) -> dict[str, Any]:
    """Make a custom resource."""
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


@dataclass
class Team:
    """A namespace with a connection to a Flyte, and what its people do there."""

    cluster: Cluster
    world: World
    namespace: str
    listen: int = 0

    def __post_init__(self) -> None:
        self.listen = self.listen or _free_port()

    def connection(self, name: str = "prod", /, **spec: Any) -> dict[str, Any]:
        """Make a FlyteConnection that lets this namespace do everything."""
        served = {"namespaces": [self.namespace], "projects": ["*"], "domains": ["*"]}
        base = {"endpoint": self.world.endpoint, "tls": {"insecure": True}, "serves": [served]}
        return custom("FlyteConnection", name, **{**base, **spec})

    def sync(self, name: str = "default", /, **spec: Any) -> dict[str, Any]:
        """Make a FlyteSync on that connection."""
        defaults = {"project": PROJECT, "domain": DOMAIN}
        return custom(
            "FlyteSync",
            name,
            **{"connection": "prod", "defaults": defaults, "interval": "1h"} | spec,
        )

    def plan(self, name: str, /, **spec: Any) -> dict[str, Any]:
        """Make a FlyteLaunchPlan on workflow `etl`, version v1, every morning."""
        base: dict[str, Any] = {
            "workflow": {"name": "etl", "version": "v1"},
            "schedule": {"cron": "0 6 * * *", "timezone": "UTC", "kickoffInput": "day"},
            "inputs": {"count": 3},
        }
        return custom("FlyteLaunchPlan", name, **{**base, **spec})

    async def apply(self, *objects: Mapping[str, Any]) -> None:
        """Apply objects into the namespace."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        await self.kubectl("apply", "-f", "-", stdin=text)

    async def kubectl(self, *arguments: str, stdin: str = "", code: int | None = 0) -> str:
        """Run kubectl in the namespace, without holding up the server in this process."""
        return await asyncio.to_thread(
            self.cluster.kubectl, "-n", self.namespace, *arguments, stdin=stdin, code=code
        )

    async def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """Read an object, None when it is gone."""
        said = await self.kubectl("get", kind, name, "-o", "json", "--ignore-not-found")
        return json.loads(said) if said.strip() else None

    async def ready(self, kind: str, name: str) -> dict[str, Any]:
        """Wait until an object is Ready, and return it."""
        return await self.settled(kind, name, lambda found: condition(found, "Ready") == "True")

    async def because(self, kind: str, name: str, reason: str) -> dict[str, Any]:
        """Wait until an object is as it is for a reason, and return it."""
        return await self.settled(kind, name, lambda found: why(found) == reason)

    async def settled(
        self, kind: str, name: str, holds: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """Wait until the operator has looked at an object's spec and something holds."""
        found: dict[str, Any] | None = None

        async def is_so() -> bool:
            nonlocal found
            found = await self.get(kind, name)
            return found is not None and _is_observed(found) and holds(found)

        await until(is_so, lambda: f"{kind}/{name} is {json.dumps(found, indent=1)}")
        assert found is not None
        return found

    async def gone(self, kind: str, name: str) -> None:
        """Wait until an object is gone."""

        async def is_so() -> bool:
            return await self.get(kind, name) is None

        await until(is_so, lambda: f"{kind}/{name} is still there")

    async def all_ready(self, count: int, seconds: float = 120) -> list[dict[str, Any]]:
        """Wait until this many launch plans are there and every one is Ready."""
        found: list[dict[str, Any]] = []

        async def is_so() -> bool:
            said = await self.kubectl("get", "flytelaunchplans", "-o", "json")
            found[:] = json.loads(said)["items"]
            ready = [
                item for item in found if _is_observed(item) and condition(item, "Ready") == "True"
            ]
            return len(ready) == len(found) == count

        def told() -> str:
            return "; ".join(f"{item['metadata']['name']}: {message(item)}" for item in found[:5])

        await until(is_so, told, seconds)
        return found

    async def events(self) -> list[dict[str, Any]]:
        """Read the events of the namespace, oldest first."""
        said = await self.kubectl("get", "events.events.k8s.io", "-o", "json")
        return sorted(json.loads(said)["items"], key=lambda item: str(item["eventTime"]))

    async def reasons(self) -> list[str]:
        """Name what events tell of, as `Normal LaunchPlanCreated daily`."""
        return [
            f"{item['type']} {item['reason']} {item['regarding']['name']}"
            for item in await self.events()
        ]

    @asynccontextmanager
    async def operator(
        self,
        *options: str,
        identity: Identity | None = None,
        restarts: bool = True,
        command: tuple[str, ...] = ("operator",),
        environ: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Operator]:
        """Run an operator for this namespace, and end it in order.

        One that ends by itself is started again, as a kubelet would; with `restarts` false it is
        not.
        """
        operator = Operator(self, options, identity or self.cluster.admin, command)
        operator.environ = environ or {}
        await operator.start()
        watching = asyncio.create_task(operator.keep_running()) if restarts else None
        try:
            yield operator
        finally:
            if watching is not None:
                watching.cancel()
            await operator.stop()


@dataclass
class Operator:
    """One process of `reconcile operator`."""

    team: Team
    options: tuple[str, ...]
    identity: Identity
    command: tuple[str, ...] = ("operator",)
    environ: Mapping[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None
    said: bytes = b""

    async def start(self) -> None:
        """Start the process; what it says is kept in a file."""
        if self.identity is not self.team.cluster.admin:
            await self._is_known()
        log = self.team.cluster.folder / f"operator-{self.team.namespace}.log"
        with log.open("ab") as stream:
            self.process = await asyncio.create_subprocess_exec(
                PROGRAM,
                *self.command,
                *("--namespace", self.team.namespace, "--allow-host", "127.0.0.1"),
                *("--lease-namespace", self.team.namespace),
                *("--listen", f"127.0.0.1:{self.team.listen}"),
                *self.options,
                env={
                    **os.environ,
                    "KUBECONFIG": str(self.identity.kubeconfig),
                    **self.environ,
                },
                stdout=stream,
                stderr=stream,
            )

    async def _is_known(self) -> None:
        """Wait a little until the API server has heard of the account's rights."""
        asked = ("auth", "can-i", "list", "flytesyncs.flyte.reconciler.dev")
        team = self.team
        for _ in range(50):
            said = await asyncio.to_thread(
                *(team.cluster.kubectl, "-n", team.namespace, *asked),
                code=None,
                identity=self.identity,
            )
            if said.startswith("yes"):
                return
            await asyncio.sleep(0.1)

    def log(self) -> str:
        """Return what all operators of the namespace have said."""
        path = self.team.cluster.folder / f"operator-{self.team.namespace}.log"
        return path.read_text(encoding="utf-8")

    async def keep_running(self) -> None:
        """Start the process again whenever it has ended by itself."""
        while True:
            assert self.process is not None
            code = await self.process.wait()
            if code == -signal.SIGKILL:
                await asyncio.sleep(0.05)
                continue
            await self.start()

    async def in_charge(self) -> None:
        """Wait until the process leads."""

        async def is_so() -> bool:
            try:
                return await self.metric("reconcile_leader") == 1
            except OSError:
                return False

        await until(is_so, lambda: f"nobody is in charge: {self.log()[-500:]}")

    async def stop(self) -> int:
        """End it in order; returns the exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), 40)

    async def kill(self) -> None:
        """End it on the spot."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    def freeze(self) -> None:
        """Stop the process without ending it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    async def metric(self, name: str, **labels: str) -> float:
        """Sum the samples of a metric that have these labels."""
        url = f"http://127.0.0.1:{self.team.listen}/metrics"
        text = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=10).read())
        total = 0.0
        for line in text.decode().splitlines():
            found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if found is None or found[1] != name:
                continue
            given = dict(re.findall(r'(\w+)="([^"]*)"', found[2] or ""))
            if labels.items() <= given.items():
                total += float(found[3])
        return total


def condition(found: Mapping[str, Any], name: str) -> str:
    """Return the status of a condition, empty where it is not there."""
    conditions = found.get("status", {}).get("conditions", [])
    return next((item["status"] for item in conditions if item["type"] == name), "")


def why(found: Mapping[str, Any]) -> str:
    """Return the reason of Ready."""
    conditions = found.get("status", {}).get("conditions", [])
    return next((item["reason"] for item in conditions if item["type"] == "Ready"), "")


def message(found: Mapping[str, Any]) -> str:
    """Return the message of Ready."""
    conditions = found.get("status", {}).get("conditions", [])
    return next((item["message"] for item in conditions if item["type"] == "Ready"), "")


async def until(
    holds: Callable[[], Any], told: Callable[[], str], seconds: float = WAIT_SECONDS
) -> None:
    """Wait for something; fails with what `told` says."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not await holds():
        assert loop.time() < end, told()
        await asyncio.sleep(0.1)


async def until_passes(operator: Operator, more: int) -> None:
    """Wait until the operator has made more passes over its sets."""
    begun = await operator.metric("reconcile_pass_seconds_count")

    async def is_so() -> bool:
        return await operator.metric("reconcile_pass_seconds_count") >= begun + more

    await until(is_so, lambda: "the operator makes no passes")


def _is_observed(found: Mapping[str, Any]) -> bool:
    return found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"]


def _free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])
