"""What a check of the surroundings found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How one check ended."""

    OK = "ok"
    WARNING = "warning"
    """It works, and will bite."""
    ERROR = "error"
    """Something that is needed does not work."""
    SKIPPED = "skipped"
    """It could not be looked at."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was looked at, what was found, and what to do about it.

    `exit_code` is that of the error it stands for, 0 for none.
    """

    name: str
    health: Health
    detail: str
    fix: str = ""
    exit_code: int = 0
