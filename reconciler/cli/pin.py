"""`reconcile pin`: write the versions that `latest` resolved to into the files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from reconciler.cli import exit_codes, options


@click.command("pin")
@options.paths
@options.connection
@click.option("--name", "names", multiple=True, metavar="GLOB", help="Only plans of this name.")
@click.option("--dry-run", is_flag=True, help="Show the edits and write nothing.")
def pin(**given: Any) -> int:
    """Replace `version: {latest: true}` by the version that it resolves to now."""
    return asyncio.run(_pin(given))


async def _pin(given: dict[str, Any]) -> int:
    from reconciler.api import session
    from reconciler.engine import pinning

    paths = (*given["paths"], *given["files"])
    async with session(paths, connection=options.target(given), read_only=True) as opened:
        planned = await opened.plan()
    found = pinning.pins(planned, given["names"])
    edited = pinning.edited(found, base=Path.cwd())
    for item in found:
        click.echo(f"{item.origin}: {item.name}: {item.version}")
    if given["dry_run"]:
        click.echo(f"Would write {len(found)} versions to {len(edited)} files.")
        return exit_codes.OK
    for path, data in edited.items():
        draft = path.with_name(f".{path.name}.part")
        draft.write_bytes(data)
        draft.replace(path)
    click.echo(f"Wrote {len(found)} versions to {len(edited)} files.")
    return exit_codes.OK
