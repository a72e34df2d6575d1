"""`reconcile export`: what is live, as specs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options

if TYPE_CHECKING:
    from reconciler.api.connecting import Choice
    from reconciler.engine.inventory import Export

_SHOWN = 5


@click.command("export")
@options.connection
@click.option("--project", "projects", multiple=True, metavar="ID", help="Only this project; glob.")
@click.option("--domain", "domains", multiple=True, metavar="ID", help="Only this domain; glob.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only this kind.")
@click.option("--name", "names", multiple=True, metavar="GLOB", help="Only names that match.")
@click.option("--inactive", is_flag=True, help="Also the newest version of inactive names.")
@click.option(
    "--packages",
    is_flag=True,
    help="Instead: the registered code, a package per project-domain; needs --out.",
)
@click.option(
    "--version",
    "version",
    default="",
    metavar="VERSION",
    help="With --packages: this version of every name; else what active plans run, or the newest.",
)
@click.option(
    "--set", "set_name", default="", metavar="NAME", help="Name of the set; else derived."
)
@click.option(
    "-o",
    "--output",
    "format_",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="Format of the documents.",
)
@click.option("--out", default="", metavar="DIR", help="Write files below DIR, not to stdout.")
@click.option("--force", is_flag=True, help="With --out: overwrite files.")
def export(**given: Any) -> int:
    """Write what is active as specs that declare it exactly; the next plan adopts, no more.

    With --packages, tasks, workflows and their plans are written as packages, which give the same
    digests in any project and domain.
    """
    from reconciler.api import exporting
    from reconciler.cli.output import say

    _check_set_name(given["set_name"])
    _check_packages(given)
    found, choice = asyncio.run(_read(given))
    folder = Path(given["out"] or ".").absolute()
    if not found.exported:
        say(f"nothing to export: {_nothing(given)}")
    elif given["out"]:
        is_json = given["format_"] == "json"
        made = exporting.files(found, choice, folder=folder, is_json=is_json)
        count = exporting.write(made, folder=folder, force=given["force"])
        say(f"wrote {count} files below {given['out']}: set {found.set_name}, {_counts(found)}")
        say(f"next: reconcile {'--dry-run' if given['packages'] else 'adopt'} {given['out']}")
    elif given["format_"] == "json":
        listed = exporting.documents(found, choice, folder=folder)
        click.echo(
            json.dumps(
                {"apiVersion": "v1", "kind": "List", "items": listed}, indent=2, ensure_ascii=False
            )
        )
    else:
        for part in exporting.stream(found, choice, folder=folder):
            click.echo(part, nl=False)
    _tell(found)
    return exit_codes.OK


async def _read(given: dict[str, Any]) -> tuple[Export, Choice]:
    from reconciler.api import reading
    from reconciler.engine.inventory import Selection

    selection = Selection(
        projects=given["projects"],
        domains=given["domains"],
        kinds=given["kinds"],
        names=given["names"],
        inactive=given["inactive"],
    )
    async with reading.connection(options.target(given)) as opened:
        if given["packages"]:
            found = await reading.export_packages(
                opened.backend, selection, version=given["version"], set_name=given["set_name"]
            )
        else:
            found = await reading.export(opened.backend, selection, set_name=given["set_name"])
        return found, opened.choice


def _check_set_name(name: str) -> None:
    from reconciler.errors import UsageError
    from reconciler.model.digest import SET_NAME, UNCLAIMED

    if name and (not SET_NAME.fullmatch(name) or name == UNCLAIMED):
        raise UsageError(
            f"--set: {name}: is not a set name; write 3 to 20 lower-case letters, digits and -"
        )


def _check_packages(given: dict[str, Any]) -> None:
    from reconciler.errors import UsageError

    if not given["packages"]:
        if given["version"]:
            raise UsageError("--version: belongs to --packages; add it, or leave both out")
        return
    if not given["out"]:
        raise UsageError("--packages: writes archives beside documents; name a folder by --out")
    for flag in ("kinds", "inactive"):
        if given[flag]:
            raise UsageError(
                f"--{flag.removesuffix('s')}: is about documents of plans, and --packages exports "
                "code; leave one of the two out"
            )


def _nothing(given: dict[str, Any]) -> str:
    if given["packages"]:
        return "no task, workflow or launch plan is registered there"
    return "no active object was found that belongs to no set"


def _counts(found: Export) -> str:
    rest = sum("existing" in _spec(one.document) for one in found.exported)
    more = f", {rest} of them as existing versions (see the comments)" if rest else ""
    return f"{len(found.exported)} objects{more}"


def _spec(document: Any) -> Any:
    return document["spec"]


def _tell(found: Export) -> None:
    """Say on stderr what has no document, by reason."""
    from reconciler.cli.output import say

    for warning in found.warnings:
        say(f"warning: {warning}")
    reasons: dict[str, list[str]] = {}
    for item in found.left_out:
        reasons.setdefault(item.reason, []).append(str(item.key))
    for reason, keys in reasons.items():
        shown = ", ".join(keys[:_SHOWN])
        more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
        say(f"left out: {shown}{more}: {reason}")
