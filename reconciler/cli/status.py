"""`reconcile status`: how a set stands, and what is active that nobody declares."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options

if TYPE_CHECKING:
    from reconciler.engine.status import ObjectStatus, Status
    from reconciler.plan.render import Line


@click.command("status")
@options.paths
@options.connection
@click.option("--all", "everything", is_flag=True, help="All that is active, in all projects.")
@click.option("--project", "projects", multiple=True, metavar="ID", help="With --all: only this.")
@click.option("--domain", "domains", multiple=True, metavar="ID", help="With --all: only this.")
@options.output("text", "json", "yaml")
def status(**given: Any) -> int:
    """Show each object of the set beside what is live; with --all, the whole connection."""
    return asyncio.run(_status(given))


async def _status(given: dict[str, Any]) -> int:
    from reconciler.api import reading, session
    from reconciler.engine.inventory import Selection
    from reconciler.errors import UsageError

    target = options.target(given)
    paths = (*given["paths"], *given["files"])
    if given["everything"]:
        if paths:
            raise UsageError("--all: looks at a whole connection; leave PATH out")
        selection = Selection(projects=given["projects"], domains=given["domains"])
        async with reading.connection(target) as opened:
            found = await reading.connection_status(opened.backend, selection)
    else:
        if given["projects"] or given["domains"]:
            raise UsageError("--project, --domain: belong to --all; the set has its own scope")
        async with session(paths, connection=target, read_only=True) as opened:
            found = await reading.set_status(opened)
    _print(found, given["format_"], given["out"])
    return exit_codes.UNREACHABLE if found.unread else exit_codes.OK


def _print(found: Status, format_: str, out: str | None) -> None:
    from reconciler.cli.documents import status_json
    from reconciler.cli.output import put, say
    from reconciler.cli.table import width_of_terminal
    from reconciler.cli.terminal import write

    if format_ == "json":
        put(json.dumps(status_json(found), indent=2, ensure_ascii=False) + "\n", out)
    elif format_ == "yaml":
        from reconciler.sources.dump import dump

        put(dump(status_json(found)), out)
    elif out:
        put("".join(f"{line.text}\n" for line in _lines(found, width=None)), out)
    else:
        write(_lines(found, width=width_of_terminal()))
    for line in (*found.warnings, *found.unread):
        say(f"warning: {line}")


def _lines(found: Status, *, width: int | None) -> Iterator[Line]:
    from reconciler.cli.table import table
    from reconciler.plan.render import Line, Style

    backend = found.backend
    named = f"set {found.set_name} on " if found.set_name else ""
    yield Line(
        f"{named}{backend.get('flyte', '')} {backend.get('version', '')} at "
        f"{backend.get('endpoint', '')} as {backend.get('identity', '')} "
        f"(chosen by {backend.get('chosenBy', '')})",
        Style.DIM,
    )
    yield from _ledger_lines(found)
    if found.objects:
        header = ("STATE", "OBJECT", "DECLARED", "LIVE", "OWNER", "NEXT", "SOURCE", "WHY")
        rows = [_row(item) for item in found.objects]
        lines = table(header, rows, width=width, drop=("SOURCE", "DECLARED", "OWNER", "LIVE"))
        styles = [Style.PLAIN, *(_style(item) for item in found.objects)]
        for text, style in zip(lines, styles, strict=True):
            yield Line(text, style)
    if found.others:
        title = "Active here and not of this set:" if found.set_name else "Active:"
        yield Line(f"\n{title}" if found.objects else title)
        yield from (Line(text) for text in _others(found.others, width))
    yield Line(_summary(found))


def _others(items: Iterable[ObjectStatus], width: int | None) -> Iterator[str]:
    from reconciler.cli.table import table

    rows = [
        (item.owner, str(item.key), ", ".join(item.active), item.made_at[:10], _next(item))
        for item in items
    ]
    header = ("OWNER", "OBJECT", "LIVE", "SINCE", "NEXT")
    return table(header, rows, width=width, drop=("SINCE", "LIVE"))


def _row(item: ObjectStatus) -> tuple[str, ...]:
    return (
        item.standing.value,
        str(item.key),
        " ".join(part for part in (item.wanted, item.version) if part),
        ", ".join(item.active),
        item.owner,
        _next(item),
        f"{item.origin.file}:{item.origin.line}" if item.origin else "",
        item.detail,
    )


def _style(item: ObjectStatus) -> Any:
    from reconciler.engine.status import Standing
    from reconciler.plan.render import Style

    match item.standing:
        case Standing.READY:
            return Style.PLAIN
        case Standing.PENDING:
            return Style.CHANGE
        case Standing.HELD:
            return Style.DIM
        case _:
            return Style.WARN


def _next(item: ObjectStatus) -> str:
    firing = item.firing
    if firing is None:
        return ""
    if firing.times:
        return f"{firing.times[0]:%Y-%m-%d %H:%M %Z}"
    return f"{firing.text} (timer)" if firing.timer else "never"


def _ledger_lines(found: Status) -> Iterator[Line]:
    from reconciler.plan.render import Line, Style

    ledger = found.ledger
    if ledger is None:
        return
    if not ledger.revision:
        yield Line("ledger: none yet", Style.DIM)
        return
    claim, entry = ledger.claim, ledger.entry
    if claim is not None:
        mine = "" if claim.source == found.source else f", and this is {found.source}"
        commit = f" at commit {claim.commit[:12]}" if claim.commit else ""
        style = Style.DIM if not mine else Style.WARN
        yield Line(f"ledger: revision {ledger.revision}, claimed by {claim.source}{mine}", style)
        when = f"{entry.at:%Y-%m-%d %H:%M:%S %Z}" if entry.at else "never"
        by = f" by {entry.by}" if entry.by else ""
        failed = f", {len(entry.failed)} actions failed" if entry.failed else ""
        yield Line(
            f"last apply: {when}{by}{commit}, plan {entry.plan or 'none'}{failed}", Style.DIM
        )
    for hold in ledger.holds:
        if found.now < hold.until:
            by = f" by {hold.by}" if hold.by else ""
            text = f"paused: {hold.pattern} until {hold.until.isoformat()}{by}: {hold.reason}"
            yield Line(text, Style.WARN)
    if ledger.protected:
        yield Line(
            f"protected: {', '.join(str(key) for key in sorted(ledger.protected))}", Style.DIM
        )


def _summary(found: Status) -> str:
    counts: dict[str, int] = {}
    for item in found.objects:
        counts[item.standing.value] = counts.get(item.standing.value, 0) + 1
    parts = [f"{count} {name}" for name, count in sorted(counts.items())]
    if found.others:
        foreign = sum("foreign" in item.owner for item in found.others)
        parts.append(f"{len(found.others)} active of others ({foreign} foreign)")
    return ", ".join(parts) + "." if parts else "Nothing is declared and nothing is active."
