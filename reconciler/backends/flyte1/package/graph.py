"""Gives each entity of a package its normal form and digest, references by digest (a Merkle graph).

An edit moves only what depends on it: a task's digest is its own content, a workflow's holds those
of its tasks, a launch plan's that of its workflow. A default launch plan (a workflow's own name, no
schedule) carries its workflow's version, since FlyteRemote fetches it so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flyteidl.admin import launch_plan_pb2
from flyteidl.core import identifier_pb2

from reconciler.backends.flyte1 import task, workflow
from reconciler.backends.flyte1.launch_plan import normal
from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.launch_plan.spec import content_digest
from reconciler.backends.flyte1.package import repack
from reconciler.backends.flyte1.package.entities import Entities, PackageError
from reconciler.model.digest import digest, version_of
from reconciler.model.document import Json
from reconciler.model.key import Key, Place
from reconciler.model.resource import Reference

_PLACEHOLDER = "{{"


@dataclass(frozen=True, slots=True)
class Member:
    """One entity of a package: what it is called, its content, and what it refers to."""

    key: Key
    body: dict[str, Json]
    digest: str
    version: str
    refs: tuple[Reference, ...] = ()


@dataclass(slots=True)
class Graph:
    """Members of one package in one place under one set, worked out on demand.

    `adjust` is applied to every launch plan spec before anything else.
    """

    entities: Entities
    place: Place
    set_name: str
    name: str
    adjust: Any = None
    _members: dict[tuple[str, str], Member] = field(default_factory=dict)
    _open: set[tuple[str, str]] = field(default_factory=set)
    _code: dict[str, bytes] = field(default_factory=dict)

    @property
    def code(self) -> Mapping[str, bytes]:
        """Code archives by digest, packed anew so that equal code is equal bytes."""
        if not self._code:
            packed = [repack.repack(data, name=self.name) for data in self.entities.code.values()]
            self._code = {repack.digest_of(data): data for data in packed}
        return self._code

    def member(self, kind: str, name: str) -> Member:
        """Return an entity; raises PackageError for a cycle."""
        known = self._members.get((kind, name))
        if known is not None:
            return known
        if (kind, name) in self._open:
            raise PackageError(f"{self.name}: {name} refers to itself")
        self._open.add((kind, name))
        try:
            made = self._make(kind, name)
        finally:
            self._open.discard((kind, name))
        self._members[kind, name] = made
        return made

    def has(self, kind: str, name: str) -> bool:
        """Say whether an entity is in the package."""
        sources: Mapping[str, Mapping[str, object]] = {
            task.KIND: self.entities.tasks,
            workflow.KIND: self.entities.workflows,
            LAUNCH_PLAN: self.entities.plans,
        }
        return name in sources[kind]

    def is_default(self, plan: launch_plan_pb2.LaunchPlan) -> bool:
        """Say whether a plan is the default one of a workflow of the package."""
        return (
            plan.id.name == plan.spec.workflow_id.name
            and plan.id.name in self.entities.workflows
            and not plan.spec.entity_metadata.HasField("schedule")
        )

    def _make(self, kind: str, name: str) -> Member:
        if kind == task.KIND:
            return self._task(name)
        if kind == workflow.KIND:
            return self._workflow(name)
        return self._plan(name)

    def _key(self, kind: str, name: str) -> Key:
        return Key(kind, self.place.project, self.place.domain, name)

    def _task(self, name: str) -> Member:
        spec = self.entities.tasks[name]
        body = task.from_wire(spec.template)
        if task.needs_code(body):
            if len(self.code) != 1:
                raise PackageError(
                    f"{self.name}: task {name} downloads its code, and the archive holds "
                    f"{len(self.code)} code archives instead of one; build it with --copy all"
                )
            body["code"] = next(iter(self.code))
        content = digest({"kind": task.KIND, "name": name, "body": body})
        return Member(self._key(task.KIND, name), body, content, self._version(content))

    def _workflow(self, name: str) -> Member:
        refs: dict[Key, Reference] = {}

        def replace(identifier: dict[str, Any]) -> dict[str, Any]:
            return self._reference(identifier, refs)

        body = workflow.normal(self.entities.workflows[name], replace)
        content = digest({"kind": workflow.KIND, "name": name, "body": body})
        key = self._key(workflow.KIND, name)
        return Member(key, body, content, self._version(content), tuple(refs.values()))

    def _reference(self, identifier: dict[str, Any], refs: dict[Key, Reference]) -> dict[str, Any]:
        kind_name = str(identifier.get("resourceType", "TASK"))
        kind, name = workflow.TYPE_KINDS[kind_name], str(identifier["name"])
        version = str(identifier.get("version", ""))
        is_foreign = bool(version) and _PLACEHOLDER not in version
        if not is_foreign and self.has(kind, name):
            member = self.member(kind, name)
            refs[member.key] = Reference(member.key, member.version)
            return {"resourceType": kind_name, "name": name, "digest": member.digest}
        if not is_foreign:
            raise PackageError(
                f"{self.name}: refers to {kind_name.lower()} {name}, which is not in the archive "
                "and has no version; package all of it"
            )
        return {
            part: value
            for part, value in identifier.items()
            if value and value != getattr(self.place, part, None) and _PLACEHOLDER not in str(value)
        }

    def _plan(self, name: str) -> Member:
        plan = self.entities.plans[name]
        spec = launch_plan_pb2.LaunchPlanSpec()
        spec.CopyFrom(plan.spec)
        if self.adjust is not None:
            self.adjust(spec)
        target = spec.workflow_id
        refs: dict[Key, Reference] = {}
        if target.name in self.entities.workflows and not _is_foreign(target.version):
            member = self.member(workflow.KIND, target.name)
            refs[member.key] = Reference(member.key, member.version)
            target.version = member.version
        elif not _is_foreign(target.version):
            raise PackageError(
                f"{self.name}: plan {name} runs workflow {target.name}, which is not in the "
                "archive and has no version; package all of it"
            )
        if not target.project or _PLACEHOLDER in target.project:
            target.project = self.place.project
        if not target.domain or _PLACEHOLDER in target.domain:
            target.domain = self.place.domain
        if not refs:
            key = Key(workflow.KIND, target.project, target.domain, target.name)
            refs[key] = Reference(key, target.version)
        identifier = identifier_pb2.Identifier(
            project=self.place.project, domain=self.place.domain, name=name
        )
        body = normal.from_wire(identifier, spec)
        content = content_digest(name, body)
        version = self._version(content)
        if self.is_default(plan):
            version = target.version
        return Member(self._key(LAUNCH_PLAN, name), body, content, version, tuple(refs.values()))

    def _version(self, content: str) -> str:
        return version_of(self.set_name, content)


def _is_foreign(version: str) -> bool:
    return bool(version) and _PLACEHOLDER not in version
