"""The operator beside a real API server: from `kubectl apply` to all Ready, an edit, and silence.

The embedded Flyte, the API server and the operator are processes of their own. What the operator
wrote into the cluster is counted in the API server's audit log, what it sent to Flyte by its own
metrics; that all are Ready is read from the API server.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.model.key import Place
from tests.bench import launch_plans, workflows
from tests.bench.plans import Plan, plans
from tests.bench.scenario import ENVIRON, ROOT, SCRIPT
from tests.kube_kit import Cluster

SIZES = (100, 500, 1000, 5000)
STEADY = 1000
"""The size at which edits and silence are measured."""

INTERVALS = 20
_AGENT = "flyte-reconciler"
_PROGRAMS = ("etcd", "kube-apiserver", "kubectl", "helm")
_SECONDS = 600.0
_QUIET_SECONDS = 2.0

_SETUP = """apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteConnection
metadata: {{name: prod}}
spec:
  endpoint: {endpoint}
  tls: {{insecure: true}}
  serves:
    - {{namespaces: [{namespace}], projects: ["*"], domains: ["*"]}}
---
apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {{name: default}}
spec: {{connection: prod, interval: 1h, defaults: {{project: {namespace}, domain: development}}}}
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """What went out until now: writes into the cluster by kind, and calls to Flyte by method."""

    writes: Counter[str]
    calls: Counter[str]

    def since(self, before: Sent) -> dict[str, dict[str, int]]:
        """Tell what came after an earlier moment."""
        return {
            "writes": dict(self.writes - before.writes),
            "calls": dict(self.calls - before.calls),
        }


