"""Reports for reviewers: which formats there are, and where each goes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli import output

if TYPE_CHECKING:
    from reconciler.report.subject import Subject

FORMS = ("markdown", "sarif", "github")
"""Formats that a plan is reported in."""

F = TypeVar("F", bound=Callable[..., Any])


def reports(function: F) -> F:
    """Take --report FORMAT=FILE."""
    return click.option(
        "--report",
        "reports",
        multiple=True,
        callback=_pairs,
        metavar="FORMAT=FILE",
        help=f"Also write a report ({', '.join(FORMS)}) to a file; may be repeated.",
    )(function)


def _pairs(
    _context: click.Context, _option: click.Parameter, given: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    pairs = []
    for text in given:
        form, separator, file = text.partition("=")
        if form not in FORMS or not separator or not file:
            raise click.UsageError(
                f"--report: {text}: is not FORMAT=FILE; formats are {', '.join(FORMS)}"
            )
        pairs.append((form, file))
    return tuple(pairs)


def check(reports: Sequence[tuple[str, str]]) -> None:
    """Raise UsageError where a file could not be written, before anything else is done."""
    for _, file in reports:
        output.check(file, "--report")


def text(subject: Subject, form: str) -> str:
    """Write a report in one of the formats."""
    match form:
        case "markdown":
            from reconciler.report.markdown import markdown

            return markdown(subject)
        case "sarif":
            from reconciler.report.sarif import sarif

            found = sarif(subject, version=version("flyte-reconciler"))
            return json.dumps(found, ensure_ascii=False, indent=1) + "\n"
        case _:
            from reconciler.report.github import github

            return "".join(f"{line}\n" for line in github(subject))


def put(subject: Subject, format_: str, reports: Sequence[tuple[str, str]]) -> None:
    """Print a report where its format was asked for, and write the files of others."""
    for form, file in reports:
        output.put(text(subject, form), file, "--report")
    if format_ in FORMS:
        output.put(text(subject, format_), None)
