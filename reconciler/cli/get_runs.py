"""`reconcile get runs`, `nodes` and `signals`: lists of what runs, or ran."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli import exit_codes, options, run_words
from reconciler.cli.lists import Listing, put

if TYPE_CHECKING:
    from reconciler.api.runs import Runs
    from reconciler.model.asked_runs import AskedRuns
    from reconciler.model.document import Json
    from reconciler.model.run import Gate, Run, Step

Row = TypeVar("Row")

_OF = ("launchplan", "workflow", "task", "trigger")
_FOR_RUNS = {
    **{word: f"--{word}" for word in (*_OF, "mode", "by", "archived", "version", "sort")},
    **{f"{a}_{b}": f"--{a}-{b}" for a in ("created", "updated") for b in ("after", "before")},
    "labels": "--label",
    "tags": "--tag",
}


async def get_runs(given: dict[str, Any]) -> int:
    """List what is asked for."""
    from reconciler.api import grammar, runs

    kind = grammar.run_list_of(given["kind"])
    if kind != grammar.STEPS and given["tree"]:
        raise click.UsageError(f"--tree: {kind} are in no tree; leave it out")
    if kind != grammar.RUNS:
        for name, option in _FOR_RUNS.items():
            if given[name]:
                raise click.UsageError(f"{option}: {kind} are not told apart by it; leave it out")
    async with runs.client(options.target(given), read_only=True) as flyte:
        match kind:
            case grammar.RUNS:
                await _runs(flyte, given)
            case grammar.STEPS:
                await _steps(flyte, given)
            case _:
                await _gates(flyte, given)
    return exit_codes.OK


async def _runs(flyte: Runs, given: dict[str, Any]) -> None:
    from reconciler.engine.waiting import ABSENT
    from reconciler.errors import BackendError
    from reconciler.model.asked import is_glob
    from reconciler.model.run_json import run_json

    asked = _asked(given)
    if not given["all_places"]:
        asked = flyte.placed(asked)

    def shown(run: Run) -> dict[str, Json]:
        url = flyte.running.url(run.id)
        return {**run_json(run), **({"console": url} if url else {})}

    listing = Listing(
        word="runs",
        header=run_words.RUNS,
        rows=flyte.rows(asked, given["sort"] or ""),
        cells=run_words.run_cells,
        to_json=shown,
        name=lambda run: run.id.name,
        drop=run_words.DROP,
    )
    found = await put(listing, given["format_"])
    lacking = sorted(name for name in asked.names if not is_glob(name) and name not in found)
    if lacking and not _is_narrowed(given):
        raise BackendError(
            f"runs: {', '.join(lacking)}: not found; see `reconcile get runs`, and --archived",
            code=ABSENT,
        )


async def _steps(flyte: Runs, given: dict[str, Any]) -> None:
    from reconciler.api import addresses
    from reconciler.model.run_json import step_json

    run_name, *globs = _named(given, "the run whose nodes are listed")
    run = await flyte.run(run_name, project=given["project"] or "", domain=given["domain"] or "")
    phases = addresses.phases(given["phase"]) if given["phase"] else frozenset()
    names = (*globs, *given["globs"])

    def is_shown(step: Step) -> bool:
        is_named = not names or any(
            fnmatchcase(one, glob) for one in (step.id, step.name) for glob in names
        )
        return is_named and (not phases or step.phase in phases)

    rows = [row for row in run_words.tree(await run.steps()) if is_shown(row[0])]
    is_tree = given["tree"]
    if is_tree and given["format_"] in {"json", "yaml"}:
        rows = [row for row in rows if row[1] == 0 or names or phases]
    limit = given["limit"]

    def shown(row: tuple[Step, int]) -> dict[str, Json]:
        return step_json(row[0], is_tree=is_tree)

    def cells(row: tuple[Step, int]) -> tuple[str, ...]:
        return run_words.step_cells(row[0], "  " * row[1] if is_tree else "")

    await put(
        Listing(
            word="steps",
            header=run_words.STEPS,
            rows=_all(rows[:limit] if limit else rows),
            cells=cells,
            to_json=shown,
            name=lambda row: row[0].id,
            drop=run_words.DROP,
        ),
        given["format_"],
    )


async def _gates(flyte: Runs, given: dict[str, Any]) -> None:
    from reconciler.model.key import Place
    from reconciler.model.run_json import gate_json

    if given["phase"]:
        raise click.UsageError("--phase: signals have none; leave it out")
    project, domain = given["project"] or "", given["domain"] or ""
    found: list[Gate] = []
    for name in given["names"]:
        run = await flyte.run(name, project=project, domain=domain)
        found += await run.gates()
    if not given["names"]:
        place = Place(project or flyte.project, domain or flyte.domain)
        found += await flyte.gates(place)
    globs = given["globs"]
    rows = [gate for gate in found if not globs or any(fnmatchcase(gate.signal, g) for g in globs)]
    await put(
        Listing(
            word="signals",
            header=run_words.SIGNALS,
            rows=_all(rows[: given["limit"] or None]),
            cells=run_words.gate_cells,
            to_json=gate_json,
            name=lambda gate: gate.signal,
        ),
        given["format_"],
    )


def _asked(given: dict[str, Any]) -> AskedRuns:
    from reconciler.api import addresses
    from reconciler.cli.get import times
    from reconciler.model.asked_runs import AskedRuns

    return AskedRuns(
        project=given["project"] or "*",
        domain=given["domain"] or "*",
        names=(*given["names"], *given["globs"]),
        phases=addresses.phases(given["phase"]) if given["phase"] else frozenset(),
        modes=addresses.modes(given["mode"]) if given["mode"] else frozenset(),
        entity=_entity(given),
        version=given["version"] or "",
        labels=dict(_pair(text) for text in given["labels"]),
        tags=frozenset(given["tags"]),
        created_by=given["by"] or "",
        archived=given["archived"],
        limit=given["limit"] or 0,
        **times(given),
    )


def _entity(given: dict[str, Any]) -> Any:
    from reconciler.api import grammar

    named = [word for word in _OF if given[word]]
    if len(named) > 1:
        shown = " and ".join(f"--{word}" for word in named)
        raise click.UsageError(f"{shown}: a run is started from one thing; give one of them")
    if given["version"] and not named:
        raise click.UsageError(
            "--version: says which version of what was started; name that with --launchplan, "
            "--workflow, --task or --trigger"
        )
    return (grammar.what_of(named[0]), given[named[0]]) if named else None


def _pair(text: str) -> tuple[str, str]:
    name, is_pair, value = text.partition("=")
    if not is_pair or not name:
        raise click.UsageError(f"--label: {text}: is not K=V; write the label's key and value")
    return name, value


def _named(given: dict[str, Any], what: str) -> tuple[str, ...]:
    if not given["names"]:
        raise click.UsageError(f"get {given['kind']}: names no run; name {what}")
    return tuple(given["names"])


def _is_narrowed(given: dict[str, Any]) -> bool:
    """Say whether something but the names may have left a run out."""
    filters = ("phase", "mode", "labels", "tags", "by", "limit", *_OF)
    times = ("created_after", "created_before", "updated_after", "updated_before")
    return any(given[name] for name in (*filters, *times))


async def _all(rows: Iterable[Row]) -> AsyncIterator[Row]:
    for row in rows:
        yield row
