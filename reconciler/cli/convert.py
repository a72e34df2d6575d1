"""`reconcile convert`: launch plans of Flyte 1 as triggers of Flyte 2, and when to move."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options
from reconciler.cli.output import counted, say

if TYPE_CHECKING:
    from reconciler.api.converting import Conversion
    from reconciler.convert.cut_over import CutOver, Moving

_SHOWN = 6


@click.command("convert")
@options.paths
@click.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="WORKFLOW=TASK[@VERSION]",
    help="The task of a workflow; default: of the same name.",
)
@click.option("--package", default="", metavar="NAME", help="The FlytePackage of the tasks.")
@click.option("--out", default="", metavar="DIR", help="Write files below DIR, not to stdout.")
@click.option("--force", is_flag=True, help="With --out: overwrite files.")
@click.option("--cut-over", is_flag=True, help="Say when to move the schedules, and how.")
@click.option("--margin", default="5m", show_default=True, help="How far the next firing must be.")
@click.option(
    "--from", "start", default="", metavar="TIME", help="Cut over at this time; default: now."
)
@options.form("text", "json")
def convert(paths: tuple[str, ...], files: tuple[str, ...], **given: Any) -> int:
    """Write each FlyteLaunchPlan as an inactive FlyteTrigger; name what has no counterpart."""
    from reconciler.api import converting, exporting
    from reconciler.errors import RefusedError

    when, margin = _when(given)
    tasks = converting.task_choices(given["tasks"])
    found = converting.convert((*paths, *files), tasks=tasks, package=given["package"])
    moved = converting.cut_over(found, now=when, margin=margin) if given["cut_over"] else None
    is_refused = moved is not None and moved.is_refused
    _tell(found, has_notes=given["format_"] == "text" and (moved is None or bool(given["out"])))
    if given["out"] and found.documents and not is_refused:
        folder = Path(given["out"]).absolute()
        made = converting.files(found, folder=folder)
        count = exporting.write(made, folder=folder, force=given["force"])
        say(f"wrote {counted(count, 'file')} below {given['out']}")
    _print(found, moved, given)
    if moved is not None and is_refused:
        raise RefusedError(_refusal(moved, given["margin"]))
    return exit_codes.OK


def _when(given: dict[str, Any]) -> tuple[datetime | None, timedelta]:
    from reconciler.errors import UsageError
    from reconciler.schedule import duration

    try:
        nanoseconds = duration.parse(given["margin"])
    except ValueError as error:
        raise UsageError(f"--margin: {error}; write a duration such as 10m") from None
    if not given["start"]:
        return None, timedelta(microseconds=nanoseconds // 1000)
    if not given["cut_over"]:
        raise UsageError("--from: belongs to --cut-over; add it, or leave this out")
    try:
        moment = datetime.fromisoformat(given["start"])
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(
            f"--from: {given['start']}: is not a time with a zone; write it as 2026-05-01T06:00:00Z"
        )
    return moment, timedelta(microseconds=nanoseconds // 1000)


def _tell(found: Conversion, *, has_notes: bool) -> None:
    """Say on stderr what is not the same on Flyte 2."""
    for note in found.notes if has_notes else ():
        say(str(note))
    for origin in found.packages:
        say(f"{origin}: what a package registers is not converted; record the code for Flyte 2")
    kept = len(found.converted) - len(found.documents)
    if not found.converted:
        say("nothing to convert: no FlyteLaunchPlan was read")
        return
    rest = f", {counted(kept, 'plan')} with nothing to convert" if kept else ""
    say(f"{counted(len(found.documents), 'trigger')} converted, Inactive until the cut-over{rest}")


def _print(found: Conversion, moved: CutOver | None, given: dict[str, Any]) -> None:
    from reconciler.api import converting
    from reconciler.cli.documents import conversion_json

    if given["format_"] == "json":
        made = conversion_json(found, moved)
        click.echo(json.dumps(made, indent=2, ensure_ascii=False))
    elif moved is not None:
        for line in _lines(moved):
            click.echo(line)
    elif not given["out"]:
        for part in converting.stream(found):
            click.echo(part, nl=False)


def _lines(moved: CutOver) -> Iterator[str]:
    for one in moved.moving:
        yield from _plan_lines(one)
    if not moved.moving:
        yield "No plan has a schedule: nothing can fire twice."
    elif not moved.is_refused:
        yield from _steps(moved)


def _plan_lines(one: Moving) -> Iterator[str]:
    risk = "  at risk" if one.is_timer and one.is_active else ""
    yield f"{one.plan}{f'  {one.text}' if one.text else ''}{risk}  {one.origin}"
    if one.trigger is not None:
        yield f"  becomes {one.trigger}"
    for index, tick in enumerate(one.ticks[:_SHOWN]):
        yield f"  {_local(tick)}{'  at risk' if index < len(one.at_risk) else ''}"
    if len(one.ticks) > _SHOWN:
        yield f"  and {len(one.ticks) - _SHOWN} more within the hour"
    for note in one.notes:
        yield f"  note: {note}"


def _steps(moved: CutOver) -> Iterator[str]:
    from reconciler.convert.cut_over import RESYNC

    assert moved.window is not None  # else a plan is at risk
    active = [one for one in moved.moving if one.is_active and one.trigger is not None]
    wait = f"{RESYNC.seconds} seconds"
    yield ""
    if moved.window.tick is None or moved.window.last is None:
        yield f"No firing is known after {_utc(moved.window.start)}: begin at any time."
    else:
        yield f"No known firing from {_utc(moved.window.start)} to {_utc(moved.window.tick)}."
        yield f"Begin at {_utc(moved.window.last)} or before."
    yield "  1. Apply the triggers, which are Inactive, on Flyte 2; this may be done days before."
    yield "  2. Deactivate the launch plans on Flyte 1 (state: Inactive, and apply):"
    yield from (f"       {one.plan}" for one in active)
    yield f"  3. Wait {wait}: until then the scheduler of Flyte 1 may still fire."
    yield "  4. Activate the triggers on Flyte 2 (state: Active, and apply):"
    yield from (f"       {one.trigger}" for one in active)
    yield f"  5. Wait {wait}: by then the scheduler of Flyte 2 has taken them up."


def _refusal(moved: CutOver, margin: str) -> str:
    risks = [f"{one.plan} fires at {_local(one.at_risk[0])}" for one in moved.at_risk]
    more = f" and {len(risks) - _SHOWN} more" if len(risks) > _SHOWN else ""
    window = moved.window
    if window is None:
        fix = "there is no wider gap within a day; move fewer plans at once, or lower --margin"
    elif window.last is None:
        fix = f"begin at {_utc(window.start)} or later"
    else:
        fix = f"begin between {_utc(window.start)} and {_utc(window.last)}"
    return f"cut-over: nearer than {margin}: {', '.join(risks[:_SHOWN])}{more}; {fix}"


def _local(moment: datetime) -> str:
    return f"{moment:%a %Y-%m-%d %H:%M:%S %Z} ({moment:%z})"


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
