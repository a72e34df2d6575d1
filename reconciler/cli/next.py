"""`reconcile next`: when plans fire, as declared or as live."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options

if TYPE_CHECKING:
    from reconciler.engine.declaration import Declaration
    from reconciler.engine.upcoming import Upcoming, Window
    from reconciler.model.resource import Resource


@click.command("next")
@click.argument("words", nargs=-1, type=click.Path(), metavar="[PATH...|NAME...]")
@click.option("-f", "--filename", "files", multiple=True, metavar="PATH", help="A path for sure.")
@options.connection
@click.option("-n", "--count", type=click.IntRange(1, 1000), default=5, show_default=True)
@click.option("--zone", default="", metavar="ZONE", help="Show times in this zone.")
@click.option("--from", "start", default="", metavar="TIME", help="RFC 3339 time; default: now.")
@click.option("--live", is_flag=True, help="What is active on Flyte, not what is declared.")
@options.form("text", "json")
def next_command(words: tuple[str, ...], **given: Any) -> int:
    """Preview the next firings; a word that is no path is a name, a glob or a key of a plan."""
    from reconciler.api.offline import require_sound
    from reconciler.engine import upcoming
    from reconciler.engine.declaration import declare

    window = _window(given)
    paths = (*given["files"], *(word for word in words if word == "-" or Path(word).exists()))
    names = tuple(word for word in words if word not in paths)
    if given["live"]:
        found = asyncio.run(_live(paths, names, given, window))
    else:
        declaration = declare(paths, cwd=Path.cwd())
        require_sound(declaration)
        found = upcoming.declared(declaration, window, names, _packaged(declaration))
    return _print(found, given["format_"], names)


def _packaged(declaration: Declaration) -> Iterable[Resource]:
    """Resolve what packages hold, as far as it goes without a backend."""
    if all(item.kind != "FlytePackage" for item in declaration.declared):
        return ()
    from reconciler.api import own_types
    from reconciler.api.offline import adapters_for
    from reconciler.engine.planning import resolve_offline

    declaration = replace(declaration, types=own_types.named(os.environ))
    resolved = resolve_offline(declaration, adapters_for(declaration), now=datetime.now(UTC))
    return resolved.desired.resources.values()


def _window(given: dict[str, Any]) -> Window:
    from reconciler.engine.upcoming import Window
    from reconciler.errors import UsageError
    from reconciler.schedule import zone

    if given["zone"]:
        try:
            zone.load(given["zone"])
        except ValueError as error:
            raise UsageError(f"--zone: {error}") from None
    after = _moment(given["start"]) if given["start"] else datetime.now(UTC)
    if after is None:
        raise UsageError(
            f"--from: {given['start']}: is not a time with a zone; write it as 2026-05-01T06:00:00Z"
        )
    return Window(after=after, count=given["count"], zone=given["zone"])


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


async def _live(
    paths: tuple[str, ...], names: tuple[str, ...], given: dict[str, Any], window: Window
) -> tuple[Upcoming, ...]:
    from reconciler.api import reading

    return await reading.upcoming_live(
        paths, target=options.target(given), window=window, names=names
    )


def _print(found: tuple[Upcoming, ...], format_: str, names: tuple[str, ...]) -> int:
    from reconciler.errors import UsageError

    if names and not found:
        raise UsageError(f"{', '.join(names)}: no such file, and no plan matches; check the name")
    if format_ == "json":
        from reconciler.cli.documents import upcoming_json

        click.echo(json.dumps(upcoming_json(found), indent=2, ensure_ascii=False))
    else:
        for line in _lines(found):
            click.echo(line)
    return exit_codes.OK


def _lines(found: Iterable[Upcoming]) -> Iterator[str]:
    silent = 0
    for item in found:
        shown = item.preview
        if shown is None and item.note == "has no schedule":
            silent += 1
            continue
        version = f" version {item.version}" if item.version else ""
        schedule = f"  {shown.text}" if shown else ""
        place = f"  {item.origin}" if item.origin else ""
        yield f"{item.key}{version}{schedule}{place}"
        if item.note:
            yield f"  note: {item.note}"
        if shown is None:
            continue
        for moment in shown.times:
            yield f"  {moment:%a %Y-%m-%d %H:%M:%S %Z} ({moment:%z})"
        for note in shown.notes:
            yield f"  {'' if shown.timer else 'note: '}{note}"
    if silent:
        yield f"{silent} {'plan has' if silent == 1 else 'plans have'} no schedule."
