"""`reconcile`, `reconcile plan` and `reconcile apply`."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, forms, options, output

if TYPE_CHECKING:
    from reconciler.plan.plan import Plan


class Default(click.Command):
    """The command that needs no word; its usage shows none."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the usage as it is typed."""
        formatter.write_usage("reconcile", " ".join(self.collect_usage_pieces(ctx)))


@click.command("reconcile", cls=Default)
@options.paths
@options.connection
@options.output("text", "json", "yaml", *forms.FORMS)
@forms.reports
@click.option("--dry-run", is_flag=True, help="Show the plan and write nothing.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when changes are pending.")
@click.option("--yes", is_flag=True, help="Do not ask before something that runs is stopped.")
@options.against
@options.base
@click.option("--approve", default="", metavar="PLAN_ID", help="Approve this plan's removals.")
@click.option("--take-over", default="", metavar="SOURCE", help="Take the set from this source.")
@click.option("--reset-to", default="", metavar="COMMIT", help="Apply a commit that is older.")
@click.option("--parallel", default=8, show_default=True, type=click.IntRange(1, 64))
def reconcile_command(**given: Any) -> int:
    """Make Flyte look like what PATH declares; without a path, like ./reconcile.yaml."""
    if given["detailed_exitcode"] and not given["dry_run"]:
        raise click.UsageError("--detailed-exitcode belongs to --dry-run and to `reconcile plan`")
    if given["dry_run"]:
        return _run(_plan(given))
    if given["base"]:
        raise click.UsageError("--base: only shows a difference; add --dry-run")
    if given["against"]:
        raise click.UsageError("--against: a snapshot cannot be written to; add --dry-run")
    if given["reports"] or given["format_"] in forms.FORMS:
        what = "--report" if given["reports"] else f"-o {given['format_']}"
        raise click.UsageError(f"{what}: reports a plan; add --dry-run, or use `reconcile plan`")
    if given["out"] and given["format_"] == "text":
        raise click.UsageError("--out: holds the report as data; add -o json, or --dry-run")
    return _run(_reconcile(given))


@click.command("plan")
@options.paths
@options.connection
@options.output("text", "json", "yaml", *forms.FORMS)
@forms.reports
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when changes are pending.")
@options.against
@options.base
@click.option("--approve", default="", metavar="PLAN_ID", help="Approve this plan's removals.")
@click.option("--take-over", default="", metavar="SOURCE", help="Take the set from this source.")
@click.option("--reset-to", default="", metavar="COMMIT", help="Plan a commit that is older.")
def plan_command(**given: Any) -> int:
    """Show what would change. With --out, save the plan for `reconcile apply`."""
    return _run(_plan(given))


@click.command("apply")
@click.argument("plan_file", type=click.Path(exists=True, dir_okay=False))
@options.paths
@options.connection
@click.option("--parallel", default=8, show_default=True, type=click.IntRange(1, 64))
@click.option("--yes", is_flag=True, help="Do not ask before something that runs is stopped.")
def apply_command(plan_file: str, **given: Any) -> int:
    """Carry out a saved plan; objects that moved since it was made are refused one by one."""
    return _run(_apply_saved(plan_file, given))


def _run(work: Coroutine[Any, Any, int]) -> int:
    return asyncio.run(work)


async def _plan(given: dict[str, Any]) -> int:
    from reconciler.cli.terminal import write
    from reconciler.errors import ReconcilerError
    from reconciler.plan.render import render

    output.check(given["out"])
    forms.check(given["reports"])
    try:
        async with _session(given, read_only=True) as session:
            planned = await _planned(session, given)
    except ReconcilerError as error:
        _report_error(error, given)
        raise
    plan = planned.plan
    _save(plan, given)
    _report_plan(planned, given)
    if given["format_"] == "text":
        write(render(plan))
    if plan.unread:
        return exit_codes.UNREACHABLE
    if plan.refused:
        return exit_codes.REFUSED
    if given["detailed_exitcode"] and not plan.is_empty:
        return exit_codes.PENDING
    return exit_codes.OK


def _save(plan: Plan, given: dict[str, Any]) -> None:
    """Save a plan for an apply, or print it as data."""
    from reconciler.plan.encode import encode

    if given["out"]:
        output.put(output.document(encode(plan), "json"), given["out"])
        output.say(f"saved plan {plan.id} to {given['out']}")
    elif given["format_"] in {"json", "yaml"}:
        output.put(output.document(encode(plan), given["format_"]), None)


