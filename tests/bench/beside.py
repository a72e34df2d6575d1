"""Other clients on the same plans, in the same run; they need a real Flyte."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from reconciler.model.key import Place
from tests.bench import rivals, triggers
from tests.bench.flytes import FLYTE2
from tests.bench.plans import plans
from tests.bench.process import Cost
from tests.bench.results import Results
from tests.bench.scenario import ROOT, Scenario
from tests.bench.workflows import prepare

SMALL, LARGE = 1000, 10_000


def clients(results: Results, root: Path, *, most: int) -> None:
    """Measure the clients of a Flyte, each on an empty project and on what it just registered."""
    root.mkdir()
    if results.flyte is FLYTE2:
        _flyte(results, root, Place(f"beside-{secrets.token_hex(3)}", "development"))
        return
    run = f"beside-{secrets.token_hex(3)}"
    for count in (SMALL, LARGE):
        if count <= most:
            _flytectl(results, root, Place(f"{run}-f{count}", "development"), count)
    _pyflyte(results, root, Place(f"{run}-p", "development"), min(SMALL, most))


def write_phase(results: Results, root: Path, *, most: int, repeats: int) -> None:
    """Measure write rates of cold applies against bare stubs with as many calls under way."""
    root.mkdir()
    run, count = f"beside-{secrets.token_hex(3)}", min(SMALL, most)
    results.forget_write()
    gets: list[Cost] = []
    for number in range(2 * repeats):
        ours = Place(f"{run}-w{number}", "development")
        bare = Place(f"{run}-s{number}", "development")
        scenario = Scenario(results.flyte, results.endpoint, count, [ours], root / f"w{number}")
        scenario.set_up(f"{run}-w{number}"[-20:])
        prepare(results.endpoint, [bare])
        rates: dict[str, float] = {}
        # Each goes first as often: whoever does finds a smaller database.
        for who in ("ours", "bare") if number % 2 else ("bare", "ours"):
            if who == "ours":
                step = scenario.reconcile("cold apply", "--yes")
                rates[who] = step.write_calls / step.write_seconds
            else:
                sent = rivals.stubs("register", results.endpoint, bare, count=count, version="bare")
                rates[who] = 2 * count / sent[1]
        results.add_write(reconcile=rates["ours"], stubs=rates["bare"])
        cost, _ = rivals.stubs("get", results.endpoint, bare, count=count, version="bare")
        gets.append(cost)
    results.add_beside("bare stubs, one get per entity", count, "second", gets)


def _flytectl(results: Results, root: Path, place: Place, count: int) -> None:
    program = os.environ.get("RECONCILER_FLYTECTL", "")
    if not program:
        return
    prepare(results.endpoint, [place])
    archive = root / f"flytectl-{count}.tgz"
    rivals.write_archive(archive, place, count=count, version="v1")
    for what in ("first", "second"):
        cost = rivals.flytectl(
            Path(program), results.endpoint, place, archive=archive, version="v1"
        )
        results.add_beside("flytectl register", count, what, [cost])
    cost, _ = rivals.stubs("get", results.endpoint, place, count=count, version="v1")
    if count > SMALL:
        results.add_beside("bare stubs, one get per entity", count, "second", [cost])


def _pyflyte(results: Results, root: Path, place: Place, count: int) -> None:
    program = ROOT / ".venv-flytekit" / "bin" / "pyflyte"
    if not program.exists():
        return
    prepare(results.endpoint, [place])
    folder = root / "pyflyte"
    rivals.write_module(folder, list(plans(count, [place])))
    for what in ("first", "second"):
        cost = rivals.pyflyte(program, results.endpoint, place, folder=folder, version="v1")
        results.add_beside("pyflyte register --activate-launchplans", count, what, [cost])


def _flyte(results: Results, root: Path, place: Place) -> None:
    program = ROOT / ".venv-flyte" / "bin" / "flyte"
    if not program.exists():
        return
    results.flyte.prepare(results.endpoint, [place])
    folder = root / "flyte"
    rivals.write_environment(folder, results.endpoint, list(plans(triggers.TASKS, [place])))
    for what in ("first", "second"):
        cost = rivals.flyte(program, place, folder=folder, version="v1")
        results.add_beside("flyte deploy", triggers.TASKS, what, [cost])
