"""`reconcile describe run` and `describe node`: what ran, or runs, with its tree and its data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options, run_words
from reconciler.cli.kinds import one_line, time_text
from reconciler.cli.output import document, say

if TYPE_CHECKING:
    from reconciler.api.run_details import RunDetails
    from reconciler.model.document import Json
    from reconciler.model.run import Attempt, Gate, Run, Step, Values

_LABEL = 13
_LONGEST = 300
"""Characters of a value that text shows; -o json has all of it."""


async def describe_run(given: dict[str, Any], *, is_step: bool) -> int:
    """Describe a run, or a step of it."""
    from reconciler.api import run_details, runs
    from reconciler.cli.documents import FORMAT_VERSION

    if given["version"]:
        raise click.UsageError("--version: a run has none; leave it out")
    if given["format_"] == "dot":
        raise click.UsageError("-o dot: draws workflows; describe the workflow of the run")
    async with runs.client(options.target(given), read_only=True) as flyte:
        at = flyte.at(given["name"], project=given["project"] or "", domain=given["domain"] or "")
        if is_step and not at.step:
            raise click.UsageError(f"{given['name']}: names no step; write RUN/STEP")
        run = await flyte.run(str(at.run))
        found = await run_details.details(run, at.step)
        if given["report"]:
            await _save_report(given["report"], run, found)
    if given["format_"] == "text":
        click.echo("\n".join(lines(found)))
    else:
        shown = found.to_dict(is_raw=given["raw"])
        click.echo(document({"formatVersion": FORMAT_VERSION, **shown}, given["format_"]), nl=False)
    for line in found.unread:
        say(f"warning: could not be read: {line}")
    return exit_codes.OK


async def _save_report(out: str, run: Any, found: RunDetails) -> None:
    from reconciler.cli.output import check, put

    check(out, "--report")
    html = await run.report(found.step.id if found.step else "")
    put(html.decode("utf-8", errors="replace"), out, "--report")
    say(f"the report is in {out}")


def lines(found: RunDetails) -> Iterator[str]:
    """Write it for people."""
    if found.step is None:
        yield from _run(found.run, found.url)
    else:
        yield from _one_step(found.step, found.run, found.url)
    yield from _values("Inputs", found.data.inputs)
    yield from _values("Outputs", found.data.outputs)
    if found.gates:
        yield "\nGates:"
        yield from (f"  {_gate(gate)}" for gate in found.gates)
    steps = found.step.inside if found.step else found.steps
    if steps:
        yield "\nNodes:"
        for step, depth in run_words.tree(steps):
            yield from step_lines(step, "  " * (depth + 1))


def _run(run: Run, url: str) -> Iterator[str]:
    took = run_words.lasted(run.started_at, run.ended_at, is_over=run.phase.is_terminal)
    yield from _pairs(
        {
            "run": str(run.id),
            "phase": run_words.phase_of(run),
            "mode": run.mode.value if run.mode else "",
            "of": str(run.entity) if run.entity else "",
            "workflow": str(run.workflow) if run.workflow else "",
            "scheduled": time_text(run.scheduled_at),
            "created": time_text(run.created_at),
            "started": time_text(run.started_at),
            "ended": time_text(run.ended_at),
            "time": took,
            "created by": run.created_by,
            "labels": ", ".join(f"{name}={value}" for name, value in run.labels.items()),
            "tags": ", ".join(run.tags),
            **{_words(name): _fact(value) for name, value in run.facts.items()},
            "console": url,
        }
    )
    yield from _cause(run.cause, "")


def _one_step(step: Step, run: Run, url: str) -> Iterator[str]:
    yield from _pairs(
        {
            "step": step.id,
            "name": step.name if step.name != step.id else "",
            "of": str(run.id),
            "phase": step.phase.value,
            "does": step.does,
            "target": str(step.target) if step.target else "",
            "child run": str(step.child) if step.child else "",
            "queued": time_text(step.queued_at),
            "started": time_text(step.started_at),
            "ended": time_text(step.ended_at),
            "time": run_words.step_lasted(step),
            "cache": step.cache,
            "report": "yes, --report FILE saves it" if step.has_report else "",
            **{_words(name): _fact(value) for name, value in step.facts.items()},
            "console": url,
        }
    )
    yield from _cause(step.cause, "")
    if step.attempts:
        yield "\nAttempts:"
        for one in step.attempts:
            yield from _attempt(one, "  ")


def step_lines(step: Step, indent: str) -> Iterator[str]:
    """Write a step of a tree: what it is and how it stands, why it failed, where its logs are."""
    name = f" {step.name}" if step.name and step.name != step.id else ""
    what = run_words.target_text(step.target) or step.does
    took = run_words.step_lasted(step)
    parts = [
        f"{step.phase}{f' in {took}' if took and step.phase.is_terminal else ''}",
        f"for {took}" if took and not step.phase.is_terminal else "",
        f"{len(step.attempts)} attempts" if len(step.attempts) > 1 else "",
        f"cache {step.cache}" if step.cache else "",
        f"run {step.child}" if step.child else "",
        "report" if step.has_report else "",
    ]
    of = f" ({what})" if what and what != step.name else ""
    yield one_line(f"{indent}{step.id}{name}{of}: {', '.join(part for part in parts if part)}")
    yield from _cause(step.cause, f"{indent}  ")
    if len(step.attempts) == 1:
        yield from _links(step.attempts[0], f"{indent}  ")
        return
    for one in step.attempts:
        yield from _attempt(one, f"{indent}  ")


def _attempt(one: Attempt, indent: str) -> Iterator[str]:
    took = run_words.lasted(one.started_at, one.ended_at, is_over=one.phase.is_terminal)
    yield f"{indent}attempt {one.number}: {one.phase}{f' in {took}' if took else ''}"
    yield from _cause(one.cause, f"{indent}  ")
    yield from _links(one, f"{indent}  ")


def _links(one: Attempt, indent: str) -> Iterator[str]:
    for link in one.links:
        yield one_line(f"{indent}{link.name or 'log'}: {link.url}")


def _cause(cause: str, indent: str) -> Iterator[str]:
    """Write why something failed, each of its lines below the other."""
    for number, line in enumerate(cause.strip().splitlines()):
        yield one_line(f"{indent}{'cause:' if not number else '':<{_LABEL}} {line}".rstrip())


def _gate(gate: Gate) -> str:
    answer = f"answered {run_words.value_text(gate.value)}" if gate.is_answered else "open"
    return one_line(f"{gate.signal}: {gate.type}, {answer}")


def _values(title: str, values: Values | None) -> Iterator[str]:
    from reconciler.values import read

    if values is None or not values.literals:
        return
    yield f"\n{title}:"
    types = read.types_of(values)
    width = max(map(len, types))
    for name, value in read.shown(values).items():
        text = run_words.value_text(value)
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}... of {len(text)} characters, which -o json shows"
        yield one_line(f"  {name:<{width}}  {types[name]} = {text}")


def _pairs(pairs: dict[str, str]) -> Iterator[str]:
    for name, value in pairs.items():
        if value:
            yield f"{name + ':':<{_LABEL}} {one_line(value)}"


def _words(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)


def _fact(value: Json) -> str:
    return value if isinstance(value, str) else run_words.value_text(value)
