"""Policies of a set: what they say of its declaration, and that nothing is applied against one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import cast

from reconciler.engine import upcoming
from reconciler.engine.declaration import Declaration
from reconciler.errors import PolicyError
from reconciler.model.document import Json
from reconciler.model.key import Key
from reconciler.model.resource import Resource, State
from reconciler.model.traits import Traits
from reconciler.plan import policies
from reconciler.plan.plan import Plan
from reconciler.plan.policies import Hours, Rule, Verdict
from reconciler.report.causes import Causes, parse_path
from reconciler.schedule import rate
from reconciler.schedule.rules import ScheduleError
from reconciler.specs.launch_plan import LaunchPlanSpec
from reconciler.specs.policies import AllowedHours, PolicySpec
from reconciler.specs.running import PlanState
from reconciler.specs.trigger import TriggerSpec


def judge(
    declaration: Declaration, resources: Iterable[Resource], traits: Mapping[str, Traits]
) -> tuple[Verdict, ...]:
    """Give the verdict of each policy on what is declared, with the place of each violation."""
    rules = [_rule(one) for one in declaration.sync.policies]
    if not rules:
        return ()
    causes = Causes(declaration.declared, declaration.sync_document)
    return tuple(
        replace(
            verdict,
            violations=tuple(
                replace(item, origin=causes.field_of(item.origin, parse_path(item.path)))
                for item in verdict.violations
            ),
        )
        for verdict in policies.judge(rules, resources, traits)
    )


def judge_offline(
    declaration: Declaration, resources: Mapping[Key, Resource], traits: Mapping[str, Traits]
) -> tuple[Verdict, ...]:
    """Give verdicts without a backend: also on plans whose code only a backend knows."""
    if "policies" in declaration.unknown:
        return ()
    more = [one for one in _unresolved(declaration) if one.key not in resources]
    return judge(declaration, [*resources.values(), *more], traits)


def enforce(plan: Plan) -> None:
    """Raise PolicyError where a policy fails."""
    if plan.refused:
        names = ", ".join(one.policy for one in plan.refused)
        first = plan.refused[0].violations[0]
        raise PolicyError(
            f"set {plan.set_name}: refused by policy {names}, nothing was written; {first}"
        )


def _rule(spec: PolicySpec) -> Rule:
    return Rule(
        name=spec.name,
        projects=spec.projects,
        domains=spec.domains,
        least_interval=rate.parse(spec.least_interval) if spec.least_interval else None,
        allowed_hours=_hours(spec.allowed_hours) if spec.allowed_hours else None,
        allowed_images=spec.allowed_images or (),
        required_labels=spec.required_labels or {},
    )


def _hours(spec: AllowedHours) -> Hours:
    return Hours(start=_minute(spec.start), end=_minute(spec.to), timezone=spec.timezone)


def _minute(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


def _unresolved(declaration: Declaration) -> Iterator[Resource]:
    """Say what documents with a schedule tell by themselves."""
    for item in declaration.declared:
        spec = item.spec
        if not isinstance(spec, LaunchPlanSpec | TriggerSpec) or getattr(spec, "existing", None):
            continue
        labels = spec.labels if isinstance(spec, LaunchPlanSpec) else spec.run.labels
        body: dict[str, Json] = {"labels": cast("dict[str, Json]", dict(labels))}
        try:
            if spec.schedule is not None:
                body["schedule"] = dict(upcoming.normal(spec.schedule))
        except ScheduleError:
            pass  # told as an error of the document
        is_active = spec.state is PlanState.ACTIVE or (
            spec.state is None and spec.schedule is not None
        )
        yield Resource(
            key=upcoming.key_of(item, spec, declaration),
            body=body,
            origin=item.document.origin,
            state=State.ACTIVE if is_active else State.UNMANAGED,
        )
