"""One set against one installation: validate, cold apply, no-op, one change."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.model.key import Place
from tests.bench.flytes import Flyte
from tests.bench.plans import PER_FILE, Plan, plans, write_file, write_set
from tests.bench.process import Cost, run

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

    flyte: Flyte
    endpoint: str
    count: int
    places: Sequence[Place]
    root: Path
    steps: dict[str, list[Step]] = field(default_factory=dict)

    def set_up(self, set_name: str) -> None:
        """Put what the set relies on everywhere and write the set."""
        self.flyte.prepare(self.endpoint, self.places)
        self.flyte.write_code(self.root, self.count)
        write_set(
            self.root,
            self.flyte.document,
            set_name=set_name,
            every=list(plans(self.count, self.places)),
            code=self.flyte.code,
        )

    def reconcile(self, name: str, *arguments: str) -> Step:
        """Run `reconcile` on the set and keep what it cost under the step's name."""
        if name == "validate":
            cost = run([SCRIPT, *arguments], cwd=self.root, environ=ENVIRON)
            told: dict[str, Any] = {"calls": {}, "phases": []}
        else:
            facts = self.root / ".facts.json"
            target = ("--endpoint", self.endpoint, "--insecure", "--flyte", self.flyte.name)
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
        first, *others = plans(min(self.count, PER_FILE), self.places)
        changed = Plan(first.number, first.place, parallelism)
        write_file(self.root, self.flyte.document, [changed, *others])
