"""`reconcile wait`: until runs have started, or ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options, run_options

if TYPE_CHECKING:
    from reconciler.api.runs import Runs
    from reconciler.engine.waiting import Waited
    from reconciler.model.document import Json
    from reconciler.model.run import Run, RunId


@click.command("wait")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option(
    "--for",
    "goal",
    type=click.Choice(("ended", "started")),
    default="ended",
    show_default=True,
    help="What to wait for.",
)
@run_options.spans("timeout", "interval")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing while waiting.")
@run_options.place
@options.form("text", "json", "yaml")
def wait(**given: Any) -> int:
    """Wait for runs (executions), and say how each ended.

    Exit codes: 0 all succeeded, or with --for started all run; 1 one failed, was aborted, or time
    is up; 4 the backend cannot be reached. Ctrl-C leaves the runs alone.
    """
    try:
        return asyncio.run(_wait(given))
    except KeyboardInterrupt:
        return left_alone(given["runs"])


def left_alone(names: tuple[str, ...]) -> int:
    """Say that a Ctrl-C ended this command only."""
    from reconciler.cli.output import say

    say(f"interrupted; {', '.join(names)} left alone, `reconcile terminate` ends runs")
    return exit_codes.INTERRUPTED


async def _wait(given: dict[str, Any]) -> int:
    from reconciler.api import runs

    async with runs.client(options.target(given), read_only=True) as flyte:
        ids = [flyte.at(name, **run_options.where(given)) for name in given["runs"]]
        for at in ids:
            await flyte.run(str(at.run))
        return await waited(flyte, [at.run for at in ids], given)


async def waited(flyte: Runs, ids: list[RunId], given: dict[str, Any]) -> int:
    """Wait for runs side by side, print how each ended, and say whether all is well."""
    from reconciler.cli.documents import FORMAT_VERSION
    from reconciler.cli.output import document
    from reconciler.engine import waiting
    from reconciler.model.run_json import run_json

    goal = waiting.Goal(given.get("goal") or "ended")
    timeout, interval = run_options.span(given, "timeout"), run_options.span(given, "interval")

    async def one(run_id: RunId) -> Waited:
        told = _silent if given.get("quiet") else _told
        found = await waiting.wait(
            flyte.running, run_id, goal, timeout=timeout, interval=interval, told=told
        )
        if given["format_"] == "text":
            click.echo(_line(found, given))
        return found

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(run_id)) for run_id in ids]
    found = [task.result() for task in tasks]
    if given["format_"] != "text":
        runs: list[Json] = [run_json(each.run) for each in found]
        shown: dict[str, Json] = {"formatVersion": FORMAT_VERSION, "runs": runs}
        click.echo(document(shown, given["format_"]), nl=False)
    return exit_codes.OK if all(_is_well(each) for each in found) else exit_codes.ERROR


def _is_well(found: Waited) -> bool:
    phase = found.run.phase
    return found.is_reached and (phase.is_success or not phase.is_terminal)


def _line(found: Waited, given: dict[str, Any]) -> str:
    from reconciler.cli.kinds import one_line

    run = found.run
    if not found.is_reached:
        return f"{run.id}: still {run.phase} after {given['timeout']}"
    cause = f": {run.cause}" if run.cause else ""
    return one_line(f"{run.id}: {run.phase}{cause}")


def _told(run: Run) -> None:
    from reconciler.cli.output import say

    if not run.phase.is_terminal:
        say(f"{run.id}: {run.phase}")


def _silent(_run: Run) -> None:
    """Tell nobody."""
