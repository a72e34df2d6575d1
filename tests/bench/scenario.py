"""One set against one installation: validate, cold apply, no-op, one change."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.model.key import Place
from tests.bench.plans import Plan, write_file, write_set
from tests.bench.process import Cost, run
from tests.bench.workflows import prepare

ROOT = Path(__file__).parents[2]
SCRIPT = Path(sys.executable).with_name("reconcile")
CLIENT = "tests.bench.client"
ENVIRON = {"PYTHONPATH": str(ROOT)}
STEPS = ("validate", "cold apply", "no-op", "one change")


@dataclass(frozen=True, slots=True)
class Step:
    """One measured run of the command line, with the calls that it sent."""

    cost: Cost
    calls: int
    write_seconds: float = 0.0
    write_calls: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A set of some size over some places, and the runs of each step."""

    endpoint: str
    count: int
    places: Sequence[Place]
    root: Path
    steps: dict[str, list[Step]] = field(default_factory=dict)

    def set_up(self, set_name: str) -> None:
        """Put the workflow everywhere and write the set."""
        prepare(self.endpoint, self.places)
        write_set(self.root, set_name=set_name, count=self.count, places=self.places)

    def reconcile(self, name: str, *arguments: str) -> Step:
        """Run `reconcile` on the set and keep what it cost under the step's name."""
        if name == "validate":
            cost = run([SCRIPT, *arguments], cwd=self.root, environ=ENVIRON)
            told: dict[str, Any] = {"calls": {}, "phases": []}
        else:
            facts = self.root / ".facts.json"
            target = ("--endpoint", self.endpoint, "--insecure")
            command = [sys.executable, "-m", CLIENT, facts, *arguments, *target]
            cost = run(command, cwd=self.root, environ=ENVIRON)
            told = json.loads(facts.read_text())
            facts.unlink()
        step = Step(
            cost,
            sum(told["calls"].values()),
            sum(seconds for seconds, _ in told["phases"]),
            sum(actions for _, actions in told["phases"]),
        )
        self.steps.setdefault(name, []).append(step)
        return step

    def measure(self, repeats: int) -> None:
        """Run all steps; what can be repeated is, to give medians."""
        for _ in range(repeats):
            self.reconcile("validate", "validate")
        self.reconcile("cold apply", "--yes")
        for number in range(repeats):
            self.reconcile("no-op", "--yes")
            self.edit(21 + number)
            self.reconcile("one change", "--yes")

    def edit(self, parallelism: int) -> None:
        """Change one field of the first plan, by writing its file anew."""
        first = range(min(self.count, 100))
        write_file(
            self.root,
            [
                Plan(
                    number,
                    self.places[number % len(self.places)],
                    parallelism if number == 0 else 20,
                )
                for number in first
            ],
        )
