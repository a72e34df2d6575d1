"""Flytekit in its own environment, and a Flyte for it to talk to.

The server runs in a thread of its own, so that a test may wait for a client's process.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from flyteidl.admin import common_pb2, launch_plan_pb2, project_pb2
from flyteidl.core import identifier_pb2
from flyteidl.service import admin_pb2_grpc

from reconciler.server.embedded import AuthSettings, Server, open_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[1]
KIT = ROOT / ".venv-flytekit"
HERE = ROOT / "tests" / "clients"
IMAGE = "registry.example.com/etl:v1"
DOMAIN = "development"
_SECONDS = 120


def check_kit() -> None:
    """Fail with the command that makes flytekit's environment, when it is not there."""
    if not (KIT / "bin" / "pyflyte").exists():
        raise AssertionError(f"{KIT}: flytekit is not installed; run `make clients`")


def environment(**more: str) -> dict[str, str]:
    """This process's variables without any setting of a Flyte client."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FLYTE", "PYTHONPATH", "RECONCILE"))
    }
    return {**kept, **more}


def run(
    *command: str, cwd: Path, code: int | None = 0, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a process to its end and check its exit code; None takes any."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert code is None or done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@dataclass(frozen=True, slots=True)
class Kit:
    """Flytekit's programs against one endpoint, on a copy of the project in `folder`."""

    endpoint: str
    project: str
    folder: Path
    stub: admin_pb2_grpc.AdminServiceStub
    server: Server | None = field(default=None)

    @property
    def source(self) -> Path:
        """The copy of the project's code, which a test may change."""
        return self.folder / "src"

    @property
    def config(self) -> Path:
        """A configuration file as flytectl and flytekit read it."""
        return self.folder / "config.yaml"

    def renew(self) -> None:
        """Copy the project's code again."""
        shutil.rmtree(self.source, ignore_errors=True)
        shutil.copytree(HERE / "project", self.source, ignore=shutil.ignore_patterns("__pycache__"))

    def edit(self, old: str, new: str) -> None:
        """Change the code."""
        path = self.source / "etl.py"
        text = path.read_text(encoding="utf-8")
        assert old in text, old
        path.write_text(text.replace(old, new), encoding="utf-8")

    def pyflyte(self, *arguments: str, code: int = 0) -> str:
        """What `pyflyte` prints."""
        done = run(
            str(KIT / "bin" / "pyflyte"),
            "--config",
            str(self.config),
            *arguments,
            cwd=self.folder,
            code=code,
            COLUMNS="200",
        )
        return done.stdout + done.stderr

    def register(self, *arguments: str, domain: str = DOMAIN, code: int = 0) -> str:
        """What `pyflyte register` of the whole project prints."""
        return self.pyflyte(
            *("register", "-p", self.project, "-d", domain, "-i", IMAGE, *arguments, "src/etl.py"),
            code=code,
        )

    def script(self, file: str, **settings: Any) -> Any:
        """The JSON that a script of this folder prints in flytekit's Python."""
        given = {"endpoint": self.endpoint, "project": self.project, "domain": DOMAIN, **settings}
        done = run(
            str(KIT / "bin" / "python"),
            str(HERE / "scripts" / file),
            json.dumps(given),
            cwd=self.folder,
            PYTHONPATH=str(self.source),
        )
        return json.loads(done.stdout.splitlines()[-1])

    def reconcile_process(
        self, *arguments: str, cwd: Path, code: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run `reconcile`."""
        return run(sys.executable, "-m", "reconciler", *arguments, cwd=cwd, code=code)

    def reconcile(self, *arguments: str, cwd: Path, code: int | None = 0) -> str:
        """What `reconcile` prints."""
        done = self.reconcile_process(*arguments, cwd=cwd, code=code)
        return done.stdout + done.stderr

    def plans(self, domain: str = DOMAIN, **at: str) -> list[launch_plan_pb2.LaunchPlan]:
        """All launch plans of the project-domain, oldest first."""
        answer = self.stub.ListLaunchPlans(
            common_pb2.ResourceListRequest(
                id=common_pb2.NamedEntityIdentifier(project=self.project, domain=domain, **at),
                limit=10_000,
                sort_by=common_pb2.Sort(key="id", direction=common_pb2.Sort.ASCENDING),
            )
        )
        return list(answer.launch_plans)

    def active(self, domain: str = DOMAIN) -> dict[str, str]:
        """Names of active plans and their versions; a name twice fails."""
        found = [plan for plan in self.plans(domain) if plan.closure.state]
        active = {plan.id.name: plan.id.version for plan in found}
        assert len(active) == len(found), "a name has two active versions"
        return active

    def plan(self, name: str, version: str) -> launch_plan_pb2.LaunchPlan:
        """One version of a launch plan."""
        return self.stub.GetLaunchPlan(self._get(identifier_pb2.LAUNCH_PLAN, name, version))

    def task(self, name: str, version: str) -> Any:
        """One version of a task."""
        return self.stub.GetTask(self._get(identifier_pb2.TASK, name, version))

    def workflow(self, name: str, version: str) -> Any:
        """One version of a workflow, compiled with its tasks."""
        found = self.stub.GetWorkflow(self._get(identifier_pb2.WORKFLOW, name, version))
        return found.closure.compiled_workflow

    def _get(self, kind: Any, name: str, version: str) -> common_pb2.ObjectGetRequest:
        return common_pb2.ObjectGetRequest(
            id=identifier_pb2.Identifier(
                resource_type=kind,
                project=self.project,
                domain=DOMAIN,
                name=name,
                version=version,
            )
        )

    def within(self, project: str, folder: Path) -> Kit:
        """The same Flyte with a new project and a new folder."""
        self.stub.RegisterProject(
            project_pb2.ProjectRegisterRequest(
                project=project_pb2.Project(id=project, name=project)
            )
        )
        other = replace(self, project=project, folder=folder)
        folder.mkdir(parents=True, exist_ok=True)
        host = self.endpoint
        other.config.write_text(f"admin:\n  endpoint: dns:///{host}\n  insecure: true\n")
        other.renew()
        return other


@contextmanager
def open_kit(endpoint: str, folder: Path) -> Iterator[Kit]:
    """Flytekit against a real endpoint, or against an embedded Flyte when none is named."""
    check_kit()
    if endpoint:
        with _stub(endpoint) as stub:
            yield Kit(endpoint, "", folder, stub)
        return
    with serving(folder / "embedded") as server, _stub(server.grpc_address) as stub:
        yield Kit(server.grpc_address, "", folder, stub, server)


@contextmanager
def _stub(endpoint: str) -> Iterator[admin_pb2_grpc.AdminServiceStub]:
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(endpoint, options=options) as channel:
        yield admin_pb2_grpc.AdminServiceStub(channel)


@contextmanager
def serving(folder: Path, *, auth: AuthSettings | None = None) -> Iterator[Server]:
    """An embedded Flyte in a thread of its own."""
    loop = asyncio.new_event_loop()
    started: list[Server] = []
    up = threading.Event()

    async def serve() -> None:
        stop = asyncio.Event()
        stops.append(stop)
        async with open_server(folder, auth=auth) as server:
            started.append(server)
            up.set()
            await stop.wait()

    stops: list[asyncio.Event] = []
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert up.wait(30), "the embedded Flyte did not start"
    try:
        yield started[0]
    finally:
        loop.call_soon_threadsafe(stops[0].set)
        thread.join(30)
        loop.close()


def difference(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Calls that came in between two counts."""
    return {
        name: count - before.get(name, 0)
        for name, count in after.items()
        if count > before.get(name, 0)
    }
