"""Which launch plans of a package are registered, and what becomes of each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial
from typing import cast

from reconciler.backends.flyte1.launch_plan.schedule import lint_packaged
from reconciler.backends.flyte1.launch_plan.spec import KIND as LAUNCH_PLAN
from reconciler.backends.flyte1.package.entities import Content
from reconciler.backends.flyte1.package.graph import Entity, Graph
from reconciler.model.document import Json
from reconciler.model.origin import Problem, Severity
from reconciler.model.resource import State
from reconciler.specs.package import Activate, PackagedPlans, Register
from reconciler.specs.running import PlanState
from reconciler.specs.validate import Declared

_STATES = {
    PlanState.ACTIVE: State.ACTIVE,
    PlanState.INACTIVE: State.INACTIVE,
    PlanState.UNMANAGED: State.UNMANAGED,
}


def chosen(graph: Graph, policy: PackagedPlans) -> frozenset[str]:
    """Name the plans to register: the asked ones, and all that a node refers to."""
    plans = {name: one for (kind, name), one in graph.entities.items() if kind == LAUNCH_PLAN}
    if policy.register_ is Register.ALL:
        return frozenset(plans)
    needed = {
        name for one in graph.entities.values() for kind, name in one.refs if kind == LAUNCH_PLAN
    }
    if policy.register_ is Register.DEFAULT:
        needed |= {name for name, one in plans.items() if one.is_default}
    needed |= {name for name, one in plans.items() if _named(one, policy) is not None}
    return frozenset(needed)


def state(plan: Entity, policy: PackagedPlans) -> State:
    """Say what becomes of a plan; default plans are registered and never activated."""
    if plan.is_default:
        return State.UNMANAGED
    named = _named(plan, policy)
    if named is not None:
        return _STATES[named]
    if policy.activate is Activate.ALL:
        return State.ACTIVE
    if policy.activate is Activate.SCHEDULED and "schedule" in plan.body:
        return State.ACTIVE
    return State.UNMANAGED


def _named(plan: Entity, policy: PackagedPlans) -> PlanState | None:
    if plan.is_default:
        return None
    matches = (item.state for item in policy.plans if fnmatchcase(plan.name, item.name))
    return next(matches, None)


def unmatched(declared: Declared, graph: Graph, policy: PackagedPlans) -> Iterator[Problem]:
    """Warn of exceptions that no plan of the package is named by."""
    names = sorted(
        one.name
        for one in graph.entities.values()
        if one.kind == LAUNCH_PLAN and not one.is_default
    )
    for index, item in enumerate(policy.plans):
        if not any(fnmatchcase(name, item.name) for name in names):
            yield declared.warning(
                f'no plan of the package is named by "{item.name}"',
                "launchPlans",
                "plans",
                index,
                "name",
                fix=f"its plans are: {', '.join(names[:10]) or 'default plans alone'}",
            )


def lint(declared: Declared, plan: Entity, wanted: State, *, now: datetime) -> Iterator[Problem]:
    """Check a packaged schedule; one that cannot run may be registered, and never activated."""
    for rule, is_error, message, fix in lint_packaged(plan.body, now=now):
        is_fatal = is_error and wanted is State.ACTIVE
        yield Problem(
            partial(declared.at, "archive"),
            f"plan {plan.name}: {message} [{rule}]",
            path="spec.archive",
            fix=fix,
            severity=Severity.ERROR if is_fatal else Severity.WARNING,
        )


def unbound(declared: Declared, plan: Entity, content: Content) -> Iterator[Problem]:
    """Refuse a scheduled plan that leaves an input open, as the server does when it is made."""
    schedule = cast("dict[str, Json]", plan.body.get("schedule") or {})
    if not schedule or not plan.refs:
        return
    inputs = content.workflows[plan.refs[0][1]].template.interface.inputs.variables
    bound = {
        *cast("dict[str, Json]", plan.body.get("defaultInputs") or {}),
        *cast("dict[str, Json]", plan.body.get("fixedInputs") or {}),
        schedule.get("kickoffInput"),
    }
    left = sorted(name for name in inputs if name not in bound)
    if left:
        yield declared.problem(
            f"plan {plan.name} is scheduled and leaves its input {', '.join(left)} without a "
            "value, which Flyte refuses",
            "archive",
            fix="give it a default in the code, or leave the plan out by launchPlans.register",
        )
