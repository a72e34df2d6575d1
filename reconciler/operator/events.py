"""The events of a pass: one for each object that something was done to, none for the others."""

from __future__ import annotations

from reconciler.plan.plan import Change, Effect
from reconciler.plan.plan import Reason as Why

_PAST = {
    Effect.ADOPT: "Adopted",
    Effect.PROTECT: "ProtectionChanged",
    Effect.REGISTER: "Registered",
    Effect.CREATE: "Created",
    Effect.UPDATE: "Updated",
    Effect.DEACTIVATE: "Deactivated",
    Effect.HAND_OVER: "HandedOver",
    Effect.REMOVE: "Removed",
    Effect.START: "Started",
    Effect.STOP: "Stopped",
    Effect.ANSWER: "Answered",
}


def reason_of(change: Change, kind: str) -> str:
    """Name what was done, as in `LaunchPlanUpdated`."""
    is_drift = change.reason in {Why.DRIFT, Why.FOREIGN}
    what = "DriftCorrected" if is_drift else _PAST[change.effect]
    return f"{kind.removeprefix('Flyte')}{what}"


def note_of(change: Change) -> str:
    """Tell what was done: the object, its version, and the first fields that changed."""
    version = next((action.version for action in change.actions if action.version), "")
    fields = [item.path for item in change.fields if item.path]
    shown = ", ".join(fields[:3]) + (f", +{len(fields) - 3} more" if len(fields) > 3 else "")
    parts = (f"{change.key}", f"version {version}" if version else "", shown)
    return "; ".join(part for part in parts if part)
