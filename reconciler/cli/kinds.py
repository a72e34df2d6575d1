"""Rows of lists in columns, kind by kind, and the words that both `get` and `describe` use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from reconciler.model.entity import Entity, What

if TYPE_CHECKING:
    from reconciler.model.document import Json

_PLACE = ("PROJECT", "DOMAIN")
HEADERS: Mapping[What, tuple[str, ...]] = {
    What.PROJECTS: ("NAME", "STATE", "DISPLAY NAME", "DOMAINS", "DESCRIPTION"),
    What.DOMAINS: ("NAME", "DISPLAY NAME"),
    What.TASKS: (*_PLACE, "NAME", "VERSION", "STATE", "TYPE", "TRIGGERS", "CREATED", "BY"),
    What.WORKFLOWS: (*_PLACE, "NAME", "VERSION", "STATE", "CREATED"),
    What.LAUNCH_PLANS: (
        *(*_PLACE, "NAME", "VERSION", "STATE"),
        *("SCHEDULE", "WORKFLOW", "CREATED"),
    ),
    What.TRIGGERS: (*(*_PLACE, "NAME", "STATE", "SCHEDULE", "REVISION", "LAST FIRED", "UPDATED"),),
    What.SECRETS: (*_PLACE, "NAME", "TYPE", "PRESENCE", "SET", "CREATED"),
}
DROP = (
    *("DESCRIPTION", "DISPLAY NAME", "BY", "TRIGGERS", "TYPE", "REVISION", "UPDATED"),
    *("WORKFLOW", "CREATED", "LAST FIRED", "DOMAINS"),
)
"""What a narrow terminal shows last of all."""


def cells(row: Entity) -> tuple[str, ...]:
    """Write a row in the columns of its kind."""
    facts: Mapping[str, Any] = row.facts
    found = {
        "PROJECT": row.project,
        "DOMAIN": row.domain,
        "NAME": row.name,
        "VERSION": row.version,
        "STATE": _state(row),
        "CREATED": time_text(row.created_at),
        "UPDATED": time_text(row.updated_at),
        "BY": row.created_by,
        "SET": str(facts.get("set", "")),
        "TYPE": str(facts.get("type", "")),
        "PRESENCE": str(facts.get("presence", "")),
        "TRIGGERS": str(facts.get("triggers", "")),
        "REVISION": str(facts.get("revision", "")),
        "DISPLAY NAME": str(facts.get("displayName", "")),
        "DESCRIPTION": str(facts.get("description", "")),
        "DOMAINS": ",".join(facts.get("domains", ())),
        "SCHEDULE": schedule_text(facts.get("schedule", {})),
        "WORKFLOW": _reference(row, facts.get("workflow", {})),
        "LAST FIRED": str(facts.get("firedAt", ""))[:19].replace("T", " "),
    }
    return tuple(one_line(found[name]) for name in HEADERS[row.what])


def time_text(moment: datetime | None) -> str:
    """Write a moment for people, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""


def one_line(text: str) -> str:
    """Keep what somebody else wrote on its line, and from steering the terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def schedule_text(schedule: Mapping[str, Json]) -> str:
    """Write a schedule in normal form."""
    from reconciler.schedule import rate

    match schedule:
        case {"every": int(minutes)}:
            start = schedule.get("from")
            return f"every {rate.render(minutes)}" + (f" from {start}" if start else "")
        case {"cron": str(text)}:
            zone = schedule.get("timezone")
            return f"{text} {zone}" if zone else text
        case {"cronExpression": str(text)}:
            return f"cron_expression {text}"
        case _:
            return ""


def _state(row: Entity) -> str:
    hidden = row.facts.get("nameState")
    return f"{row.state} ({hidden})" if hidden else row.state


def _reference(row: Entity, workflow: Mapping[str, Any]) -> str:
    """Name the workflow of a plan, whole where it is elsewhere."""
    name, version = str(workflow.get("name", "")), str(workflow.get("version", ""))
    where = (workflow.get("project"), workflow.get("domain"))
    text = name if where == (row.project, row.domain) else "/".join((*map(str, where), name))
    return text if version == row.version else f"{text} {version}"
