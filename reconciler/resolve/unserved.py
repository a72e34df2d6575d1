"""Documents of a kind that the chosen Flyte does not have are errors that name a way out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.model.interface import Want
from reconciler.model.key import Key
from reconciler.model.traits import Shape, Traits
from reconciler.resolve.context import Context, Resolution
from reconciler.specs.validate import Declared


@dataclass(frozen=True, slots=True)
class Unserved:
    """Refuses every document of a kind, for example `Unserved("FlyteTrigger", "Flyte 1", ...)`."""

    kind: str
    flyte: str
    fix: str

    @property
    def traits(self) -> Traits:
        """Enough of traits for a kind without resources."""
        return Traits(kind=self.kind, shape=Shape.VERSIONS, rank=0, calls={})

    def wants(self, declared: Declared, context: Context, /) -> Iterable[Want]:
        """Nothing is looked up."""
        del declared, context
        return ()

    def about(self, declared: Declared, context: Context, /) -> tuple[Key, ...]:
        """Name an object that nobody has: nothing else is what the document means here."""
        place = context.place(
            getattr(declared.spec, "project", None), getattr(declared.spec, "domain", None)
        )
        return (Key(self.kind, place.project, place.domain, declared.name),)

    def resolve(self, declared: Declared, context: Context, /) -> Resolution:
        """Say that the kind is not served, and what serves instead."""
        del context
        why = f"{self.kind} is not served by {self.flyte}, which this connection leads to"
        return Resolution(problems=(declared.problem(why, fix=self.fix),))
