"""Identifiers inside serialized messages: whose they are, and where they stand.

A serialized entity may leave project, domain and version out, or write the placeholders that old
clients have them replaced by at registration; both mean "whatever it is registered as".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from flyteidl.core import identifier_pb2
from google.protobuf import struct_pb2
from google.protobuf.message import Message

from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.launch_plan.spec import WORKFLOW_KIND as WORKFLOW
from reconciler.backends.flyte1.task import KIND as TASK
from reconciler.model.digest import split_version
from reconciler.model.key import Key

KINDS = {
    identifier_pb2.TASK: TASK,
    identifier_pb2.WORKFLOW: WORKFLOW,
    identifier_pb2.LAUNCH_PLAN: LAUNCH_PLAN,
}
RESOURCE_TYPES = {kind: number for number, kind in KINDS.items()}

RESERVED = ("flyte-reconciler.", ".flytegen.")
"""Prefixes of names that are not for people: our ledgers, and the plans of single tasks."""

_PLACEHOLDER = re.compile(r"\{\{\s*registration\.\w+\s*\}\}")

Name = tuple[str, str]
"""Kind and name."""

Raw = tuple[str, str, str, str, str]
"""Kind, project, domain, name and version as they are written; empty for a placeholder."""


def raw(identifier: identifier_pb2.Identifier) -> Raw:
    """Read an identifier; the kind is empty when it is none of those that a package holds."""
    return (
        KINDS.get(identifier.resource_type, ""),
        _given(identifier.project),
        _given(identifier.domain),
        identifier.name,
        _given(identifier.version),
    )


def _given(text: str) -> str:
    return "" if _PLACEHOLDER.fullmatch(text) else text


def is_together(one: str, other: str) -> bool:
    """Say whether two versions are of one registration.

    Clients register a package under one version, sets under versions of their own.
    """
    if one == other:
        return True
    left, right = split_version(one), split_version(other)
    return left is not None and right is not None and left[0] == right[0]


def walk(message: Message) -> Iterator[identifier_pb2.Identifier]:
    """Yield every identifier of a message, at any depth, to be read or changed in place."""
    stack: list[Message] = [message]
    while stack:
        current = stack.pop()
        if isinstance(current, identifier_pb2.Identifier):
            yield current
        elif not isinstance(current, struct_pb2.Struct):
            for _, value in current.ListFields():
                stack.extend(_messages(value))


def _messages(value: object) -> Iterable[Message]:
    if isinstance(value, Message):
        return (value,)
    if isinstance(value, Mapping):
        return (item for item in value.values() if isinstance(item, Message))
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return (item for item in value if isinstance(item, Message))
    return ()


def description_name(key: Key, digest: str) -> str:
    """Name the description of one entity among what is attached."""
    return f"{key}@{digest}"
