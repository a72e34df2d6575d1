"""Keeps what clients of Flyte 2 deploy to an embedded Flyte, as they sent it."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any

import grpc
from flyteidl2.cluster import payload_pb2
from flyteidl2.project import project_service_pb2
from google.protobuf.message import Message

from reconciler.backends.flyte2.package import recording
from reconciler.backends.flyte2.package.recording import Request
from reconciler.backends.packages.recording import Upload
from reconciler.server.flyte2 import projects
from reconciler.server.serving import WRITES, Server
from reconciler.server.status import StatusError

_Cluster = payload_pb2.SelectClusterRequest
_FOR_TRIGGERS = _Cluster.OPERATION_UPLOAD_TRIGGER
_DEPLOY = "DeployTask"
_UPLOADS = frozenset({"CreateUploadLocation", "UploadInputs"})


class Tape2:
    """What came in at a server of Flyte 2; `Listening` tells it.

    `sent` are the deployments that were accepted, `left_out` counts other writes.
    """

    def __init__(self, server: Server) -> None:
        self.sent: list[Request] = []
        self.left_out: Counter[str] = Counter()
        self._server = server
        self._asked: list[Request] = []
        self._uploads: set[str] = set()

    def counts(self) -> dict[str, int]:
        """Count what was registered; what was sent under several versions counts once."""
        return {"task": len({request.task_id.name for request in self.sent})}

    def triggers(self) -> tuple[str, ...]:
        """Name the triggers that came with tasks, as TASK/NAME."""
        found = {pair for request in self.sent for pair in recording.triggers(request)}
        return tuple("/".join(pair) for pair in sorted(found))

    def package(self) -> bytes:
        """Make the package; raises UsageError when it cannot be one."""
        uploads = [
            Upload(url, url.rpartition("/")[2], content)
            for url in sorted(self._uploads)
            if (content := self._server.uploaded(url)) is not None
        ]
        store = self._server.store.objects.native_url()
        return recording.package(self.sent, uploads, store=store)

    # No other call comes in between these for one call, since none of them waits.

    def before(self, method: str, request: Any) -> None:
        """Keep a copy, and have triggers keep their inputs with them.

        The SDK asks where to upload the inputs of a trigger; where nowhere, it sends them along.
        """
        self._make_place(request)
        if method == _DEPLOY:
            copied = Request()
            copied.CopyFrom(request)
            self._asked.append(copied)
        elif isinstance(request, _Cluster) and request.operation == _FOR_TRIGGERS:
            raise StatusError(grpc.StatusCode.UNIMPLEMENTED, "inputs go with their trigger")

    def after(self, method: str, answer: Any) -> None:
        """Note that a call was carried out."""
        if method == _DEPLOY:
            self.sent.append(self._asked.pop())
        elif method == "CreateUploadLocation":
            self._uploads.add(answer.native_url)
        elif method in WRITES - _UPLOADS:
            self.left_out[method] += 1

    def instead(self, method: str, request: Any, error: StatusError) -> Message | None:
        """Forget a deployment that was refused."""
        del request, error
        if method == _DEPLOY:
            self._asked.pop()
        return None

    def _make_place(self, request: Any) -> None:
        """Every project that is asked for exists."""
        for name in _projects(request):
            asked = project_service_pb2.Project(id=name, name=name)
            with suppress(StatusError):  # taken
                projects.create(
                    self._server.store, project_service_pb2.CreateProjectRequest(project=asked)
                )


def _projects(request: Any) -> list[str]:
    """Name the projects that a request is about."""
    fields = request.DESCRIPTOR.fields_by_name
    found = [request.project] if "project" in fields and isinstance(request.project, str) else []
    for name in ("task_id", "project_id", "task_name"):
        if name in fields and request.HasField(name):
            holder = getattr(request, name)
            found.append(holder.name if name == "project_id" else holder.project)
    return [name for name in found if name]
