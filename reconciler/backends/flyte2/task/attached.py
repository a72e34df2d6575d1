"""What a package attaches for each task: its spec as it was recorded.

A normal form leaves out what the SDK needs when the task runs, such as its own version, so that a
task is registered from its spec. Placeholders stand in it for its version, and `code://` URLs for
the places of its code. The link of its documentation is that of the SDK, to the code, where there
is one, else one to the document that declares the package.
"""

from __future__ import annotations

from collections.abc import Mapping

from flyteidl2.core import identifier_pb2
from flyteidl2.task import task_definition_pb2

from reconciler.backends.flyte2.task.normal import shorten
from reconciler.backends.packages import texts
from reconciler.backends.packages.recording import VERSION
from reconciler.model.digest import split_version
from reconciler.model.key import Key


def name_of(key: Key, version: str) -> str:
    """Name the spec of a task among what is attached."""
    parts = split_version(version)
    return f"{key}@{parts[1] if parts else ''}"


def with_link(spec: task_definition_pb2.TaskSpec, link: str) -> bytes:
    """Return what registering needs of a task, with a link to its code or else to its package."""
    found = task_definition_pb2.TaskSpec()
    found.CopyFrom(spec)
    if link and not found.documentation.source_code.link:
        found.documentation.source_code.link = link
    return found.SerializeToString(deterministic=True)


def spec(
    content: bytes, identifier: task_definition_pb2.TaskIdentifier, urls: Mapping[str, str]
) -> task_definition_pb2.TaskSpec:
    """Fill an attached spec in; `urls` maps `code://` URLs to where the code was uploaded."""
    found = task_definition_pb2.TaskSpec.FromString(content)

    def fill(text: str) -> str:
        for url, place in urls.items():
            text = text.replace(url, place)
        return text.replace(VERSION, identifier.version)

    texts.rewrite(found, fill)
    found.task_template.id.CopyFrom(
        identifier_pb2.Identifier(
            resource_type=identifier_pb2.TASK,
            project=identifier.project,
            domain=identifier.domain,
            name=identifier.name,
            version=identifier.version,
        )
    )
    shorten(found)
    return found
