"""`reconcile validate`: everything that can be said without a backend."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, forms, options
from reconciler.cli.output import counted

if TYPE_CHECKING:
    from reconciler.engine.checking import Checked


@click.command("validate")
@options.paths
@options.form("text", "json", *forms.FORMS)
@forms.reports
def validate(
    paths: tuple[str, ...],
    files: tuple[str, ...],
    format_: str,
    reports: tuple[tuple[str, str], ...],
) -> int:
    """Check documents: syntax, fields, schedules, references, inputs of packages in the set."""
    from reconciler.api import own_types
    from reconciler.api.offline import adapters_for
    from reconciler.engine.checking import check
    from reconciler.engine.declaration import declare
    from reconciler.plan.render import verdict_lines

    forms.check(reports)
    declaration = declare((*paths, *files), cwd=Path.cwd())
    declaration = replace(declaration, types=own_types.named(os.environ))
    checked = check(declaration, adapters_for(declaration), now=datetime.now(UTC))
    if reports or format_ in forms.FORMS:
        from reconciler.api import reporting

        subject = reporting.of_problems(declaration, checked, cwd=Path.cwd())
        forms.put(subject, format_, reports)
    count = len(declaration.declared) + len(declaration.faulty)
    if format_ == "json":
        click.echo(json.dumps(_to_json(checked, count), indent=2))
    elif format_ == "text":
        for problem in checked.problems:
            click.echo(str(problem), err=True)
        skipped = f", {declaration.skipped} of other APIs skipped" if declaration.skipped else ""
        documents = counted(count, "document")
        click.echo(f"{documents} checked{skipped}: {counted(len(checked.errors), 'error')}.")
        for line in verdict_lines(checked.verdicts):
            click.echo(line.text, err=not line.text.startswith("policy "))
        if checked.unchecked:
            click.echo(
                f"The inputs of {counted(checked.unchecked, 'object')} were not checked: only a "
                "backend knows what they run (`reconcile --dry-run` asks it)."
            )
    if checked.errors:
        return exit_codes.ERROR
    is_refused = any(not one.passed for one in checked.verdicts)
    return exit_codes.REFUSED if is_refused else exit_codes.OK


def _to_json(checked: Checked, count: int) -> dict[str, Any]:
    from reconciler.plan.encode import encode_verdicts

    return {
        "formatVersion": "1.2",
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
            for item in checked.problems
        ],
        **encode_verdicts(checked.verdicts),
    }


def _place(origin: Any) -> dict[str, Any]:
    return {"file": origin.file, "line": origin.line, "column": origin.column}
