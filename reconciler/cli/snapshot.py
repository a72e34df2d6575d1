"""`reconcile snapshot`: what plans of a set need of a backend, as a file without any value."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from reconciler.cli import exit_codes, options, output


@click.command("snapshot")
@options.paths
@options.connection
@click.option("--out", type=click.Path(dir_okay=False), required=True, help="Write to this file.")
def snapshot(**given: Any) -> int:
    """Read all that `reconcile --dry-run --against FILE` needs, so that it needs no connection."""
    return asyncio.run(_snapshot(given))


async def _snapshot(given: dict[str, Any]) -> int:
    from reconciler.api import session, snapshots

    output.check(given["out"])
    paths = (*given["paths"], *given["files"])
    async with session(paths, connection=options.target(given), read_only=True) as opened:
        made = await snapshots.take(opened.declaration, opened.backend)
    output.put(output.document(made, "json"), given["out"])
    objects, unread = made["objects"], made["unreadable"]
    assert isinstance(objects, dict)
    assert isinstance(unread, list)
    output.say(f"saved {output.counted(len(objects), 'object')} to {given['out']}")
    for item in unread:
        output.say(f"warning: {item}")
    return exit_codes.UNREACHABLE if unread else exit_codes.OK
