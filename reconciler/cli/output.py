"""Where data goes: stdout, or a file that is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import click


def put(text: str, out: str | None) -> None:
    """Print text as it is, or write it to a file."""
    if not out:
        click.echo(text, nl=False)
        return
    path = Path(out)
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
