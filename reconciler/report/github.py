"""Findings as workflow commands, which GitHub and Gitea show at the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.report.findings import Finding, Level, findings
from reconciler.report.quoting import data, seen, value
from reconciler.report.rules import RULES
from reconciler.report.subject import Subject

MOST = 10
"""Annotations of one level that a step may show; more are dropped without a word."""
_LONGEST = 4000
_WORDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def github(subject: Subject) -> Iterator[str]:
    """Write lines for the log of a step, the worst findings first.

    Where there are more of one level than are shown, the last one counts the rest.
    """
    found = findings(subject)
    for level, word in _WORDS.items():
        own = [one for one in found if one.level is level]
        shown = own if len(own) <= MOST else own[: MOST - 1]
        for one in shown:
            yield _command(word, one, subject)
        left = len(own) - len(shown)
        if left:
            more = f"{left:,} more of this level are in the plan; `reconcile plan` shows all"
            yield f"::{word} title=reconcile {value(subject.target)}::{data(more)}"


def _command(word: str, one: Finding, subject: Subject) -> str:
    properties = []
    origin = one.origin
    if origin is not None and origin.file != "-":
        properties.append(f"file={value(seen(subject.file(origin.file)))}")
        if origin.line:
            properties.append(f"line={origin.line}")
        if origin.column:
            properties.append(f"col={origin.column}")
    properties.append(f"title={value(RULES[one.rule].title)}")
    message = "\n".join(seen(line) for line in one.message.splitlines())
    if len(message) > _LONGEST:
        message = f"{message[: _LONGEST - 1]}…"
    return f"::{word} {','.join(properties)}::{data(message)}"
