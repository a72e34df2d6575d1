"""What a package holds: the messages that `pyflyte package` writes, by name.

One file per message: `..._1.pb` is a TaskSpec, `..._2.pb` a WorkflowSpec, `..._3.pb` a LaunchPlan.
A `.tar.gz` beside them is the code that tasks download before they run (flytekit 1.16). Ids carry
names; project, domain and version are empty or placeholders.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from google.protobuf.message import DecodeError, Message

from reconciler.errors import ReconcilerError
from reconciler.sources.archive import Archive

_MESSAGE = re.compile(r".*_([123])\.pb")
_CODE = (".tar.gz", ".tgz")
M = TypeVar("M", bound=Message)


class PackageError(ReconcilerError):
    """An archive is readable and is not a package of tasks, workflows and plans."""


@dataclass(frozen=True, slots=True)
class Entities:
    """Tasks, workflows and launch plans by name, and code archives by file name."""

    tasks: Mapping[str, task_pb2.TaskSpec] = field(default_factory=dict)
    workflows: Mapping[str, workflow_pb2.WorkflowSpec] = field(default_factory=dict)
    plans: Mapping[str, launch_plan_pb2.LaunchPlan] = field(default_factory=dict)
    code: Mapping[str, bytes] = field(default_factory=dict)


def read(archive: Archive, *, name: str) -> Entities:
    """Decode all messages; raises PackageError for a member that is none, or a name twice."""
    tasks: dict[str, task_pb2.TaskSpec] = {}
    workflows: dict[str, workflow_pb2.WorkflowSpec] = {}
    plans: dict[str, launch_plan_pb2.LaunchPlan] = {}
    code: dict[str, bytes] = {}
    for member, data in sorted(archive.members.items()):
        match = _MESSAGE.fullmatch(member)
        if match is None:
            if member.endswith(_CODE):
                code[member] = data
            continue
        place = f"{name}: {member}"
        match match[1]:
            case "1":
                task = _decode(task_pb2.TaskSpec(), data, place)
                _put(tasks, task.template.id.name, task, place)
            case "2":
                workflow = _decode(workflow_pb2.WorkflowSpec(), data, place)
                _put(workflows, workflow.template.id.name, workflow, place)
            case _:
                plan = _decode(launch_plan_pb2.LaunchPlan(), data, place)
                _put(plans, plan.id.name, plan, place)
    if not (tasks or workflows or plans):
        raise PackageError(f"{name}: holds no task, workflow or launch plan; build it again")
    return Entities(tasks, workflows, plans, code)


def _decode(message: M, data: bytes, place: str) -> M:
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise PackageError(
            f"{place}: is not the message that its name says; build it again"
        ) from None
    return message


def _put(found: dict[str, M], name: str, message: M, place: str) -> None:
    if not name:
        raise PackageError(f"{place}: has no name; build it again")
    known = found.get(name)
    if known is not None and known != message:
        raise PackageError(f"{place}: {name} is in the archive twice with different content")
    found[name] = message
