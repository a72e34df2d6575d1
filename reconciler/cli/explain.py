"""`reconcile explain`: a field of the language, or one object."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options

if TYPE_CHECKING:
    from reconciler.engine.explanation import Explanation


@click.command("explain")
@click.argument("subject", metavar="KIND[.FIELD...]|KEY")
@click.argument("paths", nargs=-1, type=click.Path(), metavar="[PATH...]")
@click.option("-f", "--filename", "files", multiple=True, metavar="PATH", help="As PATH.")
@options.connection
@options.form("text", "json", help_="Format of what goes to stdout; for a KEY.")
def explain(subject: str, **given: Any) -> int:
    """Explain a field, such as FlyteLaunchPlan.spec.schedule, or why an object is as it is.

    An object is named by its key, such as FlyteLaunchPlan/project/domain/name.
    """
    if "/" not in subject:
        from reconciler.specs.explain import explain as explain_field

        click.echo(explain_field(subject), nl=False)
        return exit_codes.OK
    found = asyncio.run(_explain(subject, given))
    if given["format_"] == "json":
        from reconciler.cli.documents import explanation_json

        click.echo(json.dumps(explanation_json(found), indent=2, ensure_ascii=False))
    else:
        for line in _lines(found):
            click.echo(line)
    return exit_codes.OK


async def _explain(subject: str, given: dict[str, Any]) -> Explanation:
    from reconciler.api import reading, session
    from reconciler.errors import UsageError
    from reconciler.model.key import Key

    try:
        key = Key.parse(subject)
    except ValueError as error:
        raise UsageError(f"explain: {error}") from None
    paths = (*given["paths"], *given["files"])
    async with session(paths, connection=options.target(given), read_only=True) as opened:
        return await reading.explain(opened, key)


def _lines(found: Explanation) -> Iterator[str]:
    item = found.status
    yield f"{item.key}  {item.standing.value}"
    facts = [
        ("declared", f"at {item.origin}, in set {found.set_name}" if item.origin else "not here"),
        ("wanted", item.wanted),
        ("version", item.version),
        ("digest", found.digest),
        ("active", ", ".join(item.active) or "nothing"),
        ("owner", item.owner),
        ("registered", item.made_at),
    ]
    if item.firing is not None:
        when = [f"{moment:%Y-%m-%d %H:%M %Z}" for moment in item.firing.times]
        facts.append(("fires", ", ".join([item.firing.text, *(f"next {one}" for one in when)])))
    for name, value in facts:
        if value:
            yield f"  {name + ':':<12}{value}"
    for line in found.ledger:
        yield f"  {'ledger:':<12}{line}"
    if item.detail:
        yield f"  {'why:':<12}{item.detail}"
    for change in found.fields:
        before, after = (
            json.dumps(one, ensure_ascii=False) for one in (change.before, change.after)
        )
        yield f"  {'change:':<12}{change.path or 'content'}: {before} -> {after}"
    for note in found.notes:
        yield f"  {'note:':<12}{note}"
    if found.rule:
        yield f"  {'rule:':<12}{found.rule}"
    if found.unblock:
        yield f"  {'to go on:':<12}{found.unblock}"
