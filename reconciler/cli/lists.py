"""Prints a list as its rows come: as a table, as JSON, as YAML, or as names."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import click

if TYPE_CHECKING:
    from reconciler.model.document import Json

Row = TypeVar("Row")

_BATCH = 200
"""Rows that are laid out together; a table widens with a later batch where it must."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[Row]):
    """A list of one kind: its rows, and how each of them is shown.

    `word` is what the list is called; `drop` names the columns that a narrow terminal leaves out,
    in that order.
    """

    word: str
    header: Sequence[str]
    rows: AsyncIterator[Row]
    cells: Callable[[Row], Sequence[str]]
    to_json: Callable[[Row], dict[str, Json]]
    name: Callable[[Row], str]
    drop: Sequence[str] = ()


async def put(listing: Listing[Row], format_: str) -> set[str]:
    """Print a list; returns the names that were in it."""
    writer = {"text": _text, "json": _json, "yaml": _yaml, "name": _name}[format_]
    async with aclosing(listing.rows):  # type: ignore[type-var]  # they are generators
        return await writer(listing)


async def _text(listing: Listing[Row]) -> set[str]:
    """Print a table, batch by batch; nothing but a word on stderr where it is empty."""
    from reconciler.cli.output import say
    from reconciler.cli.table import Table, width_of_terminal

    printed = Table(listing.header, width=width_of_terminal(), drop=listing.drop)
    found: set[str] = set()
    is_first = True
    batch: list[Sequence[str]] = []
    async for row in listing.rows:
        found.add(listing.name(row))
        batch.append(listing.cells(row))
        if len(batch) == _BATCH:
            click.echo("\n".join(printed.lines(batch, is_all=False)))
            batch, is_first = [], False
    if batch:
        click.echo("\n".join(printed.lines(batch, is_all=is_first)))
    if not found:
        say(f"no {listing.word} found")
    return found


async def _json(listing: Listing[Row]) -> set[str]:
    """Print one document whose items are written as they come."""
    from reconciler.cli.documents import FORMAT_VERSION

    head = json.dumps({"formatVersion": FORMAT_VERSION, "list": listing.word}, indent=2)
    click.echo(f'{head[:-2]},\n  "items": [', nl=False)
    found: set[str] = set()
    count = 0
    async for row in listing.rows:
        found.add(listing.name(row))
        text = json.dumps(listing.to_json(row), indent=2, ensure_ascii=False)
        text = text.replace("\n", "\n    ")
        click.echo(f"{',' if count else ''}\n    {text}", nl=False)
        count += 1
    click.echo("\n  ]\n}" if count else "]\n}")
    return found


async def _yaml(listing: Listing[Row]) -> set[str]:
    from reconciler.cli.documents import FORMAT_VERSION
    from reconciler.sources.dump import dump

    click.echo(dump({"formatVersion": FORMAT_VERSION, "list": listing.word}), nl=False)
    found: set[str] = set()
    count = 0
    async for row in listing.rows:
        text = dump({"items": [listing.to_json(row)]})
        click.echo(text.removeprefix("items:\n") if count else text, nl=False)
        found.add(listing.name(row))
        count += 1
    if not count:
        click.echo("items: []")
    return found


async def _name(listing: Listing[Row]) -> set[str]:
    """Print a name on each line, for other programs."""
    found: set[str] = set()
    async for row in listing.rows:
        found.add(listing.name(row))
        click.echo(listing.name(row))
    return found
