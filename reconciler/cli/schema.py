"""`reconcile schema`: the language as JSON Schema, for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click

from reconciler.cli import exit_codes


@click.command("schema")
@click.argument("kind", default="", metavar="[KIND]")
@click.option(
    "--out", default="", metavar="DIR", help="Write a file per kind, and one for all, below DIR."
)
def schema(kind: str, out: str) -> int:
    """Print the JSON Schema of one kind, or of all kinds in one; needs no backend."""
    from reconciler.cli.output import put, say
    from reconciler.errors import UsageError
    from reconciler.specs import generate
    from reconciler.specs import schema as schemas
    from reconciler.specs.registry import KINDS

    if kind and kind not in KINDS:
        raise UsageError(f"{kind}: is not a kind; known are {', '.join(KINDS)}")
    if not out:
        found = schemas.schema(kind) if kind else schemas.combined()
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return exit_codes.OK
    folder = Path(out)
    wanted = {f"{kind}.schema.json"} if kind else None
    files = {
        name: text
        for name, text in generate.files().items()
        if name.endswith(".schema.json") and (wanted is None or name in wanted)
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        put(text, str(folder / name))
    say(f"wrote {len(files)} files below {out}")
    return exit_codes.OK
