"""`reconcile get data`: inputs, outputs and decks by the short addresses of Flyte 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options, run_words
from reconciler.cli.kinds import one_line
from reconciler.cli.output import document

if TYPE_CHECKING:
    from reconciler.model.run import Values

_ABSENT = "NOT_FOUND"


async def get_data(given: dict[str, Any]) -> int:
    """Show what each address names: values as `describe run` does, a deck as it is."""
    from reconciler.api import runs
    from reconciler.errors import BackendError

    if not given["names"]:
        raise click.UsageError(
            "data: no address is named; write flyte://v1/PROJECT/DOMAIN/RUN/NODE/o"
        )
    async with runs.client(options.target(given), read_only=True) as flyte:
        for address in given["names"]:
            found = await flyte.running.addressed(address)
            if found is None:
                raise BackendError(f"{address}: there is nothing there (yet)", code=_ABSENT)
            if isinstance(found, bytes):
                click.echo(found.decode("utf-8", errors="replace"))
            else:
                _put(found, given["format_"])
    return exit_codes.OK


def _put(values: Values, format_: str) -> None:
    from reconciler.values import read

    shown = read.shown(values)
    match format_:
        case "json" | "yaml":
            click.echo(document(shown, format_), nl=False)
        case "name":
            for name in shown:
                click.echo(name)
        case _:
            for name, value in shown.items():
                click.echo(one_line(f"{name} = {run_words.value_text(value)}"))
