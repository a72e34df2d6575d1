"""Resolves a declared launch plan to its normal form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import cast

from reconciler.backends.flyte1 import notifications
from reconciler.backends.flyte1.launch_plan.inputs import inputs_of, unbound
from reconciler.backends.flyte1.launch_plan.schedule import resolve_schedule
from reconciler.backends.wire.backfill import gap_keeping
from reconciler.model.backfill import Gaps
from reconciler.model.digest import digest, split_version, version_of
from reconciler.model.document import Json, filled
from reconciler.model.interface import Missing, Want, Workflow
from reconciler.model.key import Key, Place
from reconciler.model.origin import Problem, Severity
from reconciler.model.resource import Reference, Resource, State
from reconciler.model.traits import Traits
from reconciler.resolve.context import Context, Resolution, group_of, placed
from reconciler.resolve.target import Target, find
from reconciler.schedule import rate
from reconciler.specs.launch_plan import LaunchPlanSpec, Schedule
from reconciler.specs.running import Latest, PlanState
from reconciler.specs.validate import Declared

KIND = "FlyteLaunchPlan"
WORKFLOW_KIND = "FlyteWorkflow"
_LOOK_BACK = "7d"
_STATES = {
    PlanState.ACTIVE: State.ACTIVE,
    PlanState.INACTIVE: State.INACTIVE,
    PlanState.UNMANAGED: State.UNMANAGED,
}


@dataclass(frozen=True, slots=True)
class LaunchPlanAdapter:
    """Resolving of FlyteLaunchPlan documents."""

    traits: Traits

    def wants(self, declared: Declared, context: Context, /) -> Iterable[Want]:
        """Ask for the workflow that CI registered, or for the plan whose version is chosen."""
        want = want_of(declared, context)
        return () if want is None else (want,)

    def about(self, declared: Declared, context: Context, /) -> tuple[Key, ...]:
        """Name the plan."""
        spec = cast("LaunchPlanSpec", declared.spec)
        return (key_of(declared, context.place(spec.project, spec.domain)),)

    def resolve(self, declared: Declared, context: Context, /) -> Resolution:
        """Resolve one plan in any of its three modes."""
        spec = cast("LaunchPlanSpec", declared.spec)
        place = context.place(spec.project, spec.domain)
        nowhere = placed(declared, place)
        if nowhere is not None:
            lint = self.lint(declared, spec.schedule, context)
            return replace(nowhere, problems=(*nowhere.problems, *lint))
        return _resolved(declared, context, place)

    def lint(self, declared: Declared, schedule: object, context: Context, /) -> Iterable[Problem]:
        """Check a schedule by itself."""
        _, problems = resolve_schedule(declared, cast("Schedule | None", schedule), now=context.now)
        return problems


def _resolved(declared: Declared, context: Context, place: Place) -> Resolution:
    spec = cast("LaunchPlanSpec", declared.spec)
    if spec.existing is not None:
        return _chosen(declared, context, place)
    found = _workflow(declared, context, place)
    if found is None or isinstance(found, Problem):
        _, problems = resolve_schedule(declared, spec.schedule, now=context.now)
        if found is not None:
            return Resolution(problems=(found, *problems))
        return Resolution(problems=tuple(problems), is_unchecked=True)
    return _registered(declared, context, place=place, workflow=found)


def name_of(declared: Declared) -> str:
    """Return the Flyte name of a declared plan."""
    return cast("LaunchPlanSpec", declared.spec).name or declared.name


def key_of(declared: Declared, place: Place) -> Key:
    """Return the key of a declared plan."""
    return Key(KIND, place.project, place.domain, name_of(declared))


def want_of(declared: Declared, context: Context) -> Want | None:
    """Say which workflow or plan must be looked up for a document, if any."""
    spec = cast("LaunchPlanSpec", declared.spec)
    place = context.place(spec.project, spec.domain)
    if spec.existing is not None:
        version = spec.existing.version
        if not isinstance(version, Latest):
            return None
        return Want(
            place.project, place.domain, "", matching=version.matching, plan=name_of(declared)
        )
    workflow = spec.workflow
    if workflow is None or workflow.package is not None:
        return None
    if workflow.same_as is not None:
        return Want(place.project, workflow.same_as.domain, workflow.name, plan=name_of(declared))
    where = Place(workflow.project or place.project, workflow.domain or place.domain)
    chosen = context.version_for(workflow.name) or workflow.version
    if isinstance(chosen, Latest):
        return Want(where.project, where.domain, workflow.name, matching=chosen.matching)
    return Want(where.project, where.domain, workflow.name, version=chosen or "")


def _workflow(declared: Declared, context: Context, place: Place) -> Workflow | Problem | None:
    """Find the workflow of a plan; None where only a backend knows it and there is none."""
    spec = cast("LaunchPlanSpec", declared.spec)
    reference = spec.workflow
    assert reference is not None
    want = want_of(declared, context)
    target = Target(
        word="workflow",
        kind=Workflow,
        offered=lambda package: package.workflows,
        name=reference.name,
        package=reference.package,
        want=want,
        chosen_by="sameAs" if want is not None and want.plan else "version",
    )
    return find(target, declared, context, place)


def _chosen(declared: Declared, context: Context, place: Place) -> Resolution:
    """The third mode: CI registers the plan, Git chooses the active version."""
    spec = cast("LaunchPlanSpec", declared.spec)
    assert spec.existing is not None
    version = spec.existing.version
    if isinstance(version, Latest):
        want = want_of(declared, context)
        assert want is not None
        answer = context.catalog.get(want)
        if answer is None and context.is_offline:
            return Resolution(is_unchecked=True)
        if not isinstance(answer, Workflow):
            reason = (
                answer.reason
                if isinstance(answer, Missing)
                else "the newest version is not known without a backend"
            )
            problem = declared.problem(
                reason, "existing", "version", fix="register it first, or name a version"
            )
            return Resolution(problems=(replace(problem, awaits=True),))
        version = answer.version
    key = key_of(declared, place)
    resource = Resource(
        key=key,
        body={},
        origin=declared.document.origin,
        digest=digest({"kind": KIND, "name": key.name, "existing": version}),
        version=version,
        state=_STATES[spec.state] if spec.state else State.ACTIVE,
        chosen=True,
        adopt=spec.adopt,
        protect=spec.protect,
    )
    return Resolution(resources=(resource,))


def _registered(
    declared: Declared, context: Context, *, place: Place, workflow: Workflow
) -> Resolution:
    spec = cast("LaunchPlanSpec", declared.spec)
    key = key_of(declared, place)
    schedule, problems = resolve_schedule(declared, spec.schedule, now=context.now)
    inputs = inputs_of(declared, context, workflow)
    problems += inputs.problems
    if schedule:
        problems += unbound(declared, workflow)
    if any(item.severity is Severity.ERROR for item in problems):
        return Resolution(problems=tuple(problems))
    parts: dict[str, Json] = {
        "workflow": _reference(workflow, place),
        "schedule": schedule,
        **inputs.parts,
        "notifications": [notifications.declared(item) for item in spec.notifications],
        "labels": dict(spec.labels),
        "annotations": dict(spec.annotations),
        "envs": dict(spec.envs),
        "runAs": filled({"serviceAccount": spec.service_account, "iamRole": spec.iam_role}),
        "rawOutputPrefix": spec.raw_output_prefix,
        "maxParallelism": spec.max_parallelism,
        "overwriteCache": spec.overwrite_cache,
    }
    if spec.concurrency is not None:
        parts["concurrency"] = {
            "max": spec.concurrency.max,
            "behavior": str(spec.concurrency.on_limit).upper(),
        }
    body = filled(parts)
    if spec.interruptible is not None:
        body["interruptible"] = spec.interruptible
    content = content_digest(key.name, body)
    state = _STATES[spec.state] if spec.state else _default_state(body)
    resource = Resource(
        key=key,
        body=body,
        origin=declared.document.origin,
        digest=content,
        version=version_of(context.set_name, content),
        state=state,
        refs=(_pointer(workflow),),
        awaits=_awaits(spec, place),
        adopt=spec.adopt,
        protect=spec.protect,
        description=spec.description or "",
        on_register=inputs.notes,
    )
    starts = {key: started(key, resource.version, body, workflow)} if context.has_runs else {}
    return Resolution(
        resources=(resource, *_kept_gaps(declared, spec, key)),
        problems=tuple(problems),
        starts=starts,
    )


def started(key: Key, version: str, body: Mapping[str, Json], workflow: Workflow) -> Workflow:
    """Say what of a plan's inputs whoever runs it may give, and which of them have a default."""
    defaults = cast("Mapping[str, Mapping[str, dict[str, Json]]]", body.get("defaultInputs", {}))
    fixed = cast("Mapping[str, Json]", body.get("fixedInputs", {}))
    return Workflow(
        project=key.project,
        domain=key.domain,
        name=key.name,
        version=version,
        inputs={name: one for name, one in workflow.inputs.items() if name not in fixed},
        defaults={name: one["value"] for name, one in defaults.items()},
    )


