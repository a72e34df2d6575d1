"""A trigger's normal form in the words of the language, and what replacing one leads to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from reconciler.backends.flyte2.trigger import notifications
from reconciler.model.document import Json, filled
from reconciler.schedule import rate
from reconciler.specs.trigger import KICKOFF_KEY

_SAME = ("task", "description")
_OF_RUN = (
    *("labels", "annotations", "envs", "interruptible", "overwriteCache", "queue"),
    *("rawOutputPrefix", "serviceAccount", "maxActionConcurrency", "notificationRule"),
)


def describe(body: dict[str, Json]) -> dict[str, Json]:
    """Write a normal form as the fields of a FlyteTrigger's spec.

    What the language cannot say, and inputs that only Flyte has, are shown as they are, so that a
    difference in them is never hidden.
    """
    parts = cast("dict[str, Any]", body)
    spec: dict[str, Json] = {name: parts[name] for name in _SAME if name in parts}
    inputs = parts.get("inputs", {})
    context = dict(inputs.get("context", {}))
    kickoff = context.pop(KICKOFF_KEY, None) or inputs.get("kickoff")
    schedule = dict(parts.get("schedule", {}))
    if "every" in schedule:
        schedule["every"] = rate.render(schedule["every"])
    if schedule and kickoff:
        schedule["kickoffInput"] = kickoff
    run: dict[str, Json] = {name: parts[name] for name in _OF_RUN if name in parts}
    if "notifications" in parts:
        run["notifications"] = [notifications.describe(rule) for rule in parts["notifications"]]
    values: dict[str, Json] = {
        "schedule": schedule,
        "inputs": _inputs(inputs),
        "context": context,
        "run": run,
        "other": parts.get("other"),
    }
    spec.update(filled(values))
    return spec


def _inputs(inputs: Mapping[str, Any]) -> Json:
    match inputs:
        case {"literals": dict(literals)}:
            return {name: _plain(literal) for name, literal in literals.items()}
        case {"inline": dict(inline)}:
            shown = {item["name"]: _plain(item.get("value", {})) for item in inline["literals"]}
            return {"inline": shown}
        case {"digest": content}:
            return f"(uploaded by a set of ours: {content})"
        case {"uri": uri}:
            return f"(uploaded by somebody else: {uri})"
        case _:
            return dict(inputs)


def _plain(literal: Json) -> Json:
    """Show a literal without its type: primitives as they are, others whole."""
    match literal:
        case {"scalar": {"primitive": dict(primitive)}} if len(primitive) == 1:
            (field, value), *_ = primitive.items()
            return int(value) if field == "integer" and isinstance(value, str) else value
        case {"scalar": {"union": {"value": inner}}}:
            return _plain(inner)
        case {"scalar": {"noneType": _}}:
            return None
        case _:
            return literal


def restarts(before: dict[str, Json] | None, after: dict[str, Json]) -> bool:
    """Say whether an active trigger must stop before its content changes.

    Flyte 2 catches up from the moment that `active` last changed (seen on 2.0.43), so that a new
    schedule on a trigger that stays active would be caught up for a past in which it was not there.
    """
    return before is None or before.get("schedule") != after.get("schedule")


def consequences(before: dict[str, Json] | None, after: dict[str, Json] | None) -> tuple[str, ...]:
    """Say what an active `after` in place of `before` does to the schedule.

    Facts: the scheduler takes changes up within 30 seconds, and a firing reads all but the schedule
    from the trigger as it is then.
    """
    old = cast("dict[str, Any]", (before or {}).get("schedule") or {})
    new = cast("dict[str, Any]", (after or {}).get("schedule") or {})
    found: list[str] = []
    if old and old != new:
        found.append("the old schedule may still fire for up to 30 seconds")
        found.append("firings missed before the switch are not caught up")
    if "every" in new and "from" not in new and old != new:
        found.append("the fixed-rate timer starts anew at activation")
    return tuple(found)
