"""Resolves a declared package to its tasks, workflows and launch plans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, cast

from flyteidl.admin import launch_plan_pb2

from reconciler.backends.flyte1 import task, workflow
from reconciler.backends.flyte1.launch_plan.schedule import lint_packaged
from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.launch_plan.spec import group_of
from reconciler.backends.flyte1.message import to_json
from reconciler.backends.flyte1.package.entities import PackageError, read
from reconciler.backends.flyte1.package.graph import Graph, Member
from reconciler.model.document import Json
from reconciler.model.interface import Want, Workflow
from reconciler.model.origin import Problem, Severity
from reconciler.model.resource import Resource, State
from reconciler.model.traits import Traits
from reconciler.resolve.context import Context, Package, Resolution
from reconciler.sources.archive import Archive
from reconciler.specs.launch_plan import PlanState
from reconciler.specs.package import Activate, PackageOptions, PackageSpec, Register
from reconciler.specs.validate import Declared

KIND = "FlytePackage"
_STATES = {
    PlanState.ACTIVE: State.ACTIVE,
    PlanState.INACTIVE: State.INACTIVE,
    PlanState.UNMANAGED: State.UNMANAGED,
}


@dataclass(frozen=True, slots=True)
class PackageAdapter:
    """Resolving of FlytePackage documents."""

    traits: Traits

    def wants(self, _declared: Declared, _context: Context, /) -> Iterable[Want]:
        """A package brings what it needs."""
        return ()

    def resolve(self, declared: Declared, context: Context, /) -> Resolution:
        """Resolve every entity of a package; an archive that cannot be read declares nothing."""
        spec = cast("PackageSpec", declared.spec)
        place = context.place(spec.project, spec.domain)
        if not place.project or not place.domain:
            missing = "project" if not place.project else "domain"
            problem = declared.problem(
                f"no {missing} is given here and the set has no default",
                fix=f"write spec.{missing}, or spec.defaults.{missing} in the FlyteSync",
            )
            return Resolution(problems=(problem,))
        archive = context.archives.get(str(declared.document.origin))
        try:
            if not isinstance(archive, Archive):
                raise PackageError(str(archive or f"{spec.archive}: was not read"))
            entities = read(archive, name=spec.archive)
            graph = Graph(
                entities, place, context.set_name, spec.archive, adjust=_adjusting(spec.options)
            )
            return _resolved(declared, spec, graph, context)
        except PackageError as error:
            problem = declared.problem(str(error), "archive")
            return Resolution(problems=(problem,), package=Package(unread=str(error)), place=place)


def _resolved(declared: Declared, spec: PackageSpec, graph: Graph, context: Context) -> Resolution:
    entities, place = graph.entities, graph.place
    group = group_of(place, declared.name)
    members: list[tuple[Member, State]] = [
        (graph.member(kind, name), State.UNMANAGED)
        for kind, names in ((task.KIND, entities.tasks), (workflow.KIND, entities.workflows))
        for name in sorted(names)
    ]
    problems: list[Problem] = []
    for name in sorted(_chosen(spec, graph)):
        member = graph.member(LAUNCH_PLAN, name)
        state = _state(spec, graph, name)
        members.append((member, state))
        problems += _lint(declared, member, state, context)
        problems += _unbound(declared, graph, member)
    resources = tuple(
        Resource(
            key=member.key,
            body=member.body,
            origin=declared.document.origin,
            digest=member.digest,
            version=member.version,
            state=state,
            refs=member.refs,
            group=group,
            adopt=spec.adopt,
            protect=spec.protect if state is State.ACTIVE else None,
        )
        for member, state in members
    )
    workflows = {name: _workflow(graph, name) for name in entities.workflows}
    return Resolution(
        resources=resources,
        problems=tuple(problems),
        package=Package(workflows=workflows, code=dict(graph.code)),
        place=place,
    )


def _adjusting(options: PackageOptions) -> Any:
    """Return what fills the options into a launch plan spec."""

    def adjust(spec: launch_plan_pb2.LaunchPlanSpec) -> None:
        if options.service_account:
            spec.security_context.run_as.k8s_service_account = options.service_account
        if options.raw_output_prefix:
            spec.raw_output_data_config.output_location_prefix = options.raw_output_prefix
        spec.labels.values.update(options.labels)
        spec.annotations.values.update(options.annotations)

    return adjust


def _chosen(spec: PackageSpec, graph: Graph) -> set[str]:
    """Choose the plans to register; those that nodes refer to always are."""
    plans = graph.entities.plans
    register = spec.launch_plans.register_
    if register is Register.ALL:
        return set(plans)
    chosen = {
        reference["name"]
        for item in graph.entities.workflows.values()
        for reference in workflow.references(item)
        if reference.get("resourceType") == "LAUNCH_PLAN" and reference["name"] in plans
    }
    if register is Register.DEFAULT:
        chosen |= {name for name, plan in plans.items() if graph.is_default(plan)}
    chosen |= {
        name
        for name in plans
        for item in spec.launch_plans.plans
        if fnmatchcase(name, item.name) and item.state is not PlanState.UNMANAGED
    }
    return chosen


def _state(spec: PackageSpec, graph: Graph, name: str) -> State:
    plan = graph.entities.plans[name]
    if graph.is_default(plan):
        return State.UNMANAGED
    for item in spec.launch_plans.plans:
        if fnmatchcase(name, item.name):
            return _STATES[item.state]
    activate = spec.launch_plans.activate
    has_schedule = plan.spec.entity_metadata.HasField("schedule")
    if activate is Activate.ALL or (activate is Activate.SCHEDULED and has_schedule):
        return State.ACTIVE
    return State.UNMANAGED


def _lint(declared: Declared, member: Member, state: State, context: Context) -> Iterator[Problem]:
    """A schedule that Flyte cannot run must not be activated; registered alone it harms nobody."""
    severity = Severity.ERROR if state is State.ACTIVE else Severity.WARNING
    for rule, is_error, message, fix in lint_packaged(member.body, now=context.now):
        yield Problem(
            declared.at("archive"),
            f"{rule}: plan {member.key.name}: {message}",
            path="spec.archive",
            fix=fix,
            severity=severity if is_error else Severity.WARNING,
        )


def _unbound(declared: Declared, graph: Graph, member: Member) -> Iterator[Problem]:
    """The server refuses a scheduled plan that leaves an input open."""
    schedule = cast("dict[str, Json]", member.body.get("schedule") or {})
    plan = graph.entities.plans[member.key.name]
    found = graph.entities.workflows.get(plan.spec.workflow_id.name)
    if not schedule or found is None:
        return
    bound = {
        *cast("dict[str, Json]", member.body.get("defaultInputs") or {}),
        *cast("dict[str, Json]", member.body.get("fixedInputs") or {}),
        schedule.get("kickoffInput"),
    }
    left = sorted(set(found.template.interface.inputs.variables) - bound)
    if left:
        yield declared.problem(
            f"plan {member.key.name} is scheduled and leaves {', '.join(left)} without a value, "
            "which Flyte refuses",
            "archive",
            fix="give it a default in the code, or leave the plan out with launchPlans.register",
        )


def _workflow(graph: Graph, name: str) -> Workflow:
    member = graph.member(workflow.KIND, name)
    template = graph.entities.workflows[name].template
    default = graph.entities.plans.get(name)
    parameters = default.spec.default_inputs.parameters if default is not None else {}
    return Workflow(
        project=member.key.project,
        domain=member.key.domain,
        name=name,
        version=member.version,
        inputs={
            key: to_json(variable) for key, variable in template.interface.inputs.variables.items()
        },
        defaults={
            key: to_json(parameter.default)
            for key, parameter in parameters.items()
            if parameter.WhichOneof("behavior") == "default"
        },
    )
