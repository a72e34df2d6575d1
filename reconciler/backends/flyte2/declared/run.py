"""Resolves a FlyteRun to what starting its run says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from reconciler.backends.flyte2.trigger import normal as trigger
from reconciler.backends.flyte2.trigger.notifications import rule_of
from reconciler.backends.flyte2.trigger.spec import TASK_KIND
from reconciler.backends.wire.run import Start, inputs_of, key_of, portable, resource_of
from reconciler.model.document import Json, filled
from reconciler.model.entity import Reference as Entity
from reconciler.model.entity import What
from reconciler.model.interface import Task, Want
from reconciler.model.key import Key, Place
from reconciler.model.origin import Problem, Severity
from reconciler.model.resource import Reference
from reconciler.model.traits import Traits
from reconciler.resolve.context import Context, Resolution, group_of, placed
from reconciler.resolve.target import Target, find
from reconciler.schedule import duration
from reconciler.specs.run import RunOverrides, RunResources, RunSpec
from reconciler.specs.running import Latest
from reconciler.specs.validate import Declared
from reconciler.values.cast import type_of
from reconciler.values.decode import decode
from reconciler.values.interface import TASK
from reconciler.values.problem import NotExpressibleError

LONGEST = 30
"""Characters of the name of a run."""

_ON_FLYTE_1 = {
    "launchPlan": ("launch_plan", "name its task"),
    "workflow": ("workflow", "name its task"),
    "tags": ("tags", "use labels"),
    "clusterLabel": ("cluster_label", "remove it"),
    "iamRole": ("iam_role", "remove it"),
}
_INERT = {
    "overwriteCache": "overwrite_cache",
    "clusterPool": "cluster_pool",
    "serviceAccount": "service_account",
    "maxParallelism": "max_parallelism",
    "notifications": "notifications",
}
"""What the open-source manager (2.0.43) stores and reads nowhere."""

_OWN = {
    "inputs": "inputs",
    "inputsFrom": "inputs_from",
    "labels": "labels",
    "annotations": "annotations",
    "envs": "envs",
    "rawOutputPrefix": "raw_output_prefix",
    **_INERT,
}


@dataclass(frozen=True, slots=True)
class RunAdapter:
    """Resolving of FlyteRun documents."""

    traits: Traits

    def wants(self, declared: Declared, context: Context, /) -> Iterable[Want]:
        """Ask for the task, where the set does not deploy it."""
        want = _want(cast("RunSpec", declared.spec), context)
        return () if want is None else (want,)

    def about(self, declared: Declared, context: Context, /) -> tuple[Key, ...]:
        """Name the declaration."""
        return (key_of(declared, context),)

    def resolve(self, declared: Declared, context: Context, /) -> Resolution:
        """Resolve one run."""
        spec = cast("RunSpec", declared.spec)
        place = context.place(spec.project, spec.domain)
        problems = [*_unserved(declared, spec)]
        nowhere = placed(declared, place)
        if nowhere is not None:
            return Resolution(problems=(*nowhere.problems, *problems))
        if any(item.severity is Severity.ERROR for item in problems):
            return Resolution(problems=tuple(problems))
        if spec.trigger is not None:
            return _of_trigger(declared, context, tuple(problems))
        found = _task(declared, spec, context, place)
        if found is None or isinstance(found, Problem):
            told = (*problems, found) if found is not None else tuple(problems)
            return Resolution(problems=told, is_unchecked=found is None)
        return _of_task(declared, context, found, tuple(problems))


def _unserved(declared: Declared, spec: RunSpec) -> Iterator[Problem]:
    for word, (attribute, fix) in _ON_FLYTE_1.items():
        if getattr(spec, attribute):
            yield declared.problem("is of Flyte 1", word, fix=fix)
    for index, item in enumerate(spec.notifications or ()):
        for word, given in (("pagerDuty", item.pager_duty), ("slack", item.slack)):
            if given:
                yield declared.problem(
                    "is of Flyte 1", "notifications", index, word, fix="write email or webhook"
                )
    if spec.name is not None and len(spec.name) > LONGEST:
        why = f"has {len(spec.name)} characters; a run of Flyte 2 has at most {LONGEST}"
        yield declared.problem(why, "name", fix="shorten it, or write namePrefix")
    if spec.trigger is not None:
        for word, attribute in _OWN.items():
            if getattr(spec, attribute):
                why = "would replace all that the trigger says of inputs, or of how runs start"
                yield declared.problem(why, word, fix="run the task of the trigger instead")
        return
    for word, attribute in _INERT.items():
        if getattr(spec, attribute):
            yield declared.warning(
                "is stored, and the open-source Flyte 2 does not act on it",
                word,
                fix="leave it out, unless your Flyte 2 is another one",
            )


def _want(spec: RunSpec, context: Context) -> Want | None:
    if spec.task is None or spec.task.package is not None:
        return None
    place = context.place(spec.project, spec.domain)
    project, domain = spec.task.project or place.project, spec.task.domain or place.domain
    version = spec.task.version
    if isinstance(version, Latest):
        return Want(project, domain, spec.task.name, matching=version.matching)
    return Want(project, domain, spec.task.name, version=version or "")


def _task(
    declared: Declared, spec: RunSpec, context: Context, place: Place
) -> Task | Problem | None:
    assert spec.task is not None
    target = Target(
        word="task",
        kind=Task,
        offered=lambda package: package.tasks,
        name=spec.task.name,
        package=spec.task.package,
        want=_want(spec, context),
    )
    return find(target, declared, context, place)


def _of_task(
    declared: Declared, context: Context, task: Task, warnings: tuple[Problem, ...]
) -> Resolution:
    spec = cast("RunSpec", declared.spec)
    assert spec.task is not None
    place = context.place(spec.project, spec.domain)
    inputs, problems = inputs_of(declared, context, task, TASK)
    if problems:
        return Resolution(problems=(*warnings, *problems))
    entity = Entity(
        what=What.TASKS,
        project=task.project,
        domain=task.domain,
        name=task.name,
        version=task.version,
    )
    launch: dict[str, Json] = {
        "entity": entity.to_dict(),
        **({"inputs": dict(sorted(inputs.items()))} if inputs else {}),
        **_options(spec),
    }
    start = Start(
        launch=launch,
        portable={**launch, "entity": portable(entity, place)},
        reference=Reference(Key(TASK_KIND, task.project, task.domain, task.name), task.version),
        awaits=group_of(place, spec.task.package) if spec.task.package else "",
    )
    resource = resource_of(declared, context, start, inputs)
    return Resolution(resources=(resource,), problems=warnings)


def _of_trigger(declared: Declared, context: Context, warnings: tuple[Problem, ...]) -> Resolution:
    spec = cast("RunSpec", declared.spec)
    assert spec.trigger is not None
    place = context.place(spec.project, spec.domain)
    key = trigger.key_of(place, spec.trigger.task, spec.trigger.name)
    entity = Entity(what=What.TRIGGERS, project=place.project, domain=place.domain, name=key.name)
    launch: dict[str, Json] = {"entity": entity.to_dict(), **_options(spec)}
    start = Start(
        launch=launch,
        portable={**launch, "entity": portable(entity, place)},
        reference=Reference(key, ""),
    )
    return Resolution(resources=(resource_of(declared, context, start, {}),), problems=warnings)


def _options(spec: RunSpec) -> dict[str, Json]:
    """Write how it runs, without what says nothing; see `run.normal` for the form."""
    notifications = cast("tuple[Any, ...]", spec.notifications or ())
    parts: dict[str, Json] = {
        "labels": dict(spec.labels),
        "annotations": dict(spec.annotations),
        "envs": dict(spec.envs),
        "rawOutputPrefix": spec.raw_output_prefix,
        "queue": spec.cluster_pool,
        "serviceAccount": spec.service_account,
        "maxActionConcurrency": spec.max_parallelism,
        "overwriteCache": spec.overwrite_cache,
        "notifications": [rule_of(item) for item in notifications],
        "overrides": _overrides(spec.overrides) if spec.overrides is not None else None,
    }
    found: dict[str, Json] = filled(parts)
    if spec.interruptible is not None:
        found["interruptible"] = spec.interruptible
    return found


def _overrides(given: RunOverrides) -> dict[str, Json]:
    parts: dict[str, Json] = {
        "requests": _resources(given.requests),
        "limits": _resources(given.limits),
        "retries": given.retries,
        "timeoutSeconds": duration.parse(given.timeout) / duration.SECOND
        if given.timeout
        else None,
        "envs": None if given.envs is None else dict(given.envs),
        "secrets": None
        if given.secrets is None
        else [
            {"group": one.group or "", "key": one.key, "env": one.env or ""}
            for one in given.secrets
        ],
    }
    return {name: part for name, part in parts.items() if part is not None}


def _resources(given: RunResources | None) -> dict[str, Json] | None:
    if given is None:
        return None
    parts: dict[str, Json] = {
        "CPU": given.cpu,
        "MEMORY": given.memory,
        "GPU": given.gpu,
        "EPHEMERAL_STORAGE": given.ephemeral_storage,
    }
    return {name: part for name, part in parts.items() if part is not None}


def show_value(literal: Json) -> Json:
    """Show a literal by the type that it has, or as it is where there is none."""
    try:
        return decode(literal, type_of(literal))
    except NotExpressibleError:
        return literal
