"""A launch plan's normal form in the words of the language, and what replacing one leads to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from reconciler.backends.flyte1 import notifications
from reconciler.model.document import Json
from reconciler.schedule import rate
from reconciler.values.decode import decode
from reconciler.values.problem import NotExpressibleError

_SAME = (
    "labels",
    "annotations",
    "envs",
    "rawOutputPrefix",
    "maxParallelism",
    "interruptible",
    "overwriteCache",
)


def describe(body: dict[str, Json]) -> dict[str, Json]:
    """Write a normal form as the fields of a FlyteLaunchPlan's spec.

    What the language cannot say (a literal, a field without effect) is shown as protobuf JSON, so
    that a difference in it is never hidden.
    """
    parts = cast("dict[str, Any]", body)
    spec: dict[str, Json] = {"workflow": parts.get("workflow", {})}
    schedule = dict(parts.get("schedule", {}))
    if "every" in schedule:
        schedule["every"] = rate.render(schedule["every"])
    run_as = parts.get("runAs", {})
    values: dict[str, Json] = {
        "schedule": schedule,
        "inputs": {
            name: show_value(item["value"], item["type"])
            for name, item in parts.get("defaultInputs", {}).items()
        },
        "fixedInputs": {
            name: show_value(literal, None)
            for name, literal in parts.get("fixedInputs", {}).items()
        },
        "notifications": [notifications.described(item) for item in parts.get("notifications", [])],
        "serviceAccount": run_as.get("serviceAccount"),
        "iamRole": run_as.get("iamRole"),
        "concurrency": concurrency(parts.get("concurrency", {})),
        "other": parts.get("other"),
        **{name: parts[name] for name in _SAME if name in parts},
    }
    spec.update({name: value for name, value in values.items() if value or value is False})
    return spec


def concurrency(policy: Mapping[str, Any]) -> dict[str, Json]:
    """Write a concurrency policy in the words of the language."""
    if not policy:
        return {}
    return {"max": policy["max"], "onLimit": str(policy["behavior"]).title()}


def show_value(literal: Json, type_: Json) -> Json:
    """Show a literal as the YAML value that gives it, or as it is when there is none."""
    try:
        return decode(literal, type_) if type_ is not None else _plain(literal)
    except NotExpressibleError:
        return literal


def _plain(literal: Json) -> Json:
    """Show a literal without knowing its type: primitives as they are, others whole."""
    match literal:
        case {"scalar": {"primitive": dict(primitive)}} if len(primitive) == 1:
            (field, value), *_ = primitive.items()
            return int(value) if field == "integer" and isinstance(value, str) else value
        case _:
            return literal


def consequences(before: dict[str, Json] | None, after: dict[str, Json] | None) -> tuple[str, ...]:
    """Say what activating `after` in place of `before` does to the schedule.

    Facts: flyteadmin's scheduler picks changes up within 30 seconds, keeps a fixed rate's phase per
    version, and catches up only from the activation on.
    """
    old = cast("dict[str, Any]", (before or {}).get("schedule") or {})
    new = cast("dict[str, Any]", (after or {}).get("schedule") or {})
    found: list[str] = []
    if "every" in new or str(new.get("cron", "")).startswith("@every"):
        found.append("the fixed-rate timer starts anew at activation")
    if old and new:
        found.append("the old version may still fire for up to 30 seconds")
        found.append("ticks missed before the switch are not caught up")
    if old and old != new:
        found.append(f"schedule moves from {_say(old)} to {_say(new)}")
    return tuple(found)


def _say(schedule: Mapping[str, Any]) -> str:
    if not schedule:
        return "none"
    if "every" in schedule:
        return f"every {rate.render(schedule['every'])}"
    text = schedule.get("cron") or schedule.get("cronExpression", "")
    zone = schedule.get("timezone")
    return f'"{text}"' + (f" {zone}" if zone else "")
