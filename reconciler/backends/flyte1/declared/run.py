"""Resolves a FlyteRun to what starting its execution says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from reconciler.backends.flyte1 import notifications
from reconciler.backends.flyte1.declared.target import Found, target_of, want_of
from reconciler.backends.wire.run import Start, inputs_of, key_of, portable, resource_of
from reconciler.model.document import Json, filled
from reconciler.model.interface import Want
from reconciler.model.key import Key
from reconciler.model.origin import Problem
from reconciler.model.traits import Traits
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
    place = context.place(spec.project, spec.domain)
    start = Start(
        launch=launch,
        portable={
            **launch,
            "entity": portable(target.entity, place),
        },
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
