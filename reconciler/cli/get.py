"""`reconcile get`: lists of what is registered, streamed as pages come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli import exit_codes, options

if TYPE_CHECKING:
    from reconciler.api.entities import Reader
    from reconciler.model.asked import Asked
    from reconciler.model.entity import Entity

F = TypeVar("F", bound=Callable[..., Any])

_BATCH = 200
"""Rows that are laid out together; a table widens with a later batch where it must."""


def _filters(function: F) -> F:
    """Take the grammar of filters, the same for every list."""
    added = [
        click.option("--project", metavar="GLOB", help="Only in these projects."),
        click.option("--domain", metavar="GLOB", help="Only in these domains."),
        click.option(
            *("-A", "--all-places"),
            is_flag=True,
            help="All projects and domains, whatever the defaults of reconcile.yaml.",
        ),
        click.option("--state", metavar="WORD", help="active, inactive, archived, or all."),
        click.option("--name", "globs", multiple=True, metavar="GLOB", help="As NAME."),
        click.option("--version", metavar="GLOB", help="Versions; a row for each that matches."),
        click.option("--all-versions", is_flag=True, help="A row for each version."),
        click.option("--created-after", metavar="TIME", help="At that time or later."),
        click.option("--created-before", metavar="TIME", help="Earlier than that time."),
        click.option("--updated-after", metavar="TIME", help="At that time or later."),
        click.option("--updated-before", metavar="TIME", help="Earlier than that time."),
        click.option(
            "--sort",
            metavar="[-]FIELD",
            help="name, version, state, created or updated; - is the largest first.",
        ),
        click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N rows."),
    ]
    for option in reversed(added):
        function = option(function)
    return function


@click.command(
    "get",
    epilog="TIME is RFC 3339 with a zone, or how long ago: 2h, 90m, 7d. Filters look at the rows "
    "that are shown.",
)
@click.argument("kind")
@click.argument("names", nargs=-1, metavar="[NAME|GLOB...]")
@options.connection
@_filters
@options.form("text", "json", "yaml", "name")
def get(**given: Any) -> int:
    """List projects, domains, tasks, workflows, launchplans, triggers or secrets.

    There is a row for each name: the active version of a launch plan, else the newest version.
    Archived ones are left out unless they are named or --state asks for them.
    """
    return asyncio.run(_get(given))


async def _get(given: dict[str, Any]) -> int:
    from reconciler.api import entities
    from reconciler.errors import BackendError

    asked = _asked(given)
    async with entities.reader(options.target(given)) as flyte:
        asked = asked if given["all_places"] else flyte.placed(asked)
        rows = flyte.rows(asked)
        writer = {"text": _text, "json": _json, "yaml": _yaml, "name": _name}[given["format_"]]
        async with aclosing(rows) as opened:  # type: ignore[type-var]  # they are generators
            found = await writer(flyte, asked, opened)
        lacking = sorted(name for name in asked.exact_names if not _is_among(name, found))
        if lacking and not _is_narrowed(asked):
            raise BackendError(
                f"{asked.what}: {', '.join(lacking)}: not found; see `reconcile get {asked.what}`",
                code=entities.ABSENT,
            )
    return exit_codes.OK


def _is_among(name: str, found: set[str]) -> bool:
    """Say whether a name was listed; a trigger may be called without its task."""
    return name in found or any(one.partition("/")[2] == name for one in found)


def _is_narrowed(asked: Asked) -> bool:
    """Say whether something but the names may have left a row out."""
    return bool(
        (asked.state and asked.state != "all")
        or asked.version
        or asked.limit
        or asked.created_after
        or asked.created_before
        or asked.updated_after
        or asked.updated_before
    )


def _asked(given: dict[str, Any]) -> Asked:
    from reconciler.api import grammar
    from reconciler.model.asked import Asked

    now = datetime.now(UTC)
    what = grammar.what_of(given["kind"])
    if not what.is_placed:
        for option in ("project", "domain"):
            if given[option]:
                raise click.UsageError(f"--{option}: {what} are in none; leave it out")
    return Asked(
        what=what,
        project=given["project"] or "*",
        domain=given["domain"] or "*",
        names=(*given["names"], *given["globs"]),
        version=given["version"] or "",
        history=given["all_versions"],
        state=given["state"] or "",
        sort=given["sort"] or "",
        limit=given["limit"] or 0,
        **{
            field: grammar.moment(given[field], option=f"--{field.replace('_', '-')}", now=now)
            for field in ("created_after", "created_before", "updated_after", "updated_before")
            if given[field]
        },
    )


async def _text(_flyte: Reader, asked: Asked, rows: AsyncIterator[Entity]) -> set[str]:
    """Print a table, batch by batch; nothing but a word on stderr where it is empty."""
    from reconciler.cli import kinds
    from reconciler.cli.output import say
    from reconciler.cli.table import Table, width_of_terminal

    printed = Table(kinds.HEADERS[asked.what], width=width_of_terminal(), drop=kinds.DROP)
    found: set[str] = set()
    is_first = True
    batch: list[tuple[str, ...]] = []
    async for row in rows:
        found.add(row.name)
        batch.append(kinds.cells(row))
        if len(batch) == _BATCH:
            click.echo("\n".join(printed.lines(batch, is_all=False)))
            batch, is_first = [], False
    if batch:
        click.echo("\n".join(printed.lines(batch, is_all=is_first)))
    if not found:
        say(f"no {asked.what} found")
    return found


async def _json(flyte: Reader, asked: Asked, rows: AsyncIterator[Entity]) -> set[str]:
    """Print one document whose items are written as they come."""
    import json

    from reconciler.cli.documents import FORMAT_VERSION

    head = json.dumps({"formatVersion": FORMAT_VERSION, "list": asked.what.value}, indent=2)
    click.echo(f'{head[:-2]},\n  "items": [', nl=False)
    found: set[str] = set()
    count = 0
    async for row in rows:
        found.add(row.name)
        text = json.dumps(_shown(flyte, row), indent=2, ensure_ascii=False).replace("\n", "\n    ")
        click.echo(f"{',' if count else ''}\n    {text}", nl=False)
        count += 1
    click.echo("\n  ]\n}" if count else "]\n}")
    return found


async def _yaml(flyte: Reader, asked: Asked, rows: AsyncIterator[Entity]) -> set[str]:
    from reconciler.cli.documents import FORMAT_VERSION
    from reconciler.sources.dump import dump

    click.echo(dump({"formatVersion": FORMAT_VERSION, "list": asked.what.value}), nl=False)
    found: set[str] = set()
    async for row in rows:
        text = dump({"items": [_shown(flyte, row)]})
        click.echo(text.removeprefix("items:\n") if found else text, nl=False)
        found.add(row.name)
    if not found:
        click.echo("items: []")
    return found


async def _name(_flyte: Reader, _asked: Asked, rows: AsyncIterator[Entity]) -> set[str]:
    """Print a name on each line, for other programs."""
    found: set[str] = set()
    async for row in rows:
        found.add(row.name)
        click.echo(row.name)
    return found


def _shown(flyte: Reader, row: Entity) -> dict[str, Any]:
    url = flyte.url(row)
    return {**row.to_dict(), **({"console": url} if url else {})}
