"""What the planner must know of a project's fields on Flyte 1.

Seen on flyteadmin 1.16.8: nothing but labels can be cleared; rows of a project that is not active
cannot be written at any level, nor removed; plugin overrides merge by task type, and those of a
domain go into the oldest row of that domain, be it a workflow's, so that the domain's own row has
to be there first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from reconciler.backends.flyte1.project.paths import ROWS, Row, call, cascades, steps
from reconciler.backends.flyte1.project.values import PLUGINS
from reconciler.backends.wire.project import ACTIVE, ARCHIVED, CLOSED, LABELS, initial, is_default
from reconciler.model.document import Json, show_path
from reconciler.model.traits import Fields

MOST_LABELS = 16


def clears(path: str, after: Json, rows: Mapping[str, Json]) -> tuple[str, ...]:
    """List the rows that must go before plugin overrides can be written."""
    if Row.parse(path).kind != PLUGINS:
        return ()
    if path not in rows:
        return cascades(path, rows)
    return (path,) if _types(rows[path]) - _types(after) else ()


def _types(overrides: Json) -> set[str]:
    return {item["taskType"] for item in cast("list[Any]", overrides)}


def refuses(
    before: Mapping[str, Json], after: Mapping[str, Json], facts: Mapping[str, Json]
) -> tuple[str, ...]:
    """Say what the server would refuse: domains that it does not have, too many labels."""
    reasons: list[str] = []
    changed = [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
    domains = cast("list[str]", facts.get("domains") or [])
    used = {row.domain for row in map(Row.parse, filter(_is_row, changed)) if row.domain}
    reasons += [
        f"{show_path(('domains', domain))}: this Flyte has no such domain; "
        f"its domains are {', '.join(domains)}"
        for domain in sorted(used.difference(domains) if domains else ())
    ]
    labels = [path for path in after if path.startswith(LABELS)]
    if len(labels) > MOST_LABELS and any(path.startswith(LABELS) for path in changed):
        reasons.append(
            f"labels: the project would have {len(labels)} with those of others; "
            f"Flyte takes at most {MOST_LABELS}"
        )
    return tuple(reasons)


def _is_row(path: str) -> bool:
    return path.startswith(ROWS)


def consequences(before: dict[str, Json] | None, after: dict[str, Json] | None) -> tuple[str, ...]:
    """Say what a change of the project's state does to what runs in it."""
    was = (before or {}).get("state", ACTIVE)
    becomes = (after or {}).get("state", ACTIVE)
    if was == becomes:
        return ()
    if becomes == ARCHIVED:
        return ("schedules in it go on, but Flyte drops their ticks and does not catch them up",)
    if becomes == ACTIVE and before is not None:
        return ("active schedules in it start executions again",)
    return ()


FIELDS = Fields(
    rows=ROWS,
    unclearable=frozenset({"displayName", "description", "state"}),
    closed_by=("state", CLOSED),
    ended_by=("state", CLOSED),
    calls=call,
    steps=steps,
    cascades=cascades,
    clears=clears,
    is_default=is_default,
    initial=initial,
    refuses=refuses,
)
