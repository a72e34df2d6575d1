"""The format of recorded packages: the requests that a client sent, and what it uploaded.

    manifest.json       {"formatVersion": 1, "flyte": "Flyte1",
                         "requests": [{"method": "AdminService.CreateTask", "file": ...}, ...],
                         "blobs": [{"url": ..., "sha256": ..., "name": ...}, ...],
                         "activated": [name of a launch plan, ...]}
    requests/<n>.pb     one CreateTask, CreateWorkflow or CreateLaunchPlan request each, as sent
    blobs/<sha256>      one upload each; `url` is where the client was told that it would be

Described for others in docs/package-format.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from google.protobuf.message import DecodeError, Message

from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.task import KIND as TASK
from reconciler.backends.flyte1.task import PICKLE
from reconciler.backends.flyte1.workflow import KIND as WORKFLOW
from reconciler.model.digest import canonical
from reconciler.sources.archive import Archive

MANIFEST = "manifest.json"
FORMAT = 1
FLYTE = "Flyte1"

CREATE_TASK = "AdminService.CreateTask"
CREATE_WORKFLOW = "AdminService.CreateWorkflow"
CREATE_LAUNCH_PLAN = "AdminService.CreateLaunchPlan"

Request = (
    task_pb2.TaskCreateRequest
    | workflow_pb2.WorkflowCreateRequest
    | launch_plan_pb2.LaunchPlanCreateRequest
)


@dataclass(frozen=True, slots=True)
class Blob:
    """One upload: the URL that requests name it by, its file name, and its bytes."""

    url: str
    name: str
    content: bytes = field(repr=False)

    @property
    def is_pickle(self) -> bool:
        """Say whether it is flytekit's pickle of an interactive session, not a tar."""
        return self.name == PICKLE


@dataclass(frozen=True, slots=True)
class Recording:
    """Entities as (member, kind, serialized entity), and uploads."""

    entities: tuple[tuple[str, str, bytes], ...]
    blobs: tuple[Blob, ...]


class RecordingError(Exception):
    """What is wrong with a recorded package."""


def read(archive: Archive) -> Recording:
    """Read a recorded package; raises RecordingError."""
    manifest = _manifest(archive)
    try:
        requests = [(str(item["method"]), str(item["file"])) for item in manifest["requests"]]
        uploads = [
            (str(item["url"]), str(item["sha256"]), str(item["name"]))
            for item in manifest.get("blobs", [])
        ]
    except (KeyError, TypeError):
        raise RecordingError(f"{MANIFEST}: is not as `reconcile record` writes it") from None
    return Recording(
        tuple(_entity(archive, method, file) for method, file in requests),
        tuple(_blob(archive, url, sha256, name) for url, sha256, name in uploads),
    )


def write(
    requests: Iterable[Request], blobs: Iterable[Blob] = (), *, activated: Iterable[str] = ()
) -> Archive:
    """Make a recorded package of requests, in their order, and uploads.

    A request that was sent twice is kept once. `activated` are the launch plans that the client
    activated: a note for people, reading ignores it.
    """
    members: dict[str, bytes] = {}
    listed: list[dict[str, str]] = []
    seen: set[tuple[str, bytes]] = set()
    for request in requests:
        method = _method(request)
        content = request.SerializeToString(deterministic=True)
        if (method, content) in seen:
            continue
        seen.add((method, content))
        file = f"requests/{len(listed):05d}.pb"
        members[file] = content
        listed.append({"method": method, "file": file})
    uploads: list[dict[str, str]] = []
    for blob in blobs:
        sha256 = hashlib.sha256(blob.content).hexdigest()
        members[f"blobs/{sha256}"] = blob.content
        uploads.append({"url": blob.url, "sha256": sha256, "name": blob.name})
    manifest: Any = {
        "formatVersion": FORMAT,
        "flyte": FLYTE,
        "requests": listed,
        "blobs": sorted(uploads, key=lambda one: one["url"]),
        "activated": list(activated),
    }
    return Archive({MANIFEST: canonical(manifest), **members})


def _manifest(archive: Archive) -> dict[str, Any]:
    try:
        manifest = json.loads(archive.members[MANIFEST])
    except ValueError:
        raise RecordingError(f"{MANIFEST}: is not JSON") from None
    if not isinstance(manifest, dict) or manifest.get("formatVersion") != FORMAT:
        raise RecordingError(
            f"{MANIFEST}: is not of format {FORMAT}; record it again with this version of reconcile"
        )
    if manifest.get("flyte") != FLYTE:
        raise RecordingError(f"{MANIFEST}: was recorded from a client of {manifest.get('flyte')}")
    return manifest


def _method(request: Request) -> str:
    if isinstance(request, task_pb2.TaskCreateRequest):
        return CREATE_TASK
    if isinstance(request, workflow_pb2.WorkflowCreateRequest):
        return CREATE_WORKFLOW
    return CREATE_LAUNCH_PLAN


def _entity(archive: Archive, method: str, file: str) -> tuple[str, str, bytes]:
    """Read a request as the entity that a serialized package would hold: with its own id."""
    content = _member(archive, file)
    if method == CREATE_TASK:
        task = _parse(content, task_pb2.TaskCreateRequest(), file)
        task.spec.template.id.CopyFrom(task.id)
        return file, TASK, task.spec.SerializeToString()
    if method == CREATE_WORKFLOW:
        workflow = _parse(content, workflow_pb2.WorkflowCreateRequest(), file)
        workflow.spec.template.id.CopyFrom(workflow.id)
        return file, WORKFLOW, workflow.spec.SerializeToString()
    if method == CREATE_LAUNCH_PLAN:
        plan = _parse(content, launch_plan_pb2.LaunchPlanCreateRequest(), file)
        made = launch_plan_pb2.LaunchPlan(id=plan.id, spec=plan.spec)
        return file, LAUNCH_PLAN, made.SerializeToString()
    raise RecordingError(f"{file}: {method} registers nothing that a package can hold")


def _parse(content: bytes, message: Any, file: str) -> Any:
    assert isinstance(message, Message)
    try:
        message.ParseFromString(content)
    except DecodeError:
        raise RecordingError(f"{file}: is not the request that {MANIFEST} says") from None
    return message


def _blob(archive: Archive, url: str, sha256: str, name: str) -> Blob:
    content = _member(archive, f"blobs/{sha256}")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise RecordingError(f"blobs/{sha256}: has another SHA-256; record it again")
    return Blob(url, name, content)


def _member(archive: Archive, name: str) -> bytes:
    try:
        return archive.members[name]
    except KeyError:
        raise RecordingError(f"{name}: is named in {MANIFEST} and missing") from None
