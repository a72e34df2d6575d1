"""The choices that a backfill leaves to whoever declares it."""

from __future__ import annotations

from enum import StrEnum


class Order(StrEnum):
    """Which missing tick comes first."""

    OLDEST = "Oldest"
    NEWEST = "Newest"


class OnFailure(StrEnum):
    """What a tick that failed for good does to the others."""

    STOP = "Stop"
    CONTINUE = "Continue"


class Coverage(StrEnum):
    """Which ticks are run: those without a run that succeeded or goes on, or each once more."""

    MISSING = "Missing"
    ALL = "All"


class Gaps(StrEnum):
    """What becomes of ticks of a live schedule that nothing ran."""

    IGNORE = "Ignore"
    REPORT = "Report"
    FILL = "Fill"


class Going(StrEnum):
    """Whether a backfill goes on."""

    RUNNING = "Running"
    PAUSED = "Paused"
    CANCELLED = "Cancelled"
