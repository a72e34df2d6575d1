"""What can be wrong with a Git source, in words that conditions and pages use too."""

from __future__ import annotations

from enum import StrEnum

from reconciler.errors import ReconcilerError


class Fault(StrEnum):
    """Why there is no commit to apply; the list is closed."""

    ADDRESS = "AddressRefused"
    CREDENTIALS = "CredentialsMissing"
    FETCH = "FetchFailed"
    REF = "RefMissing"
    FOLDER = "FolderMissing"
    LIMIT = "TooLarge"
    SIGNATURE = "VerificationFailed"
    TREE = "TreeRefused"


PASSING = frozenset({Fault.FETCH, Fault.CREDENTIALS})
"""Faults that may pass by themselves; the others need a commit, or somebody."""


class SourceError(ReconcilerError):
    """A Git source gives nothing that may be applied; what was applied last stays."""

    def __init__(self, fault: Fault, message: str) -> None:
        self.fault = fault
        super().__init__(message)
