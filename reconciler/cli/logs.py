"""`reconcile logs`: the lines of a step's log, or the pages that have them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options, run_options, run_words

if TYPE_CHECKING:
    from reconciler.api.run_handle import RunHandle
    from reconciler.errors import UnsupportedError
    from reconciler.model.run import Line, Step

_FIRST, _NEXT = 5.0, 1.0
"""Seconds to wait for a first line, and for one more, before a log is taken for read."""

_SYSTEM = "system"
_OURS = "[flyte]"
"""What the lines of Flyte's own runtime begin with."""


@click.command("logs")
@click.argument("run", metavar="RUN")
@click.argument("step", required=False, metavar="[STEP]")
@click.option("-f", "--follow", is_flag=True, help="Go on until the log ends.")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="Only the last N lines.")
@click.option(
    "--attempt", type=click.IntRange(1), metavar="N", help="Of this attempt.  [default: the last]"
)
@click.option("--timestamps", is_flag=True, help="With the time of each line.")
@click.option("--filter-system", is_flag=True, help="Without lines of Flyte's own.")
@run_options.place
@options.form("text", "json", help_="json is a line of JSON for each line of the log.")
def logs(**given: Any) -> int:
    """Print the log of a run's step (action), of a Flyte 2 as it is written.

    Without STEP it is that of the run itself. Flyte 1 keeps no logs: the links that its tasks have
    are printed instead, and nothing can be followed. Ctrl-C leaves the run alone.
    """
    try:
        return asyncio.run(_logs(given))
    except KeyboardInterrupt:
        from reconciler.cli.wait import left_alone

        return left_alone((given["run"],))


async def _logs(given: dict[str, Any]) -> int:
    from reconciler.api import runs
    from reconciler.errors import UnsupportedError, UsageError

    async with runs.client(options.target(given), read_only=True) as flyte:
        at = flyte.at(given["run"], **run_options.where(given))
        if at.step and given["step"]:
            raise UsageError(f"logs: {at} and {given['step']}: name one step")
        run = await flyte.run(str(at.run))
        step = at.step or given["step"] or ""
        try:
            found = run.logs((await run.step(step)).id if step else "", given["attempt"] or 0)
            async with aclosing(found) as lines:  # type: ignore[type-var]  # it is a generator
                await _print(lines, given)
        except UnsupportedError as error:
            return await _links(run, step, given, error)
    return exit_codes.OK


async def _print(lines: AsyncIterator[Line], given: dict[str, Any]) -> None:
    """Print what there is, of which `tail` is the end, and then what comes."""
    kept: deque[Line] = deque(maxlen=given["tail"])
    ahead = _Ahead(lines)
    try:
        pause = _FIRST
        while (line := await ahead.next(pause)) is not None:
            pause = _NEXT
            if _is_shown(line, given):
                kept.append(line)
        for line in kept:
            _echo(line, given)
        while given["follow"] and (line := await ahead.next(None)) is not None:
            if _is_shown(line, given):
                _echo(line, given)
    finally:
        await ahead.close()


class _Ahead:
    """Takes lines as they come, and can give up waiting for one without losing it."""

    def __init__(self, lines: AsyncIterator[Line]) -> None:
        self._lines = lines
        self._task: asyncio.Future[Line] | None = None

    async def next(self, seconds: float | None) -> Line | None:
        """Return the next line; None where there is no more of them, or none in that time."""
        task = self._task = self._task or asyncio.ensure_future(anext(self._lines))
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            return None
        try:
            line = task.result()
        except StopAsyncIteration:
            return None
        self._task = None
        return line

    async def close(self) -> None:
        """Stop waiting; a stream that still gives a line cannot be closed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


def _is_shown(line: Line, given: dict[str, Any]) -> bool:
    is_system = line.origin.lower() == _SYSTEM or line.text.startswith(_OURS)
    return not (given["filter_system"] and is_system)


def _echo(line: Line, given: dict[str, Any]) -> None:
    if given["format_"] == "json":
        import json

        from reconciler.model.run_json import line_json

        click.echo(json.dumps(line_json(line), ensure_ascii=False))
        return
    at = f"{line.at:%Y-%m-%dT%H:%M:%SZ} " if given["timestamps"] and line.at else ""
    click.echo(f"{at}{line.text.removesuffix(chr(10))}")


async def _links(run: RunHandle, step: str, given: dict[str, Any], error: UnsupportedError) -> int:
    """Print the pages that have the logs, where this Flyte has only those."""
    import json

    from reconciler.cli.kinds import one_line
    from reconciler.cli.output import say

    steps: tuple[Step, ...] = (await run.step(step),) if step else await run.steps()
    found = [
        (each.id, one.number, link)
        for each, _ in run_words.tree(steps)
        for one in each.attempts
        if given["attempt"] in {None, one.number}
        for link in one.links
    ]
    if not found:
        shown = f"{run.id}/{step}" if step else str(run.id)
        say(
            f"error: {shown}: this Flyte has only links to logs, and there are none, or none yet; "
            "see `reconcile describe run`, or read them in the cluster of its tasks"
        )
        return exit_codes.ERROR
    say(str(error))
    for step_id, number, link in found:
        if given["format_"] == "json":
            told = {"step": step_id, "attempt": number, "name": link.name, "url": link.url}
            click.echo(json.dumps({"link": told}, ensure_ascii=False))
            continue
        click.echo(one_line(f"{step_id} attempt {number}: {link.name or 'log'}: {link.url}"))
    return exit_codes.OK
