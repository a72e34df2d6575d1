"""A live launch plan of Flyte 1 as a FlyteLaunchPlan.

Two modes: `workflow: {name, version}` says everything about the plan, so that the set can register
it; `existing: {version}` only says which version is active. The first is taken where resolving it
gives the live normal form back, the second elsewhere and for what is not active, since declaring
the content of an inactive plan would register it again under a version of the set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from reconciler.backends.flyte1 import notifications
from reconciler.backends.flyte1.launch_plan.describe import concurrency
from reconciler.backends.flyte1.package.identifiers import RESERVED
from reconciler.export.document import Exported, LeftOut, document
from reconciler.model.digest import split_version
from reconciler.model.document import Document, Json
from reconciler.model.interface import Missing, Unread, Want, Workflow
from reconciler.model.key import Key, Place
from reconciler.model.live import About, LiveVersion, Versions
from reconciler.model.origin import Origin, Problem, Severity
from reconciler.model.resource import State
from reconciler.plan.diff import diff
from reconciler.resolve.context import Adapter, Context
from reconciler.schedule import rate
from reconciler.specs.launch_plan import LaunchPlanSpec
from reconciler.specs.validate import validate
from reconciler.values.canonical import canonical
from reconciler.values.decode import decode
from reconciler.values.known import Known
from reconciler.values.problem import NotExpressibleError

KIND = "FlyteLaunchPlan"

_SAME = (
    "labels",
    "annotations",
    "rawOutputPrefix",
    "maxParallelism",
    "interruptible",
    "overwriteCache",
    "envs",
)
_NOT_IN_THE_LANGUAGE = {
    "offset": "schedule.offset, which Flyte stores and nothing reads",
    "cronExpression": "the deprecated cron_expression, which Flyte's scheduler refuses",
}


class _NotSayableError(Exception):
    """The language has no words for some part of a live plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePlan:
    """One launch plan as it was read: the version to export, and the others active beside it."""

    key: Key
    version: LiveVersion
    is_active: bool
    others: tuple[str, ...] = ()
    about: About | None = None


def choose(key: Key, found: Versions, adopted: tuple[str, str] | None = None) -> LivePlan | LeftOut:
    """Pick the version to export; what has an owner already, or is nobody's to own, is left out.

    `adopted` is the set that adopted it, and the version.
    """
    if key.name.startswith(RESERVED):
        return LeftOut(key, "its name is reserved; Flyte or the reconciler made it")
    candidates = found.active or tuple(found.registered.values())
    if not candidates:
        return LeftOut(key, "no version of it could be read")
    newest = max(candidates, key=lambda item: (item.made_at, item.version))
    owners = {parts[0] for item in candidates if (parts := split_version(item.version))}
    if owners:
        return LeftOut(key, f"it belongs to set {', '.join(sorted(owners))}")
    if adopted is not None and any(item.version == adopted[1] for item in candidates):
        return LeftOut(key, f"set {adopted[0]} adopted it")
    if not found.active and _is_default(key, newest):
        return LeftOut(key, "it is the inactive default plan of its workflow")
    others = tuple(sorted(item.version for item in found.active if item is not newest))
    return LivePlan(
        key=key, version=newest, is_active=bool(found.active), others=others, about=found.about
    )


def want(plan: LivePlan) -> Want | None:
    """Say which workflow must be looked up to write the plan out, if its version is known."""
    reference = _body(plan).get("workflow", {})
    if not plan.is_active or "version" not in reference:
        return None
    place = _workflow_place(plan)
    return Want(place.project, place.domain, reference["name"], version=reference["version"])


def export(
    plan: LivePlan, *, name: str, context: Context, adapter: Adapter, is_described: bool = True
) -> Exported | LeftOut:
    """Write one plan as a document named `name` that declares exactly what is live.

    `context` holds the defaults of the set, whose place is left out of the spec, and the catalog.
    """
    notes = [f"version {other} is active too" for other in plan.others]
    reason = "it is not active, so that only its newest version is named"
    if plan.is_active:
        try:
            spec = _place(plan, name, context) | _content(plan, context, is_described=is_described)
            made = document(KIND, name, spec)
            reason = _difference(made, plan, context, adapter)
        except _NotSayableError as error:
            reason = str(error)
        if not reason:
            return Exported(plan.key, made, tuple(notes))
    spec = _place(plan, name, context) | {"existing": {"version": plan.version.version}}
    if not plan.is_active:
        spec["state"] = "Inactive"
    made = document(KIND, name, spec)
    fault = _fault(_resolve(made, context, adapter)[1])
    if fault:
        return LeftOut(plan.key, f"it cannot be named in the language: {fault}")
    return Exported(plan.key, made, (f"existing: {reason}", *notes))


def _is_default(key: Key, version: LiveVersion) -> bool:
    reference = cast("dict[str, Any]", version.body or {}).get("workflow", {})
    return bool(reference.get("name") == key.name and reference.get("version") == version.version)


def _body(plan: LivePlan) -> dict[str, Any]:
    return cast("dict[str, Any]", plan.version.body or {})


def _workflow_place(plan: LivePlan) -> Place:
    reference = _body(plan).get("workflow", {})
    return Place(
        reference.get("project", plan.key.project), reference.get("domain", plan.key.domain)
    )


