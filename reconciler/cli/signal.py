"""`reconcile signal`: the gates at which runs wait, and the answers to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeGuard

import click

from reconciler.cli import exit_codes, options, run_options

if TYPE_CHECKING:
    from reconciler.api.run_handle import RunHandle
    from reconciler.model.run import Gate


@click.group("signal")
def signal() -> None:
    """List the gates at which runs wait for somebody, and answer them."""


@signal.command("list")
@click.argument("names", nargs=-1, metavar="[RUN...]")
@run_options.place
@options.form("text", "json", "yaml", "name")
def list_command(**given: Any) -> int:
    """List the gates of runs, or the open ones of all runs of a project and domain."""
    from reconciler.cli.get import get
    from reconciler.cli.get_runs import get_runs

    asked = {option.name: () if option.multiple else None for option in get.params if _is(option)}
    return asyncio.run(get_runs({**asked, **given, "kind": "signals"}))


def _is(option: click.Parameter) -> TypeGuard[click.Option]:
    return isinstance(option, click.Option)


@signal.command("approve")
@click.argument("run", metavar="RUN")
@click.argument("name", required=False, metavar="[SIGNAL]")
@run_options.place
def approve(**given: Any) -> int:
    """Let a run go on that waits for an approval; without SIGNAL at its only open gate."""

    async def decide(run: RunHandle, gate: Gate) -> bool:
        return await run.approve(gate.signal)

    return asyncio.run(_answer(given, decide, "approved"))


@signal.command("reject")
@click.argument("run", metavar="RUN")
@click.argument("name", required=False, metavar="[SIGNAL]")
@run_options.place
def reject(**given: Any) -> int:
    """Let a run fail that waits for an approval; without SIGNAL at its only open gate."""

    async def decide(run: RunHandle, gate: Gate) -> bool:
        return await run.reject(gate.signal)

    return asyncio.run(_answer(given, decide, "rejected"))


@signal.command("set")
@click.argument("run", metavar="RUN")
@click.argument("name", metavar="SIGNAL")
@click.option(
    "--value",
    required=True,
    metavar="VALUE",
    help="What it waits for, read by the type of the gate; YAML where that is no text.",
)
@run_options.place
def set_command(**given: Any) -> int:
    """Give a run the value that it waits for."""
    from reconciler.api import given as values

    async def decide(run: RunHandle, gate: Gate) -> bool:
        value = values.value(given["value"], dict(gate.literal_type))
        return await run.answer(gate.signal, value)

    return asyncio.run(_answer(given, decide, "answered"))


async def _answer(
    given: dict[str, Any], decide: Callable[[RunHandle, Gate], Awaitable[bool]], word: str
) -> int:
    from reconciler.api import runs

    async with runs.client(options.target(given)) as flyte:
        run = await flyte.run(given["run"], **run_options.where(given))
        gate = await run.gate(given["name"] or "")
        is_new = await decide(run, gate)
    click.echo(f"{run.id}: {gate.signal}: {word if is_new else f'was {word} before'}")
    return exit_codes.OK
