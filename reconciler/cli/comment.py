"""`reconcile comment`: a report as the one comment of a pull request, and its commit's status."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes
from reconciler.cli.output import say

if TYPE_CHECKING:
    from reconciler.forges.event import Event
    from reconciler.forges.forge import Report
    from reconciler.model.secret import Secret


@click.command("comment")
@click.argument("report", type=click.Path(exists=True, dir_okay=False))
@click.option("--forge", type=click.Choice(("github", "gitlab", "gitea")), default=None)
@click.option("--api", default="", metavar="URL", help="Address of the forge's API.")
@click.option("--repository", default="", metavar="NAME", help="OWNER/NAME, or GitLab's id.")
@click.option("--number", default="", metavar="N", help="Number of the pull request.")
@click.option("--commit", default="", metavar="SHA", help="Commit that gets the status.")
@click.option("--url", default="", metavar="URL", help="Where the status leads to.")
@click.option("--no-comment", is_flag=True, help="Set the status alone.")
@click.option("--no-status", is_flag=True, help="Write the comment alone.")
def comment(report: str, no_comment: bool, no_status: bool, **given: str | None) -> int:
    """Keep REPORT, made by -o markdown, as the comment of a pull request, and set a status.

    What is not given is read from the variables of a job on GitHub, GitLab or Gitea. The token is
    read from RECONCILE_FORGE_TOKEN, else from GITHUB_TOKEN, GITLAB_TOKEN or GITEA_TOKEN; without
    one, as in a job for a fork, nothing is sent.
    """
    from reconciler.forges import event as events
    from reconciler.forges.forge import read_report

    text = Path(report).read_text(encoding="utf-8")
    found = read_report(text, report)
    event = events.read(os.environ, **{name: value or "" for name, value in given.items()})
    token = events.token(os.environ, event.forge)
    if token is None:
        say(f"no token in {', '.join(events.TOKENS[event.forge])}: nothing is sent to the forge")
        return exit_codes.OK
    wants: dict[str, Any] = {"comment": not no_comment, "status": not no_status}
    asyncio.run(_send(event, token, found, wants))
    return exit_codes.OK


async def _send(event: Event, token: Secret[str], report: Report, wants: dict[str, Any]) -> None:
    from reconciler.forges.forge import Client, header_of
    from reconciler.forges.http import Http

    header, value = header_of(event.forge, token)
    async with Http(event.api, header, value) as http:
        client = Client(event, http)
        if wants["comment"] and event.number:
            say(f"comment: {await client.comment(report)}")
        if wants["status"] and event.commit:
            await client.status(report)
            say(f"status: {report.name}: {report.headline}")
