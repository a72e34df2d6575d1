"""Reads what an archive holds: tasks, workflows, launch plans and code.

`pyflyte package` (flytekit 1.16, tools/serialize_helpers.py) writes one file per entity, named
`<number>_<entity>_<kind>.pb` with kind 1 for a TaskSpec, 2 for a WorkflowSpec and 3 for a
LaunchPlan, and with `--copy auto|all` (formerly `--fast`) one `fast<md5>.tar.gz` with the code.
`reconcile record` writes a manifest instead; see `recorded`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2
from google.protobuf.message import DecodeError, Message

from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.package import recorded
from reconciler.backends.flyte1.package.identifiers import KINDS, Name, Raw, raw
from reconciler.backends.flyte1.task import KIND as TASK
from reconciler.backends.flyte1.workflow import KIND as WORKFLOW
from reconciler.backends.packages.code import Code
from reconciler.backends.packages.recorded import RecordingError, is_recorded
from reconciler.sources.archive import Archive

_SERIALIZED = re.compile(r"(?:.*/)?\d*_.+_(?P<kind>[123])\.pb")
_CODE = re.compile(r"(?:.*/)?[^/]+\.tar\.gz")
_KINDS = {"1": TASK, "2": WORKFLOW, "3": LAUNCH_PLAN}

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Content:
    """Entities by kind and name. `owned` are their identifiers as they are written.

    `code` is the archive whose place tasks leave open, `uploads` those that tasks name by a URL.
    """

    tasks: Mapping[str, task_pb2.TaskSpec]
    workflows: Mapping[str, workflow_pb2.WorkflowSpec]
    plans: Mapping[str, launch_plan_pb2.LaunchPlan]
    owned: frozenset[Raw]
    code: Code | None = None
    uploads: Mapping[str, Code] = field(default_factory=dict)


class ContentError(Exception):
    """What is wrong with the content of an archive, one line for each fault."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(faults))


def read(archive: Archive) -> Content:
    """Read every entity of an archive; raises ContentError with all faults."""
    tasks: dict[str, task_pb2.TaskSpec] = {}
    workflows: dict[str, workflow_pb2.WorkflowSpec] = {}
    plans: dict[str, launch_plan_pb2.LaunchPlan] = {}
    owned: dict[Name, Raw] = {}
    faults: list[str] = []
    uploads: Mapping[str, Code] = {}
    try:
        if is_recorded(archive):
            members, uploads = recorded.read(archive)
        else:
            members = tuple(_serialized(archive))
    except RecordingError as error:
        raise ContentError([str(error)]) from None
    for member, kind, content in members:
        try:
            if kind == TASK:
                task = _decode(content, task_pb2.TaskSpec())
                _own(task.template.id, kind, owned)
                tasks[task.template.id.name] = task
            elif kind == WORKFLOW:
                workflow = _decode(content, workflow_pb2.WorkflowSpec())
                _own(workflow.template.id, kind, owned)
                workflows[workflow.template.id.name] = workflow
            else:
                plan = _decode(content, launch_plan_pb2.LaunchPlan())
                _own(plan.id, kind, owned)
                plans[plan.id.name] = plan
        except ValueError as error:
            faults.append(f"{member}: {error}")
    code, code_faults = _code(archive, is_empty=is_recorded(archive))
    faults += code_faults
    if not faults and not owned:
        faults.append("holds no tasks, workflows or launch plans; build it with `pyflyte package`")
    if faults:
        raise ContentError(faults)
    return Content(tasks, workflows, plans, frozenset(owned.values()), code, uploads)


def _serialized(archive: Archive) -> Iterator[tuple[str, str, bytes]]:
    for member, content in sorted(archive.members.items()):
        match = _SERIALIZED.fullmatch(member)
        if match is not None:
            yield member, _KINDS[match["kind"]], content
        elif member.endswith(".pb"):
            yield member, "", content


def _decode(content: bytes, message: M) -> M:
    try:
        message.ParseFromString(content)
    except DecodeError:
        raise ValueError("is no serialized entity of its kind; build the package again") from None
    size = message.ByteSize()
    message.DiscardUnknownFields()
    if message.ByteSize() != size:
        raise ValueError(
            "has fields that this version of reconcile does not know and would lose; update it"
        )
    return message


def _own(identifier: identifier_pb2.Identifier, kind: str, owned: dict[Name, Raw]) -> None:
    if not kind:
        raise ValueError("its name does not end in _1.pb, _2.pb or _3.pb, so its kind is unknown")
    if KINDS.get(identifier.resource_type) != kind or not identifier.name:
        raise ValueError(f"is no {kind} with a name; build the package again")
    found = raw(identifier)
    first = owned.setdefault((kind, identifier.name), found)
    if first is not found:
        raise ValueError(f"{kind} {identifier.name} is in the package a second time")


def _code(archive: Archive, *, is_empty: bool) -> tuple[Code | None, list[str]]:
    if is_empty:
        return None, []
    found = [member for member in sorted(archive.members) if _CODE.fullmatch(member)]
    if len(found) > 1:
        return None, [f"holds more than one code archive: {', '.join(found)}"]
    return (Code(archive.members[found[0]]) if found else None), []
