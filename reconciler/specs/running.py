"""What launch plans and triggers share: states, versions that are followed, fixed rates.

Names of states and phases are the same on both Flytes; what each makes of them is its adapter's.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Discriminator, Tag
from pydantic_core import PydanticCustomError

from reconciler.schedule import rate
from reconciler.schedule.rules import ScheduleError
from reconciler.specs.fields import Glob, Version
from reconciler.specs.shape import Given, Shape, fault, list_of

_TAG = "\0"


class PlanState(StrEnum):
    """Whether a plan or trigger runs on its schedule."""

    ACTIVE = "Active"
    INACTIVE = "Inactive"
    UNMANAGED = "Unmanaged"


class Phase(StrEnum):
    """How an execution ended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ABORTED = "Aborted"
    TIMED_OUT = "TimedOut"


class Latest(Shape):
    """The version that was registered last."""

    latest: Literal[True]
    """Follow the version that was registered last; each apply may move to a newer one."""

    matching: Glob = "*"
    """Only versions that match this glob count."""


VersionChoice = Annotated[
    Annotated[Version, Tag(f"{_TAG}version")] | Annotated[Latest, Tag(f"{_TAG}latest")],
    Discriminator(
        lambda given: f"{_TAG}latest" if isinstance(given, dict | Latest) else f"{_TAG}version"
    ),
]
"""A version by name, or `{latest: true, matching: glob}`."""


def rate_faults(every: str, *, field: str = "every") -> Iterator[PydanticCustomError]:
    """Refuse a fixed rate that Flyte cannot hold."""
    try:
        rate.parse(every)
    except ScheduleError as error:
        yield fault(error.message, at=(field,), fix=error.fix, is_in_value=True)


def twice_faults(given: Given, *names: str) -> Iterator[PydanticCustomError]:
    """Refuse what stands twice in a list."""
    for name in names:
        seen: list[object] = []
        for index, one in enumerate(list_of(given, name)):
            if one in seen:
                yield fault("stands here twice", at=(name, index), fix="remove one")
            seen.append(one)
