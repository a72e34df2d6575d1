"""`reconcile run`: starts a launch plan, a workflow, a task or a trigger once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options, run_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.api.launching import Prepared
    from reconciler.model.document import Json

_FIELDS = {
    "overwrite_cache": "overwriteCache",
    "interruptible": "interruptible",
    "cluster_pool": "clusterPool",
    "cluster_label": "clusterLabel",
    "raw_output_prefix": "rawOutputPrefix",
    "service_account": "serviceAccount",
    "max_parallelism": "maxParallelism",
}
"""Options and the fields of FlyteRun that they are."""
_MAPS = {"envs": "--env", "labels": "--label", "annotations": "--annotation"}


@click.command("run")
@click.argument("kind", metavar="launchplan|workflow|task|trigger")
@click.argument("name", metavar="NAME")
@click.option("--version", metavar="V", help="[default: the active one of a plan, else the newest]")
@run_options.inputs
@click.option("--name", "run_name", metavar="NAME", help="Of the run; one that is there is it.")
@click.option("--name-prefix", metavar="PREFIX", help="Of the run; random digits follow.")
@click.option("--overwrite-cache", is_flag=True, default=None, help="Compute anew.")
@click.option(
    "--interruptible/--no-interruptible",
    default=None,
    help="Whether it may run on machines that can be taken away.",
)
@click.option("--env", "envs", multiple=True, metavar="K=V", help="Environment variable of tasks.")
@click.option("--label", "labels", multiple=True, metavar="K=V", help="Label of the run.")
@click.option("--annotation", "annotations", multiple=True, metavar="K=V", help="Annotation of it.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Tag of the run; Flyte 1.")
@click.option("--cluster-pool", metavar="POOL", help="Where it runs; the queue on Flyte 2.")
@click.option("--cluster-label", metavar="LABEL", help="Which clusters may run it; Flyte 1.")
@click.option("--raw-output-prefix", metavar="URI", help="Where it stores data.")
@click.option("--service-account", metavar="NAME", help="The Kubernetes account it runs as.")
@click.option("--max-parallelism", type=click.IntRange(1), metavar="N", help="Nodes at once.")
@click.option("--dry-run", is_flag=True, help="Show what would be started; write nothing.")
@run_options.waiting
@run_options.place
@options.form("text", "json", "yaml")
def run(**given: Any) -> int:
    """Start a run (execution) now, with inputs typed by the interface of what is started.

    A trigger is TASK/NAME. The run is named on stdout. With --name nothing is started where the
    same run is there, which is told; one with other content, inputs or options is left as it is,
    which is exit code 3 and says what differs. With --wait exit codes are those of `wait`. What is
    to be started once by what is in Git is a FlyteRun.
    """
    return run_options.interruptible(given, _run(given))


async def _run(given: dict[str, Any]) -> int:
    from reconciler.api import given as values
    from reconciler.api import launching, runs
    from reconciler.api.run_handle import RunHandle
    from reconciler.cli.output import say
    from reconciler.cli.relaunch import started
    from reconciler.model.key import Place

    asked = launching.Asked(given["kind"], given["name"], given["version"] or "", _options(given))
    asked.spec()
    if given["run_name"] and given["name_prefix"]:
        raise click.UsageError("--name and --name-prefix: give one of the two")

    def inputs(variables: Mapping[str, Json]) -> Mapping[str, Json]:
        texts, file = given["inputs"], given["inputs_file"] or ""
        if variables:
            values.literals(texts, file, variables)  # tells faults at their places
        types = values.types_of(variables)
        return values.inputs(texts, file, types)

    async with runs.client(options.target(given), read_only=given["dry_run"]) as flyte:
        where = run_options.where(given)
        place = Place(where["project"] or flyte.project, where["domain"] or flyte.domain)
        if not place.project or not place.domain:
            lacking = "domain" if place.project else "project"
            raise click.UsageError(f"no {lacking} is named; give --{lacking}")
        name = given["run_name"] or launching.made_up(
            given["name_prefix"] or "", flyte.identity["flyte"]
        )
        prepared = await launching.prepare(flyte.backend, asked, inputs, place=place, name=name)
        for warning in prepared.warnings:
            say(f"warning: {warning}")
        if given["dry_run"]:
            _show(prepared, given["format_"])
            return exit_codes.OK
        if prepared.run is not None:
            say(f"{place}/{name}: is there already, and was not started again")
            return await started(flyte, RunHandle(flyte, prepared.run), given, is_new=False)
        begun = await flyte.running.start(prepared.launch)
        return await started(flyte, RunHandle(flyte, begun.run), given)


def _options(given: dict[str, Any]) -> dict[str, Json]:
    from reconciler.api import given as values

    found: dict[str, Json] = {
        field: given[option] for option, field in _FIELDS.items() if given[option] is not None
    }
    for field, option in _MAPS.items():
        if given[field]:
            found[field] = {**values.pairs(given[field], option)}
    if given["tags"]:
        found["tags"] = list(given["tags"])
    return found


def _show(prepared: Prepared, format_: str) -> None:
    """Print what would be started."""
    from reconciler.cli.documents import FORMAT_VERSION
    from reconciler.cli.output import document
    from reconciler.model.run_json import id_json, run_json
    from reconciler.sources.dump import dump

    launch = prepared.launch
    shown: dict[str, Json] = {"formatVersion": FORMAT_VERSION}
    if prepared.run is not None:
        shown["there"] = run_json(prepared.run)
        text = f"{prepared.run.id}: is there already: {prepared.run.phase}"
    else:
        shown["start"] = {**id_json(launch.id), "body": launch.body}
        lines = dump(launch.body).splitlines()
        text = "\n".join([f"{launch.id}: would be started", *(f"  {line}" for line in lines)])
    click.echo(f"{text}\n" if format_ == "text" else document(shown, format_), nl=False)
