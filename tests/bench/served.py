"""From a push to what runs: `reconcile serve` over the embedded Flyte, told by a webhook.

The service and the Flyte are processes of their own; the repository is served by git http-backend.
A push is done when `git push` has returned; what it changes is applied when the service has looked
at Flyte once more after its last write, as its metrics tell.
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.model.key import Place
from tests import git_kit, hook_kit
from tests.bench import launch_plans, workflows
from tests.bench.plans import Plan, plans
from tests.bench.scenario import ENVIRON, SCRIPT

PLANS = 100
PUSHES = 40
_SECONDS = 60.0
_PROJECT = "bench-served"
_FILE = "deploy/plans.yaml"


@dataclass
class Served:
    """One service, and the repository that it serves."""

    repository: git_kit.Repository
    url: str
    port: int

    def push(self, parallelism: int, count: int) -> float:
        """Change the first plans, push, tell, and return the seconds until it was applied."""
        place = Place(_PROJECT, "development")
        every = list(plans(PLANS, [place]))
        edited = [Plan(one.number, place, parallelism=parallelism) for one in every[:count]]
        text = "---\n".join(map(launch_plans.document, [*edited, *every[count:]]))
        before = self._counted()
        commit = self.repository.pushed({_FILE: text})
        start = time.perf_counter()
        body = hook_kit.push("GitHub", self.url, after=commit)
        headers = hook_kit.headers("GitHub", body)
        request = urllib.request.Request(self._at("/hooks"), body, headers)
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 202
        while self._counted() == before:
            assert time.perf_counter() - start < _SECONDS, "it was not applied in time"
            time.sleep(0.005)
        return time.perf_counter() - start

    def ready(self) -> None:
        """Wait for the first pass."""
        end = time.monotonic() + _SECONDS
        while not self._counted():
            assert time.monotonic() < end, "the service did not get ready"
            time.sleep(0.05)

    def _counted(self) -> int:
        try:
            with urllib.request.urlopen(self._at("/metrics")) as answer:
                text = answer.read().decode()
        except OSError:
            return 0
        name = r'controller_runtime_reconcile_total\{controller="git",result="success"\}'
        found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
        return int(float(found[1])) if found else 0

    def _at(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def running(endpoint: str, root: Path) -> Iterator[Served]:
    """Run a service on a set of launch plans."""
    place = Place(_PROJECT, "development")
    workflows.prepare(endpoint, [place])
    repository = git_kit.repository(root)
    text = "---\n".join(map(launch_plans.document, plans(PLANS, [place])))
    repository.pushed({_FILE: text})
    port = git_kit.free_port()
    with git_kit.web(repository.top) as web, (root / "log").open("wb") as log:
        secret = root / "hook"
        secret.mkdir()
        (secret / "secret").write_text(hook_kit.SECRET)
        url = f"{web.url}/specs.git"
        (root / "config.json").write_text(json.dumps(_sync(url, secret)))
        process = subprocess.Popen(
            [
                *(str(SCRIPT), "serve", str(root / "config.json"), "--allow-scheme", "http"),
                *("--endpoint", endpoint, "--insecure", "--flyte", "Flyte1"),
                *("--listen", f"127.0.0.1:{port}"),
            ],
            cwd=root,
            env={**os.environ, **ENVIRON, "XDG_CACHE_HOME": str(root / "cache")},
            stdout=log,
            stderr=log,
        )
        try:
            served = Served(repository, url, port)
            served.ready()
            yield served
        finally:
            process.terminate()
            process.wait(60)


def _sync(url: str, secret: Path) -> dict[str, Any]:
    webhook = {"forge": "GitHub", "secretRef": {"directory": str(secret)}}
    return {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteSync",
        "metadata": {"name": "served"},
        "spec": {
            "interval": "1h",
            "defaults": {"project": _PROJECT, "domain": "development"},
            "git": {"url": url, "path": "deploy", "webhook": webhook},
        },
    }


def measure(
    flyte: Callable[[Path], AbstractContextManager[str]], root: Path
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Push again and again, and yield how long it took until it was applied."""
    with flyte(root / "data") as endpoint, running(endpoint, root) as served:
        for name, count, pushes in (("one", 1, PUSHES), ("all", PLANS, PUSHES // 2)):
            load = os.getloadavg()[0]
            took = [served.push(30 + index, count) for index in range(pushes)]
            yield name, {**_spread(took), "pushes": pushes, "load": round(load, 1)}


def _spread(took: Sequence[float]) -> dict[str, float]:
    every = sorted(took)
    return {
        "p50": round(every[len(every) // 2], 3),
        "p95": round(every[math.ceil(len(every) * 0.95) - 1], 3),
        "worst": round(every[-1], 3),
    }
