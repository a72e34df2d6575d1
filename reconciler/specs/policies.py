"""Policies of a FlyteSync: what every object that the set declares must satisfy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from reconciler.schedule import rate
from reconciler.schedule import zone as zones
from reconciler.schedule.rules import ScheduleError
from reconciler.specs.fields import DNS_LABEL, Glob, LabelKey, Many, Rate, Zone
from reconciler.specs.shape import Given, Shape, fault, map_of, text_of

_HOUR = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"

Hour = Annotated[
    str,
    StringConstraints(min_length=5, max_length=5),
    WithJsonSchema({"type": "string", "pattern": _HOUR, "minLength": 5, "maxLength": 5}),
]
"""A time of day, such as 06:00."""


class AllowedHours(Shape):
    """The hours in which schedules may fire."""

    start: Hour = Field(alias="from")
    """The first minute in which they may, such as "06:00"."""

    to: Hour
    """The first minute in which they may not, such as "20:00"; below `from`: of the next day."""

    timezone: Zone = "UTC"
    """The time zone of these hours."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse what is no time of day, hours that are none, and unknown zones."""
        for name in ("from", "to"):
            text = text_of(given, name)
            if text is not None and not re.fullmatch(_HOUR, text):
                why = f'"{text}" is not a time of day'
                fix = 'write hours and minutes, such as "06:00"'
                yield fault(why, at=(name,), fix=fix, is_in_value=True)
        if text_of(given, "from") is not None and given.get("from") == given.get("to"):
            yield fault("is the same as from", at=("to",), fix="write another time, or remove both")
        try:
            zones.load(text_of(given, "timezone") or "UTC")
        except ScheduleError as error:
            yield fault(error.message, at=("timezone",), fix=error.fix, is_in_value=True)


class PolicySpec(Shape):
    """One rule, and where it holds. A set in which one fails is not applied at all."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("leastInterval", "allowedHours", "allowedImages", "requiredLabels"),
    )

    name: Annotated[str, StringConstraints(pattern=DNS_LABEL)]
    """What its verdict is called."""

    projects: Annotated[Many[Glob], Field(min_length=1)] = ("*",)
    """Globs over projects; default: all."""

    domains: Annotated[Many[Glob], Field(min_length=1)] = ("*",)
    """Globs over domains; default: all."""

    least_interval: Rate | None = None
    """The shortest time between two firings of one active schedule, such as 15m."""

    allowed_hours: AllowedHours | None = None
    """The hours in which active schedules fire; a fixed rate is in none of them for sure."""

    allowed_images: Annotated[Many[Glob], Field(min_length=1)] | None = None
    """Globs over the images, tag and digest included, that tasks of packages may run."""

    required_labels: Annotated[dict[LabelKey, Glob], Field(min_length=1)] | None = None
    """Labels that launch plans and triggers must give, each with a glob over its value."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse intervals that no schedule can have."""
        text = text_of(given, "leastInterval")
        try:
            if text is not None:
                rate.parse(text)
        except ScheduleError as error:
            yield fault(error.message, at=("leastInterval",), fix=error.fix, is_in_value=True)
        if "requiredLabels" in given and not map_of(given, "requiredLabels"):
            yield fault("names no label", at=("requiredLabels",), fix="add one")
