"""`reconcile relaunch` and `recover`: runs started once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options, run_options

if TYPE_CHECKING:
    from reconciler.api.run_handle import RunHandle
    from reconciler.api.runs import Runs


@click.command("relaunch")
@click.argument("run", metavar="RUN")
@run_options.inputs
@click.option("--name", metavar="NAME", help="Of the new run.  [default: Flyte makes one up]")
@run_options.waiting
@run_options.place
@options.form("text", "json", "yaml")
def relaunch(**given: Any) -> int:
    """Start the same run (execution) once more, with its inputs or with others in their place.

    What was started, its version and options are those of RUN. The new run is named on stdout.
    With --wait exit codes are those of `wait`.
    """
    return run_options.interruptible(given, _relaunch(given))


@click.command("recover")
@click.argument("run", metavar="RUN")
@click.option("--name", metavar="NAME", help="Of the new run.  [default: Flyte makes one up]")
@run_options.waiting
@run_options.place
@options.form("text", "json", "yaml")
def recover(**given: Any) -> int:
    """Run again what did not succeed in a run, as a new one; Flyte 1 only.

    Nodes that succeeded are taken over with their outputs.
    """
    return run_options.interruptible(given, _recover(given))


async def _relaunch(given: dict[str, Any]) -> int:
    from reconciler.api import given as values
    from reconciler.api import runs
    from reconciler.api.run_handle import RunHandle
    from reconciler.model.run import Values

    async with runs.client(options.target(given)) as flyte:
        run = await flyte.run(given["run"], **run_options.where(given))
        chosen = None
        if given["inputs"] or given["inputs_file"]:
            own = (await run.data()).inputs or Values()
            known = values.variables(own)
            named = values.literals(given["inputs"], given["inputs_file"] or "", known)
            chosen = {**own.literals, **named}
        found = await flyte.running.relaunch(run.id, given["name"] or "", chosen)
        return await started(flyte, RunHandle(flyte, found), given)


async def _recover(given: dict[str, Any]) -> int:
    from reconciler.api import runs

    async with runs.client(options.target(given)) as flyte:
        run = await flyte.run(given["run"], **run_options.where(given))
        return await started(flyte, await run.recover(given["name"] or ""), given)


async def started(
    flyte: Runs, run: RunHandle, given: dict[str, Any], *, is_new: bool = True
) -> int:
    """Name the run, and wait for it where that is asked for."""
    from reconciler.cli.documents import FORMAT_VERSION
    from reconciler.cli.output import document, say
    from reconciler.cli.wait import waited
    from reconciler.model.run_json import run_json

    if given["wait"]:
        told = ["started"] * is_new + [run.url] * bool(run.url)
        if told:
            say(f"{run.id}: {'; '.join(told)}")
        given["runs"] = (str(run.id),)
        return await waited(flyte, [run.id], given)
    if given["format_"] == "text":
        click.echo(str(run.id))
        if run.url:
            say(run.url)
    else:
        shown = {"formatVersion": FORMAT_VERSION, **run_json(run.state)}
        if run.url:
            shown["console"] = run.url
        click.echo(document(shown, given["format_"]), nl=False)
    return exit_codes.OK
