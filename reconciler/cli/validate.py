"""`reconcile validate`: everything that can be said without a backend."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from reconciler.cli import exit_codes, options
from reconciler.cli.output import counted


@click.command("validate")
@options.paths
@options.form("text", "json")
def validate(paths: tuple[str, ...], files: tuple[str, ...], format_: str) -> int:
    """Check documents: syntax, fields, schedules, references, inputs of packages in the set."""
    from reconciler.api import own_types
    from reconciler.api.offline import adapters_for
    from reconciler.engine.declaration import declare
    from reconciler.engine.planning import resolve_offline
    from reconciler.model.origin import Severity

    declaration = declare((*paths, *files), cwd=Path.cwd())
    declaration = replace(declaration, types=own_types.named(os.environ))
    problems = list(declaration.problems)
    unchecked = 0
    if not any(item.severity is Severity.ERROR for item in problems):
        resolved = resolve_offline(declaration, adapters_for(declaration), now=datetime.now(UTC))
        problems += resolved.problems
        unchecked = resolved.unchecked
    errors = [item for item in problems if item.severity is Severity.ERROR]
    if format_ == "json":
        click.echo(json.dumps(_to_json(problems, len(declaration.declared)), indent=2))
    else:
        for problem in problems:
            click.echo(str(problem), err=True)
        count = len(declaration.declared)
        skipped = f", {declaration.skipped} of other APIs skipped" if declaration.skipped else ""
        checked = counted(count, "document")
        click.echo(f"{checked} checked{skipped}: {counted(len(errors), 'error')}.")
        if unchecked:
            click.echo(
                f"The inputs of {counted(unchecked, 'object')} were not checked: only a backend "
                "knows what they run (`reconcile --dry-run` asks it)."
            )
    return exit_codes.ERROR if errors else exit_codes.OK


def _to_json(problems: list[Any], count: int) -> dict[str, Any]:
    return {
        "formatVersion": "1.1",
        "documents": count,
        "problems": [
            {
                **_place(item.origin),
                "severity": item.severity.value,
                "path": item.path,
                "message": item.message,
                "fix": item.fix,
                "others": [_place(origin) for origin in item.others],
            }
            for item in problems
        ],
    }


def _place(origin: Any) -> dict[str, Any]:
    return {"file": origin.file, "line": origin.line, "column": origin.column}
