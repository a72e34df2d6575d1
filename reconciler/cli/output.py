"""Where words go: data to stdout or a file that is written whole or not at all, talk to stderr."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import click

from reconciler.errors import UsageError
from reconciler.model.document import Json


def say(text: str) -> None:
    """Tell a person something that is not data; work goes on where nobody listens."""
    with suppress(OSError):
        click.echo(text, err=True)


def document(value: dict[str, Json], format_: str) -> str:
    """Write a value as JSON, or as YAML that reads back to the same."""
    if format_ == "yaml":
        from reconciler.sources.dump import dump

        return dump(value)
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def put(text: str, out: str | None, option: str = "--out") -> None:
    """Print text as it is, or write it to a file; raises UsageError where that cannot be."""
    if not out:
        click.echo(text, nl=False)
        return
    path = Path(out)
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise _unwritable(option, out, error.strerror or str(error)) from None


def check(out: str | None, option: str = "--out") -> None:
    """Raise UsageError where a file could not be written, before anything else is done."""
    if out and not Path(out).absolute().parent.is_dir():
        raise _unwritable(option, out, "its directory does not exist")


def _unwritable(option: str, out: str, why: str) -> UsageError:
    return UsageError(f"{option}: {out}: cannot be written: {why}; choose another file")


def counted(count: int, noun: str) -> str:
    """Write a number of things."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