@dataclass
class Operated:
    """One namespace with one operator, and the launch plans that are applied to it."""

    cluster: Cluster
    endpoint: str
    folder: Path
    namespace: str = ""
    place: Place = field(default_factory=lambda: Place("", "development"))
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Make the namespace and run the operator for it."""
        self.namespace = self.cluster.namespace("bench")
        self.place = Place(self.namespace, "development")
        workflows.prepare(self.endpoint, [self.place])
        self.apply("setup", _SETUP.format(endpoint=self.endpoint, namespace=self.namespace))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with (self.folder / f"{self.namespace}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(str(SCRIPT), "operator", "--namespace", self.namespace),
                    *("--lease-namespace", self.namespace, "--allow-host", "127.0.0.1"),
                    *("--listen", f"127.0.0.1:{self.port}"),
                ],
                env={**os.environ, **ENVIRON, "KUBECONFIG": str(self.cluster.admin.kubeconfig)},
                stdout=log,
                stderr=log,
            )
        try:
            self._until(lambda: self._is_synced(0))
            yield
        finally:
            self.process.terminate()
            self.process.wait(60)

    def appear(self, count: int) -> dict[str, Any]:
        """Apply launch plans with kubectl, and wait until all are Ready."""
        text = "---\n".join(map(launch_plans.document, plans(count, [self.place])))
        load, before, start = os.getloadavg()[0], self._sent(), time.perf_counter()
        apply = self.apply(f"plans-{count}", text)
        self._until(lambda: self._is_synced(count) and self._are_ready(count))
        ready = time.perf_counter() - start
        self._until_quiet()
        return {
            "apply": round(apply, 2),
            "after": round(ready - apply, 2),
            "peak": self._peak(),
            "load": round(load, 1),
            **self._sent().since(before),
        }

    def edit(self) -> dict[str, Any]:
        """Change one launch plan, and wait until it is Ready again."""
        before, start = self._sent(), time.perf_counter()
        first = Plan(0, self.place, parallelism=21)
        apply = self.apply("edit", launch_plans.document(first))
        self._until(lambda: self._is_current(first.name))
        ready = time.perf_counter() - start
        self._until_quiet()
        return {
            "apply": round(apply, 2),
            "after": round(ready - apply, 2),
            **self._sent().since(before),
        }

    def rest(self) -> dict[str, Any]:
        """Let short intervals go by in which nothing is to be done."""
        text = _SETUP.format(endpoint=self.endpoint, namespace=self.namespace)
        self.apply("setup", text.replace("1h", "1s"))
        # The answer to this edit is no noise; it is written after its pass is counted, and the
        # audit log has it a moment after that.
        self._until(lambda: _is_ready(self._get("flytesyncs/default")))
        self._until_quiet()
        before, load, start = self._sent(), os.getloadavg()[0], time.perf_counter()
        self._passes(INTERVALS)
        took = time.perf_counter() - start
        return {
            "passes": INTERVALS,
            "seconds": round(took, 1),
            "peak": self._peak(),
            "load": round(load, 1),
            **self._sent().since(before),
        }

    def apply(self, name: str, text: str) -> float:
        """Apply documents with kubectl, and return how long that took."""
        path = self.folder / f"{self.namespace}-{name}.yaml"
        path.write_text(text, encoding="utf-8")
        kubectl = str(self.cluster.programs["kubectl"])
        start = time.perf_counter()
        subprocess.run(
            [kubectl, "-n", self.namespace, "apply", "-f", str(path)],
            env={**os.environ, "KUBECONFIG": str(self.cluster.admin.kubeconfig)},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return time.perf_counter() - start

    def _passes(self, more: int) -> None:
        begun = sum(self._metric("reconcile_pass_seconds_count").values())
        self._until(
            lambda: sum(self._metric("reconcile_pass_seconds_count").values()) >= begun + more
        )

    def _until(self, holds: Any) -> None:
        end = time.monotonic() + _SECONDS
        while not holds():
            if self.process is not None and self.process.poll() is not None:
                log = (self.folder / f"{self.namespace}.log").read_text(encoding="utf-8")
                raise AssertionError(f"the operator has ended: {log[-2000:]}")
            assert time.monotonic() < end, f"{self.namespace}: not within {_SECONDS:.0f} s"
            time.sleep(0.1)

    def _until_quiet(self) -> None:
        """Wait for what is written in the background."""
        before = self._sent()
        time.sleep(_QUIET_SECONDS)
        while (now := self._sent()).writes != before.writes:
            before = now
            time.sleep(_QUIET_SECONDS)

    def _is_synced(self, count: int) -> bool:
        """Ask the FlyteSync alone, which costs the server little."""
        found = self._get("flytesyncs/default")
        return _is_ready(found) and found["status"]["objects"] == count

    def _are_ready(self, count: int) -> bool:
        items = self._get("flytelaunchplans")["items"]
        return len(items) == count and all(map(_is_ready, items))

    def _is_current(self, name: str) -> bool:
        return _is_ready(self._get(f"flytelaunchplans/{name}"))

    def _get(self, path: str) -> dict[str, Any]:
        root = f"/apis/flyte.reconciler.dev/v1alpha1/namespaces/{self.namespace}"
        found: dict[str, Any] = self.cluster.call("GET", f"{root}/{path}")[1]
        return found

    def _sent(self) -> Sent:
        writes: Counter[str] = Counter()
        for request in self.cluster.requests():
            is_ours = request.agent == _AGENT and f"/{self.namespace}/" in request.path
            if request.is_write and is_ours and request.code < 300:
                writes[_kind_of(request.path)] += 1
        del writes["lease"]
        calls: Counter[str] = Counter()
        for labels, value in self._metric("reconcile_backend_request_seconds_count").items():
            calls[re.findall(r'method="(?:\w+\.)?(\w+)"', labels)[0]] += int(value)
        return Sent(writes, calls)

    def _metric(self, name: str) -> dict[str, float]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
                text = answer.read().decode()
        except OSError:
            return {}
        found = re.findall(rf"^{name}\{{(.*)\}} (\S+)$", text, re.MULTILINE)
        return {labels: float(value) for labels, value in found}

    def _peak(self) -> int:
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) // 1024


@contextmanager
def started(folder: Path) -> Iterator[Cluster]:
    """Run an API server with our definitions."""
    command = [sys.executable, str(ROOT / "tests" / "kube_programs.py")]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    programs = dict(zip(_PROGRAMS, map(Path, said.splitlines()), strict=True))
    cluster = Cluster(folder, programs)
    try:
        cluster.start()
        cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        crds = ("-f", str(ROOT / "crds"))
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", *crds)
        yield cluster
    finally:
        cluster.kill()


def measure(
    flyte: Callable[[Path], AbstractContextManager[str]], root: Path, *, most: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Measure each size, each with a Flyte and an operator of its own, and yield what was found."""
    with started(root / "cluster") as cluster:
        for count in SIZES:
            if count > most:
                continue
            with flyte(root / f"data-{count}") as endpoint:
                operated = Operated(cluster, endpoint, root)
                with operated.running():
                    yield str(count), operated.appear(count)
                    if count == STEADY:
                        yield "edit", operated.edit()
                        yield "steady", operated.rest()


def _is_ready(found: dict[str, Any]) -> bool:
    status = found.get("status") or {}
    states = {item["type"]: item["status"] for item in status.get("conditions", ())}
    is_current = status.get("observedGeneration") == found["metadata"]["generation"]
    return is_current and states.get("Ready") == "True"


def _kind_of(path: str) -> str:
    bare = path.partition("?")[0]
    if "/leases" in bare:
        return "lease"
    if "/events" in bare:
        return "event"
    return "status" if bare.endswith("/status") else "finalizer"