def _kept_gaps(declared: Declared, spec: LaunchPlanSpec, key: Key) -> tuple[Resource, ...]:
    """Declare the plan's gaps, which are no part of its content."""
    schedule = spec.schedule
    if schedule is None or schedule.gaps is Gaps.IGNORE:
        return ()
    minutes = rate.parse(schedule.look_back or _LOOK_BACK)
    origin = declared.document.origin
    return (gap_keeping(key, origin, gaps=schedule.gaps, look_back=minutes),)


def _awaits(spec: LaunchPlanSpec, place: Place) -> str:
    package = spec.workflow.package if spec.workflow else None
    return group_of(place, package) if package else ""


def content_digest(name: str, body: dict[str, Json]) -> str:
    """Digest of a plan: kind, name and content; not its place, set or version."""
    return digest({"kind": KIND, "name": name, "body": body})


def _default_state(body: Mapping[str, Json]) -> State:
    return State.ACTIVE if "schedule" in body else State.UNMANAGED


def _pointer(workflow: Workflow) -> Reference:
    key = Key(WORKFLOW_KIND, workflow.project, workflow.domain, workflow.name)
    return Reference(key, workflow.version)


def _reference(workflow: Workflow, place: Place) -> dict[str, Json]:
    """Name the workflow as `normal.reference` reads it from a live plan."""
    made_by_a_set = split_version(workflow.version)
    found: dict[str, Json] = {"name": workflow.name}
    if made_by_a_set is None:
        found["version"] = workflow.version
    else:
        found["digest"] = made_by_a_set[1]
    if workflow.project != place.project:
        found["project"] = workflow.project
    if workflow.domain != place.domain and made_by_a_set is None:
        found["domain"] = workflow.domain
    return found
