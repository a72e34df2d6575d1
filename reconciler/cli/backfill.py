"""`reconcile backfill`: runs for the ticks of a schedule that have none."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

import click

from reconciler.cli import exit_codes, options, run_options

if TYPE_CHECKING:
    from reconciler.backends.flyte1.backfill.as_workflow import Built
    from reconciler.engine.filling import Told
    from reconciler.model.document import Json
    from reconciler.model.drive import Drive
    from reconciler.model.key import Key
    from reconciler.model.run import Started

_KINDS = {
    **dict.fromkeys(("launchplan", "launchplans", "lp"), "launchPlan"),
    **dict.fromkeys(("trigger", "triggers"), "trigger"),
}
_FIELDS = {
    "from": "from",
    "to": "to",
    "parallelism": "parallelism",
    "order": "order",
    "coverage": "coverage",
    "on_failure": "onFailure",
    "retries": "retries",
    "overwrite_cache": "overwriteCache",
    "anchor": "anchor",
}
"""Options and the fields of FlyteBackfill that they are."""


class Backfill(Protocol):
    """A declared backfill, or one of the command line."""

    @property
    def key(self) -> Key:
        """Which one it is."""
        ...

    async def look(self) -> Drive:
        """Read each tick and what covers it."""
        ...

    async def once(self) -> object:
        """Start what may be in flight now."""
        ...

    async def fill(self, *, interval: timedelta, told: Told) -> Drive:
        """Go on until nothing follows."""
        ...


@click.command("backfill")
@click.argument("what", nargs=-1, required=True, metavar="[launchplan|trigger] NAME")
@click.option(
    "--from", "from", metavar="TIME", help="Start of the window, included; RFC 3339 or -30d."
)
@click.option("--to", "to", metavar="TIME", help="Its end, not included.  [default: now]")
@click.option("--parallelism", type=click.IntRange(1), help="Runs at once.  [default: 1, in order]")
@click.option("--order", type=click.Choice(("Oldest", "Newest")), help="Which comes first.")
@click.option("--coverage", type=click.Choice(("Missing", "All")), help="All: each once more.")
@click.option("--on-failure", type=click.Choice(("Stop", "Continue")), help="[default: Stop]")
@click.option("--retries", type=click.IntRange(0, 100), help="Further attempts at a tick.")
@click.option("--max-runs", type=click.IntRange(1), help="Start no more than this in all.")
@click.option(
    "--input", "inputs", multiple=True, metavar="NAME=YAML", help="In place of the plan's."
)
@click.option("--overwrite-cache", is_flag=True, default=None, help="Compute anew.")
@click.option("--anchor", metavar="TIME", help="A moment at which a fixed rate fires.")
@click.option("--version", metavar="V", help="Of the launch plan.  [default: the active one]")
@click.option(
    "--dry-run", is_flag=True, help="Print the ticks and what covers each; write nothing."
)
@click.option("--wait", is_flag=True, help="Go on until none is missing, and show the table.")
@click.option("--interval", metavar="TIME", help="With --wait: look that often.  [default: 5s]")
@click.option("--as-workflow", is_flag=True, help="One generated workflow of all ticks; Flyte 1.")
@click.option("--register-only", is_flag=True, help="With --as-workflow: start nothing.")
@click.option("--execution-name", metavar="NAME", help="With --as-workflow: of what it starts.")
@click.option("-f", "--filename", "files", multiple=True, type=click.Path(), metavar="PATH")
@run_options.place
@options.form("text", "json", "yaml")
def backfill(**given: Any) -> int:
    """Start runs for the ticks of a schedule that have none, each once.

    A tick counts as covered by a run of any version that carries it and succeeded or goes on; a
    first attempt has the name that Flyte's own scheduler gives, so that both cannot run it. NAME
    alone is a FlyteBackfill that is declared; `trigger TASK/NAME` is one of Flyte 2.

    Exit codes: 0 done, or started what may be in flight; 1 a tick failed for good; 4 unreachable.
    Ctrl-C leaves the runs alone; the same command goes on.
    """
    try:
        return asyncio.run(_backfill(given))
    except KeyboardInterrupt:
        from reconciler.cli.output import say

        say("interrupted; what was started goes on, and the same command does")
        return exit_codes.INTERRUPTED


async def _backfill(given: dict[str, Any]) -> int:
    *kind, name = given["what"]
    if not kind:
        return await _declared(name, given)
    if len(kind) > 1 or kind[0].lower() not in _KINDS:
        raise click.UsageError(f"{kind[0]}: is not launchplan or trigger; write one of the two")
    if given["from"] is None:
        raise click.UsageError("--from: is missing; write the start of the window, such as -30d")
    if given["as_workflow"]:
        return await _as_workflow(name, given)
    if given["register_only"] or given["execution_name"]:
        raise click.UsageError("--register-only and --execution-name belong to --as-workflow")
    from reconciler.api import backfills

    spec = _spec(_KINDS[kind[0].lower()], name, given)
    where = run_options.where(given)
    async with backfills.client(
        options.target(given),
        project=where["project"],
        domain=where["domain"],
        read_only=given["dry_run"],
    ) as flyte:
        return await _carried_on(flyte.backfill(spec), given)


async def _declared(name: str, given: dict[str, Any]) -> int:
    """Carry on with a declared one; what is declared is not said again."""
    from reconciler.api.declared_backfills import declared
    from reconciler.api.session import session

    said = [field for option, field in _FIELDS.items() if given[option] is not None]
    if said or given["inputs"] or given["version"] or given["max_runs"]:
        what = said[0] if said else "options"
        raise click.UsageError(
            f"{name}: is a declared backfill, which says {what} itself; name a launchplan or a "
            "trigger, or change the document"
        )
    read_only, target = given["dry_run"], options.target(given)
    async with session(given["files"], connection=target, read_only=read_only) as opened:
        return await _carried_on(declared(opened, name), given)


async def _as_workflow(name: str, given: dict[str, Any]) -> int:
    """Build, register or start one workflow of the whole window."""
    from reconciler.api import backfills
    from reconciler.model.backfill import OnFailure

    used = {"order", "coverage", "retries", "anchor", "max_runs", "wait", "interval"}
    wrong = [option for option in sorted(used) if given[option]]
    if wrong or given["inputs"]:
        what = wrong[0].replace("_", "-") if wrong else "input"
        raise click.UsageError(f"--{what}: has no effect on --as-workflow; leave one of them out")
    where = run_options.where(given)
    async with backfills.client(
        options.target(given),
        project=where["project"],
        domain=where["domain"],
        read_only=given["dry_run"],
    ) as flyte:
        built = await flyte.as_workflow(
            name,
            start=given["from"],
            end=given["to"] or "now",
            version=given["version"] or "",
            is_parallel=(given["parallelism"] or 1) > 1,
            on_failure=OnFailure(given["on_failure"] or OnFailure.STOP),
            overwrites_cache=bool(given["overwrite_cache"]),
        )
        begun = None
        if not given["dry_run"]:
            begun = await flyte.run_workflow(
                built, name=given["execution_name"] or "", is_started=not given["register_only"]
            )
        _tell(built, begun, given)
    return exit_codes.OK


def _tell(built: Built, begun: Started | None, given: dict[str, Any]) -> None:
    """Name the workflow, its ticks, and what was done with it."""
    from reconciler.cli.documents import FORMAT_VERSION
    from reconciler.cli.output import counted, document
    from reconciler.model.run_json import id_json
    from reconciler.schedule.window import show

    ticks = [show(tick) for tick in built.ticks]
    done = "" if given["dry_run"] else "registered"
    if begun is not None:
        done = "there" if begun.was_there else "started"
    if given["format_"] == "text":
        click.echo(f"workflow {built.name} version {built.version}: {counted(len(ticks), 'tick')}")
        for tick in ticks:
            click.echo(f"  {tick}")
        if begun is None:
            click.echo(done, nl=bool(done))
            return
        late = ": is there already, and was not started again"
        click.echo(f"{begun.run.id}{late}" if begun.was_there else f"started {begun.run.id}")
        return
    shown: dict[str, Json] = {
        "formatVersion": FORMAT_VERSION,
        "workflow": {"name": built.name, "version": built.version},
        "ticks": [*ticks],
    }
    if done:
        shown["done"] = done
    if begun is not None:
        shown["run"] = id_json(begun.run.id)
    click.echo(document(shown, given["format_"]), nl=False)


def _spec(field: str, name: str, given: dict[str, Any]) -> dict[str, Json]:
    spec: dict[str, Json] = {
        field: given[option] for option, field in _FIELDS.items() if given[option] is not None
    }
    if field == "trigger":
        task, slash, trigger = name.rpartition("/")
        if not slash:
            raise click.UsageError(f"{name}: names no task; write TASK/TRIGGER")
        spec["trigger"] = {"task": task, "name": trigger}
    else:
        spec["launchPlan"] = {"name": name}
        if given["version"]:
            spec["launchPlan"] = {"name": name, "version": given["version"]}
    if given["inputs"]:
        spec["inputs"] = dict(map(_input, given["inputs"]))
    if given["max_runs"]:
        spec["budget"] = {"maxRuns": given["max_runs"]}
    return spec


def _input(text: str) -> tuple[str, Json]:
    from reconciler.sources.yaml import parse

    name, equals, value = text.partition("=")
    if not name or not equals:
        raise click.UsageError(f"--input: {text}: is not NAME=YAML; write rows=7")
    documents, problems = parse(f"value: {value}".encode(), file="--input")
    if problems or len(documents) != 1:
        raise click.UsageError(f"--input: {text}: is not YAML; quote it")
    return name, documents[0].value["value"]


async def _carried_on(found: Backfill, given: dict[str, Any]) -> int:
    from reconciler.cli import backfill_table

    shown = backfill_table.viewer(found.key, given["format_"], is_live=given["wait"])
    if given["dry_run"]:
        drive = await found.look()
        shown.last(drive)
    elif given["wait"]:
        interval = run_options.span(given, "interval") or timedelta(seconds=5)
        drive = await found.fill(interval=interval, told=shown.show)
        shown.last(drive)
    else:
        await found.once()
        drive = await found.look()
        shown.last(drive)
    is_lost = not drive.rows and not drive.is_done
    return exit_codes.ERROR if drive.failure or is_lost else exit_codes.OK
