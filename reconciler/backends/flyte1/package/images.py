"""Chooses the images that the containers of a package run, as a FlytePackage asks for.

An image is one in a container, in the containers of a pod and of a plugin's pods, in what a node
overrides, and in flytekit's settings, which are what a task that makes tasks gives to those.
Rewriting comes before digests are made, so that content is what is going to run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from flyteidl.admin import task_pb2, workflow_pb2
from flyteidl.core import tasks_pb2
from flyteidl.core import workflow_pb2 as core_workflow_pb2
from google.protobuf import struct_pb2
from google.protobuf.message import Message

from reconciler.backends.flyte1 import settings_text
from reconciler.backends.flyte1.package.entities import Content
from reconciler.backends.flyte1.texts import settings
from reconciler.backends.packages.texts import messages
from reconciler.model import image
from reconciler.model.image import Image
from reconciler.model.origin import Problem, Severity
from reconciler.specs.package import PackageImage
from reconciler.specs.validate import Declared

_SHOWN = 10
_PLACEHOLDER = "{{"

Change = Callable[[Image], Image]


class Choice:
    """Decides on images, and remembers which there were and which entries decided."""

    def __init__(self, entries: Sequence[PackageImage]) -> None:
        self.entries = entries
        self.seen: set[str] = set()
        self.used: set[int] = set()

    def __call__(self, given: Image) -> Image:
        """Return the image to run instead."""
        self.seen.add(given.name)
        for index, entry in enumerate(self.entries):
            if fnmatchcase(given.name, entry.name):
                self.used.add(index)
                return chosen(entry, given)
        return given


def chosen(entry: PackageImage, given: Image) -> Image:
    """Apply one entry; a new tag or digest replaces both."""
    name = entry.new_name or given.name
    if entry.new_tag or entry.digest:
        return Image(name, entry.new_tag or "", entry.digest or "")
    return replace(given, name=name)


def rewritten(content: Content, choice: Choice) -> Content:
    """Return a package's content with other images."""
    tasks = {name: _copy(spec, task_pb2.TaskSpec()) for name, spec in content.tasks.items()}
    flows = {
        name: _copy(spec, workflow_pb2.WorkflowSpec()) for name, spec in content.workflows.items()
    }
    for task in tasks.values():
        _rewrite(task.template, choice)
        _struct(task.template.custom, choice)
        for holder, field, text in settings(task.template):
            setattr(holder, field, _settings(text, choice))
    for flow in flows.values():
        _rewrite(flow, choice)
    return replace(content, tasks=tasks, workflows=flows)


def unused(declared: Declared, choice: Choice) -> Iterator[Problem]:
    """Warn of entries that decided on no image of the package."""
    known = ", ".join(sorted(choice.seen)[:_SHOWN]) or "none"
    for index, entry in enumerate(choice.entries):
        if index in choice.used:
            continue
        is_late = any(fnmatchcase(name, entry.name) for name in choice.seen)
        message = (
            f'every image that "{entry.name}" matches is matched by an entry before it'
            if is_late
            else f'no container of the package runs an image named by "{entry.name}"'
        )
        fix = "move it up, or remove it" if is_late else f"its images are: {known}"
        problem = declared.problem(message, "images", index, "name", fix=fix)
        yield replace(problem, severity=Severity.WARNING)


def _copy(message: Any, empty: Any) -> Any:
    empty.CopyFrom(message)
    return empty


def _rewrite(message: Message, choice: Change) -> None:
    """Change containers, pods and overrides; literals may hold anything and are left alone."""
    for part in messages(message):
        if isinstance(part, tasks_pb2.Container):
            part.image = _text(part.image, choice)
        elif isinstance(part, tasks_pb2.K8sPod):
            _struct(part.pod_spec, choice)
        elif isinstance(part, core_workflow_pb2.TaskNodeOverrides) and part.container_image:
            part.container_image = _text(part.container_image, choice)


def _struct(struct: struct_pb2.Struct, choice: Change) -> None:
    """Change `image` at any depth: containers of pods, and what plugins call so."""
    for part in messages(struct):
        if isinstance(part, struct_pb2.Struct) and "image" in part.fields:
            value = part.fields["image"]
            if value.WhichOneof("kind") == "string_value":
                value.string_value = _text(value.string_value, choice)


def _text(text: str, choice: Change) -> str:
    if not text or _PLACEHOLDER in text:
        return text
    return str(choice(image.parse(text)))


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
