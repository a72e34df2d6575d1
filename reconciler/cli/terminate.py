"""`reconcile terminate`: ends runs, or one action of a run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options, run_options

if TYPE_CHECKING:
    from reconciler.model.run import Stopping


@click.command("terminate")
@click.argument("runs", nargs=-1, required=True, metavar="RUN[/ACTION]...")
@click.option(
    "--cause", required=True, metavar="TEXT", help="Why; it is kept with the run and shown there."
)
@click.option("--step", metavar="ACTION", help="End this action only, as RUN/ACTION; Flyte 2.")
@run_options.place
def terminate(**given: Any) -> int:
    """End runs (executions) that have not ended yet; one that has is told, and is no error.

    So is one that is being ended already, whose first cause stays.

    Flyte 1 shows a run as aborting until its engine has stopped it. What a run started outside of
    itself is not undone.
    """
    return asyncio.run(_terminate(given))


async def _terminate(given: dict[str, Any]) -> int:
    from reconciler.api import runs
    from reconciler.cli.output import say
    from reconciler.errors import ReconcilerError

    if not given["cause"].strip():
        raise click.UsageError("--cause: is empty; say why, it is kept with the run")
    if given["step"] and len(given["runs"]) > 1:
        raise click.UsageError("--step: is one of one run; name that run alone")
    code = exit_codes.OK
    async with runs.client(options.target(given)) as flyte:
        ats = [flyte.at(name, **run_options.where(given)) for name in given["runs"]]
        for at in ats:
            step = at.step or given["step"] or ""
            shown = f"{at.run}/{step}" if step else str(at.run)
            try:
                run = await flyte.run(str(at.run))
                came_to = await flyte.running.terminate(run.id, given["cause"], step)
            except ReconcilerError as error:
                say(f"error: {error}")
                code = max(code, error.exit_code)
                continue
            click.echo(f"{shown}: {_told(came_to, run.state.cause)}")
    return code


def _told(came_to: Stopping, cause: str) -> str:
    from reconciler.model.run import Stopping

    match came_to:
        case Stopping.ASKED:
            return "terminated"
        case Stopping.UNDER_WAY:
            return f"is being terminated already{f': {cause}' if cause else ''}"
        case Stopping.OVER:
            return "had ended before"
