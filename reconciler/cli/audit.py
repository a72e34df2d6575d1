"""`reconcile audit`: what was written to Flyte for a set, as its ledger keeps it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options

if TYPE_CHECKING:
    from reconciler.model.ledger import Entry, Written

_LIMIT = 50


@click.command("audit")
@options.paths
@options.connection
@click.option("--limit", type=click.IntRange(1, 10_000), default=_LIMIT, help="The newest ones.")
@options.output("text", "json", "yaml")
def audit(**given: Any) -> int:
    """Show what was written to Flyte for the set, when, by whom and for which commit.

    The history is that of the set's ledger, which is kept on Flyte itself.
    """
    return asyncio.run(_audit(given))


async def _audit(given: dict[str, Any]) -> int:
    from reconciler.api import session
    from reconciler.engine import audit as audits

    paths = (*given["paths"], *given["files"])
    async with session(paths, connection=options.target(given), read_only=True) as opened:
        found = await audits.of_set(opened.declaration, opened.backend, most=given["limit"])
        name = opened.declaration.set_name
    _print(name, found, given["format_"], given["out"])
    return exit_codes.OK


def _print(name: str, found: Sequence[Written], format_: str, out: str | None) -> None:
    from reconciler.cli.documents import audit_json
    from reconciler.cli.output import put
    from reconciler.cli.table import width_of_terminal

    if format_ == "json":
        put(json.dumps(audit_json(name, found), indent=2, ensure_ascii=False) + "\n", out)
    elif format_ == "yaml":
        from reconciler.sources.dump import dump

        put(dump(audit_json(name, found)), out)
    else:
        width = None if out else width_of_terminal()
        put("".join(f"{line}\n" for line in _lines(found, width)), out)


def _lines(found: Sequence[Written], width: int | None) -> Iterator[str]:
    from reconciler.cli.table import table

    if not found:
        yield "Nothing was written yet."
        return
    header = ("AT", "BY", "COMMIT", "PLAN", "DONE", "FAILED")
    rows = [_row(one.entry) for one in found]
    yield from table(header, rows, width=width, drop=("PLAN", "BY"))


def _row(entry: Entry) -> tuple[str, ...]:
    return (
        f"{entry.at:%Y-%m-%d %H:%M:%S %Z}" if entry.at else "",
        entry.by,
        entry.commit[:12],
        entry.plan,
        _listed(entry.done),
        _listed(entry.failed),
    )


def _listed(items: Sequence[str]) -> str:
    """Name one, and count the others; all of them are in the JSON."""
    more = f" and {len(items) - 1} more" if len(items) > 1 else ""
    return f"{items[0]}{more}" if items else ""