def _report_plan(planned: Any, given: dict[str, Any]) -> None:
    if not given["reports"] and given["format_"] not in forms.FORMS:
        return
    from reconciler.api import reporting

    subject = reporting.of_plan(planned, now=datetime.now(UTC), cwd=Path.cwd())
    forms.put(subject, given["format_"], given["reports"])


def _report_error(error: Any, given: dict[str, Any]) -> None:
    """Report that there is no plan, so that nobody takes an older report for this one."""
    if not given["reports"] and given["format_"] not in forms.FORMS:
        return
    from reconciler.api import reporting
    from reconciler.api.snapshots import confined
    from reconciler.engine.declaration import name_of
    from reconciler.engine.reach import EVERYWHERE

    reach = confined(Path.cwd()) if given["against"] else EVERYWHERE
    target = name_of((*given["paths"], *given["files"]), cwd=Path.cwd(), reach=reach)
    subject = reporting.of_error(error, target=target, cwd=Path.cwd())
    forms.put(subject, given["format_"], given["reports"])


async def _planned(session: Any, given: dict[str, Any]) -> Any:
    if not given["base"]:
        return await session.plan(_options(given))
    from reconciler.api.beside import plan_beside

    paths = (*given["paths"], *given["files"])
    return (await plan_beside(session, paths, given["base"], _options(given))).branch


async def _reconcile(given: dict[str, Any]) -> int:
    from reconciler.api.session import new_run
    from reconciler.cli import report
    from reconciler.cli.terminal import Progress, write
    from reconciler.plan.render import render

    output.check(given["out"])
    async with _session(given, read_only=False) as session:
        planned = await session.plan(_options(given))
        plan = planned.plan
        if given["format_"] == "text":
            write(render(plan))
        _confirm(plan, given)
        progress = Progress()
        with _stopping() as stop:
            run = new_run(parallel=given["parallel"], progress=progress, stop=stop)
            applied = await session.apply(planned, run)
        progress.close()
    code = report.finish(applied, format_=given["format_"], out=given["out"])
    return exit_codes.INTERRUPTED if stop.is_set() else code


async def _apply_saved(plan_file: str, given: dict[str, Any]) -> int:
    from reconciler.api.session import new_run
    from reconciler.cli import report
    from reconciler.cli.terminal import Progress, write
    from reconciler.plan.render import render

    plan = _load(plan_file)
    async with _session(given, read_only=False) as session:
        write(render(plan))
        _confirm(plan, given)
        progress = Progress()
        with _stopping() as stop:
            run = new_run(parallel=given["parallel"], progress=progress, stop=stop)
            applied = await session.apply_saved(plan, run)
        progress.close()
    code = report.finish(applied, format_="text", out=None)
    return exit_codes.INTERRUPTED if stop.is_set() else code


def _load(plan_file: str) -> Plan:
    from reconciler.errors import UsageError
    from reconciler.plan.encode import decode

    try:
        value = json.loads(Path(plan_file).read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise UsageError(f"{plan_file}: is not JSON; make the plan again") from None
    if not isinstance(value, dict):
        raise UsageError(f"{plan_file}: is not a plan; make the plan again")
    try:
        return decode(value)
    except ValueError as error:
        raise UsageError(f"{plan_file}: {error}") from None


def _session(given: dict[str, Any], *, read_only: bool) -> Any:
    from reconciler.api import session

    return session(
        (*given["paths"], *given["files"]), connection=options.target(given), read_only=read_only
    )


def _options(given: dict[str, Any]) -> Any:
    from reconciler.engine.planning import Options

    return Options(
        approved=given["approve"], take_over=given["take_over"], reset_to=given["reset_to"]
    )


def _confirm(plan: Plan, given: dict[str, Any]) -> None:
    from reconciler.cli.terminal import ask, can_ask

    count = sum(1 for change in plan.doable if change.is_removal)
    if count and not given["yes"] and can_ask():
        what = f"{count} running objects" if count > 1 else "1 running object"
        ask(f"{what} will be stopped or taken over. Go on?")


@contextmanager
def _stopping() -> Iterator[asyncio.Event]:
    """Let the first signal end the run after the calls under way, the second at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def interrupt() -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        output.say("stopping after the calls under way; a second signal stops at once")

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        yield stop
    finally:
        loop.remove_signal_handler(signal.SIGINT)
