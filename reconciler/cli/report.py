"""The end of an apply: what was done, what was not, and the exit code."""

from __future__ import annotations

import click

from reconciler.apply.outcome import ABANDONED, INTERRUPTED, Status
from reconciler.cli import exit_codes, output
from reconciler.cli.output import counted, say
from reconciler.engine.applying import Applied
from reconciler.model.document import Json
from reconciler.plan.encode import encode
from reconciler.plan.plan import Block
from reconciler.plan.settle import is_done


def finish(applied: Applied, *, format_: str, out: str | None) -> int:
    """Print the report and return the exit code."""
    done = applied.report.done
    if format_ != "text":
        output.put(output.document(to_json(applied), format_), out)
    changed = [change for change in applied.plan.doable if change.actions and is_done(change, done)]
    adopted = [change for change in applied.plan.doable if not change.actions]
    if format_ == "text" and (applied.plan.changes or applied.report.outcomes):
        more = f", {len(adopted)} recorded in the ledger" if adopted else ""
        objects, calls = counted(len(changed), "object"), counted(len(done), "call")
        click.echo(f"Applied: {objects} changed by {calls}{more}.")
    failures = applied.report.failures
    for item in applied.report.deferred:
        say(f"{item.status.value}: {item.action.id}: {item.detail}")
    untried = {INTERRUPTED: "interrupted", ABANDONED: "given up"}
    told = [item for item in failures if item.detail not in untried]
    for item in told:
        say(f"{item.status.value}: {item.action.id}: {item.detail}")
    for detail, word in untried.items():
        left = sum(item.detail == detail for item in failures)
        if left:
            say(f"{word}: {counted(left, 'call')} not started; run again")
    for change in applied.stale:
        say(f"refused: {change.key}: it changed since the plan was made; plan again")
    if applied.remaining is not None:
        touched = {change.key for change in changed}
        for change in applied.remaining.doable:
            if change.key in touched:
                say(f"moved: {change.key}: somebody changed it meanwhile; run again")
    if applied.ledger_error is not None:
        say(f"failed: ledger: {applied.ledger_error}")
    return exit_code(applied)


def exit_code(applied: Applied) -> int:
    """Choose the exit code: errors first, then what was refused, then success.

    What the policy says to report and leave alone was left alone as asked, and refuses nothing.
    """
    failed = [item for item in applied.report.failures if item.status is Status.FAILED]
    codes = [item.error.exit_code for item in failed if item.error is not None]
    if applied.ledger_error is not None:
        codes.append(applied.ledger_error.exit_code)
    if codes:
        return codes[0] if len(set(codes)) == 1 else exit_codes.ERROR
    if applied.report.failures:
        return exit_codes.ERROR
    if applied.plan.unread:
        return exit_codes.UNREACHABLE
    undone = [item for item in applied.plan.blocked if item.block is not Block.REPORT]
    if applied.stale or undone:
        return exit_codes.REFUSED
    return exit_codes.OK


def to_json(applied: Applied) -> dict[str, Json]:
    """Write an apply as JSON: the plan and the outcome of each action."""
    return {
        "formatVersion": "1.0",
        "plan": encode(applied.plan),
        "outcomes": [
            {"id": item.action.id, "status": item.status.value, "detail": item.detail}
            for item in applied.report.outcomes
        ],
        "stale": [str(change.key) for change in applied.stale],
        "ledgerRevision": applied.ledger.revision,
    }
