"""`reconcile record`: what any Flyte client registers, kept as a package."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from reconciler.api.recording import Recording


@click.command("record", context_settings={"ignore_unknown_options": True})
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    required=True,
    metavar="FILE",
    help="Write the package, a tgz, to this file.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
def record(out: str, command: tuple[str, ...]) -> int:
    """Run COMMAND against an endpoint that records, and keep what it registers as a package.

    Put -- before it: reconcile record --out app.tgz -- pyflyte register src, or flyte deploy
    --all app.py. Nothing reaches a Flyte. Exits as COMMAND does; FILE is written only when that
    is 0.
    """
    from reconciler.api import recording
    from reconciler.cli.output import say
    from reconciler.errors import UsageError

    path = Path(out)
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--out: {path.parent}: no such directory; make it first")
    found = asyncio.run(recording.record(command, variables=os.environ, cwd=Path.cwd()))
    if found.exit_code:
        say(f"{command[0]} ended with {found.exit_code}; nothing was written")
        return found.exit_code
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(found.content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _tell(found, out)
    return 0


def _tell(found: Recording, out: str) -> None:
    from reconciler.cli.output import say

    parts = [_count(count, kind) for kind, count in found.registered.items() if count]
    say(f"recorded {', '.join(parts)} in {out}")
    if found.activated:
        say(
            f"the command activated {', '.join(found.activated)}: a package activates what its "
            "FlytePackage says under launchPlans"
        )
    if found.triggers:
        say(
            f"the command deployed the triggers {', '.join(found.triggers)}: a package registers "
            "none; declare each as a FlyteTrigger"
        )
    if found.unchecked:
        say(
            f"warning: {', '.join(found.unchecked)}: not checked, refers to what the command did "
            "not register"
        )
    for method, count in sorted(found.left_out.items()):
        calls = _count(count, "call")
        say(f"warning: {method} ({calls}) is not kept: a package holds registrations alone")


def _count(count: int, thing: str) -> str:
    return f"{count} {thing}{'s' if count != 1 else ''}"
