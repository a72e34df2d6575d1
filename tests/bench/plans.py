"""Writes the set that is measured: launch plans as a team of analysts would have them.

Each plan has a cron schedule, ten inputs (half of them the same in many plans, half its own),
labels, a notification and limits: some forty lines. A hundred plans share a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.model.key import Place

WORKFLOW = "bench.etl"
VERSION = "v1"
PER_FILE = 100

_SYNC = """apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {{name: {set_name}}}
spec:
  defaults: {{project: {project}, domain: {domain}}}
  scopes:
{scopes}
  paths: [plans]
"""

_PLAN = """apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteLaunchPlan
metadata:
  name: {plan.name}
spec:
  project: {plan.place.project}
  domain: {plan.place.domain}
  workflow:
    name: {workflow}
    version: {version}
  schedule:
    cron: "{plan.cron}"
    timezone: Europe/Berlin
    kickoffInput: day
  inputs:
{inputs}
  labels:
    team: {plan.team}
    tier: "{tier}"
  annotations:
    example.com/runbook: https://runbooks.example.com/orders
  serviceAccount: etl-{plan.team}
  notifications:
    - phases: [Failed, TimedOut]
      email: [{plan.team}-oncall@example.com]
  maxParallelism: {plan.parallelism}
"""

_REGIONS = ("eu-central-1", "eu-west-1", "us-east-1", "us-west-2")
_TEAMS = ("orders", "billing", "search", "ranking", "growth")


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan of the set; `parallelism` is what an edit changes."""

    number: int
    place: Place
    parallelism: int = 20

    @property
    def name(self) -> str:
        """The plan's name, on Flyte too."""
        return f"orders-{self.number:05d}"

    @property
    def cron(self) -> str:
        """The schedule, at an hour that every day has once."""
        return f"{self.number % 60} {self.number // 60 % 20 + 4} * * *"

    @property
    def team(self) -> str:
        """Whose plan it is."""
        return _TEAMS[self.number % len(_TEAMS)]


def inputs(plan: Plan) -> dict[str, str | float]:
    """Return the values of all inputs but the kick-off time; datetimes as text."""
    number = plan.number
    return {
        "table": f"warehouse.orders_{number:05d}",
        "source": f"s3://example-lake/raw/orders/{number:05d}",
        "partitions": number % 97 + 1,
        "threshold": number % 89 / 4 + 0.1,
        "region": _REGIONS[number % len(_REGIONS)],
        "full_refresh": False,
        "batch_size": 5000,
        "format": "parquet",
        "since": "2026-01-01T00:00:00Z",
    }


def plans(count: int, places: Sequence[Place]) -> Iterator[Plan]:
    """Spread plans over places, one after the other."""
    for number in range(count):
        yield Plan(number, places[number % len(places)])


def write_set(root: Path, *, set_name: str, count: int, places: Sequence[Place]) -> None:
    """Write a FlyteSync and its plans below a new directory."""
    (root / "plans").mkdir(parents=True)
    projects: dict[str, list[str]] = {}
    for place in places:
        projects.setdefault(place.project, []).append(place.domain)
    scopes = "\n".join(
        f"    - {{project: {project}, domains: [{', '.join(domains)}]}}"
        for project, domains in projects.items()
    )
    first = places[0]
    sync = _SYNC.format(
        set_name=set_name, project=first.project, domain=first.domain, scopes=scopes
    )
    (root / "reconcile.yaml").write_text(sync, encoding="utf-8")
    every = list(plans(count, places))
    for start in range(0, count, PER_FILE):
        write_file(root, every[start : start + PER_FILE])


def write_file(root: Path, some: Sequence[Plan]) -> None:
    """Write the file of some plans that stand together."""
    path = root / "plans" / f"{some[0].number // PER_FILE:05d}.yaml"
    path.write_text("---\n".join(map(document, some)), encoding="utf-8")


def document(plan: Plan) -> str:
    """Write one plan as YAML."""
    values = "\n".join(f"    {name}: {json.dumps(value)}" for name, value in inputs(plan).items())
    return _PLAN.format(
        plan=plan, workflow=WORKFLOW, version=VERSION, inputs=values, tier=plan.number % 4
    )
