"""The words that the operator writes into a cluster, and those that it reads there."""

from __future__ import annotations

from enum import StrEnum

from reconciler.specs.crd import NAMES
from reconciler.specs.registry import API_VERSION, GROUP, VERSION

FINALIZER = f"{GROUP}/finalizer"
APPROVE = f"{GROUP}/approve"
TAKE_OVER = f"{GROUP}/take-over"
RECONCILE = f"{GROUP}/reconcile"
DISABLED = "disabled"
REQUESTS = (f"{GROUP}/requestedAt", "reconcile.fluxcd.io/requestedAt")
ANNOTATIONS = (APPROVE, TAKE_OVER, RECONCILE, *REQUESTS)
"""The annotations that change what the operator does."""

MANAGER = "flyte-reconciler"
STATUS_MANAGER = "flyte-reconciler-status"
CONTROLLER = f"{GROUP}/operator"

SYNC = "FlyteSync"
CONNECTION = "FlyteConnection"
DEFAULT_SET = "default"
"""The FlyteSync of a namespace that objects belong to when they name none."""


class Reason(StrEnum):
    """Why an object is as its conditions say; the list is closed, alert rules match these words."""

    SUCCEEDED = "ReconciliationSucceeded"
    PROGRESSING = "Progressing"
    RETRYING = "ProgressingWithRetry"
    DEPENDENCY = "DependencyNotReady"
    INVALID = "InvalidSpec"
    SOURCE = "SourceNotAllowed"
    ACCESS = "AccessDenied"
    ADOPTION = "AdoptionRequired"
    CONFLICT = "Conflict"
    CONTESTED = "Contested"
    APPROVAL = "ApprovalRequired"
    PROTECTED = "Protected"
    DRIFT = "DriftDetected"
    CLAIM = "ClaimRefused"
    GIT = "GitOperationFailed"
    SIGNATURE = "VerificationFailed"
    SOURCE_INVALID = "SourceInvalid"
    POLICY = "PolicyFailed"
    RUN = "RunFailed"
    UNAVAILABLE = "BackendUnavailable"
    DENIED = "BackendDenied"
    FAILED = "ApplyFailed"
    SUSPENDED = "Suspended"
    DELETING = "Deleting"


WAITING = frozenset(
    {
        *(Reason.PROGRESSING, Reason.RETRYING, Reason.DEPENDENCY, Reason.UNAVAILABLE),
        *(Reason.DENIED, Reason.FAILED, Reason.DELETING, Reason.GIT),
    }
)
"""Reasons that the operator goes on by itself from; all others but success need somebody."""


def path(kind: str, namespace: str = "", name: str = "") -> str:
    """Return the path of a list, or of one object, on the API server."""
    root = f"/apis/{API_VERSION}"
    within = (
        f"{root}/namespaces/{namespace}/{NAMES[kind].plural}"
        if namespace
        else (f"{root}/{NAMES[kind].plural}")
    )
    return f"{within}/{name}" if name else within


__all__ = ["API_VERSION", "GROUP", "VERSION", "Reason"]
