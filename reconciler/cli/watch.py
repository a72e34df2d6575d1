"""`reconcile watch`: a run while it goes, redrawn on a terminal, line by line without one."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import click

from reconciler.cli import exit_codes, options, run_options, run_words

if TYPE_CHECKING:
    from reconciler.api.runs import Runs
    from reconciler.engine.watching import State
    from reconciler.model.run import Phase, RunId

_INTERVAL = timedelta(seconds=2)


@click.command("watch")
@click.argument("run", metavar="RUN")
@click.option("--interval", metavar="TIME", help="Read nodes that often.  [default: 2s]")
@run_options.place
@options.form("text", "json", help_="json is a line for each change, with the whole tree.")
def watch(**given: Any) -> int:
    """Watch a run (execution) with its nodes until it ends.

    Exit codes are those of `wait`. Ctrl-C ends watching and leaves the run alone.
    """
    try:
        return asyncio.run(_watch(given))
    except KeyboardInterrupt:
        from reconciler.cli.wait import left_alone

        return left_alone((given["run"],))


async def _watch(given: dict[str, Any]) -> int:
    from reconciler.api import runs

    interval = run_options.span(given, "interval") or _INTERVAL
    async with runs.client(options.target(given), read_only=True) as flyte:
        run = await flyte.run(given["run"], **run_options.where(given))
        return await watched(flyte, run.id, interval, given["format_"])


async def watched(flyte: Runs, run_id: RunId, interval: timedelta, format_: str) -> int:
    """Show a run until it ends, and say whether it did well."""
    from reconciler.engine import watching

    viewer = _viewer(format_)
    phase: Phase | None = None
    states = watching.watch(flyte.running, run_id, interval)
    async with aclosing(states) as opened:  # type: ignore[type-var]  # it is a generator
        async for state in opened:
            viewer.show(state)
            phase = state.run.phase
    return exit_codes.OK if phase is not None and phase.is_success else exit_codes.ERROR


class _Viewer(Protocol):
    def show(self, state: State) -> None: ...


def _viewer(format_: str) -> _Viewer:
    if format_ == "json":
        return _Documents()
    return _Screen() if sys.stdout.isatty() else _Lines()


class _Documents:
    """Writes each state as one line of JSON."""

    def show(self, state: State) -> None:
        """Write it."""
        from reconciler.model.run_json import run_json, step_json

        shown = {**run_json(state.run), "steps": [step_json(step) for step in state.steps]}
        click.echo(json.dumps(shown, ensure_ascii=False))


class _Lines:
    """Writes a line for each phase that a run, or a step of it, comes to."""

    def __init__(self) -> None:
        self._seen: dict[str, Phase] = {}

    def show(self, state: State) -> None:
        """Write what changed; what changed in the run itself comes last."""
        for step, _ in run_words.tree(state.steps):
            name = step.name if step.name != step.id else ""
            self._tell(step.id, f"{step.id} {name}".strip(), step.phase, step.cause)
        self._tell("", str(state.run.id), state.run.phase, state.run.cause)

    def _tell(self, key: str, shown: str, phase: Phase, cause: str) -> None:
        from reconciler.cli.kinds import one_line

        if self._seen.get(key) is phase:
            return
        self._seen[key] = phase
        why = f": {cause}" if cause else ""
        click.echo(one_line(f"{datetime.now(UTC):%H:%M:%SZ} {shown}: {phase}{why}"))


class _Screen:
    """Draws the whole tree anew in place of the former one."""

    def __init__(self) -> None:
        self._height = 0

    def show(self, state: State) -> None:
        """Draw it; what does not fit on the screen is counted, unless it is the last state."""
        columns, rows = shutil.get_terminal_size()
        lines = [line[: columns - 1] for line in _drawn(state)]
        room = max(rows - 2, 3)
        if len(lines) > room and not state.run.phase.is_terminal:
            left = len(lines) - room + 1
            lines = [*lines[: room - 1], f"  and {left} more lines"]
        up = f"\x1b[{self._height}A\r\x1b[J" if self._height else ""
        click.echo(up + "\n".join(lines))
        self._height = len(lines)


def _drawn(state: State) -> Iterator[str]:
    from reconciler.cli.describe_run import step_lines
    from reconciler.cli.kinds import one_line

    run = state.run
    took = run_words.lasted(
        run.started_at or run.created_at, run.ended_at, is_over=run.phase.is_terminal
    )
    yield one_line(f"{run.id}: {run.phase}{f', {took}' if took else ''}")
    for step, depth in run_words.tree(state.steps):
        yield from step_lines(step, "  " * (depth + 1))
    if run.cause:
        yield from (one_line(f"  {line}") for line in run.cause.strip().splitlines())
