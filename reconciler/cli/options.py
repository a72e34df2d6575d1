"""Options that several commands share, in one wording."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from reconciler.api.connecting import Target

F = TypeVar("F", bound=Callable[..., Any])


def paths(function: F) -> F:
    """Take PATH... and `-f PATH`, which are the same."""
    function = click.option(
        "-f",
        "--filename",
        "files",
        type=click.Path(),
        multiple=True,
        metavar="PATH",
        help="As PATH; - is stdin.",
    )(function)
    return click.argument("paths", nargs=-1, type=click.Path(), metavar="[PATH...]")(function)


def connection(function: F) -> F:
    """Take what names a connection."""
    function = click.option(
        "--deadline",
        type=click.FloatRange(0, 86_400, min_open=True),
        callback=_not_nan,
        default=None,
        metavar="SECONDS",
        help="Deadline of each call.",
    )(function)
    function = click.option(
        "--flyte",
        type=click.Choice(("Auto", "Flyte1", "Flyte2")),
        default=None,
        help="Which Flyte it is; Auto asks.  [default: what the FlyteConnection says, else Auto]",
    )(function)
    function = click.option("--insecure", is_flag=True, help="With --endpoint: plaintext, no TLS.")(
        function
    )
    function = click.option(
        "--endpoint",
        callback=_not_empty,
        default=None,
        metavar="HOST:PORT",
        help="Connect to this Flyte.",
    )(function)
    return click.option(
        "--connection",
        callback=_not_empty,
        default=None,
        metavar="NAME|FILE",
        help="A FlyteConnection of the tree, a file, `embedded`, `flytectl` or `flytekit`.",
    )(function)


def against(function: F) -> F:
    """Take --against FILE."""
    return click.option(
        "--against",
        type=click.Path(exists=True, dir_okay=False),
        default=None,
        metavar="FILE",
        help="Plan on this snapshot: no connection, no network, nothing read outside of the tree.",
    )(function)


def base(function: F) -> F:
    """Take --base REF."""
    return click.option(
        "--base",
        callback=_not_empty,
        default=None,
        metavar="REF",
        help="Show only what this tree changes beside that commit, not what is pending there.",
    )(function)


def target(given: Mapping[str, Any]) -> Target:
    """Gather the options of `connection`."""
    from reconciler.api.connecting import Target

    if given["insecure"] and not given["endpoint"]:
        raise click.UsageError(
            "--insecure: belongs to --endpoint; write tls.insecure in the FlyteConnection"
        )
    against = given.get("against")
    if against and (given["connection"] or given["endpoint"] or given["flyte"]):
        raise click.UsageError("--against: takes the place of a connection; name one of the two")
    return Target(
        connection=given["connection"] or "",
        endpoint=given["endpoint"] or "",
        insecure=given["insecure"],
        deadline_seconds=given["deadline"] or 0.0,
        flyte=given["flyte"] or "",
        against=Path(against) if against else None,
    )


def _not_empty(_context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Refuse an empty value: an unset variable of a script must not choose another Flyte."""
    if value is not None and not value.strip():
        raise click.UsageError(f"{option.opts[0]}: is empty; give a value, or leave it out")
    return value


def _not_nan(
    _context: click.Context, _option: click.Parameter, value: float | None
) -> float | None:
    if value is not None and isnan(value):
        raise click.UsageError("--deadline: is not a number; give seconds")
    return value


def form(*formats: str, help_: str = "Format of what goes to stdout.") -> Callable[[F], F]:
    """Take -o FORMAT."""
    return click.option(
        "-o",
        "--output",
        "format_",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help=help_,
    )


def output(*formats: str) -> Callable[[F], F]:
    """Take -o FORMAT and --out FILE."""

    def add(function: F) -> F:
        function = click.option(
            "--out", type=click.Path(dir_okay=False), help="Write to this file, not to stdout."
        )(function)
        return form(*formats)(function)

    return add
