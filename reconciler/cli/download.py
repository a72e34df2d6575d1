"""`reconcile download`: files, folders and tables of a run, onto this disk."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options, run_options

if TYPE_CHECKING:
    from reconciler.api.run_handle import RunHandle
    from reconciler.model.run import Values


@click.command("download")
@click.argument("run", metavar="RUN")
@click.argument("step", required=False, metavar="[STEP]")
@click.option(
    "--out", type=click.Path(file_okay=False), default=".", show_default=True, help="Below this."
)
@click.option("--inputs", "is_inputs", is_flag=True, help="Inputs in place of outputs.")
@click.option("--name", "names", multiple=True, metavar="NAME", help="Only this value.")
@run_options.place
def download(**given: Any) -> int:
    """Download what the outputs of a run, or of a step of it, refer to.

    Each output is a folder of its name: its file, the files of its folder or table, items of lists
    by number and of maps by key. Structs are JSON files. Other values are named on stderr, and
    `describe run` shows them. Flyte 1 hands files out itself; folders need rights of your own.
    """
    return asyncio.run(_download(given))


async def _download(given: dict[str, Any]) -> int:
    from reconciler.api import downloads, runs
    from reconciler.api.literals import Literals
    from reconciler.api.stored import Store
    from reconciler.cli.output import say

    async with runs.client(options.target(given), read_only=True) as flyte:
        at = flyte.at(given["run"], **run_options.where(given))
        run = await flyte.run(str(at.run))
        values = await _values(run, at.step or given["step"] or "", is_inputs=given["is_inputs"])
        known = Literals(values)
        for name in given["names"]:
            known.type_of(name)
        out = Path(given["out"])
        store = Store(flyte.running)
        count = 0
        async for one in downloads.download(store, values, out, given["names"]):
            if one.path is None:
                say(f"{one.name}: left out: {one.why}")
            else:
                click.echo(str(one.path))
                count += 1
    if not count:
        say("nothing to download")
    return exit_codes.OK


async def _values(run: RunHandle, step: str, *, is_inputs: bool) -> Values:
    if is_inputs:
        if step:
            step = (await run.step(step)).id
        return (await run.inputs(step)).source
    return (await run.outputs(step)).source
