"""docs/benchmarks.md from the results."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from tests.bench import fills_report, operator_report, served_report
from tests.bench.flytes import FLYTE1, FLYTE2, Flyte
from tests.bench.results import load, middle
from tests.bench.scenario import STEPS

TITLES = {
    FLYTE1.real: "A real flyteadmin",
    FLYTE1.embedded: "The embedded Flyte",
    FLYTE2.real: "A real manager of Flyte 2",
    FLYTE2.embedded: "The embedded Flyte 2",
}

_RECIPE = """# Benchmarks

Written by `make bench`; edit `tests/bench`, not this page.

## What is measured

On Flyte 1 a set of launch plans, on Flyte 2 one of triggers, each with a cron schedule, ten inputs,
labels, an annotation, a notification and limits (some forty lines of YAML, a hundred plans a file).
The plans run a workflow that is registered already; the triggers take turns with at most a hundred
tasks of a package that is part of the set. `validate` asks nobody. `cold apply` registers and
activates everything. `no-op` is `reconcile --yes` when everything is as declared, `one change` the
same after one edit in one file.

Each run is a process of its own, from start to exit. Calls are counted where they leave the client.
Wall and CPU seconds, and memory (the most that was resident, of the client), are the system's
figures for that process. Repeated steps give the median. The server runs on the same machine and
takes its share of the cores, so that ratios between clients of one run say more than seconds.

## How to measure

```
make bench                                                     # the embedded Flyte alone, as both
RECONCILER_FLYTE1_ENDPOINT=HOST:PORT make bench                # a real flyteadmin first
RECONCILER_FLYTE2_ENDPOINT=HOST:PORT make bench                # a real manager of Flyte 2
RECONCILER_FLYTECTL=PATH RECONCILER_FLYTE1_ENDPOINT=... make bench   # beside flytectl
.venv/bin/python -m tests.bench --most 1000 --repeats 1        # a quick look
.venv/bin/python -m tests.bench --only operator                 # the operator beside an API server
.venv/bin/python -m tests.bench --only served                   # from a push to what runs
.venv/bin/python -m tests.bench --only fills                    # backfills, and lists of runs
.venv/bin/python -m tests.bench --flyte Flyte2 --only real --least 10000 --repeats 1
```

`make clients` puts pyflyte and flyte beside it. A real endpoint must take plaintext without
authentication; everything is written to projects made for the run, which stay there, so use one
that may be thrown away. An installation that was just set up gives the least noise. Results are
kept in `tests/bench/results`; a run replaces those of what it measured, so that the parts below may
be of different runs, with the load that each names.

## What to know when reading

- The first apply of a set asks every project-domain for the set's ledger, so that its calls grow
  with the installation; later ones read it where it was found.
- A change is verified: the live side is read once more after it, hence twice the pages of a no-op.
- Bare stubs that get every plan, eight at a time, are faster than a no-op as long as a call has no
  way to go: they neither parse nor validate nor compare. Most of a no-op is the reading of files.
- Eight calls under way are the default: tried by hand on two cores, four were a tenth slower, and
  sixteen or thirty-two gave no steady gain (bare stubs lost with them).
- Flyte 2 gives pages of at most 200, hence 50 for 10,000 triggers. A new trigger takes four calls:
  a look whether it is there although no page had it, a place for its inputs, their upload and the
  deployment. Tasks of the set's own packages cost a no-op no calls but pages; each version of a
  task that CI deploys costs it one, as nothing else tells the interface.
- The triggers declare fields that the open-source Flyte 2 does not act on, three each. Each is
  warned of once, at its first place: looking up the line of every one took a third of the memory
  and of the CPU seconds (`validate` of 10,000: 313 MiB and 14.6 s, now 186 MiB and 9.0 s; a no-op:
  353 MiB, now 221 MiB).
- Both Flytes 2 were measured while other work kept the cores busy. Counts, memory and CPU seconds
  are what to go by: at a load of 1.5 the cold apply of 10,000 triggers to the embedded one took
  98 s of wall time for 72 CPU seconds, at 5.2 it took 227 s for 71.
