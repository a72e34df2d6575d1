"""`reconcile whoami`: which Flyte a connection leads to, and whom it takes us for."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from reconciler.cli import exit_codes, options
from reconciler.model.document import filled


@click.command("whoami")
@options.connection
@options.form("text", "json", "yaml")
def whoami(**given: Any) -> int:
    """Show the endpoint, the identity it takes us for, its Flyte, its console, and who chose it."""
    return asyncio.run(_whoami(given))


async def _whoami(given: dict[str, Any]) -> int:
    from reconciler.api import entities
    from reconciler.cli.documents import FORMAT_VERSION
    from reconciler.cli.output import document

    async with entities.reader(options.target(given)) as flyte:
        found = {**flyte.identity, "console": flyte.console}
    if given["format_"] == "text":
        labels = {"chosenBy": "chosen by"}
        width = max(len(labels.get(name, name)) for name in found) + 1
        for name, value in found.items():
            if value:
                click.echo(f"{labels.get(name, name) + ':':<{width}} {value}")
    else:
        shown = {"formatVersion": FORMAT_VERSION, **filled(found)}
        click.echo(document({**shown}, given["format_"]), nl=False)
    return exit_codes.OK
