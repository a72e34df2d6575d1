"""What was measured, kept as JSON so that the report can be written again from it."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.flytes import Flyte
from tests.bench.process import Cost, run
from tests.bench.scenario import ENVIRON, ROOT, SCRIPT, Scenario

OPERATOR = "operator"
SERVED = "served"
FILLS = "fills"
FOLDER = Path(__file__).with_name("results")


class Results:
    """The results of one installation, written to disk as they come."""

    def __init__(
        self, flyte: Flyte, column: str, endpoint: str, *, is_continued: bool = False
    ) -> None:
        self.flyte = flyte
        self.endpoint = endpoint
        self._path = FOLDER / f"{column}.json"
        former = load(column) if is_continued else None
        self._data: dict[str, Any] = former or {
            "facts": _facts(flyte.version(endpoint)),
            "help": [],
            "scenarios": [],
            "write": [],
            "beside": [],
        }

    def measure_help(self, repeats: int) -> None:
        """Measure `reconcile --help`."""
        self._data["help"] = []
        for _ in range(2 * repeats + 1):
            self._data["help"].append(run([SCRIPT, "--help"], cwd=ROOT, environ=ENVIRON).wall)
        self._write()

    def add_scenario(self, scenario: Scenario) -> None:
        """Keep the runs of a scenario."""
        steps = {
            name: [
                {
                    **_numbers(step.cost),
                    "calls": step.calls,
                    "writeSeconds": step.write_seconds,
                    "writeCalls": step.write_calls,
                }
                for step in runs
            ]
            for name, runs in scenario.steps.items()
        }
        size = {"plans": scenario.count, "places": len(scenario.places)}
        others = [one for one in self._data["scenarios"] if not size.items() <= one.items()]
        every = [*others, {**size, "steps": steps}]
        self._data["scenarios"] = sorted(every, key=lambda one: (one["plans"], one["places"]))
        self._write()

    def forget_write(self) -> None:
        """Drop the write rates of an earlier run."""
        self._data["write"] = []

    def add_beside(self, client: str, count: int, what: str, costs: list[Cost]) -> None:
        """Keep the runs of another client."""
        runs = [_numbers(cost) for cost in costs]
        key = (client, count, what)
        others = self._data["beside"]
        self._data["beside"] = [
            one for one in others if (one["client"], one["plans"], one["run"]) != key
        ]
        self._data["beside"].append({"client": client, "plans": count, "run": what, "runs": runs})
        self._write()

    def add_write(self, *, reconcile: float, stubs: float) -> None:
        """Keep a pair of write rates, in calls per second, measured one after the other."""
        self._data["write"].append({"reconcile": reconcile, "stubs": stubs})
        self._write()

    def _write(self) -> None:
        FOLDER.mkdir(exist_ok=True)
        self._path.write_text(json.dumps(self._data, indent=1) + "\n", encoding="utf-8")


def write_operator(found: Mapping[str, Any]) -> None:
    """Keep what the operator did; sizes that were not measured stay as they were."""
    rows = {**(load(OPERATOR) or {}).get("rows", {}), **found}
    data = {"facts": _facts("embedded"), "rows": rows}
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(data, indent=1) + "\n"
    (FOLDER / f"{OPERATOR}.json").write_text(text, encoding="utf-8")


def write_served(rows: Mapping[str, Any]) -> None:
    """Keep how long pushes took; what was measured by hand stays as it was."""
    kept = {**(load(SERVED) or {}).get("rows", {}), **rows}
    data = {"facts": _facts("embedded"), "rows": kept}
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(data, indent=1) + "\n"
    (FOLDER / f"{SERVED}.json").write_text(text, encoding="utf-8")


def write_fill(column: str, size: str, row: Mapping[str, Any]) -> None:
    """Keep what a backfill of one size cost; what was not measured stays as it was."""
    data = load(FILLS) or {}
    data.setdefault(column, {})[size] = dict(row)
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(data, indent=1) + "\n"
    (FOLDER / f"{FILLS}.json").write_text(text, encoding="utf-8")


def load(column: str) -> dict[str, Any] | None:
    """Read the results of a column, None when it was never measured."""
    path = FOLDER / f"{column}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def middle(runs: list[dict[str, float]], name: str) -> float:
    """Take the median of one number over runs."""
    return median(one[name] for one in runs)


def _numbers(cost: Cost) -> dict[str, float]:
    numbers = asdict(cost)
    del numbers["output"]
    return {name: round(value, 3) for name, value in numbers.items()}


def _facts(version: str) -> dict[str, Any]:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "flyte": version,
        "cores": os.cpu_count(),
        "memoryGiB": round(pages / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }
