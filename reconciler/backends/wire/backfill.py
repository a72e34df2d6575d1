"""FlyteBackfill on either Flyte: resolving, and which runs are to be read.

launchPlan | trigger {task, name}   what is run
version                             of a launch plan, where one is named
from, to                            as written; what they mean is decided at first sight
inputs                              as written: the interface is known when the plan is read
and the options of the language that are not the default, budget.* by their own names
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from reconciler.backends.pursuing import named
from reconciler.backends.running import Running
from reconciler.model.backfill import Coverage, Gaps, Going, OnFailure, Order
from reconciler.model.digest import digest
from reconciler.model.document import Json, filled, show_path
from reconciler.model.drive import Drive, Outside
from reconciler.model.interface import Want
from reconciler.model.key import Key, Place
from reconciler.model.origin import Origin
from reconciler.model.pursuit import Asking
from reconciler.model.resource import Resource
from reconciler.model.run import Mode, Run
from reconciler.model.traits import Driver, Shape, Traits, Verb
from reconciler.plan.backfill.pursue import sight
from reconciler.plan.backfill.share import share
from reconciler.resolve.context import Context, Resolution, placed
from reconciler.schedule.window import WindowError
from reconciler.specs.backfill import BackfillSpec
from reconciler.specs.validate import Declared
from reconciler.values.interface import WORKFLOW, Owner, bind
from reconciler.values.problem import ValueProblem

KIND = "FlyteBackfill"

COUNTED = frozenset({Mode.MANUAL, Mode.SCHEDULED, Mode.RELAUNCHED, Mode.RECOVERED})
"""The runs that may carry a tick, or have the name of one; others were started by runs."""

_EARLY = timedelta(hours=1)
"""No run is made before its tick; clocks that differ are within this."""

_BY_TARGET = {
    "launchPlan": ("trigger", "Flyte 1", "write launchPlan: {name: ...}"),
    "trigger": ("launchPlan", "Flyte 2", "write trigger: {task: ..., name: ...}"),
}


@dataclass(frozen=True, slots=True)
class BackfillAdapter:
    """Resolving of FlyteBackfill documents; `target` is the field that this Flyte serves."""

    traits: Traits
    target: str

    def wants(self, declared: Declared, context: Context, /) -> Iterable[Want]:
        """Nothing: the plan is read together with its runs."""
        del declared, context
        return ()

    def about(self, declared: Declared, context: Context, /) -> tuple[Key, ...]:
        """Name the backfill."""
        spec = cast("BackfillSpec", declared.spec)
        place = context.place(spec.project, spec.domain)
        return (Key(KIND, place.project, place.domain, declared.name),)

    def resolve(self, declared: Declared, context: Context, /) -> Resolution:
        """Resolve one backfill."""
        spec = cast("BackfillSpec", declared.spec)
        place = context.place(spec.project, spec.domain)
        nowhere = placed(declared, place)
        if nowhere is not None:
            return nowhere
        other, flyte, fix = _BY_TARGET[self.target]
        if getattr(spec, "launch_plan" if other == "launchPlan" else other) is not None:
            why = f"is not served by {flyte}, which this connection leads to"
            return Resolution(problems=(declared.problem(why, other, fix=fix),))
        (key,) = self.about(declared, context)
        body = body_of(spec)
        resource = Resource(
            key=key,
            body=body,
            origin=declared.document.origin,
            digest=digest({"kind": KIND, "name": key.name, "body": body}),
            protect=spec.protect,
        )
        return Resolution(resources=(resource,))


def typed(
    body: Mapping[str, Json],
    facts: Mapping[str, Json],
    kickoff: str,
    *,
    owner: Owner = WORKFLOW,
) -> tuple[Mapping[str, Json], str]:
    """Type what is given in place of own inputs, or say what is wrong with it."""
    given = cast("Mapping[str, Json]", body.get("inputs", {}))
    if kickoff in given:
        return {}, f"inputs.{kickoff} takes the tick, so that it has no other value; remove it"
    fixed = [name for name in cast("list[str]", facts.get("fixed", [])) if name in given]
    if fixed:
        return {}, f"inputs.{fixed[0]} is fixed by the plan, which nobody can change; remove it"
    variables = cast("Mapping[str, Json]", facts.get("inputs", {}))
    bound = bind(given, variables, path=("inputs",), owner=owner)
    return bound.literals, "; ".join(map(_told, bound.problems))


def _told(problem: ValueProblem) -> str:
    fix = f"; {problem.fix}" if problem.fix else ""
    return f"{show_path(problem.path)}: {problem.message}{fix}"


def gap_keeping(plan: Key, origin: Origin, *, gaps: Gaps, look_back: int) -> Resource:
    """Make the declaration that keeps the gaps of a plan; `look_back` is in minutes."""
    key = Key(KIND, plan.project, plan.domain, f"{plan.name}:gaps")
    body: dict[str, Json] = {"gaps": str(gaps), "launchPlan": plan.name, "lookBack": look_back}
    content = digest({"kind": KIND, "name": key.name, "body": body})
    return Resource(key=key, body=body, origin=origin, digest=content)


def keeps_gaps(resource: Resource) -> bool:
    """Tell what keeps the gaps of a plan from a backfill."""
    return "gaps" in resource.body


def body_of(spec: BackfillSpec) -> dict[str, Json]:
    """Write a backfill in normal form."""
    parts: dict[str, Json] = {
        "launchPlan": spec.launch_plan.name if spec.launch_plan else None,
        "version": spec.launch_plan.version if spec.launch_plan else None,
        "trigger": {"task": spec.trigger.task, "name": spec.trigger.name} if spec.trigger else None,
        "from": spec.start,
        "to": spec.to,
        "parallelism": spec.parallelism,
        "order": _unless(spec.order, Order.OLDEST),
        "coverage": _unless(spec.coverage, Coverage.MISSING),
        "onFailure": _unless(spec.on_failure, OnFailure.STOP),
        "retries": spec.retries,
        "inputs": dict(spec.inputs),
        "overwriteCache": spec.overwrite_cache,
        "anchor": spec.anchor,
        "maxRuns": spec.budget.max_runs,
        "maxInFlight": spec.budget.max_in_flight,
        "state": _unless(spec.state, Going.RUNNING),
        "terminate": spec.terminate,
    }
    return filled(parts)


def traits(calls: Mapping[Verb, str], drive: Driver) -> Traits:
    """Make the traits of backfills, which these calls start and end."""
    return Traits(
        kind=KIND,
        shape=Shape.RUNS,
        rank=60,
        calls=calls,
        describe=_described,
        drive=drive,
        share=_shared,
        minds_others=_minds_others,
    )


async def known_runs(running: Running, place: Place, asking: Asking) -> tuple[Run, ...]:
    """Read what a backfill is known to have started, where what it runs is gone."""
    return await named(running, place, asking.held.started if asking.held else ())


def earliest(body: Mapping[str, Json], frozen: Mapping[str, Json], now: datetime) -> datetime:
    """Tell from when on runs of the window may have been made.

    Flyte cannot list by tick. A run of a tick is made at it or later, maybe years later, so that
    the window bounds a list at its beginning only.
    """
    try:
        return sight(body, frozen, now).window.start - _EARLY
    except WindowError:
        return now


def _described(body: Mapping[str, Json]) -> dict[str, Json]:
    """Write a normal form in the words of the language."""
    shown: dict[str, Json] = {
        name: part
        for name, part in body.items()
        if name not in {"launchPlan", "version", "maxRuns", "maxInFlight"}
    }
    if "launchPlan" in body:
        named: dict[str, Json] = {"name": body["launchPlan"], "version": body.get("version")}
        shown["launchPlan"] = filled(named)
    budget = {name: body[name] for name in ("maxRuns", "maxInFlight") if name in body}
    return {**shown, **({"budget": budget} if budget else {})}


def _minds_others(resource: Resource) -> bool:
    """Say whether what a backfill starts hangs on what other sets have in flight."""
    return "maxInFlight" in resource.body and "state" not in resource.body


def _shared(found: Sequence[tuple[Resource, Drive]], outside: Outside) -> Sequence[Drive]:
    """Keep all backfills together within the limits that they name."""
    limits = [cast("int | None", resource.body.get("maxInFlight")) for resource, _ in found]
    pairs = [(drive, limit) for (_, drive), limit in zip(found, limits, strict=True)]
    return share(pairs, outside)


def _unless(word: str, default: str) -> str | None:
    return None if word == default else str(word)
