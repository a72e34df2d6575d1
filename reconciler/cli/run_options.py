"""Options that the commands about runs share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli import options

if TYPE_CHECKING:
    from datetime import timedelta

F = TypeVar("F", bound=Callable[..., Any])


def place(function: F) -> F:
    """Take a connection, and the place of runs that are named without one."""
    added = [
        click.option("--project", metavar="ID", help="Theirs.  [default: that of reconcile.yaml]"),
        click.option("--domain", metavar="ID", help="Theirs.  [default: that of reconcile.yaml]"),
    ]
    for option in reversed(added):
        function = option(function)
    return options.connection(function)


def spans(*names: str) -> Callable[[F], F]:
    """Take lengths of time: `timeout` and `interval`."""
    texts = {
        "timeout": "Wait no longer, such as 90s or 1h30m.  [default: without end]",
        "interval": "Ask that often.  [default: follow as this Flyte can]",
    }

    def add(function: F) -> F:
        for name in reversed(names):
            function = click.option(f"--{name}", metavar="TIME", help=texts[name])(function)
        return function

    return add


def inputs(function: F) -> F:
    """Take inputs: `--input NAME=VALUE` and a file."""
    added = [
        click.option(
            *("-i", "--input", "inputs"),
            multiple=True,
            metavar="NAME=VALUE",
            help="An input, read by its type; YAML where that is no text. May be repeated.",
        ),
        click.option(
            "--inputs",
            "inputs_file",
            type=click.Path(dir_okay=False),
            metavar="FILE",
            help="A YAML or JSON map of inputs; --input goes before it.",
        ),
    ]
    for option in reversed(added):
        function = option(function)
    return function


def waiting(function: F) -> F:
    """Take `--wait` and what belongs to it."""
    function = spans("timeout", "interval")(function)
    return click.option("--wait", is_flag=True, help="Wait for its end, as `wait` does.")(function)


def interruptible(given: dict[str, Any], work: Coroutine[Any, Any, int]) -> int:
    """Run a command; once something was started, a Ctrl-C says that it is left alone."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        if not given.get("runs"):
            raise
        from reconciler.cli.wait import left_alone

        return left_alone(given["runs"])


def span(given: dict[str, Any], name: str) -> timedelta | None:
    """Read one of them; None where it was not given."""
    from reconciler.api import grammar

    return grammar.span(given[name], option=f"--{name}") if given[name] else None


def where(given: dict[str, Any]) -> dict[str, str]:
    """Gather the place that was given."""
    return {"project": given["project"] or "", "domain": given["domain"] or ""}
