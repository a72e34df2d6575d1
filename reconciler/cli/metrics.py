"""`reconcile metrics`: where the time of a run went."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options, run_options

if TYPE_CHECKING:
    from reconciler.model.document import Json
    from reconciler.model.run import Span

_DEPTH = 10


@click.command("metrics")
@click.argument("run", metavar="RUN")
@click.option(
    "--depth",
    type=click.IntRange(0),
    default=_DEPTH,
    show_default=True,
    help="Levels of parts below the run.",
)
@run_options.place
@options.form("text", "json", "yaml")
def metrics(**given: Any) -> int:
    """Show where the time of a run (execution) went: its nodes, its tasks, and Flyte itself."""
    return asyncio.run(_metrics(given))


async def _metrics(given: dict[str, Any]) -> int:
    from reconciler.api import runs
    from reconciler.cli.documents import FORMAT_VERSION
    from reconciler.cli.output import document
    from reconciler.model.run_json import span_json

    async with runs.client(options.target(given), read_only=True) as flyte:
        run = await flyte.run(given["run"], **run_options.where(given))
        span = _cut(await run.spans(), given["depth"])
    if given["format_"] == "text":
        click.echo("\n".join(_lines(span)))
    else:
        shown: dict[str, Json] = {"formatVersion": FORMAT_VERSION, **span_json(span)}
        click.echo(document(shown, given["format_"]), nl=False)
    return exit_codes.OK


def _cut(span: Span, depth: int) -> Span:
    from dataclasses import replace

    inside = tuple(_cut(one, depth - 1) for one in span.inside) if depth else ()
    return replace(span, inside=inside)


def _lines(span: Span) -> Iterator[str]:
    from reconciler.cli.table import table, width_of_terminal

    rows = [
        (_seconds(one), f"{'  ' * level}{one.name}", _time(one)) for one, level in _tree(span, 0)
    ]
    yield from table(("SECONDS", "WHAT", "STARTED"), rows, width=width_of_terminal())


def _tree(span: Span, level: int) -> Iterator[tuple[Span, int]]:
    yield span, level
    for one in span.inside:
        yield from _tree(one, level + 1)


def _seconds(span: Span) -> str:
    if span.started_at is None or span.ended_at is None:
        return ""
    return f"{(span.ended_at - span.started_at).total_seconds():.1f}"


def _time(span: Span) -> str:
    return f"{span.started_at:%H:%M:%S}" if span.started_at else ""
