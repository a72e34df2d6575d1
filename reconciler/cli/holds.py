"""`reconcile pause`, `resume` and `forget`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from reconciler.cli import options

_set = click.option(
    "-f",
    "--filename",
    "files",
    multiple=True,
    metavar="PATH",
    help="The set's directory; default: ./reconcile.yaml.",
)


@click.command("pause")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@_set
@options.connection
@click.option("--reason", required=True, help="Why; shown by every plan until it ends.")
@click.option("--until", "until_text", default="", metavar="TIME", help="RFC 3339 time.")
@click.option("--for", "span", default="", metavar="DURATION", help="Such as 2h or 90m.")
def pause(names: tuple[str, ...], **given: Any) -> int:
    """Stop plans until a moment; every later sync honours it. NAME is a name, glob or key."""
    return asyncio.run(_pause(names, given))


@click.command("resume")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@_set
@options.connection
def resume(names: tuple[str, ...], **given: Any) -> int:
    """End pauses (all of them without a NAME), and correct contested objects again."""
    return asyncio.run(_resume(names, given))


@click.command("forget")
@click.argument("keys", nargs=-1, metavar="[KEY...]")
@_set
@options.connection
@click.option("--claim", is_flag=True, help="Give up the claim, so another source may take it.")
@click.option("--cluster", is_flag=True, help="Take the operator's finalizers in a cluster away.")
@click.option("--namespace", "-n", "namespaces", multiple=True, help="With --cluster: only here.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="With --cluster: its file.")
@click.option("--context", default="", help="With --cluster: the context of the kubeconfig.")
@click.option("--yes", "-y", is_flag=True, help="With --cluster: do not ask.")
def forget(keys: tuple[str, ...], **given: Any) -> int:
    """Give objects up: the ledger no longer lists them, Flyte keeps running them.

    With --cluster nothing on Flyte or in a ledger changes: custom resources lose the operator's
    finalizer, so that they can be deleted without it.
    """
    if [bool(keys), given["claim"], given["cluster"]].count(True) != 1:
        raise click.UsageError(
            "give KEYs such as FlyteLaunchPlan/p/d/n, or --claim, or --cluster; one of them"
        )
    if given["cluster"]:
        from reconciler.cli.release import release_all

        return asyncio.run(release_all(given))
    return asyncio.run(_forget(keys, given))


def _open(given: dict[str, Any]) -> Any:
    from reconciler.api import session

    return session(given["files"], connection=options.target(given))


async def _pause(names: tuple[str, ...], given: dict[str, Any]) -> int:
    from reconciler.api.session import new_run, whoami_here
    from reconciler.cli import report
    from reconciler.engine import holds
    from reconciler.errors import UsageError
    from reconciler.model.ledger import Hold
    from reconciler.schedule import duration

    now = datetime.now(UTC)
    seconds = 0.0
    if given["span"]:
        try:
            seconds = duration.parse(given["span"]) / duration.SECOND
        except ValueError as error:
            raise UsageError(f"--for: {error}") from None
        if seconds <= 0:
            raise UsageError(f"--for: {given['span']} is not above zero; write 2h or 90m")
    end = holds.until(now, text=given["until_text"], seconds=seconds)
    hold = Hold("", given["reason"], end, whoami_here())
    async with _open(given) as session:
        applied = await holds.pause(
            session.declaration, session.backend, names=names, hold=hold, run=new_run()
        )
    click.echo(f"Paused until {end.isoformat()}: {', '.join(names)}.")
    return report.finish(applied, format_="text", out=None)


async def _resume(names: tuple[str, ...], given: dict[str, Any]) -> int:
    from reconciler.api.session import new_run
    from reconciler.cli import report
    from reconciler.engine import holds

    async with _open(given) as session:
        applied = await holds.resume(
            session.declaration, session.backend, names=names, run=new_run()
        )
    click.echo(f"Resumed: {', '.join(names) or 'everything'}.")
    return report.finish(applied, format_="text", out=None)


async def _forget(keys: tuple[str, ...], given: dict[str, Any]) -> int:
    from reconciler.api.session import new_run
    from reconciler.engine import holds
    from reconciler.errors import UsageError
    from reconciler.model.key import Key

    try:
        parsed = [Key.parse(key) for key in keys]
    except ValueError as error:
        raise UsageError(f"KEY: {error}") from None
    async with _open(given) as session:
        ledger = await holds.forget(
            session.declaration, session.backend, keys=parsed, run=new_run()
        )
    what = ", ".join(keys) or "the claim"
    click.echo(f"Forgotten: {what} (ledger revision {ledger.revision}).")
    return 0
