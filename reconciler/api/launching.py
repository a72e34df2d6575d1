"""Runs started by name: what a FlyteRun says, without a document.

from reconciler.api import runs

async with runs.client("flytectl", project="ranking", domain="production") as flyte:
    run = await flyte.launch("launchplan", "orders", {"rows": 5}, overwriteCache=True)
    await run.wait()

The options are the fields of FlyteRun, and what is asked for is resolved as one is.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from reconciler.api import grammar
from reconciler.engine.waiting import ABSENT
from reconciler.errors import (
    BackendError,
    SpecError,
    UnavailableError,
    UnsupportedError,
    UsageError,
)
from reconciler.model.asked import Asked as Listed
from reconciler.model.digest import UNCLAIMED
from reconciler.model.document import Document, Json
from reconciler.model.interface import Missing, Unread, Want, Workflow
from reconciler.model.near import hint
from reconciler.model.origin import Origin, Problem, Severity
from reconciler.model.run import Launch, Run, RunId
from reconciler.resolve.context import Context
from reconciler.specs.registry import API_VERSION
from reconciler.specs.validate import validate

if TYPE_CHECKING:
    from reconciler.backends.port import Backend
    from reconciler.model.key import Place
    from reconciler.specs.validate import Declared

KIND = "FlyteRun"
TARGETS = {
    "launchplan": "launchPlan",
    "launch-plan": "launchPlan",
    "lp": "launchPlan",
    "workflow": "workflow",
    "wf": "workflow",
    "task": "task",
    "trigger": "trigger",
}
"""What can be started, and the field of FlyteRun that names it."""

_LONGEST = {"Flyte1": 63, "Flyte2": 30}
_RANDOM = 19
"""Digits behind a prefix, as flytekit has them; fewer where a name would be too long."""
_FEWEST = 8
_FIRST = "f"

_OF_A_SET = frozenset({"after", "cause", "inputsFrom", "state", "ttl"})
"""Fields of FlyteRun that a pass over its set acts on, and starting a run does not."""

Inputs = Callable[[Mapping[str, Json]], Mapping[str, Json]]
"""Gives the inputs once the variables of what is started are known; empty where they are not."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that is ready to be started, and the one that is there under its name already."""

    launch: Launch
    run: Run | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be started: the target and the options, as fields of FlyteRun."""

    kind: str
    name: str
    version: str = ""
    options: Mapping[str, Json] | None = None

    def spec(self) -> dict[str, Json]:
        """Write it as a FlyteRun; raises UsageError for what cannot be started."""
        for word in sorted(_OF_A_SET & (self.options or {}).keys()):
            raise UsageError(f"{word}: is of a run that a set declares; write a FlyteRun")
        field = TARGETS.get(self.kind.lower().removeprefix("flyte"))
        if field is None:
            known = "launchplan, workflow, task or trigger"
            raise UsageError(f"{self.kind}: cannot be run; write {known}")
        target: dict[str, Json] = {"name": self.name}
        if field == "trigger":
            task, slash, trigger = self.name.rpartition("/")
            if not slash or self.version:
                what = "has no version" if self.version else "names no task"
                raise UsageError(f"trigger {self.name}: {what}; write TASK/TRIGGER alone")
            target = {"task": task, "name": trigger}
        elif self.version not in {"", "latest"}:
            target["version"] = self.version
        elif field != "launchPlan" or self.version:
            target["version"] = {"latest": True}
        return {**(self.options or {}), field: target}


def made_up(prefix: str, flyte: str) -> str:
    """Make a name that no other run has, after a prefix where one is wanted."""
    longest = _LONGEST.get(flyte, min(_LONGEST.values()))
    if not prefix:
        return _FIRST + secrets.token_hex(_RANDOM)[:_RANDOM]
    room = min(_RANDOM, longest - len(prefix) - 1)
    if room < _FEWEST:
        most = longest - 1 - _FEWEST
        raise UsageError(f"--name-prefix: {prefix}: is longer than {most} characters; shorten it")
    return f"{prefix}-{secrets.token_hex(_RANDOM)[:room]}"


async def prepare(
    backend: Backend, asked: Asked, inputs: Inputs, *, place: Place, name: str
) -> Prepared:
    """Look up what is asked for, type its inputs, and see whether the name is there.

    Raises SpecError with every fault, BackendError with the code `ABSENT` where there is nothing to
    start, ConflictError where the name is another run's, UnsupportedError where this Flyte's runs
    cannot be declared.
    """
    if KIND not in backend.adapters:
        raise UnsupportedError("run: this Flyte cannot be told to start runs by name")
    adapter, spec = backend.adapters[KIND], {**asked.spec(), "name": name}
    context = Context(
        set_name=UNCLAIMED,
        now=datetime.now(UTC),
        default_project=place.project,
        default_domain=place.domain,
    )
    bare = _declared(spec)
    wants = tuple(adapter.wants(bare, context))
    context = replace(context, catalog=await backend.catalog(wants))
    variables: dict[str, Json] = {}
    defaults: dict[str, Json] = {}
    for want in wants:
        match context.catalog[want]:
            case Missing(reason=reason):
                hint = await _near(backend, asked, want)
                raise BackendError(f"run: {reason}; {hint}", code=ABSENT)
            case Unread(cause=cause):
                raise UnavailableError(f"{asked.kind} {asked.name}: {cause}")
            case Workflow() as found:
                variables |= found.inputs
                defaults |= found.defaults
    given = dict(inputs(variables))
    declared = _declared({**spec, "inputs": given})
    resolved = adapter.resolve(declared, context)
    _require(resolved.problems)
    (resource,) = resolved.resources
    launch = Launch(id=RunId(place, name), body=cast("dict[str, Json]", resource.body["launch"]))
    return Prepared(
        launch=launch,
        run=await backend.running.there(_whole(launch, defaults)),
        warnings=tuple(item.message for item in resolved.problems),
    )


def _whole(launch: Launch, defaults: Mapping[str, Json]) -> Launch:
    """Say all inputs of a run, so that one that was given other ones is another run."""
    inputs = {**defaults, **cast("Mapping[str, Json]", launch.body.get("inputs", {}))}
    return replace(launch, body={**launch.body, "inputs": inputs}) if inputs else launch


async def _near(backend: Backend, asked: Asked, want: Want) -> str:
    """Say what to do where there is nothing of that name or version."""
    what = grammar.what_of(asked.kind)
    listed = Listed(what=what, project=want.project, domain=want.domain)
    try:
        names = {row.name async for row in backend.reading.entities(listed)}
    except BackendError:
        names = set()
    if want.name in names:
        return f"name another version, see `reconcile get {what} {want.name} --all-versions`"
    return hint(want.name, names, f"see `reconcile get {what}`")


def _declared(spec: Mapping[str, Json]) -> Declared:
    value: dict[str, Json] = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": "command-line"},
        "spec": dict(spec),
    }
    found = validate([Document(value, Origin("run"))])
    _require(found.problems)
    (declared,) = found.declared
    return declared


def _require(problems: tuple[Problem, ...]) -> None:
    errors = [
        replace(item, place=Origin("run"), path=item.path.removeprefix("spec."))
        for item in problems
        if item.severity is Severity.ERROR
    ]
    if errors:
        raise SpecError(errors)
