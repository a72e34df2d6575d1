"""Chooses the images that the containers of a package run, as a FlytePackage asks for.

An image is one in a container, in the containers of a pod and of a plugin's pods, in what a node
overrides, and in flytekit's settings, which are what a task that makes tasks gives to those.
Rewriting comes before digests are made, so that content is what is going to run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flyteidl.admin import task_pb2, workflow_pb2
from flyteidl.core import tasks_pb2
from flyteidl.core import workflow_pb2 as core_workflow_pb2
from google.protobuf.message import Message

from reconciler.backends.flyte1 import settings_text
from reconciler.backends.flyte1.package.entities import Content
from reconciler.backends.flyte1.texts import settings
from reconciler.backends.packages.images import Change, Choice, in_struct, in_text
from reconciler.backends.packages.texts import messages
from reconciler.model import image
from reconciler.model.image import Image


def rewritten(content: Content, choice: Choice) -> Content:
    """Return a package's content with other images."""
    tasks = {name: _copy(spec, task_pb2.TaskSpec()) for name, spec in content.tasks.items()}
    flows = {
        name: _copy(spec, workflow_pb2.WorkflowSpec()) for name, spec in content.workflows.items()
    }
    for task in tasks.values():
        _rewrite(task.template, choice)
        in_struct(task.template.custom, choice)
        for holder, field, text in settings(task.template):
            setattr(holder, field, _settings(text, choice))
    for flow in flows.values():
        _rewrite(flow, choice)
    return replace(content, tasks=tasks, workflows=flows)


def _copy(message: Any, empty: Any) -> Any:
    empty.CopyFrom(message)
    return empty


def _rewrite(message: Message, choice: Change) -> None:
    """Change containers, pods and overrides; literals may hold anything and are left alone."""
    for part in messages(message):
        if isinstance(part, tasks_pb2.Container):
            part.image = in_text(part.image, choice)
        elif isinstance(part, tasks_pb2.K8sPod):
            in_struct(part.pod_spec, choice)
        elif isinstance(part, core_workflow_pb2.TaskNodeOverrides) and part.container_image:
            part.container_image = in_text(part.container_image, choice)


def _settings(text: str, choice: Change) -> str:
    """Change the images that flytekit would give to tasks made by this task."""
    value = settings_text.unpack(text)
    config = value.get("image_config") if value else None
    if value is None or not isinstance(config, dict):
        return text
    named = config.get("images")
    for one in (config.get("default_image"), *(named if isinstance(named, list) else ())):
        if isinstance(one, dict) and isinstance(one.get("fqn"), str):
            one.update(_fields(choice(_image(one))))
    return settings_text.pack(value)


def _image(fields: dict[str, Any]) -> Image:
    named = image.parse(fields["fqn"])
    return Image(
        named.name,
        str(fields.get("tag") or named.tag),
        str(fields.get("digest") or named.digest),
    )


def _fields(found: Image) -> dict[str, Any]:
    """Write an image as flytekit does, which knows a tag or a digest and not both."""
    if found.digest:
        return {"fqn": str(replace(found, digest="")), "tag": None, "digest": found.digest}
    return {"fqn": found.name, "tag": found.tag or None, "digest": None}
