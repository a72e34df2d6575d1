"""What declared runs of both Flytes share: inputs, names, and what they wait for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

from reconciler.model.digest import digest, split_version
from reconciler.model.document import Json, filled
from reconciler.model.entity import Reference as Entity
from reconciler.model.entity import What
from reconciler.model.interface import Workflow
from reconciler.model.key import Key, Place
from reconciler.model.origin import Problem
from reconciler.model.resource import Reference, Resource, State
from reconciler.model.traits import Shape, Traits, Verb
from reconciler.plan.run.drive import drive
from reconciler.plan.run.names import prefix_of
from reconciler.resolve.context import Context
from reconciler.schedule import duration
from reconciler.specs.run import RunSpec, RunState
from reconciler.specs.validate import Declared
from reconciler.values.canonical import canonical
from reconciler.values.interface import WORKFLOW, Owner, bind
from reconciler.values.passing import passing

KIND = "FlyteRun"

_WORDS = {What.LAUNCH_PLANS.one: "launchPlan", What.TASKS.one: "task", What.TRIGGERS.one: "trigger"}
_TOLD = ("name", "inputsFrom", "after", "state", "cause")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What starting a run says, and the same without what promotion changes.

    `reference` is what must be registered before, `awaits` the group of its package.
    """

    launch: dict[str, Json]
    portable: Json
    reference: Reference
    awaits: str = ""


def key_of(declared: Declared, context: Context) -> Key:
    """Name a declared run: by its document, not by the run."""
    spec = cast("RunSpec", declared.spec)
    return run_key(context.place(spec.project, spec.domain), declared.name)


def run_key(place: Place, name: str) -> Key:
    """Name the FlyteRun of a name in a place."""
    return Key(KIND, place.project, place.domain, name)


def inputs_of(
    declared: Declared, context: Context, target: Workflow, owner: Owner = WORKFLOW
) -> tuple[dict[str, Json], list[Problem]]:
    """Type the inputs by what is run; each one needs a value, from here or by default."""
    spec = cast("RunSpec", declared.spec)
    bound = bind(
        spec.inputs, target.inputs, path=("inputs",), known=context.known(declared), owner=owner
    )
    problems = [declared.problem(item.message, *item.path, fix=item.fix) for item in bound.problems]
    for name in spec.inputs_from:
        if name not in target.inputs:
            known = ", ".join(sorted(target.inputs)) or "none"
            problems.append(
                declared.problem(
                    f"{target.name} has no input {name}",
                    "inputsFrom",
                    name,
                    fix=f"its inputs are: {known}",
                )
            )
    given = {*spec.inputs, *spec.inputs_from, *target.defaults}
    missing = sorted(name for name in target.inputs if name not in given)
    if missing:
        problems.append(
            declared.problem(
                f"the input {', '.join(missing)} of {target.name} has no value",
                fix="give it under inputs, or by inputsFrom",
            )
        )
    return {name: canonical(one) for name, one in bound.literals.items()}, problems


def resource_of(
    declared: Declared, context: Context, start: Start, inputs: Mapping[str, Json]
) -> Resource:
    """Make the resource of a declared run."""
    spec = cast("RunSpec", declared.spec)
    key = key_of(declared, context)
    takes = {name: run_key(key.place, one.run) for name, one in spec.inputs_from.items()}
    after = [*takes.values(), *(run_key(key.place, name) for name in spec.after)]
    parts: dict[str, Json] = {
        "name": spec.name,
        "prefix": spec.name_prefix or ("" if spec.name else prefix_of(declared.name)),
        "inputsFrom": {
            name: {"run": str(takes[name]), "output": one.output}
            for name, one in spec.inputs_from.items()
        },
        "after": [str(one) for one in dict.fromkeys(after)],
        "state": str(spec.state) if spec.state is RunState.TERMINATED else "",
        "cause": spec.cause,
        "ttlSeconds": duration.parse(spec.ttl) / duration.SECOND if spec.ttl else None,
    }
    said: dict[str, Json] = filled(parts)
    taken: dict[str, Json] = {name: one.output for name, one in spec.inputs_from.items()}
    return Resource(
        key=key,
        body={"launch": start.launch, **said},
        origin=declared.document.origin,
        digest=digest({"kind": KIND, "launch": start.portable, "body": _local(said)}),
        launch=digest({"kind": KIND, "launch": start.portable, "inputsFrom": taken}),
        state=State.INACTIVE if spec.state is RunState.TERMINATED else State.UNMANAGED,
        refs=(start.reference,),
        awaits=start.awaits,
        protect=spec.protect,
        looks_at=tuple(dict.fromkeys(after)),
        takes=tuple(dict.fromkeys(takes.values())),
        notes=tuple(passing(inputs, context.known(declared))),
    )


def _local(said: dict[str, Json]) -> dict[str, Json]:
    """Name other runs by their names alone, so that promotion keeps the digest."""
    local = dict(said)
    after = cast("list[str]", said.get("after", []))
    local["after"] = [one.rpartition("/")[2] for one in after]
    local["inputsFrom"] = {
        name: [one["run"].rpartition("/")[2], one["output"]]
        for name, one in cast("Mapping[str, Mapping[str, str]]", said.get("inputsFrom", {})).items()
    }
    return local


def portable(entity: Entity, place: Place) -> Json:
    """Name what is started without what promotion and a renamed set change."""
    found = entity.to_dict()
    made_by_a_set = split_version(entity.version)
    if made_by_a_set is not None:
        found["version"] = made_by_a_set[1]
    own: dict[str, Json] = {"project": place.project, "domain": place.domain}
    return {name: value for name, value in found.items() if own.get(name) != value}


def traits(
    calls: Mapping[Verb, str], *, longest: int, show_value: Callable[[Json], Json]
) -> Traits:
    """Make the traits of declared runs, whose names have at most `longest` characters."""
    return Traits(
        kind=KIND,
        shape=Shape.RUNS,
        rank=70,
        calls=calls,
        describe=partial(_described, show_value=show_value),
        drive=partial(drive, longest=longest),
    )


def _described(body: dict[str, Json], *, show_value: Callable[[Json], Json]) -> dict[str, Json]:
    """Say what is started in the words of the language."""
    launch = cast("Mapping[str, Json]", body["launch"])
    entity = cast("Mapping[str, str]", launch["entity"])
    inputs = cast("Mapping[str, Json]", launch.get("inputs", {}))
    named: dict[str, Json] = {"name": entity["name"], "version": entity.get("version")}
    told: dict[str, Json] = {
        _WORDS[entity["kind"]]: filled(named),
        "inputs": {name: show_value(literal) for name, literal in inputs.items()},
        **{name: one for name, one in body.items() if name in _TOLD},
        **{name: one for name, one in launch.items() if name not in {"entity", "inputs"}},
    }
    return {name: one for name, one in told.items() if one or one is False or one == []}
