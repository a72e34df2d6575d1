"""Keeps what clients of Flyte 1 register at an embedded Flyte, as they sent it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import grpc
from flyteidl.admin import common_pb2, launch_plan_pb2, project_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2, tasks_pb2
from google.protobuf.message import Message

from reconciler.backends.flyte1 import recording
from reconciler.backends.flyte1.recording import Request
from reconciler.backends.packages.recording import Upload
from reconciler.server.flyte1 import projects
from reconciler.server.serving import WRITES, Server
from reconciler.server.status import StatusError

_Key = tuple[str, str, str, str]
"""Project, domain, name, version."""

_RESPONSES: Mapping[str, Callable[[], Message]] = {
    "CreateTask": task_pb2.TaskCreateResponse,
    "CreateWorkflow": workflow_pb2.WorkflowCreateResponse,
    "CreateLaunchPlan": launch_plan_pb2.LaunchPlanCreateResponse,
}
_KINDS = {"CreateTask": "task", "CreateWorkflow": "workflow", "CreateLaunchPlan": "launch plan"}


class Tape:
    """What came in at a server of Flyte 1; `Listening` tells it.

    `sent` are the requests that were accepted, `activated` names of launch plans, `unchecked`
    names of what refers to entities that are not here, `left_out` counts other writes.
    """

    def __init__(self, server: Server) -> None:
        self.sent: list[Request] = []
        self.activated: set[str] = set()
        self.unchecked: dict[str, None] = {}
        self.left_out: Counter[str] = Counter()
        self._server = server
        self._stored: dict[tuple[str, _Key], None] = {}
        self._accepted: dict[tuple[str, _Key], Any] = {}
        self._uploads: set[str] = set()

    def counts(self) -> dict[str, int]:
        """Count what was registered, by kind; what was sent twice counts once."""
        kinds = Counter(kind for kind, _ in (*self._stored, *self._accepted))
        return {_KINDS[method]: kinds[method] for method in _KINDS}

    def package(self) -> bytes:
        """Make the package; raises UsageError when it cannot be one."""
        uploads = [
            Upload(url, url.rpartition("/")[2], content)
            for url in sorted(self._uploads)
            if (content := self._server.uploaded(url)) is not None
        ]
        return recording.package(self.sent, uploads, activated=self.activated)

    # No other call comes in between these three for one call, since none of them waits.

    def before(self, method: str, request: Any) -> None:
        """Keep a copy, since handlers complete what they are given."""
        self._make_place(request)
        if method in _RESPONSES:
            copied = type(request)()
            copied.CopyFrom(request)
            self.sent.append(copied)
        elif method == "UpdateLaunchPlan":
            if request.state == launch_plan_pb2.ACTIVE:
                self.activated.add(request.id.name)
            else:
                self.activated.discard(request.id.name)

    def after(self, method: str, answer: Any) -> None:
        """Note that a call was carried out."""
        if method in _RESPONSES:
            self._stored[method, _key(self.sent[-1].id)] = None
        elif method == "CreateUploadLocation":
            self._uploads.add(answer.native_url)
        elif method in WRITES and method != "UpdateLaunchPlan":
            self.left_out[method] += 1

    def instead(self, method: str, request: Any, error: StatusError) -> Message | None:
        """Answer a call that was refused; None lets it be."""
        if method in _RESPONSES:
            return self._judge(method, error)
        if method == "UpdateLaunchPlan":
            if ("CreateLaunchPlan", _key(request.id)) in self._accepted:
                return launch_plan_pb2.LaunchPlanUpdateResponse()
            self.activated.discard(request.id.name)
            return None
        return self._read(method, request)

    def _judge(self, method: str, error: StatusError) -> Message | None:
        """Accept what the server could not judge, for want of what it refers to."""
        sent = self.sent[-1]
        if error.code is grpc.StatusCode.ALREADY_EXISTS:
            return None
        stored = {key for _, key in self._stored}
        if all(_key(identifier) in stored for identifier in recording.references(sent)):
            self.sent.pop()
            return None
        self._accepted[method, _key(sent.id)] = sent
        self.unchecked[sent.id.name] = None
        return _RESPONSES[method]()

    def _read(self, method: str, request: Any) -> Message | None:
        """Answer a read of what was accepted and is not in the server."""
        if not isinstance(request, common_pb2.ObjectGetRequest):
            return None
        key = _key(request.id)
        if method == "GetWorkflow" and (sent := self._accepted.get(("CreateWorkflow", key))):
            return self._closure(sent)
        if method == "GetLaunchPlan" and (sent := self._accepted.get(("CreateLaunchPlan", key))):
            return launch_plan_pb2.LaunchPlan(id=sent.id, spec=sent.spec)
        return None

    def _closure(self, sent: workflow_pb2.WorkflowCreateRequest) -> workflow_pb2.Workflow:
        """Answer with the workflow and its tasks; of a task that is not here, with its id alone."""
        tasks = {
            _key(request.id): request.spec.template
            for request in self.sent
            if isinstance(request, task_pb2.TaskCreateRequest)
        }
        workflow = workflow_pb2.Workflow(id=sent.id)
        compiled = workflow.closure.compiled_workflow
        compiled.primary.template.CopyFrom(sent.spec.template)
        for template in sent.spec.sub_workflows:
            compiled.sub_workflows.add().template.CopyFrom(template)
        for identifier in recording.references(sent):
            if identifier.resource_type == identifier_pb2.TASK:
                known = tasks.get(_key(identifier))
                compiled.tasks.add().template.CopyFrom(
                    known or tasks_pb2.TaskTemplate(id=identifier)
                )
        return workflow

    def _make_place(self, request: Any) -> None:
        """Every project and domain that is asked for exists."""
        fields = request.DESCRIPTOR.fields_by_name
        holder = request.id if "id" in fields and fields["id"].message_type else request
        project, domain = getattr(holder, "project", ""), getattr(holder, "domain", "")
        if not isinstance(project, str) or not project or not isinstance(domain, str):
            return
        store = self._server.store
        with suppress(StatusError):  # taken, or no name of a project: then the call itself says so
            asked = project_pb2.Project(id=project, name=project)
            projects.register(store, project_pb2.ProjectRegisterRequest(project=asked))
        if domain and domain not in store.domains:
            store.domains = (*store.domains, domain)


def _key(identifier: identifier_pb2.Identifier) -> _Key:
    return identifier.project, identifier.domain, identifier.name, identifier.version
