"""Resolves a FlyteRun to what starting its execution says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from reconciler.backends.flyte1 import notifications
from reconciler.backends.flyte1.declared.target import Found, target_of, want_of
from reconciler.backends.flyte1.launch_plan.describe import show_value
from reconciler.backends.wire.run import Start, inputs_of, key_of, resource_of
from reconciler.model.digest import split_version
from reconciler.model.document import Json, filled
from reconciler.model.entity import What
from reconciler.model.interface import Want
from reconciler.model.key import Key, Place
from reconciler.model.origin import Problem
from reconciler.model.traits import Traits
from reconciler.plan.run.drive import Way
from reconciler.resolve.context import Context, Resolution, placed
from reconciler.specs.run import RunSpec
from reconciler.specs.validate import Declared

LONGEST = 63
"""Characters of the name of an execution."""

_ON_FLYTE_2 = "is of Flyte 2"


@dataclass(frozen=True, slots=True)
class RunAdapter:
    """Resolving of FlyteRun documents."""

    traits: Traits

    def wants(self, declared: Declared, context: Context, /) -> Iterable[Want]:
        """Ask for what is started, where the set does not register it."""
        want = want_of(cast("RunSpec", declared.spec), context)
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
        found = None if spec.trigger else target_of(declared, spec, context, place)
        if isinstance(found, Problem):
            problems.append(found)
        if not isinstance(found, Found) or problems:
            return Resolution(problems=tuple(problems), is_unchecked=not problems)
        return _resolved(declared, context, found)


def _unserved(declared: Declared, spec: RunSpec) -> Iterator[Problem]:
    if spec.trigger is not None:
        yield declared.problem(_ON_FLYTE_2, "trigger", fix="name a launchPlan, workflow or task")
    if spec.overrides is not None:
        yield declared.problem(_ON_FLYTE_2, "overrides", fix="set it in the code, or remove it")
    for index, item in enumerate(spec.notifications or ()):
        for word in ("message", "webhook", "delivery"):
            if getattr(item, word) is not None:
                yield declared.problem(
                    _ON_FLYTE_2,
                    "notifications",
                    index,
                    word,
                    fix="write email, pagerDuty or slack",
                )


def _resolved(declared: Declared, context: Context, target: Found) -> Resolution:
    spec = cast("RunSpec", declared.spec)
    inputs, problems = inputs_of(declared, context, target.found)
    if problems:
        return Resolution(problems=tuple(problems))
    launch: dict[str, Json] = {
        "entity": target.entity.to_dict(),
        **({"inputs": dict(sorted(inputs.items()))} if inputs else {}),
        **_options(spec),
    }
    start = Start(
        launch=launch,
        portable={**launch, "entity": _portable(target, context.place(spec.project, spec.domain))},
        reference=target.reference,
        awaits=target.awaits,
    )
    return Resolution(resources=(resource_of(declared, context, start, inputs),))


def _options(spec: RunSpec) -> dict[str, Json]:
    """Write how it runs, without what says nothing; see `run.normal` for the form."""
    parts: dict[str, Json] = {
        "labels": dict(spec.labels),
        "annotations": dict(spec.annotations),
        "envs": dict(spec.envs),
        "tags": list(spec.tags),
        "runAs": filled({"serviceAccount": spec.service_account, "iamRole": spec.iam_role}),
        "rawOutputPrefix": spec.raw_output_prefix,
        "maxParallelism": spec.max_parallelism,
        "overwriteCache": spec.overwrite_cache,
        "clusterPool": spec.cluster_pool,
        "clusterLabel": spec.cluster_label,
    }
    found = filled(parts)
    if spec.interruptible is not None:
        found["interruptible"] = spec.interruptible
    if spec.notifications is not None:
        found["notifications"] = [notifications.declared(item) for item in spec.notifications]
    return found


def _portable(target: Found, place: Place) -> Json:
    """Name what is started without what promotion and a renamed set change."""
    found = target.entity.to_dict()
    made_by_a_set = split_version(target.found.version)
    if made_by_a_set is not None:
        found["version"] = made_by_a_set[1]
    own: dict[str, Json] = {"project": place.project, "domain": place.domain}
    return {name: value for name, value in found.items() if own.get(name) != value}


def fill(launch: dict[str, Json], literals: Mapping[str, Json]) -> dict[str, Json]:
    """Add inputs to what starting an execution says."""
    given = cast("Mapping[str, Json]", launch.get("inputs", {}))
    return {**launch, "inputs": {**given, **literals}}


WAY = Way(longest=LONGEST, fill=fill)


def describe(body: dict[str, Json]) -> dict[str, Json]:
    """Say what is started in the words of the language."""
    launch = cast("Mapping[str, Json]", body["launch"])
    entity = cast("Mapping[str, Json]", launch["entity"])
    inputs = cast("Mapping[str, Json]", launch.get("inputs", {}))
    word = "task" if entity["kind"] == What.TASKS.one else "launchPlan"
    told: dict[str, Json] = {
        word: {"name": entity["name"], "version": entity["version"]},
        "inputs": {name: show_value(literal, None) for name, literal in inputs.items()},
        **{name: one for name, one in body.items() if name in _TOLD},
        **{name: one for name, one in launch.items() if name not in {"entity", "inputs"}},
    }
    return {name: one for name, one in told.items() if one or one is False or one == []}


_TOLD = ("name", "inputsFrom", "after", "state", "cause")
