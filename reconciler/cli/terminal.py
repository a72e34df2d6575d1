"""What a person sees: colour, progress and questions; only on a terminal."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import click

from reconciler.apply.outcome import Outcome, Status
from reconciler.errors import UsageError
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


def can_ask() -> bool:
    """Say whether a person is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> None:
    """Ask a person to go on; raises UsageError on a no, click.Abort on Ctrl-C or the end of input.

    The event loop's own handler would swallow a Ctrl-C while it waits here for an answer.
    """
    with _ctrl_c_raises():
        is_yes = click.confirm(question, err=True)
    if not is_yes:
        raise UsageError("not confirmed: nothing was written; answer y, or give --yes")


@contextmanager
def _ctrl_c_raises() -> Iterator[None]:
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


class Progress:
    """Counts actions on the terminal's last line; what failed is told at the end."""

    def __init__(self) -> None:
        self._done = 0
        self._failed = 0
        self._is_live = sys.stderr.isatty()

    def __call__(self, outcome: Outcome, total: int) -> None:
        """Take one outcome of a run of `total` actions."""
        self._done += 1
        self._failed += outcome.status is Status.FAILED
        if self._is_live:
            failed = f", {self._failed} failed" if self._failed else ""
            _draw(f"\rapplying {self._done}/{total}{failed}\x1b[K")

    def close(self) -> None:
        """Clear the line."""
        if self._is_live and self._done:
            _draw("\r\x1b[K")


def _draw(text: str) -> None:
    with suppress(OSError):  # the terminal is gone, the apply is not
        click.echo(text, err=True, nl=False)
