"""Gives every entity of a package its digest: a Merkle graph.

A digest covers kind, name and content, and what an entity refers to by its digest: a workflow its
tasks, sub-workflows and launch plans, a plan its workflow, a task its code. So an edit moves only
what depends on it. Own project, domain, set and version are left out; what belongs to others counts
as it is written in the archive, wherever the archive is registered.

The default plan of a workflow carries its version (clients look for it there), so its content
counts for the workflow's digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from flyteidl.admin import description_entity_pb2, launch_plan_pb2
from flyteidl.core import identifier_pb2
from google.protobuf import json_format

from reconciler.backends.flyte1 import task, workflow
from reconciler.backends.flyte1.launch_plan import normal, wire
from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.launch_plan.spec import content_digest
from reconciler.backends.flyte1.package import code
from reconciler.backends.flyte1.package.entities import Content, ContentError
from reconciler.backends.flyte1.package.identifiers import Name, raw
from reconciler.backends.packages.code import Code
from reconciler.model.digest import digest
from reconciler.model.document import Json
from reconciler.model.key import Place
from reconciler.specs.package import PackageOptions

_NO_VERSION = ""
_UNREADABLE = (json_format.Error, ValueError, TypeError)
"""What writing a message as JSON raises: TypeError for a message of unknown type inside it."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One task, workflow or plan: its normal form, its digest, and what of the package it needs.

    `target` is the workflow of a plan that the package does not hold.
    """

    kind: str
    name: str
    body: dict[str, Json] = field(repr=False)
    digest: str = ""
    refs: tuple[Name, ...] = ()
    is_default: bool = False
    target: identifier_pb2.Identifier | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """Entities in the order in which they can be registered, and what they need to be.

    `code` and `places` are by `code://` URL: archives to upload, and where others are already.
    """

    entities: Mapping[Name, Entity]
    code: Mapping[str, Code]
    descriptions: Mapping[Name, bytes]
    places: Mapping[str, str]


def build(content: Content, *, place: Place, options: PackageOptions) -> Graph:
    """Link what an archive holds; raises ContentError with every fault."""
    arguments = code.arguments(content.code, content.uploads)
    found: dict[Name, Entity] = {}
    faults: list[str] = []
    drafts: list[Entity] = []
    for read in (
        _tasks(content, arguments.read),
        _workflows(content),
        _plans(content, place=place, options=options),
    ):
        for item in read:
            if isinstance(item, str):
                faults.append(item)
            else:
                drafts.append(item)
    for draft in drafts:
        found[draft.kind, draft.name] = draft
    if faults:
        raise ContentError(faults)
    described = dict(_descriptions(content))
    return Graph(_linked(found), arguments.archives, described, arguments.places)


def _tasks(content: Content, argument: task.Text) -> Iterable[Entity | str]:
    for name, spec in content.tasks.items():
        try:
            body = task.normal(spec.template, code=argument)
        except _UNREADABLE as error:
            yield f"{task.KIND} {name}: cannot be read ({error}); build the package again"
            continue
        container = spec.template.container
        if content.code is None and any(code.needs_code(text) for text in container.args):
            yield (
                f"{task.KIND} {name}: needs a code archive, and the package has none; build it "
                "with --copy auto or --copy all"
            )
            continue
        yield Entity(task.KIND, name, body)


def _workflows(content: Content) -> Iterable[Entity | str]:
    for name, spec in content.workflows.items():
        try:
            found = workflow.normal(spec, is_own=lambda one: raw(one) in content.owned)
        except _UNREADABLE as error:
            yield f"{workflow.KIND} {name}: cannot be read ({error}); build the package again"
            continue
        for kind, _, _, other, version in found.foreign:
            if not kind or not version:
                yield (
                    f"{workflow.KIND} {name}: refers to {kind or 'something'} {other}, which the "
                    "package does not hold, without a version; build the package with it"
                )
        yield Entity(workflow.KIND, name, found.body, refs=tuple(sorted(found.refs)))


def _plans(content: Content, *, place: Place, options: PackageOptions) -> Iterable[Entity | str]:
    for name, plan in content.plans.items():
        kind, project, domain, target, version = reference = raw(plan.spec.workflow_id)
        is_own = reference in content.owned
        if not is_own and (kind != workflow.KIND or not version):
            yield (
                f"{LAUNCH_PLAN} {name}: runs workflow {target}, which the package does not hold, "
                "without a version; build the package with it"
            )
            continue
        used = launch_plan_pb2.LaunchPlanSpec()
        used.CopyFrom(plan.spec)
        used.workflow_id.project = place.project if is_own else project or place.project
        used.workflow_id.domain = place.domain if is_own else domain or place.domain
        used.workflow_id.version = _NO_VERSION if is_own else version
        where = identifier_pb2.Identifier(project=place.project, domain=place.domain)
        try:
            body = normal.from_wire(where, used)
        except _UNREADABLE as error:
            yield f"{LAUNCH_PLAN} {name}: cannot be read ({error}); build the package again"
            continue
        if normal.from_wire(where, wire.to_wire(body, used.workflow_id)) != body:
            other = body.get("other")
            what = ", ".join(other) if isinstance(other, dict) else "some of its fields"
            yield f"{LAUNCH_PLAN} {name}: {what} cannot be registered; build it without"
            continue
        yield Entity(
            LAUNCH_PLAN,
            name,
            _with_options(body, options),
            refs=((workflow.KIND, target),) if is_own else (),
            is_default=is_own and name == target and "schedule" not in body,
            target=None if is_own else used.workflow_id,
        )


def _with_options(body: dict[str, Json], options: PackageOptions) -> dict[str, Json]:
    """Fill options into a plan; they win over what the plan says, label by label."""
    found = dict(body)
    for name, given in (("labels", options.labels), ("annotations", options.annotations)):
        if given:
            old = found.get(name)
            found[name] = {**(old if isinstance(old, dict) else {}), **given}
    if options.service_account:
        run_as = found.get("runAs")
        found["runAs"] = {
            **(run_as if isinstance(run_as, dict) else {}),
            "serviceAccount": options.service_account,
        }
    if options.raw_output_prefix:
        found["rawOutputPrefix"] = options.raw_output_prefix
    return found


def _linked(drafts: Mapping[Name, Entity]) -> dict[Name, Entity]:
    order = TopologicalSorter({name: draft.refs for name, draft in drafts.items()})
    linked: dict[Name, Entity] = {}
    try:
        for name in order.static_order():
            linked[name] = _with_digest(drafts[name], drafts, linked)
    except CycleError as error:
        circle = " -> ".join(f"{kind} {name}" for kind, name in error.args[1])
        raise ContentError([f"refers to itself in a circle: {circle}"]) from None
    return linked


def _with_digest(
    draft: Entity, drafts: Mapping[Name, Entity], linked: Mapping[Name, Entity]
) -> Entity:
    body, made = draft.body, ""
    if draft.kind == LAUNCH_PLAN:
        if draft.refs:
            target = linked[draft.refs[0]]
            body = {**body, "workflow": {"name": target.name, "digest": target.digest}}
            made = target.digest if draft.is_default else ""
        made = made or content_digest(draft.name, body)
    else:
        default = drafts.get((LAUNCH_PLAN, draft.name)) if draft.kind == workflow.KIND else None
        made = digest(
            {
                "kind": draft.kind,
                "name": draft.name,
                "body": body,
                "refs": {f"{kind}/{name}": linked[kind, name].digest for kind, name in draft.refs},
                "defaultPlan": _without_workflow(default),
            }
        )
    return Entity(
        draft.kind,
        draft.name,
        body,
        digest=made,
        refs=draft.refs,
        is_default=draft.is_default,
        target=draft.target,
    )


def _without_workflow(default: Entity | None) -> dict[str, Json]:
    if default is None or not default.is_default:
        return {}
    return {name: part for name, part in default.body.items() if name != "workflow"}


def _descriptions(content: Content) -> Iterable[tuple[Name, bytes]]:
    described: list[tuple[Name, description_entity_pb2.DescriptionEntity]] = [
        *(((task.KIND, name), one.description) for name, one in content.tasks.items()),
        *(((workflow.KIND, name), one.description) for name, one in content.workflows.items()),
    ]
    for name, description in described:
        if description.ByteSize():
            yield name, description.SerializeToString(deterministic=True)
