"""What a person sees: colour, progress and questions; only on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

import click

from reconciler.apply.outcome import Outcome, Status
from reconciler.plan.render import Line, Style

_COLOURS = {
    Style.ADD: "green",
    Style.CHANGE: "yellow",
    Style.REMOVE: "red",
    Style.WARN: "yellow",
}


def write(lines: Iterable[Line], *, err: bool = False) -> None:
    """Print lines, coloured where the stream is a terminal and NO_COLOR is not set."""
    stream = sys.stderr if err else sys.stdout
    is_coloured = stream.isatty() and not os.environ.get("NO_COLOR")
    for line in lines:
        text = line.text
        if is_coloured and line.style is not Style.PLAIN:
            text = click.style(text, fg=_COLOURS.get(line.style), dim=line.style is Style.DIM)
        click.echo(text, err=err, color=is_coloured)


def say(text: str) -> None:
    """Tell a person something that is not data."""
    click.echo(text, err=True)


def can_ask() -> bool:
    """Say whether a person is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


class Progress:
    """Counts actions on the terminal's last line; prints failures as they come."""

    def __init__(self) -> None:
        self._done = 0
        self._is_live = sys.stderr.isatty()

    def __call__(self, outcome: Outcome, total: int) -> None:
        """Take one outcome of a run of `total` actions."""
        self._done += 1
        if outcome.status is Status.FAILED:
            self.close()
            say(f"failed: {outcome.action.id}: {outcome.detail}")
        if self._is_live:
            click.echo(f"\rapplying {self._done}/{total}\x1b[K", err=True, nl=False)

    def close(self) -> None:
        """Clear the line."""
        if self._is_live and self._done:
            click.echo("\r\x1b[K", err=True, nl=False)
