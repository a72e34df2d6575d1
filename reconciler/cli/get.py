"""`reconcile get`: lists of what is registered and of what runs, streamed as pages come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli import exit_codes, options

if TYPE_CHECKING:
    from reconciler.api.entities import Reader
    from reconciler.model.asked import Asked
    from reconciler.model.document import Json
    from reconciler.model.entity import Entity

F = TypeVar("F", bound=Callable[..., Any])

TIMES = ("created_after", "created_before", "updated_after", "updated_before")
_OF_ENTITIES = {"state": "--state", "all_versions": "--all-versions"}
_OF_RUNS = {
    "phase": "--phase",
    "mode": "--mode",
    **{word: f"--{word}" for word in ("launchplan", "workflow", "task", "trigger")},
    "labels": "--label",
    "tags": "--tag",
    "archived": "--archived",
    "by": "--by",
    "tree": "--tree",
}


def _filters(function: F) -> F:
    """Take the grammar of filters, the same for every list."""
    added = [
        click.option("--project", metavar="GLOB", help="Only in these projects."),
        click.option("--domain", metavar="GLOB", help="Only in these domains."),
        click.option(
            *("-A", "--all-places"),
            is_flag=True,
            help="All projects and domains, whatever the defaults of reconcile.yaml.",
        ),
        click.option("--state", metavar="WORD", help="active, inactive, archived, or all."),
        click.option("--name", "globs", multiple=True, metavar="GLOB", help="As NAME."),
        click.option("--version", metavar="GLOB", help="Versions; a row for each that matches."),
        click.option("--all-versions", is_flag=True, help="A row for each version."),
        *(
            click.option(
                f"--{which}-{end}",
                metavar="TIME",
                help="At that time or later." if end == "after" else "Earlier than that time.",
            )
            for which in ("created", "updated")
            for end in ("after", "before")
        ),
        click.option(
            "--sort",
            metavar="[-]FIELD",
            help="name, version, state, created or updated, for runs phase and started too; - is "
            "the largest first.",
        ),
        click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N rows."),
    ]
    for option in reversed(added):
        function = option(function)
    return function


def _filters_of_runs(function: F) -> F:
    """Take the filters that only lists of what runs have."""
    of = [
        click.option(f"--{word}", metavar="NAME", help=f"Runs: started from this {shown}.")
        for word, shown in (
            ("launchplan", "launch plan"),
            ("workflow", "workflow"),
            ("task", "task"),
            ("trigger", "trigger, TASK/NAME"),
        )
    ]
    added = [
        click.option(
            "--phase",
            metavar="WORD[,WORD]",
            help="Runs, nodes: in one of these phases, `ended` or `open`.",
        ),
        click.option("--mode", metavar="WORD[,WORD]", help="Runs: manual, scheduled, child, ..."),
        *of,
        click.option("--label", "labels", multiple=True, metavar="K=V", help="Runs: with it."),
        click.option("--tag", "tags", multiple=True, metavar="TAG", help="Runs: with it."),
        click.option("--by", metavar="WHO", help="Runs: started by them."),
        click.option("--archived", is_flag=True, help="Runs: archived ones too."),
        click.option("--tree", is_flag=True, help="Nodes: below what holds them."),
    ]
    for option in reversed(added):
        function = option(function)
    return function


@click.command(
    "get",
    epilog="TIME is RFC 3339 with a zone, or how long ago: 2h, 90m, 7d. Filters look at the rows "
    "that are shown.",
)
@click.argument("kind")
@click.argument("names", nargs=-1, metavar="[NAME|GLOB...]")
@options.connection
@_filters
@_filters_of_runs
@options.form("text", "json", "yaml", "name")
def get(**given: Any) -> int:
    """List projects, domains, tasks, workflows, launchplans, triggers, secrets or runs.

    There is a row for each name: the active version of a launch plan, else the newest version.
    Archived ones are left out unless they are named or --state asks for them.

    `get runs` (or executions) lists runs, the newest first; `get nodes RUN [STEP...]` (or actions)
    what runs inside one; `get signals [RUN]` the gates of a run, or the open ones of a place.
    `get data flyte://v1/...` shows what a short address of Flyte 1 names.
    """
    from reconciler.api import grammar

    if given["kind"] == "data":
        from reconciler.cli.get_data import get_data

        _refuse(given, {**_OF_ENTITIES, **_OF_RUNS})
        return asyncio.run(get_data(given))
    if grammar.run_list_of(given["kind"]):
        from reconciler.cli.get_runs import get_runs

        _refuse(given, _OF_ENTITIES)
        return asyncio.run(get_runs(given))
    _refuse(given, _OF_RUNS)
    return asyncio.run(_get(given))


def _refuse(given: dict[str, Any], foreign: dict[str, str]) -> None:
    """Refuse filters of other lists, instead of leaving them out of account."""
    for name, option in foreign.items():
        if given[name]:
            raise click.UsageError(f"{option}: {given['kind']} have no such thing; leave it out")


async def _get(given: dict[str, Any]) -> int:
    from reconciler.api import entities
    from reconciler.cli import kinds, lists
    from reconciler.errors import BackendError

    asked = _asked(given)
    async with entities.reader(options.target(given)) as flyte:
        asked = asked if given["all_places"] else flyte.listed(asked)
        listing = lists.Listing(
            word=asked.what.value,
            header=kinds.HEADERS[asked.what],
            rows=flyte.rows(asked),
            cells=kinds.cells,
            to_json=lambda row: _shown(flyte, row),
            name=lambda row: row.name,
            drop=kinds.DROP,
        )
        found = await lists.put(listing, given["format_"])
        lacking = sorted(name for name in asked.exact_names if not _is_among(name, found))
        if lacking and not _is_narrowed(asked):
            raise BackendError(
                f"{asked.what}: {', '.join(lacking)}: not found; see `reconcile get {asked.what}`",
                code=entities.ABSENT,
            )
    return exit_codes.OK


def _is_among(name: str, found: set[str]) -> bool:
    """Say whether a name was listed; a trigger may be called without its task."""
    return name in found or any(one.partition("/")[2] == name for one in found)


def _is_narrowed(asked: Asked) -> bool:
    """Say whether something but the names may have left a row out."""
    return bool(
        (asked.state and asked.state != "all")
        or asked.version
        or asked.limit
        or asked.created_after
        or asked.created_before
        or asked.updated_after
        or asked.updated_before
    )


def _asked(given: dict[str, Any]) -> Asked:
    from reconciler.api import grammar
    from reconciler.model.asked import Asked

    what = grammar.what_of(given["kind"])
    if not what.is_placed:
        for option in ("project", "domain"):
            if given[option]:
                raise click.UsageError(f"--{option}: {what} are in none; leave it out")
    return Asked(
        what=what,
        project=given["project"] or "*",
        domain=given["domain"] or "*",
        names=(*given["names"], *given["globs"]),
        version=given["version"] or "",
        history=given["all_versions"],
        state=given["state"] or "",
        sort=given["sort"] or "",
        limit=given["limit"] or 0,
        **times(given),
    )


def times(given: dict[str, Any]) -> dict[str, datetime]:
    """Read the filters on times that are given."""
    from reconciler.api import grammar

    now = datetime.now(UTC)
    return {
        field: grammar.moment(given[field], option=f"--{field.replace('_', '-')}", now=now)
        for field in TIMES
        if given[field]
    }


def _shown(flyte: Reader, row: Entity) -> dict[str, Json]:
    url = flyte.url(row)
    return {**row.to_dict(), **({"console": url} if url else {})}
