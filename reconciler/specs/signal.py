"""FlyteSignal: the answer to a gate at which a run waits, so that an approval is a commit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import JsonValue
from pydantic_core import PydanticCustomError

from reconciler.specs.fields import Domain, ObjectName, ProjectId, Text
from reconciler.specs.owned import Owned
from reconciler.specs.run import RunName
from reconciler.specs.shape import Given, Shape, fault


class SignalRun(Shape):
    """The run that waits."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("declared", "name"),)

    declared: ObjectName | None = None
    """The name of a FlyteRun of this set, in the same project and domain."""

    name: RunName | None = None
    """The name of the run on Flyte, whoever started it."""


class SignalSpec(Owned):
    """One answer to one gate; it is given once the gate is open."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("approve", "reject", "value"),)

    project: ProjectId | None = None
    """The project; default: that of the FlyteSync."""

    domain: Domain | None = None
    """The domain; default: that of the FlyteSync."""

    run: SignalRun
    """The run that waits."""

    signal: Text
    """The name of the signal, as the code of the workflow has it."""

    approve: bool | None = None
    """True: the run goes on."""

    reject: bool | None = None
    """True: the run fails."""

    value: JsonValue = None
    """The value that the run waits for, typed by the gate."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse an approval, or a rejection, that is none."""
        yield from super().faults(given)
        for name, other in (("approve", "reject"), ("reject", "approve")):
            if given.get(name) is False:
                why = "says nothing when it is false"
                yield fault(why, at=(name,), fix=f"write {other}: true, or remove the document")
