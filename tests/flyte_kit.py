"""Flyte 2's own client in its environment, and a Flyte for it to talk to."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import grpc
from client_kit import DOMAIN, HERE, ROOT, run, serving
from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.project import project_service_pb2, project_service_pb2_grpc
from flyteidl2.task import task_definition_pb2, task_service_pb2, task_service_pb2_grpc
from flyteidl2.trigger import trigger_service_pb2, trigger_service_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flyteidl2.trigger import trigger_definition_pb2

    from reconciler.server.embedded import Server

SDK = ROOT / ".venv-flyte"
_STYLES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\]8;[^\x1b]*\x1b\\")


def check_sdk() -> None:
    """Fail with the command that makes the client's environment, when it is not there."""
    if not (SDK / "bin" / "flyte").exists():
        raise AssertionError(f"{SDK}: the flyte client is not installed; run `make clients`")


@dataclass(frozen=True, slots=True)
class Sdk:
    """`flyte` and its library against one endpoint, on a copy of the project in `folder`."""

    port: int
    project: str
    folder: Path
    channel: grpc.Channel
    server: Server | None = None

    @property
    def endpoint(self) -> str:
        """Where Flyte is; from a numeric host the client makes up an organisation."""
        return f"localhost:{self.port}"

    @property
    def source(self) -> Path:
        """The copy of the project's code, which a test may change."""
        return self.folder / "src"

    @property
    def variables(self) -> dict[str, str]:
        """What the client's processes find in their environment."""
        return {
            "HOME": str(self.folder / "home"),
            "FLYTE_DISABLE_SENTRY": "true",
            # Its JSON is broken into lines as text is, and styled as if for a terminal.
            "COLUMNS": "100000",
            "TERM": "xterm",
        }

    def edit(self, old: str, new: str) -> None:
        """Change the code."""
        path = self.source / "etl.py"
        text = path.read_text(encoding="utf-8")
        assert old in text, old
        path.write_text(text.replace(old, new), encoding="utf-8")

    def flyte(self, *arguments: str, code: int = 0) -> str:
        """What `flyte` prints, told by a configuration file where its Flyte is."""
        done = run(
            str(SDK / "bin" / "flyte"),
            *("--config", "config.yaml", "--no-progress", *arguments),
            cwd=self.folder,
            code=code,
            **self.variables,
        )
        return _STYLES.sub("", done.stdout + done.stderr)

    def found(self, *arguments: str) -> Any:
        """What `flyte get` finds."""
        return json.loads(self.flyte("-of", "json-raw", "get", *arguments))

    def deploy(self, *arguments: str, code: int = 0) -> str:
        """What `flyte deploy` of one environment, and of what it depends on, prints."""
        return self.flyte("deploy", *arguments, "src/etl.py", "env", code=code)

    def script(self, file: str, **settings: Any) -> Any:
        """The JSON that a script prints in the client's Python."""
        given = {
            "endpoint": self.endpoint,
            "project": self.project,
            "domain": DOMAIN,
            "root": str(self.source),
            **settings,
        }
        done = run(
            str(SDK / "bin" / "python"),
            str(HERE / "scripts" / file),
            json.dumps(given),
            cwd=self.folder,
            PYTHONPATH=str(self.source),
            **self.variables,
        )
        return json.loads(done.stdout.splitlines()[-1])

    def versions(self, name: str) -> list[str]:
        """The versions of a task, oldest first."""
        answer = task_service_pb2_grpc.TaskServiceStub(self.channel).ListVersions(
            task_service_pb2.ListVersionsRequest(
                request=list_pb2.ListRequest(limit=200),
                task_name=task_definition_pb2.TaskName(
                    project=self.project, domain=DOMAIN, name=name
                ),
            )
        )
        return [version.version for version in reversed(answer.versions)]

    def task(self, name: str, version: str) -> task_definition_pb2.TaskDetails:
        """One version of a task."""
        key = task_definition_pb2.TaskIdentifier(
            project=self.project, domain=DOMAIN, name=name, version=version
        )
        stub = task_service_pb2_grpc.TaskServiceStub(self.channel)
        return stub.GetTaskDetails(task_service_pb2.GetTaskDetailsRequest(task_id=key)).details

    def trigger(self, name: str, task: str = "etl.load") -> trigger_definition_pb2.TriggerDetails:
        """A trigger."""
        key = identifier_pb2.TriggerName(
            project=self.project, domain=DOMAIN, task_name=task, name=name
        )
        stub = trigger_service_pb2_grpc.TriggerServiceStub(self.channel)
        request = trigger_service_pb2.GetTriggerDetailsRequest(name=key)
        return stub.GetTriggerDetails(request).trigger

    def stored(self, uri: str) -> bytes:
        """What the embedded Flyte keeps at a place."""
        assert self.server is not None
        # Its database belongs to another thread.
        objects = self.server.store.objects
        return objects.path(uri.removeprefix(objects.native_url(""))).read_bytes()

    def within(self, project: str, folder: Path) -> Sdk:
        """The same Flyte with a new project and a new folder."""
        project_service_pb2_grpc.ProjectServiceStub(self.channel).CreateProject(
            project_service_pb2.CreateProjectRequest(
                project=project_service_pb2.Project(id=project, name=project)
            )
        )
        other = replace(self, project=project, folder=folder)
        (folder / "home").mkdir(parents=True)
        shutil.copytree(
            HERE / "flyte_project", other.source, ignore=shutil.ignore_patterns("__pycache__")
        )
        (folder / "config.yaml").write_text(
            f"admin:\n  endpoint: dns:///{other.endpoint}\n  insecure: true\n"
            f"image:\n  builder: local\n"
            f"task:\n  project: {project}\n  domain: {DOMAIN}\n"
        )
        return other


@contextmanager
def open_sdk(endpoint: str, folder: Path) -> Iterator[Sdk]:
    """The client against a real endpoint, or against an embedded Flyte when none is named."""
    check_sdk()
    if endpoint:
        with _channel(endpoint) as channel:
            yield Sdk(_port(endpoint), "", folder, channel)
        return
    with serving(folder / "embedded") as server, _channel(server.grpc_address) as channel:
        yield Sdk(_port(server.grpc_address), "", folder, channel, server)


def _port(endpoint: str) -> int:
    return int(endpoint.rpartition(":")[2])


def _channel(endpoint: str) -> grpc.Channel:
    return grpc.insecure_channel(endpoint, options=[("grpc.use_local_subchannel_pool", 1)])
