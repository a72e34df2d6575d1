"""What a set does on its own with what it no longer declares, and with what others change."""

from __future__ import annotations

from enum import StrEnum


class Prune(StrEnum):
    """What happens to what the set owns and no longer declares."""

    DEACTIVATE = "Deactivate"
    ARCHIVE = "Archive"
    DELETE = "Delete"
    REPORT = "Report"
    KEEP = "Keep"


class Drift(StrEnum):
    """What happens when somebody changed what the declaration did not."""

    CORRECT = "Correct"
    REPORT = "Report"
