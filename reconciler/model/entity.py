"""What is registered on a backend, as reading commands and library users see it.

An `Entity` is one row of a list: who and where it is, and what a list tells of it. `Details` are
what the calls for one entity tell besides. Neither is ever compared or written; for that there are
normal forms (`live`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from reconciler.model.digest import split_version
from reconciler.model.document import Json, filled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class What(StrEnum):
    """The lists that there are."""

    PROJECTS = "projects"
    DOMAINS = "domains"
    TASKS = "tasks"
    WORKFLOWS = "workflows"
    LAUNCH_PLANS = "launchplans"
    TRIGGERS = "triggers"
    SECRETS = "secrets"

    @property
    def one(self) -> str:
        """Name a single one."""
        return _ONE[self]

    @property
    def is_placed(self) -> bool:
        """Say whether it lives in a project and a domain."""
        return self not in {What.PROJECTS, What.DOMAINS}

    @property
    def is_versioned(self) -> bool:
        """Say whether a name has versions."""
        return self in {What.TASKS, What.WORKFLOWS, What.LAUNCH_PLANS}


_ONE = {
    What.PROJECTS: "project",
    What.DOMAINS: "domain",
    What.TASKS: "task",
    What.WORKFLOWS: "workflow",
    What.LAUNCH_PLANS: "launch plan",
    What.TRIGGERS: "trigger",
    What.SECRETS: "secret",
}

ACTIVE, INACTIVE, ARCHIVED = "active", "inactive", "archived"
HIDDEN = frozenset({ARCHIVED, "system-generated", "system-archived"})
"""States that a list leaves out unless it is asked for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Something that an entity refers to, or is referred to by; `role` says which in words."""

    what: What
    name: str
    project: str = ""
    domain: str = ""
    version: str = ""
    role: str = ""

    def to_dict(self) -> dict[str, Json]:
        """Write it as JSON; what is empty is left out."""
        shown: dict[str, Json] = {
            "kind": self.what.one,
            "project": self.project,
            "domain": self.domain,
            "name": self.name,
            "version": self.version,
            "role": self.role,
        }
        return filled(shown)

    def __str__(self) -> str:
        place = "/".join(part for part in (self.project, self.domain, self.name) if part)
        return f"{self.what.one} {place}" + (f" version {self.version}" if self.version else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One row of a list.

    `name` of a trigger is `TASK/TRIGGER`, that of a secret of Flyte 1 `GROUP/KEY`. `state` is empty
    where there is none or a list does not tell it; times and `created_by` are empty where the
    server tells none. `facts` are what only its kind has.
    """

    what: What
    name: str
    project: str = ""
    domain: str = ""
    version: str = ""
    state: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    created_by: str = ""
    facts: Mapping[str, Json] = field(default_factory=dict)

    @property
    def set_name(self) -> str:
        """The set that made this version, empty where it is none of a set's."""
        made = split_version(self.version)
        return made[0] if made else ""

    def to_dict(self) -> dict[str, Json]:
        """Write it as JSON; what is empty is left out."""
        shown: dict[str, Json] = {
            "kind": self.what.one,
            "project": self.project,
            "domain": self.domain,
            "name": self.name,
            "version": self.version,
            "state": self.state,
            "createdAt": _time(self.created_at),
            "updatedAt": _time(self.updated_at),
            "createdBy": self.created_by,
            "set": self.set_name,
        }
        found: dict[str, Json] = filled(shown)
        if self.facts:
            found["facts"] = dict(self.facts)
        return found

    def __str__(self) -> str:
        return str(
            Reference(
                what=self.what,
                name=self.name,
                project=self.project,
                domain=self.domain,
                version=self.version,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One input or output: its type as people write it, and its default where it has one.

    `literal_type` is the type in protobuf's JSON mapping.
    """

    name: str
    type: str
    literal_type: Json = field(default=None, repr=False)
    is_required: bool = False
    default: Json = None
    has_default: bool = False
    description: str = ""

    def to_dict(self) -> dict[str, Json]:
        """Write it as JSON; `default` is there where it has one, null included."""
        found: dict[str, Json] = {"name": self.name, "type": self.type}
        if self.is_required:
            found["required"] = True
        if self.has_default:
            found["default"] = self.default
        if self.description:
            found["description"] = self.description
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node of a workflow.

    `does` is task, workflow, launch plan, branch, gate, array or start; `target` is what it runs.
    `after` names the nodes that it waits for, `when` the condition that leads to it in a branch.
    `inside` are the nodes of a branch, an array or a workflow within the workflow.
    """

    id: str
    does: str
    name: str = ""
    target: Reference | None = None
    after: tuple[str, ...] = ()
    when: str = ""
    inside: tuple[Node, ...] = ()

    def to_dict(self) -> dict[str, Json]:
        """Write it as JSON; what is empty is left out."""
        shown: dict[str, Json] = {
            "id": self.id,
            "does": self.does,
            "name": self.name,
            "target": self.target.to_dict() if self.target else None,
            "after": list[Json](self.after),
            "when": self.when,
            "inside": [node.to_dict() for node in self.inside],
        }
        return filled(shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """One entity with all that the server tells of it.

    `schedule` is in normal form. `active_version` is that of the launch plan's name. `message` is
    what the server sent, in protobuf's JSON mapping. A part that could not be read besides is named
    in `unread`.
    """

    entity: Entity
    inputs: tuple[Variable, ...] = ()
    outputs: tuple[Variable, ...] = ()
    schedule: Mapping[str, Json] = field(default_factory=dict)
    active_version: str = ""
    references: tuple[Reference, ...] = ()
    nodes: tuple[Node, ...] = ()
    spec: Mapping[str, Json] = field(default_factory=dict)
    message: Mapping[str, Json] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Json]:
        """Write it as JSON; what is empty is left out."""
        shown: dict[str, Json] = {
            "inputs": [one.to_dict() for one in self.inputs],
            "outputs": [one.to_dict() for one in self.outputs],
            "schedule": dict(self.schedule),
            "activeVersion": self.active_version,
            "references": [one.to_dict() for one in self.references],
            "nodes": [one.to_dict() for one in self.nodes],
            "spec": dict(self.spec),
            "unread": list[Json](self.unread),
            "message": dict(self.message),
        }
        found = self.entity.to_dict()
        found.update(filled(shown))
        return found


def _time(moment: datetime | None) -> str:
    return moment.isoformat().replace("+00:00", "Z") if moment else ""
