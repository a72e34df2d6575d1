"""FlyteBackfill: runs for the ticks of a schedule in a window, only the missing ones by default.

The schedule is that of the launch plan or trigger, as it is on Flyte when the backfill runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic_core import PydanticCustomError

from reconciler.model.backfill import Coverage, Going, OnFailure, Order
from reconciler.schedule import window
from reconciler.schedule.window import WindowError
from reconciler.specs.fields import (
    Choice,
    Count,
    DeletionPolicy,
    Domain,
    FlyteName,
    Inputs,
    Moment,
    Positive,
    ProjectId,
    Text,
    Version,
)
from reconciler.specs.owned import Owned
from reconciler.specs.shape import Given, Shape, fault, text_of

_ANY = datetime(2026, 1, 1, tzinfo=UTC)
"""A moment at which relative ones are read to see whether they can be."""

Attempts = Annotated[Count, Field(le=100)]


class PlanReference(Shape):
    """A launch plan of the backfill's own project and domain."""

    name: FlyteName
    """The name of the launch plan on Flyte."""

    version: Version | None = None
    """The version to run; default: the active one, else the one that was registered last."""


class TriggerReference(Shape):
    """A trigger of the backfill's own project and domain."""

    task: FlyteName
    """The name of the trigger's task on Flyte, such as `environment.function`."""

    name: FlyteName
    """The name of the trigger."""


class Budget(Shape):
    """How much may be started."""

    max_runs: Positive | None = None
    """How many runs this backfill may start in all, attempts included."""

    max_in_flight: Positive | None = None
    """How many runs of all backfills of the connection may be in flight when this one starts more.

    Backfills of all sets are counted, by the ledgers of the sets; those without a set are not seen.
    """


class BackfillSpec(Owned):
    """Runs for the ticks of one schedule in a window."""

    deletion_policies: ClassVar[tuple[DeletionPolicy, ...]] = (
        DeletionPolicy.ORPHAN,
        DeletionPolicy.TERMINATE,
    )
    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("launchPlan", "trigger"),)

    project: ProjectId | None = None
    """The project; default: that of the FlyteSync."""

    domain: Domain | None = None
    """The domain; default: that of the FlyteSync."""

    launch_plan: PlanReference | None = None
    """The launch plan whose schedule is filled (Flyte 1)."""

    trigger: TriggerReference | None = None
    """The trigger whose schedule is filled (Flyte 2)."""

    start: Text = Field(alias="from")
    """The first moment of the window, included: RFC 3339, or relative such as -30d.

    A relative moment counts from when the backfill is first seen, and stays as it was then.
    """

    to: Text = window.NOW
    """The end of the window, not included: RFC 3339, or relative such as now."""

    parallelism: Positive = 1
    """How many runs of the window may be in flight at once; with 1 they run in order."""

    order: Choice[Order] = Order.OLDEST
    """Which missing tick comes first: Oldest or Newest."""

    coverage: Choice[Coverage] = Coverage.MISSING
    """Missing: ticks without a run that succeeded or goes on. All: each tick once more."""

    on_failure: Choice[OnFailure] = OnFailure.STOP
    """What a tick that failed for good does: Stop starts no others, Continue goes on."""

    retries: Attempts = 0
    """How often a tick whose run failed is tried again."""

    inputs: Inputs = Field(default_factory=dict)
    """Inputs in place of the plan's own; the runs then have names of their own."""

    overwrite_cache: bool = False
    """Compute anew and overwrite cached results."""

    anchor: Moment | None = None
    """One moment at which a fixed rate fires; default: the last tick that the scheduler ran.

    A fixed rate is a timer on Flyte and has no ticks of its own.
    """

    budget: Budget = Budget()
    """How much may be started."""

    state: Choice[Going] = Going.RUNNING
    """Running, Paused (starts no more) or Cancelled (for good)."""

    terminate: bool = False
    """Whether `state: Cancelled` also ends the runs that the backfill started."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Check the window, and that ending belongs to a cancelled backfill."""
        yield from super().faults(given)
        yield from _window_faults(given)
        anchor = text_of(given, "anchor")
        if anchor is not None and not window.is_absolute(anchor):
            yield fault(
                f'"{anchor}" is no moment',
                at=("anchor",),
                fix='write it as RFC 3339, for example "2026-05-01T06:00:00Z"',
                is_in_value=True,
            )
        if given.get("terminate") is True and given.get("state") != Going.CANCELLED:
            yield fault(
                "has no effect unless the backfill is cancelled",
                at=("terminate",),
                fix="write state: Cancelled, or remove it",
            )


def _window_faults(given: Given) -> Iterator[PydanticCustomError]:
    read: list[datetime] = []
    texts = [text_of(given, "from"), text_of(given, "to") or window.NOW]
    for name, text in zip(("from", "to"), texts, strict=True):
        try:
            if text is not None:
                read.append(window.moment(text, now=_ANY))
        except WindowError as error:
            yield fault(error.message, at=(name,), fix=error.fix, is_in_value=True)
    is_comparable = len({text is not None and window.is_absolute(text) for text in texts}) == 1
    if len(read) == 2 and is_comparable and read[0] >= read[1]:
        yield fault(
            "is not before the end of the window",
            at=("from",),
            fix="write the earlier moment here; the end is not part of the window",
        )
