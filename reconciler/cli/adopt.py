"""`reconcile adopt`: what is live as declared becomes the set's, by entries in its ledger."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options

if TYPE_CHECKING:
    from reconciler.engine.adoption import Adoption


@click.command("adopt")
@options.paths
@options.connection
@click.option("--dry-run", is_flag=True, help="Show what would be adopted and write nothing.")
@click.option("--take-over", default="", metavar="SOURCE", help="Take the set from this source.")
@click.option("--reset-to", default="", metavar="COMMIT", help="Adopt for a commit that is older.")
@options.form("text", "json")
def adopt(**given: Any) -> int:
    """List what already is as declared as the set's own; the ledger is all that is written."""
    return asyncio.run(_adopt(given))


async def _adopt(given: dict[str, Any]) -> int:
    from reconciler.api import reading, session
    from reconciler.cli import report
    from reconciler.engine.planning import Options

    paths = (*given["paths"], *given["files"])
    target, is_dry = options.target(given), given["dry_run"]
    async with session(paths, connection=target, read_only=is_dry) as opened:
        asked = Options(take_over=given["take_over"], reset_to=given["reset_to"])
        planned = await reading.plan_adoption(opened, asked)
        if given["format_"] == "text":
            _show(planned, is_dry=is_dry)
        if is_dry or not planned.adoptions:
            _finish(given["format_"], planned, revision=0)
            return exit_codes.OK
        applied = await reading.adopt(opened, planned)
    _finish(given["format_"], planned, revision=applied.ledger.revision)
    return report.exit_code(applied)


def _show(planned: Adoption, *, is_dry: bool) -> None:
    from reconciler.cli.output import say
    from reconciler.cli.terminal import write
    from reconciler.plan.render import render

    write(render(planned.plan))
    for change in planned.differing:
        say(f"{change.origin}: {change.key}: {change.block_detail}")
        for item in change.fields:
            say(f"    {item.path}: {item.before!r} -> {item.after!r}")
    if planned.other:
        say(f"{len(planned.other)} other changes are left to `reconcile`")
    if not planned.adoptions and not is_dry:
        say("nothing to adopt; nothing was written")


def _finish(format_: str, planned: Adoption, *, revision: int) -> None:
    import json

    from reconciler.plan.encode import encode

    if format_ == "json":
        content = {
            "formatVersion": "1.0",
            "set": planned.plan.set_name,
            "adopted": [
                {"key": str(change.key), "version": change.owns} for change in planned.adoptions
            ],
            "differing": [
                {"key": str(change.key), "detail": change.block_detail}
                for change in planned.differing
            ],
            "other": [str(change.key) for change in planned.other],
            "ledgerRevision": revision,
            "plan": encode(planned.plan),
        }
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    elif revision:
        click.echo(f"Adopted {len(planned.adoptions)} objects into set {planned.plan.set_name}.")
