"""Writes the set that is measured: plans as a team of analysts would have them, for either Flyte.

Each plan has a cron schedule, ten inputs (half of them the same in many plans, half its own),
labels, a notification and limits: some forty lines. A hundred plans share a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.model.key import Place

PER_FILE = 100

_SYNC = """apiVersion: flyte.reconciler.dev/v1alpha1
kind: FlyteSync
metadata: {{name: {set_name}}}
spec:
  defaults: {{project: {project}, domain: {domain}}}
  scopes:
{scopes}
  paths: [plans{more}]
"""

_REGIONS = ("eu-central-1", "eu-west-1", "us-east-1", "us-west-2")
_TEAMS = ("orders", "billing", "search", "ranking", "growth")


@dataclass(frozen=True, slots=True)
class Plan:
    """One launch plan or trigger of the set; `parallelism` is what an edit changes."""

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


Document = Callable[[Plan], str]
"""Writes one plan as YAML."""


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


def write_set(
    root: Path, document: Document, *, set_name: str, every: Sequence[Plan], code: str = ""
) -> None:
    """Write a FlyteSync and its plans below a directory; `code` is a file of documents there."""
    (root / "plans").mkdir(parents=True)
    places = list(dict.fromkeys(plan.place for plan in every))
    projects: dict[str, list[str]] = {}
    for place in places:
        projects.setdefault(place.project, []).append(place.domain)
    scopes = "\n".join(
        f"    - {{project: {project}, domains: [{', '.join(domains)}]}}"
        for project, domains in projects.items()
    )
    first = places[0]
    sync = _SYNC.format(
        set_name=set_name,
        project=first.project,
        domain=first.domain,
        scopes=scopes,
        more=f", {code}" if code else "",
    )
    (root / "reconcile.yaml").write_text(sync, encoding="utf-8")
    for start in range(0, len(every), PER_FILE):
        write_file(root, document, every[start : start + PER_FILE])


def write_file(root: Path, document: Document, some: Sequence[Plan]) -> None:
    """Write the file of some plans that stand together."""
    path = root / "plans" / f"{some[0].number // PER_FILE:05d}.yaml"
    path.write_text("---\n".join(map(document, some)), encoding="utf-8")
