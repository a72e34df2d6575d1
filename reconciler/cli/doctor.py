"""`reconcile doctor`: everything that a reconcile stands on, each with what to do about it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import options

if TYPE_CHECKING:
    from reconciler.model.health import Check
    from reconciler.plan.render import Line


@click.command("doctor")
@options.paths
@options.connection
@options.form("text", "json")
def doctor(**given: Any) -> int:
    """Check configuration, network, server, permissions, ledger and checkout; writes nothing."""
    from reconciler.api import reading
    from reconciler.engine.doctor import exit_code

    paths = (*given["paths"], *given["files"])
    checks = asyncio.run(reading.examine(paths, target=options.target(given)))
    if given["format_"] == "json":
        from reconciler.cli.documents import checks_json

        click.echo(json.dumps(checks_json(checks), indent=2, ensure_ascii=False))
    else:
        from reconciler.cli.terminal import write

        write(_lines(checks))
    return exit_code(checks)


def _lines(checks: Iterable[Check]) -> Iterator[Line]:
    from reconciler.model.health import Health
    from reconciler.plan.render import Line, Style

    styles = {
        Health.OK: Style.ADD,
        Health.WARNING: Style.WARN,
        Health.ERROR: Style.REMOVE,
        Health.SKIPPED: Style.DIM,
    }
    for check in checks:
        yield Line(f"{check.health.value:<8} {check.name}: {check.detail}", styles[check.health])
        if check.fix:
            yield Line(f"{'':<8} -> {check.fix}")
