"""From a verdict to the status of an object: conditions as kstatus reads them.

`Ready` is always there; `Reconciling` and `Stalled` only where they are true. Equal verdicts give
equal statuses, so that a steady cluster is written to by nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from reconciler.model.document import Json
from reconciler.operator.resources import Custom
from reconciler.operator.words import WAITING, Reason
from reconciler.schedule import duration

_MESSAGE_CHARACTERS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one object: `fields` are those of its status besides the conditions.

    `is_partial` says that fields which are not given stay as they were. `is_stalled` says that
    somebody has to act, although the reason is one that mostly passes.
    """

    reason: Reason
    message: str = ""
    fields: Mapping[str, Json] = field(default_factory=dict)
    is_partial: bool = False
    is_suspended: bool = False
    is_stalled: bool = False

    @property
    def is_ready(self) -> bool:
        """Say whether Flyte is as the object declares."""
        return self.reason is Reason.SUCCEEDED

    @property
    def is_waiting(self) -> bool:
        """Say whether the operator goes on by itself."""
        return self.reason in WAITING and not self.is_stalled


def status_of(custom: Custom, verdict: Verdict, *, now: datetime) -> dict[str, Json]:
    """Write the status that an object has by a verdict; times stay where nothing else changed."""
    own = {"conditions", "observedGeneration", "lastHandledReconcileAt"}
    kept = {name: value for name, value in custom.status.items() if name not in own}
    fields = {**(kept if verdict.is_partial else {}), **verdict.fields}
    status: dict[str, Json] = {
        "observedGeneration": custom.generation,
        "conditions": list[Json](_conditions(custom, verdict, now)),
        **{name: value for name, value in fields.items() if value is not None},
    }
    handled = custom.requested or custom.status.get("lastHandledReconcileAt")
    if handled:
        status["lastHandledReconcileAt"] = handled
    return status


def _conditions(custom: Custom, verdict: Verdict, now: datetime) -> Iterator[dict[str, Json]]:
    known = {str(item.get("type")): item for item in _known(custom)}
    shown = _shortened(verdict.message)
    wanted: list[tuple[str, bool, Reason, str]] = [
        ("Ready", verdict.is_ready, verdict.reason, shown)
    ]
    if verdict.is_waiting:
        wanted.append(("Reconciling", True, verdict.reason, shown))
    elif not verdict.is_ready:
        wanted.append(("Stalled", True, verdict.reason, shown))
    if verdict.is_suspended:
        wanted.append(("Suspended", True, Reason.SUSPENDED, "nothing is applied meanwhile"))
    for name, is_true, reason, message in wanted:
        state = "True" if is_true else "False"
        before = known.get(name, {})
        is_same = before.get("status") == state and before.get("lastTransitionTime")
        yield {
            "type": name,
            "status": state,
            "reason": str(reason),
            "message": message,
            "observedGeneration": custom.generation,
            "lastTransitionTime": before["lastTransitionTime"] if is_same else stamp(now),
        }


def _known(custom: Custom) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", custom.status.get("conditions") or [])


def reason_before(custom: Custom) -> str:
    """Return the reason of the last verdict, empty before the first."""
    return next((str(item.get("reason")) for item in _known(custom) if item["type"] == "Ready"), "")


def expires_in(custom: Custom, verdict: Verdict, now: datetime) -> float | None:
    """Return the seconds until an object that stays as it is has outlived its time to live.

    None where it has none, or where it may still become another.
    """
    ttl = custom.spec.get("ttl")
    if not isinstance(ttl, str) or not (verdict.is_ready or verdict.reason is Reason.RUN):
        return None
    seconds = duration.parse(ttl) / duration.SECOND
    is_told = reason_before(custom) == str(verdict.reason)
    is_same = custom.status.get("observedGeneration") == custom.generation
    since = next(
        (one["lastTransitionTime"] for one in _known(custom) if one["type"] == "Ready"), ""
    )
    if not (is_told and is_same and since):
        # The status that says since when is yet to be written; its times are whole seconds.
        return seconds + 1
    return (datetime.fromisoformat(since) - now).total_seconds() + seconds


def _shortened(message: str) -> str:
    line = " ".join(message.split())
    if len(line) <= _MESSAGE_CHARACTERS:
        return line
    return f"{line[: _MESSAGE_CHARACTERS - 3]}..."


def stamp(moment: datetime) -> str:
    """Write a moment as Kubernetes does."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
