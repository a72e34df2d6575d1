"""`reconcile describe table URI`: first rows of a table, and how its columns are filled."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, astuple
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options
from reconciler.cli import table as tables
from reconciler.cli.kinds import one_line

if TYPE_CHECKING:
    from reconciler.api.stored import Store
    from reconciler.api.tables import ColumnFacts

_HEAD = 5
_WIDE = 60


async def describe_table(given: Mapping[str, Any]) -> int:
    """Print what `describe table` was asked for."""
    from reconciler.api.tables import Table
    from reconciler.cli.output import document
    from reconciler.errors import UsageError

    if given["format_"] == "dot":
        raise UsageError("-o dot: draws nodes of workflows; a table has none")
    count = _HEAD if given["head"] is None else int(given["head"])
    async with _store(given) as store:
        table = Table(store=store, uri=str(given["name"]), format=given["table_format"] or "")
        rows = await table.head(count) if count else []
        facts = await table.facts() if given["stats"] else ()
    if given["format_"] == "text":
        click.echo("\n".join([*_rows(rows), *([""] if rows and facts else []), *_facts(facts)]))
    else:
        found = {"uri": table.uri, "head": rows, "columns": [asdict(one) for one in facts]}
        plain = json.loads(json.dumps(found, default=str))
        click.echo(document(plain, given["format_"]), nl=False)
    return exit_codes.OK


def _rows(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    names = tuple(rows[0]) if rows else ()
    cells = [tuple(_short(row.get(name)) for name in names) for row in rows]
    yield from tables.table(names, cells, width=tables.width_of_terminal()) if rows else ()


def _facts(facts: Sequence[ColumnFacts]) -> Iterator[str]:
    head = ("COLUMN", "TYPE", "ROWS", "NULLS", "LEAST", "GREATEST")
    cells = [tuple(map(_short, astuple(one))) for one in facts]
    yield from tables.table(head, cells, width=tables.width_of_terminal()) if facts else ()


@asynccontextmanager
async def _store(given: Mapping[str, Any]) -> AsyncIterator[Store]:
    """Read through the connection that is named, else as whoever runs this."""
    from reconciler.api import opening
    from reconciler.api.stored import Store

    target = options.target(given)
    if not (target.connection or target.endpoint):
        yield Store(None)
        return
    async with opening.opened(opening.Opened, target) as found:
        yield Store(found.backend.running)


def _short(value: Any) -> str:
    text = one_line("" if value is None else str(value))
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 1]}…"
