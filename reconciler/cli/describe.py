"""`reconcile describe`: one entity with all that the server tells of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exit_codes, options

if TYPE_CHECKING:
    from reconciler.engine.firings import Preview
    from reconciler.model.document import Json
    from reconciler.model.entity import Details, Node, Variable

_FIRINGS = 5
_LABEL = 13
_SHOWN_AS_REFERENCES = frozenset({"schedule", "workflow", "task"})
_REFERENCES = 20
_SHOWN_ELSEWHERE = frozenset({"schedule", "workflow", "task", "description"})


@click.command("describe")
@click.argument("kind")
@click.argument("name")
@options.connection
@click.option("--project", metavar="ID", help="Its project.  [default: that of reconcile.yaml]")
@click.option("--domain", metavar="ID", help="Its domain.  [default: that of reconcile.yaml]")
@click.option(
    "--version",
    metavar="VERSION",
    help="This version; default: the active one, else the newest, which `latest` means too.",
)
@click.option("--raw", is_flag=True, help="Of runs, with -o json: literals as Flyte has them too.")
@click.option("--report", metavar="FILE", help="Of runs: write the deck, or report, to this file.")
@click.option("--head", type=click.IntRange(0, 1000), help="Of tables: that many first rows.  [5]")
@click.option("--stats", is_flag=True, help="Of tables: read all of it, and count by column.")
@click.option("--table-format", metavar="WORD", help="Of tables: parquet or csv.  [by its ending]")
@options.form("text", "json", "yaml", "dot")
def describe(**given: Any) -> int:
    """Describe a project, domain, task, workflow, launchplan, trigger (TASK/NAME), secret or run.

    Interface with types and defaults, schedule and next firings, who made it and when as far as
    the server tells, what it refers to, and the nodes of a workflow; -o dot draws those.

    Of a run (execution): its phase and why, its nodes as a tree with attempts and links to logs,
    inputs and outputs as values, its gates. `describe node RUN/STEP` (action) shows one of them.

    `describe table URI` shows first rows and columns of a table; its files are read with your own
    credentials, or through the connection that is named.
    """
    from reconciler.api import grammar

    if given["kind"] in {"table", "tables"}:
        from reconciler.cli.describe_table import describe_table

        return asyncio.run(describe_table(given))
    for option in ("head", "stats", "table_format"):
        if given[option]:
            name = option.replace("_", "-")
            raise click.UsageError(f"--{name}: belongs to tables; leave it out")
    match grammar.run_list_of(given["kind"]):
        case grammar.RUNS | grammar.STEPS as kind:
            from reconciler.cli.describe_run import describe_run

            return asyncio.run(describe_run(given, is_step=kind == grammar.STEPS))
        case grammar.SIGNALS:
            raise click.UsageError("describe signal: `get signals RUN` tells all of them")
    for option in ("raw", "report"):
        if given[option]:
            raise click.UsageError(f"--{option}: belongs to runs; leave it out")
    return asyncio.run(_describe(given))


async def _describe(given: dict[str, Any]) -> int:
    from reconciler.api import entities
    from reconciler.cli.output import document, say
    from reconciler.errors import UsageError

    async with entities.reader(options.target(given)) as flyte:
        found = await flyte.fetch(
            given["kind"],
            given["name"],
            given["version"] or "",
            project=given["project"] or "",
            domain=given["domain"] or "",
        )
        url = flyte.url(found.entity)
    firing = _preview(found)
    match given["format_"]:
        case "text":
            click.echo("\n".join(_lines(found, url, firing)))
        case "dot":
            if not found.nodes:
                raise UsageError(f"-o dot: {found.entity}: has no nodes; describe a workflow")
            click.echo("\n".join(dot(found)))
        case format_:
            click.echo(document(_json(found, url, firing), format_), nl=False)
    for line in found.unread:
        say(f"warning: could not be read: {line}")
    return exit_codes.OK


def _preview(found: Details) -> Preview | None:
    from reconciler.engine.firings import preview_of

    return preview_of(found.schedule, after=datetime.now(UTC), count=_FIRINGS)


def _json(found: Details, url: str, firing: Preview | None) -> dict[str, Json]:
    from reconciler.cli.documents import FORMAT_VERSION, preview_json

    shown = found.to_dict()
    message = shown.pop("message", None)
    return {
        "formatVersion": FORMAT_VERSION,
        **shown,
        **({"next": preview_json(firing)} if firing else {}),
        **({"console": url} if url else {}),
        **({"message": json.loads(json.dumps(message))} if message else {}),
    }


def _lines(found: Details, url: str, firing: Preview | None) -> Iterator[str]:
    from reconciler.cli.kinds import one_line, schedule_text, time_text
    from reconciler.model.entity import ACTIVE

    entity = found.entity
    place = "/".join(part for part in (entity.project, entity.domain, entity.name) if part)
    pairs = {
        entity.what.one: place,
        "version": _version(found),
        "state": entity.state,
        "created": time_text(entity.created_at),
        "updated": time_text(entity.updated_at),
        "created by": entity.created_by,
        "made by set": entity.set_name,
        "console": url,
        **{
            _words(name): _fact(value)
            for name, value in entity.facts.items()
            if name not in _SHOWN_AS_REFERENCES
        },
        "schedule": schedule_text(found.schedule),
    }
    for name, value in pairs.items():
        if value:
            yield f"{name + ':':<{_LABEL}} {one_line(value)}"
    yield from _firings(firing, "next" if entity.state in {"", ACTIVE} else "if active")
    yield from _variables("Inputs", found.inputs)
    yield from _variables("Outputs", found.outputs)
    yield from _spec(found.spec)
    if found.references:
        yield "\nRefers to:"
        for one in found.references[:_REFERENCES]:
            yield f"  {one}" + (f" ({one.role})" if one.role else "")
        if len(found.references) > _REFERENCES:
            yield f"  and {len(found.references) - _REFERENCES} more, which -o json shows"
    if found.nodes:
        yield "\nNodes:"
        yield from _tree(found.nodes, "  ")


def _version(found: Details) -> str:
    version, active = found.entity.version, found.active_version
    if not active or not version:
        return version
    return f"{version}, the active one" if version == active else f"{version} (active: {active})"


def _words(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)


def _fact(value: Json) -> str:
    match value:
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_fact, value))
        case dict():
            return ", ".join(f"{name}={_fact(part)}" for name, part in value.items())
        case _:
            return str(value)


def _firings(firing: Preview | None, label: str) -> Iterator[str]:
    if firing is None:
        return
    for index, moment in enumerate(firing.times):
        yield f"{'' if index else f'{label}:':<{_LABEL}} {moment:%a %Y-%m-%d %H:%M:%S %Z}"
    for note in firing.notes:
        yield f"{'':<{_LABEL}} {note}"


def _variables(title: str, variables: Iterable[Variable]) -> Iterator[str]:
    from reconciler.cli.kinds import one_line

    shown = list(variables)
    if not shown:
        return
    yield f"\n{title}:"
    width = max(len(one.name) for one in shown)
    for one in shown:
        text = f"  {one.name:<{width}}  {one.type}"
        if one.has_default:
            text += f" = {json.dumps(one.default, ensure_ascii=False)}"
        elif one.is_required:
            text += " (required)"
        yield one_line(text + (f"  # {one.description}" if one.description else ""))


def _spec(spec: Mapping[str, Json]) -> Iterator[str]:
    from reconciler.sources.dump import dump

    shown: dict[str, Json] = {
        name: value for name, value in spec.items() if name not in _SHOWN_ELSEWHERE
    }
    if spec.get("description"):
        shown["description"] = spec["description"]
    if not shown:
        return
    yield "\nSettings:"
    yield from (f"  {line}" for line in dump(shown).splitlines())


def _tree(nodes: Iterable[Node], indent: str) -> Iterator[str]:
    """Write nodes below what holds them; what they wait for stands behind them."""
    from reconciler.cli.kinds import one_line

    for node in nodes:
        name = f" {node.name}" if node.name and node.name != node.id else ""
        what = str(node.target) if node.target else node.does
        after = f", after {', '.join(node.after)}" if node.after else ""
        head = f"{node.when}: " if node.when else ""
        label = f"{node.id}{name}: " if node.id else ""
        tail = name if not node.id else ""
        yield one_line(f"{indent}{head}{label}{what}{tail}{after}")
        yield from _tree(node.inside, f"{indent}  ")


def dot(found: Details) -> Iterator[str]:
    """Draw the nodes of a workflow in Graphviz's language."""
    yield f"digraph {_quoted(found.entity.name)} {{"
    yield "  rankdir=LR; node [shape=box];"
    yield from _drawn(found.nodes, "", "  ")
    yield "}"


def _drawn(nodes: Iterable[Node], above: str, indent: str) -> Iterator[str]:
    for node in nodes:
        name = f"{above}{node.id or node.does}"
        what = node.target.name if node.target else node.does
        label = "\\n".join(part for part in (node.id, what, node.when) if part)
        if node.inside:
            yield f"{indent}subgraph {_quoted(f'cluster_{name}')} {{"
            yield f"{indent}  label={_quoted(label)}; {_quoted(name)} [shape=point];"
            yield from _drawn(node.inside, f"{name}/", f"{indent}  ")
            yield f"{indent}}}"
        else:
            yield f"{indent}{_quoted(name)} [label={_quoted(label)}];"
        for other in node.after:
            yield f"{indent}{_quoted(f'{above}{other}')} -> {_quoted(name)};"


def _quoted(text: str) -> str:
    escaped = text.replace('"', '\\"')
    return f'"{escaped}"'
