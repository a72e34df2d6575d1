"""Resolves a declared trigger to its normal form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import cast

from reconciler.backends.flyte2.trigger import inputs, kickoff, normal
from reconciler.backends.flyte2.trigger.notifications import rule_of
from reconciler.backends.flyte2.trigger.schedule import resolve_schedule
from reconciler.model.document import Json, filled
from reconciler.model.interface import Task, Want
from reconciler.model.key import Key, Place
from reconciler.model.origin import Problem, Severity
from reconciler.model.resource import Reference, Resource, State
from reconciler.model.traits import Traits
from reconciler.resolve.context import Context, Resolution, group_of, placed
from reconciler.resolve.target import Target, find
from reconciler.specs.running import Latest, PlanState
from reconciler.specs.trigger import RunOptions, TriggerSchedule, TriggerSpec
from reconciler.specs.validate import Declared
from reconciler.values.canonical import canonical
from reconciler.values.interface import TASK, bind
from reconciler.values.known import Known
from reconciler.values.passing import passing
from reconciler.values.types import show_type

TASK_KIND = "FlyteTask"
_STATES = {
    PlanState.ACTIVE: State.ACTIVE,
    PlanState.INACTIVE: State.INACTIVE,
    PlanState.UNMANAGED: State.UNMANAGED,
}
_KICKOFF = ("schedule", "kickoffInput")
_INERT = {
    "overwriteCache": "overwrite_cache",
    "queue": "queue",
    "serviceAccount": "service_account",
    "maxActionConcurrency": "max_action_concurrency",
    "notifications": "notifications",
    "notificationRule": "notification_rule",
}
"""Options of runs that the open-source manager (2.0.43) stores and reads nowhere."""


@dataclass(frozen=True, slots=True)
class TriggerAdapter:
    """Resolving of FlyteTrigger documents."""

    traits: Traits

    def wants(self, declared: Declared, context: Context, /) -> Iterable[Want]:
        """Ask for the task that CI deployed."""
        want = _want(declared, context)
        return () if want is None else (want,)

    def about(self, declared: Declared, context: Context, /) -> tuple[Key, ...]:
        """Name the trigger."""
        spec = cast("TriggerSpec", declared.spec)
        return (key_of(declared, context.place(spec.project, spec.domain)),)

    def resolve(self, declared: Declared, context: Context, /) -> Resolution:
        """Resolve one trigger."""
        spec = cast("TriggerSpec", declared.spec)
        place = context.place(spec.project, spec.domain)
        nowhere = placed(declared, place)
        if nowhere is not None:
            lint = self.lint(declared, spec.schedule, context)
            return replace(nowhere, problems=(*nowhere.problems, *lint))
        return _found(declared, context, place)

    def lint(self, declared: Declared, schedule: object, context: Context, /) -> Iterable[Problem]:
        """Check a schedule by itself."""
        _, problems = resolve_schedule(
            declared, cast("TriggerSchedule | None", schedule), now=context.now
        )
        return problems


def _found(declared: Declared, context: Context, place: Place) -> Resolution:
    spec = cast("TriggerSpec", declared.spec)
    target = Target(
        word="task",
        kind=Task,
        offered=lambda package: package.tasks,
        name=spec.task.name,
        package=spec.task.package,
        want=_want(declared, context),
    )
    found = find(target, declared, context, place)
    if found is None or isinstance(found, Problem):
        _, problems = resolve_schedule(declared, spec.schedule, now=context.now)
        if found is not None:
            return Resolution(problems=(found, *problems))
        return Resolution(problems=tuple(problems), is_unchecked=True)
    return _resolved(declared, context, place=place, task=found)


def key_of(declared: Declared, place: Place) -> Key:
    """Return the key of a declared trigger."""
    spec = cast("TriggerSpec", declared.spec)
    return normal.key_of(place, spec.task.name, spec.name or declared.name)


def _want(declared: Declared, context: Context) -> Want | None:
    spec = cast("TriggerSpec", declared.spec)
    if spec.task.package is not None:
        return None
    place = context.place(spec.project, spec.domain)
    chosen = context.version_for(spec.task.name) or spec.task.version
    if isinstance(chosen, Latest):
        return Want(place.project, place.domain, spec.task.name, matching=chosen.matching)
    return Want(place.project, place.domain, spec.task.name, version=chosen or "")


def _resolved(declared: Declared, context: Context, *, place: Place, task: Task) -> Resolution:
    spec = cast("TriggerSpec", declared.spec)
    key = key_of(declared, place)
    schedule, problems = resolve_schedule(declared, spec.schedule, now=context.now)
    given, found = _inputs(declared, spec, task, context.known(declared))
    problems += found
    if spec.schedule is not None and spec.schedule.kickoff_input is not None:
        wrong = _unfit(declared, spec.schedule.kickoff_input, task)
        if wrong is not None:
            problems.append(wrong)
        elif schedule and given is not None:
            schedule, given, found = _with_time(
                declared, spec.schedule.kickoff_input, task, schedule, given
            )
            problems += found
    problems += _inert(declared, spec.run)
    if given is None or any(item.severity is Severity.ERROR for item in problems):
        return Resolution(problems=tuple(problems))
    parts: dict[str, Json] = {
        "task": normal.reference(task.name, task.version),
        "schedule": schedule,
        "inputs": inputs.known(given.literals, given.context, task.cache_ignored),
        "description": spec.description,
        **_run(spec.run),
    }
    body: dict[str, Json] = filled(parts)
    if spec.run.interruptible is not None:
        body["interruptible"] = spec.run.interruptible
    task_key = Key(TASK_KIND, task.project, task.domain, task.name)
    default = State.ACTIVE if schedule else State.UNMANAGED
    resource = Resource(
        key=key,
        body=body,
        origin=declared.document.origin,
        digest=normal.content_digest(key.name, body),
        state=_STATES[spec.state] if spec.state else default,
        refs=(Reference(task_key, task.version),),
        awaits=group_of(place, spec.task.package) if spec.task.package else "",
        adopt=spec.adopt,
        protect=spec.protect,
        on_register=tuple(passing(given.literals, context.known(declared))),
    )
    return Resolution(resources=(resource,), problems=tuple(problems))


@dataclass(frozen=True, slots=True)
class _Given:
    """The inputs of a trigger in the order that the SDK has: those given, then the defaults."""

    literals: Mapping[str, Json]
    context: Mapping[str, str]


def _inputs(
    declared: Declared, spec: TriggerSpec, task: Task, known: Known
) -> tuple[_Given | None, list[Problem]]:
    bound = bind(spec.inputs, task.inputs, path=("inputs",), owner=TASK, known=known)
    problems = [declared.problem(item.message, *item.path, fix=item.fix) for item in bound.problems]
    time = spec.schedule.kickoff_input if spec.schedule else None
    literals = {name: canonical(literal) for name, literal in bound.literals.items()}
    for name, default in task.defaults.items():
        if name not in spec.inputs and name != time:
            literals[name] = canonical(default)
    missing = [
        name
        for name in task.inputs
        if name not in literals and name not in spec.inputs and name != time
    ]
    if missing and spec.schedule is not None:
        problems.append(
            declared.problem(
                f"the task's input {', '.join(sorted(missing))} has no value, and a scheduled "
                "trigger runs without anybody to give one",
                "schedule",
                fix="give it under inputs",
            )
        )
    return (None if problems else _Given(literals, spec.context)), problems


def _unfit(declared: Declared, name: str, task: Task) -> Problem | None:
    """Say why an input cannot take the scheduled time."""
    variable = task.inputs.get(name)
    if variable is None:
        known = ", ".join(sorted(task.inputs)) or "none"
        return declared.problem(
            f"the task has no input {name}", *_KICKOFF, fix=f"its inputs are: {known}"
        )
    if variable.get("type") != {"simple": "DATETIME"}:
        return declared.problem(
            f"input {name} is {show_type(variable.get('type'))}, and the scheduled time is a "
            "datetime",
            *_KICKOFF,
            fix="name an input of type datetime (not an optional one)",
        )
    return None


def _with_time(
    declared: Declared,
    name: str,
    task: Task,
    schedule: dict[str, Json],
    given: _Given,
) -> tuple[dict[str, Json], _Given, list[Problem]]:
    """Add how the scheduled time reaches its input."""
    chosen = kickoff.choose(task, name, given.literals, given.context)
    if chosen.problem:
        return schedule, given, [declared.problem(chosen.problem, *_KICKOFF, fix=chosen.fix)]
    if chosen.is_argument:
        schedule = {**schedule, "kickoffInput": name}
    if given.literals or not chosen.is_argument:
        given = replace(given, context=kickoff.in_context(given.context, name))
    return schedule, given, []


def _inert(declared: Declared, run: RunOptions) -> Iterator[Problem]:
    for written, attribute in _INERT.items():
        if getattr(run, attribute):
            yield declared.warning(
                "is stored, and the open-source Flyte 2 does not act on it",
                "run",
                written,
                fix="leave it out, unless your Flyte 2 is another one",
            )


def _run(run: RunOptions) -> dict[str, Json]:
    return {
        "labels": dict(run.labels),
        "annotations": dict(run.annotations),
        "envs": dict(run.envs),
        "rawOutputPrefix": run.raw_output_prefix,
        "queue": run.queue,
        "serviceAccount": run.service_account,
        "maxActionConcurrency": run.max_action_concurrency,
        "overwriteCache": run.overwrite_cache,
        "notifications": [rule_of(item) for item in run.notifications],
        "notificationRule": run.notification_rule,
    }