- How soon the operator is done after `kubectl apply` is its share of the CPU. At a load of 1.5,
  1,000 plans were Ready 4.6 s after the apply and 5,000 after 37 s; since what was resolved is kept
  between passes, and a pass no longer waits for the statuses of the one before, it is as below
  (three runs gave 1.24, 1.19 and 1.21 times the apply for 1,000 plans), and since versions that
  were read as declared are not read again 1.12 and 1.13; 5,000 are of before. Where the time of a
  plan comes while the operator rests, its next run is another: one status, as two runs showed that
  had one such minute each. At
  a load of 14 it was 1.72 times the apply's own time. The event loop answered `/healthz` within
  3.3 s at 5,000 plans and a load of 28; a lease has 15 s.
"""


def render() -> str:
    """Write the report of everything that was ever measured here."""
    lines = [_RECIPE]
    real = load(FLYTE1.real)
    if real is not None:
        lines += _targets_of_flyte1(real)
    lines += _tables(FLYTE1)
    if real is not None:
        lines += [*_beside_flyte1(real), ""]
    if load(FLYTE2.embedded) is not None:
        lines += _targets_of_flyte2()
    lines += _tables(FLYTE2)
    real = load(FLYTE2.real)
    if real is not None and real["beside"]:
        lines += _beside_flyte2(real)
    lines += ["", *fills_report.lines(), "", *served_report.lines(), "", *operator_report.lines()]
    return "\n".join(lines).rstrip() + "\n"


def _tables(flyte: Flyte) -> Iterator[str]:
    for column in (flyte.real, flyte.embedded):
        data = load(column)
        if data is not None:
            yield from (f"## {TITLES[column]}\n", _facts(data), "")
            yield from _scenarios(flyte, data)
            yield ""


def _facts(data: dict[str, Any]) -> str:
    facts = data["facts"]
    return (
        f"Flyte {facts['flyte'] or '2 (tells no version)'}; client and server on {facts['cores']} "
        f"cores, {facts['memoryGiB']} GiB, {facts['system']}, Python {facts['python']}; load\n"
        f"average at the start {facts['load']}. `load` below is that when a run began;\n"
        "above three, other work took its share of the cores, and wall seconds are too long."
    )


def _scenarios(flyte: Flyte, data: dict[str, Any]) -> Iterator[str]:
    columns = ("project-domains", "step", "runs", "calls", "wall s", "CPU s", "peak MiB", "load")
    yield f"| {' | '.join((flyte.plans, *columns))} |"
    yield "|---:|---:|---|---:|---:|---:|---:|---:|---:|"
    for scenario in data["scenarios"]:
        for name in STEPS:
            runs = scenario["steps"].get(name, [])
            if runs:
                yield (
                    f"| {scenario['plans']:,} | {scenario['places']} | {name} | {len(runs)} | "
                    f"{middle(runs, 'calls'):,.0f} | {middle(runs, 'wall'):.2f} | "
                    f"{middle(runs, 'cpu'):.2f} | {middle(runs, 'peak'):.0f} | "
                    f"{middle(runs, 'load'):.1f} |"
                )


def _beside_flyte1(data: dict[str, Any]) -> Iterator[str]:
    yield "## Beside other clients, on the real one\n"
    yield "The same plans. Bare stubs keep eight calls under way, flytectl and pyflyte send as they"
    yield "do. `second` finds everything registered: there the others still make a call per entity,"
    yield "which is cheap only as long as client and server are one machine. Bare stubs read no"
    yield "files and compare nothing. `times ours` is the wall time over that of our no-op.\n"
    yield from _clients(FLYTE1, data)
    if data["write"]:
        yield "\nWrite phase of a cold apply, in calls per second, each pair one after the other:\n"
        yield "| ours | bare stubs | ratio |"
        yield "|---:|---:|---:|"
        for pair in data["write"]:
            ratio = pair["reconcile"] / pair["stubs"]
            yield f"| {pair['reconcile']:.0f} | {pair['stubs']:.0f} | {ratio:.2f} |"


def _beside_flyte2(data: dict[str, Any]) -> Iterator[str]:
    yield "## Beside `flyte deploy`, on the real manager\n"
    yield "A hundred tasks with a trigger each, as code and without an upload of it. `second` finds"
    yield "everything deployed, and deploys it again: tasks are written anew, triggers get a new"
    yield "revision. `times ours` is the wall time over that of our no-op of as many triggers, each"
    yield "of a task of its own.\n"
    yield from _clients(FLYTE2, data)


def _clients(flyte: Flyte, data: dict[str, Any]) -> Iterator[str]:
    yield f"| client | {flyte.plans} | run | wall s | CPU s | peak MiB | times ours | load |"
    yield "|---|---:|---|---:|---:|---:|---:|---:|"
    for one in data["beside"]:
        runs = one["runs"]
        own = _runs(data, one["plans"], "no-op")
        wall = middle(runs, "wall")
        factor = f"{wall / middle(own, 'wall'):.1f}" if own and one["run"] == "second" else ""
        yield (
            f"| {one['client']} | {one['plans']:,} | {one['run']} | {wall:.2f} | "
            f"{middle(runs, 'cpu'):.2f} | {middle(runs, 'peak'):.0f} | {factor} | "
            f"{middle(runs, 'load'):.1f} |"
        )


def _targets_of_flyte1(data: dict[str, Any]) -> Iterator[str]:
    yield "## Targets, on the real one\n"
    yield "| target | measured | reached |"
    yield "|---|---:|---|"
    noop = _runs(data, 10_000, "no-op")
    if noop:
        calls, wall, peak = (middle(noop, name) for name in ("calls", "wall", "peak"))
        yield _row("no-op, 10,000 plans: at most 25 calls", f"{calls:.0f}", is_met=calls <= 25)
        yield _row("no-op, 10,000 plans: at most 10 s", f"{wall:.1f} s", is_met=wall <= 10)
        yield _row("no-op, 10,000 plans: at most 250 MiB", f"{peak:.0f} MiB", is_met=peak <= 250)
    spread = _runs(data, 10_000, "no-op", places=90)
    if spread:
        calls = middle(spread, "calls")
        what = "no-op over 90 project-domains: at most 5 calls each and 10"
        yield _row(what, f"{calls:.0f} of {5 * 90 + 10}", is_met=calls <= 5 * 90 + 10)
    for count, least in ((1000, 2), (10_000, 5)):
        own, second = _runs(data, count, "no-op"), _second(data, "flytectl register", count)
        if own and second:
            factor = middle(second, "wall") / middle(own, "wall")
            what = f"no-op, {count:,} plans: {least} times as fast as flytectl's second run"
            yield _row(what, f"{factor:.1f} times", is_met=factor >= least)
    if data["write"]:
        ratio = median(pair["reconcile"] / pair["stubs"] for pair in data["write"])
        what = "write phase, 1,000 plans: 90 % of the rate of bare stubs"
        yield _row(what, f"{ratio:.0%}", is_met=ratio >= 0.9)
    seconds = median(data["help"])
    yield _row("`reconcile --help`: under 0.3 s", f"{seconds:.2f} s", is_met=seconds < 0.3)
    checked = _runs(data, 1000, "validate")
    if checked:
        wall = middle(checked, "wall")
        yield _row("validate, 1,000 documents: under 1.5 s", f"{wall:.2f} s", is_met=wall < 1.5)
    yield ""


def _targets_of_flyte2() -> Iterator[str]:
    yield "## Target, on Flyte 2\n"
    yield "| target | measured | reached |"
    yield "|---|---:|---|"
    for column, where in ((FLYTE2.real, "the real one"), (FLYTE2.embedded, "the embedded one")):
        noop = _runs(load(column) or {"scenarios": []}, 10_000, "no-op")
        if noop:
            calls = middle(noop, "calls")
            what = f"no-op, 10,000 triggers of 100 tasks, on {where}: at most 60 calls"
            yield _row(what, f"{calls:.0f}", is_met=calls <= 60)
    yield ""


def _row(what: str, measured: str, *, is_met: bool) -> str:
    return f"| {what} | {measured} | {'yes' if is_met else '**no**'} |"


def _runs(
    data: dict[str, Any], count: int, step: str, *, places: int = 1
) -> list[dict[str, float]]:
    for scenario in data["scenarios"]:
        if scenario["plans"] == count and scenario["places"] == places:
            found: list[dict[str, float]] = scenario["steps"].get(step, [])
            return found
    return []


def _second(data: dict[str, Any], client: str, count: int) -> list[dict[str, float]]:
    for one in data["beside"]:
        if (one["client"], one["plans"], one["run"]) == (client, count, "second"):
            found: list[dict[str, float]] = one["runs"]
            return found
    return []
