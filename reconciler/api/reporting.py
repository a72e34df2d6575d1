"""What a report is made of: a plan, the documents that it comes from, and when schedules fire."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from reconciler.engine.checking import Checked
from reconciler.engine.declaration import Declaration
from reconciler.engine.firings import preview_of
from reconciler.engine.planning import Planned
from reconciler.errors import ReconcilerError, SpecError
from reconciler.model.document import Json
from reconciler.model.live import Object, Versions
from reconciler.model.resource import State
from reconciler.plan.plan import Change
from reconciler.report.causes import Causes
from reconciler.report.subject import Firings, Subject
from reconciler.schedule.rules import ScheduleError

_COUNT = 2
"""Firings of each side that are shown."""


def of_plan(planned: Planned, *, now: datetime, cwd: Path) -> Subject:
    """Report a plan; `cwd` is what places are relative to."""
    return Subject(
        target=planned.plan.set_name,
        plan=planned.plan,
        problems=planned.resolved.warnings,
        verdicts=planned.plan.verdicts,
        causes=causes(planned.declaration),
        folder=folder_of(cwd),
        firings=lambda change: firings(planned, change, now),
    )


def of_problems(declaration: Declaration, checked: Checked, *, cwd: Path) -> Subject:
    """Report what is wrong with documents, and what policies say of them."""
    return Subject(
        target=declaration.set_name,
        is_check=True,
        problems=checked.problems,
        verdicts=checked.verdicts,
        causes=causes(declaration),
        folder=folder_of(cwd),
    )


def of_error(error: ReconcilerError, *, target: str, cwd: Path) -> Subject:
    """Report why there is no plan."""
    if isinstance(error, SpecError):
        return Subject(target=target, problems=error.problems, folder=folder_of(cwd))
    return Subject(target=target, failure=str(error), folder=folder_of(cwd))


def causes(declaration: Declaration) -> Causes:
    """Index the documents of a set by their places."""
    return Causes(declaration.declared, declaration.sync_document)


def folder_of(cwd: Path) -> str:
    """Tell the path of a directory from the root of its checkout; empty outside of any."""
    for root in (cwd, *cwd.parents):
        if (root / ".git").exists():
            return "" if root == cwd else cwd.relative_to(root).as_posix()
    return ""


def firings(planned: Planned, change: Change, now: datetime) -> Firings:
    """Tell the next firings of what is active and of what is declared."""
    resource = planned.desired.resources.get(change.key)
    return Firings(
        before=_times(_live_schedule(planned, change), now),
        after=_times(_schedule(resource.body), now)
        if resource is not None and resource.state is not State.INACTIVE
        else (),
    )


def _live_schedule(planned: Planned, change: Change) -> Mapping[str, Json]:
    match planned.live.objects.get(change.key):
        case Versions(active=(first, *_)):
            return _schedule(first.body)
        case Object(is_active=True) as live:
            return _schedule(live.body or live.listed)
        case _:
            return {}


def _schedule(body: Mapping[str, Json] | None) -> Mapping[str, Json]:
    found = (body or {}).get("schedule")
    return found if isinstance(found, dict) else {}


def _times(schedule: Mapping[str, Json], now: datetime) -> tuple[str, ...]:
    try:
        shown = preview_of(schedule, after=now, count=_COUNT)
    except ScheduleError:
        return ()
    if shown is None:
        return ()
    if not shown.times:
        return shown.notes[:1]
    return tuple(_zoned(time) for time in shown.times)


def _zoned(time: datetime) -> str:
    return re.sub(r"\s+", " ", f"{time:%a %Y-%m-%d %H:%M %Z}").strip()
