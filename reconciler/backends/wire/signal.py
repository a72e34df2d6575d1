"""Resolves a FlyteSignal, the same for both Flytes: the gate tells the type of its value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from reconciler.backends.wire.run import run_key
from reconciler.model.digest import digest
from reconciler.model.document import Json
from reconciler.model.interface import Want
from reconciler.model.key import Key
from reconciler.model.resource import Resource
from reconciler.model.traits import Shape, Traits, Verb
from reconciler.plan.run.signal import drive
from reconciler.resolve.context import Context, Resolution, placed
from reconciler.specs.signal import SignalSpec
from reconciler.specs.validate import Declared

KIND = "FlyteSignal"


@dataclass(frozen=True, slots=True)
class SignalAdapter:
    """Resolving of FlyteSignal documents."""

    traits: Traits

    def wants(self, declared: Declared, context: Context, /) -> Iterable[Want]:
        """Ask for nothing: the run tells its gates once it waits."""
        del declared, context
        return ()

    def about(self, declared: Declared, context: Context, /) -> tuple[Key, ...]:
        """Name the declaration."""
        spec = cast("SignalSpec", declared.spec)
        place = context.place(spec.project, spec.domain)
        return (Key(KIND, place.project, place.domain, declared.name),)

    def resolve(self, declared: Declared, context: Context, /) -> Resolution:
        """Resolve one answer."""
        spec = cast("SignalSpec", declared.spec)
        place = context.place(spec.project, spec.domain)
        nowhere = placed(declared, place)
        if nowhere is not None:
            return nowhere
        value: Json = spec.value
        if spec.approve or spec.reject:
            value = bool(spec.approve)
        body: dict[str, Json] = {"signal": spec.signal, "value": value}
        runs: tuple[Key, ...] = ()
        if spec.run.declared is not None:
            runs = (run_key(place, spec.run.declared),)
        else:
            body["run"] = spec.run.name
        (key,) = self.about(declared, context)
        resource = Resource(
            key=key,
            body=body,
            origin=declared.document.origin,
            digest=digest({"kind": KIND, "body": body, "runs": [one.name for one in runs]}),
            protect=spec.protect,
            looks_at=runs,
            takes=runs,
        )
        return Resolution(resources=(resource,))


def traits(call: str) -> Traits:
    """Make the traits of answers, which this call gives."""
    return Traits(
        kind=KIND,
        shape=Shape.RUNS,
        rank=80,
        calls={Verb.ANSWER: call},
        drive=drive,
    )
