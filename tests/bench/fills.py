"""Backfills of a plan that fires every minute, and lists of what they started.

Nothing runs, so everything that is started stays in flight. A second backfill of the same window
finds all its ticks covered and sends reads alone.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reconciler.model.key import Place
from tests.bench.flytes import Flyte
from tests.bench.plans import Plan, plans, write_set
from tests.bench.process import run
from tests.bench.scenario import CLIENT, ENVIRON, SCRIPT

SIZES = (100, 1000, 10_000)
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def measure(flyte: Flyte, endpoint: str, root: Path, *, most: int) -> Iterator[tuple[str, Any]]:
    """Yield what each size cost, as soon as it is known."""
    for size in SIZES:
        if size <= most:
            yield str(size), _Window(flyte, endpoint, root / str(size), size).measure()


class _Window:
    """One plan in a project of its own, and a window of `size` ticks."""

    def __init__(self, flyte: Flyte, endpoint: str, root: Path, size: int) -> None:
        self.flyte, self.root, self.size = flyte, root, size
        self.target = ("--endpoint", endpoint, "--insecure", "--flyte", flyte.name)
        self.place = Place(f"fill-{secrets.token_hex(3)}-{size}", "development")
        (self.plan,) = plans(1, [self.place])
        flyte.prepare(endpoint, [self.place])
        flyte.write_code(root, 1)
        write_set(
            root,
            self._document,
            set_name=self.place.project,
            every=[self.plan],
            code=flyte.code,
        )
        run([SCRIPT, "--yes", *self.target], cwd=root, environ=ENVIRON)

    def _document(self, plan: Plan) -> str:
        text = self.flyte.document(plan).replace(f'cron: "{plan.cron}"', 'cron: "* * * * *"')
        return text.replace("Europe/Berlin", "UTC")

    def measure(self) -> Mapping[str, Any]:
        """Fill the window, fill it again, and list what there is."""
        place = ("--project", self.place.project, "--domain", self.place.domain)
        what = self.flyte.filled(self.plan)
        listed = ("get", "runs", *place, "-o", "json")
        return {
            "fill": self._command("backfill", *what, *self._window(), *place),
            "again": self._command("backfill", *what, *self._window(), *place),
            "list": self._command(*listed),
            "filter": self._command(*listed, "--mode", "scheduled", "--limit", "100"),
        }

    def _window(self) -> tuple[str, ...]:
        end = _FIRST + timedelta(minutes=self.size)
        moments = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (_FIRST, end))
        start, stop = moments
        return ("--from", start, "--to", stop, "--parallelism", str(self.size))

    def _command(self, *arguments: str) -> Mapping[str, Any]:
        facts = self.root / ".facts.json"
        command = [sys.executable, "-m", CLIENT, facts, *arguments, *self.target]
        cost = run(command, cwd=self.root, environ=ENVIRON)
        calls = json.loads(facts.read_text())["calls"]
        facts.unlink()
        return {
            "calls": calls,
            "wall": round(cost.wall, 2),
            "cpu": round(cost.cpu, 2),
            "peak": round(cost.peak),
            "load": round(cost.load, 1),
        }
