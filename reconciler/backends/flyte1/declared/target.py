"""What a declared run starts: a launch plan of the set or of Flyte, a workflow's own, or a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.backends.flyte1 import task
from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.model.entity import Reference as Entity
from reconciler.model.entity import What
from reconciler.model.interface import Starts, Want, Workflow
from reconciler.model.key import Key, Place
from reconciler.model.origin import Problem
from reconciler.model.resource import Reference
from reconciler.resolve.context import Context, Package, group_of
from reconciler.resolve.target import Target, find
from reconciler.specs.run import CodeTarget, LaunchPlanTarget, RunSpec
from reconciler.specs.running import Latest
from reconciler.specs.validate import Declared


@dataclass(frozen=True, slots=True)
class Found:
    """What is started, and the group of the package that it is of."""

    what: Starts
    found: Workflow
    awaits: str = ""

    @property
    def reference(self) -> Reference:
        """The object that must be registered before."""
        kind = task.KIND if self.what is Starts.TASK else LAUNCH_PLAN
        one = self.found
        return Reference(Key(kind, one.project, one.domain, one.name), one.version)

    @property
    def entity(self) -> Entity:
        """Name it as an execution does."""
        one = self.found
        what = What.TASKS if self.what is Starts.TASK else What.LAUNCH_PLANS
        return Entity(
            what=what, project=one.project, domain=one.domain, name=one.name, version=one.version
        )


def want_of(spec: RunSpec, context: Context) -> Want | None:
    """Ask for what the set itself does not have."""
    place = context.place(spec.project, spec.domain)
    match spec:
        case RunSpec(launch_plan=LaunchPlanTarget() as plan):
            return _want(plan, place, Starts.LAUNCH_PLAN, plan.version)
        case RunSpec(workflow=CodeTarget(package=None) as code):
            chosen = context.version_for(code.name) or code.version
            return _want(code, place, Starts.WORKFLOW, chosen)
        case RunSpec(task=CodeTarget(package=None) as code):
            return _want(code, place, Starts.TASK, code.version)
        case _:
            return None


def _want(
    target: LaunchPlanTarget | CodeTarget,
    place: Place,
    starts: Starts,
    version: str | Latest | None,
) -> Want:
    project, domain = target.project or place.project, target.domain or place.domain
    if isinstance(version, Latest):
        return Want(project, domain, target.name, matching=version.matching, starts=starts)
    return Want(project, domain, target.name, version=version or "", starts=starts)


def target_of(
    declared: Declared, spec: RunSpec, context: Context, place: Place
) -> Found | Problem | None:
    """Find what a run starts; None where only a backend knows it and there is none."""
    want = want_of(spec, context)
    if spec.launch_plan is not None:
        plan = spec.launch_plan
        key = Key(
            LAUNCH_PLAN, plan.project or place.project, plan.domain or place.domain, plan.name
        )
        if key in context.unresolved and plan.version is None:
            problem = declared.problem(f"{key} of this set has an error", "launchPlan", "name")
            return replace(problem, awaits=True)
        own = context.started.get(key)
        if own is not None and plan.version in {None, own.version}:
            return Found(Starts.LAUNCH_PLAN, own)
        word, what = "launchPlan", Starts.LAUNCH_PLAN
        found = find(
            Target(
                word=word,
                kind=Workflow,
                offered=lambda package: package.workflows,
                name=plan.name,
                want=want,
                chosen_by="version" if plan.version is not None else "name",
            ),
            declared,
            context,
            place,
        )
        return Found(what, found) if isinstance(found, Workflow) else found
    return _code(declared, spec, context, place, want)


def _code(
    declared: Declared, spec: RunSpec, context: Context, place: Place, want: Want | None
) -> Found | Problem | None:
    is_task = spec.task is not None
    code = spec.task or spec.workflow
    assert code is not None
    found = find(
        Target(
            word="task" if is_task else "workflow",
            kind=Workflow,
            offered=_tasks if is_task else _workflows,
            name=code.name,
            package=code.package,
            want=want,
        ),
        declared,
        context,
        place,
    )
    if not isinstance(found, Workflow):
        return found
    awaits = group_of(place, code.package) if code.package else ""
    return Found(Starts.TASK if is_task else Starts.WORKFLOW, found, awaits)


def _tasks(package: Package) -> Mapping[str, Workflow]:
    return package.tasks


def _workflows(package: Package) -> Mapping[str, Workflow]:
    return package.workflows
