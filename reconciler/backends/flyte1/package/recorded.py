"""What a recorded package of Flyte 1 holds; see `backends.packages.recorded` for the format.

Beside the common members, `activated` in the manifest names the launch plans that the client
activated: a note for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from google.protobuf.message import Message

from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.task import KIND as TASK
from reconciler.backends.flyte1.workflow import KIND as WORKFLOW
from reconciler.backends.packages import recorded
from reconciler.backends.packages.code import Code
from reconciler.backends.packages.recorded import Blob, Form
from reconciler.sources.archive import Archive

FORM = Form(
    "Flyte1",
    {
        "AdminService.CreateTask": task_pb2.TaskCreateRequest,
        "AdminService.CreateWorkflow": workflow_pb2.WorkflowCreateRequest,
        "AdminService.CreateLaunchPlan": launch_plan_pb2.LaunchPlanCreateRequest,
    },
)

Request = (
    task_pb2.TaskCreateRequest
    | workflow_pb2.WorkflowCreateRequest
    | launch_plan_pb2.LaunchPlanCreateRequest
)

Serialized = tuple[str, str, bytes]
"""Member, kind, and the entity as a serialized package would hold it: with its own id."""


def read(archive: Archive) -> tuple[tuple[Serialized, ...], Mapping[str, Code]]:
    """Read the entities of a recorded package, and its uploads by URL; raises RecordingError."""
    found = recorded.read(archive, FORM)
    entities = tuple((sent.member, *_entity(sent.request)) for sent in found.requests)
    return entities, {blob.url: blob.code for blob in found.blobs}


def write(
    requests: Iterable[Request], blobs: Iterable[Blob] = (), *, activated: Iterable[str] = ()
) -> Archive:
    """Make a recorded package of requests, in their order, and uploads."""
    return recorded.write(FORM, requests, blobs, activated=list(activated))


def _entity(request: Message) -> tuple[str, bytes]:
    if isinstance(request, task_pb2.TaskCreateRequest):
        request.spec.template.id.CopyFrom(request.id)
        return TASK, request.spec.SerializeToString()
    if isinstance(request, workflow_pb2.WorkflowCreateRequest):
        request.spec.template.id.CopyFrom(request.id)
        return WORKFLOW, request.spec.SerializeToString()
    assert isinstance(request, launch_plan_pb2.LaunchPlanCreateRequest)
    made = launch_plan_pb2.LaunchPlan(id=request.id, spec=request.spec)
    return LAUNCH_PLAN, made.SerializeToString()
