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
    TERMINATE = "Terminate"
    """Of runs that have not ended; asked for by a declaration, and never by a set."""


class Drift(StrEnum):
    """What happens when somebody changed what the declaration did not."""

    CORRECT = "Correct"
    REPORT = "Report"