def _place(plan: LivePlan, name: str, context: Context) -> dict[str, Json]:
    spec: dict[str, Json] = {}
    if plan.key.place != Place(context.default_project, context.default_domain):
        spec |= {"project": plan.key.project, "domain": plan.key.domain}
    if plan.key.name != name:
        spec["name"] = plan.key.name
    return spec


def _content(plan: LivePlan, context: Context, *, is_described: bool) -> dict[str, Json]:
    body = _body(plan)
    if body.get("other"):
        names = ", ".join(sorted(body["other"]))
        raise _NotSayableError(f"the language has no words for its {names}")
    workflow = _workflow(plan, context)
    known = Known(types=context.types)
    given = {**body.get("defaultInputs", {}), **body.get("fixedInputs", {})}
    for name in sorted(workflow.defaults.keys() - given.keys()):
        raise _NotSayableError(
            f"it leaves input {name} open, where a declaration takes the workflow's default"
        )
    schedule = _schedule(body.get("schedule", {}))
    run_as = body.get("runAs", {})
    parts: dict[str, Json] = {
        "workflow": dict(body["workflow"]),
        "state": "" if schedule else "Active",
        "schedule": schedule,
        "inputs": _defaults(body.get("defaultInputs", {}), workflow, known),
        "fixedInputs": _fixed(body.get("fixedInputs", {}), workflow, known),
        "notifications": [notifications.described(item) for item in body.get("notifications", [])],
        **{name: body.get(name) for name in _SAME},
        "serviceAccount": run_as.get("serviceAccount"),
        "iamRole": run_as.get("iamRole"),
        "concurrency": concurrency(body.get("concurrency", {})),
        "description": plan.about.description if plan.about and is_described else "",
    }
    return {name: part for name, part in parts.items() if part or part is False}


def _workflow(plan: LivePlan, context: Context) -> Workflow:
    asked = want(plan)
    if asked is None:
        raise _NotSayableError("its workflow was registered by a set, which its own set declares")
    match context.catalog.get(asked):
        case Workflow() as found:
            return found
        case Missing(reason=reason):
            raise _NotSayableError(reason)
        case Unread(cause=cause):
            raise _NotSayableError(f"its workflow could not be read: {cause}")
        case None:
            raise _NotSayableError("its workflow was not looked up")


def _schedule(schedule: Mapping[str, Any]) -> dict[str, Json]:
    for name, words in _NOT_IN_THE_LANGUAGE.items():
        if name in schedule:
            raise _NotSayableError(f"it has {words}")
    if "every" not in schedule:
        return dict(schedule)
    if schedule["every"] <= 0:
        raise _NotSayableError("its fixed rate is not above zero, so that it never fires")
    return {**schedule, "every": rate.render(schedule["every"])}


def _defaults(inputs: Mapping[str, Any], workflow: Workflow, known: Known) -> dict[str, Json]:
    """Write the inputs that the plan gives; what the workflow's own default gives is left out."""
    found: dict[str, Json] = {}
    for name, item in inputs.items():
        own = workflow.defaults.get(name)
        if own is None or canonical(own) != item["value"]:
            found[name] = _value(f"inputs.{name}", item["value"], item["type"], known)
    return found


def _fixed(inputs: Mapping[str, Any], workflow: Workflow, known: Known) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, literal in inputs.items():
        variable = workflow.inputs.get(name)
        if variable is None:
            raise _NotSayableError(f"fixedInputs.{name}: the workflow has no such input")
        found[name] = _value(f"fixedInputs.{name}", literal, variable.get("type"), known)
    return found


def _value(path: str, literal: Json, type_: Json, known: Known) -> Json:
    try:
        return decode(literal, type_, known)
    except NotExpressibleError as error:
        raise _NotSayableError(f"{path}: {error}") from None


def _resolve(
    made: dict[str, Json], context: Context, adapter: Adapter
) -> tuple[tuple[dict[str, Json], State] | None, tuple[Problem, ...]]:
    """Read a document back as its readers will: its normal form and state, or its problems."""
    checked = validate([Document(made, Origin("export"))])
    for declared in checked.declared:
        if isinstance(declared.spec, LaunchPlanSpec):
            found = adapter.resolve(declared, context)
            for resource in found.resources:
                return (resource.body, resource.state), found.problems
            return None, found.problems
    return None, checked.problems


def _difference(made: dict[str, Json], plan: LivePlan, context: Context, adapter: Adapter) -> str:
    """Say how a document would differ from what is live; empty when it does not."""
    found, problems = _resolve(made, context, adapter)
    fault = _fault(problems)
    if found is None or fault:
        return fault or "it could not be read back"
    body, state = found
    if state is not State.ACTIVE:
        return f"it would be declared {state.value}"
    describe = adapter.traits.describe
    changed = diff(describe(plan.version.body or {}), describe(body)) or diff(
        plan.version.body, body
    )
    if not changed:
        return ""
    paths = ", ".join(item.path for item in changed[:3])
    return f"declaring its content would change {paths}"


def _fault(problems: tuple[Problem, ...]) -> str:
    for problem in problems:
        if problem.severity is Severity.ERROR:
            return f"{problem.path}: {problem.message}"
    return ""
