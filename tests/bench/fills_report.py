"""The part of docs/benchmarks.md that is about backfills."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.bench.results import FILLS, load

_STEPS = {
    "fill": "backfill, all missing",
    "again": "backfill, all covered",
    "list": "get runs, all",
    "filter": "get runs, the newest 100 scheduled ones",
}
_MOST_CALLS = {"Flyte1": 1.1, "Flyte2": 2.1}
_TITLES = {
    "embedded": "the embedded Flyte",
    "real": "a real flyteadmin",
    "flyte2-embedded": "the embedded Flyte 2",
    "flyte2-real": "a real manager of Flyte 2",
}


def lines() -> Iterator[str]:
    """Write the part, nothing where it was never measured."""
    data = load(FILLS)
    if data is None:
        return
    yield "## Backfills\n"
    yield "A plan that fires every minute, and a window in which nothing ran; everything may be in"
    yield "flight at once. `per tick` are the calls of a backfill over its missing ticks, pages"
    yield "included, and ticks per second are those of the whole process, its start included. Where"
    yield "`load` is above three, other work took its share: counts and CPU seconds are to go by.\n"
    yield "| target | measured | reached |"
    yield "|---|---:|---|"
    for column, rows in sorted(data.items()):
        for size, row in _by_size(rows):
            if int(size) >= 1000:
                yield _target(column, size, row)
    for column, rows in sorted(data.items()):
        yield f"\nOn {_TITLES[column]}:\n"
        yield "| ticks | step | calls | per tick | ticks/s | wall s | CPU s | peak MiB | load |"
        yield "|---:|---|---:|---:|---:|---:|---:|---:|---:|"
        for size, row in _by_size(rows):
            for step, title in _STEPS.items():
                yield _row(size, title, row[step], is_fill=step == "fill")


def _by_size(rows: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return sorted(rows.items(), key=lambda pair: int(pair[0]))


def _calls(step: Mapping[str, Any]) -> int:
    total: int = sum(step["calls"].values())
    return total


def _target(column: str, size: str, row: Mapping[str, Any]) -> str:
    most = _MOST_CALLS["Flyte2" if column.startswith("flyte2") else "Flyte1"]
    found = _calls(row["fill"]) / int(size)
    what = f"{int(size):,} missing ticks on {_TITLES[column]}: at most {most} calls each"
    return f"| {what} | {found:.2f} | {'yes' if found <= most else '**no**'} |"


def _row(size: str, title: str, step: Mapping[str, Any], *, is_fill: bool) -> str:
    each = f"{_calls(step) / int(size):.2f}" if is_fill else ""
    rate = f"{int(size) / step['wall']:.0f}" if is_fill else ""
    return (
        f"| {int(size):,} | {title} | {_calls(step):,} | {each} | {rate} | {step['wall']:.2f} | "
        f"{step['cpu']:.2f} | {step['peak']:.0f} | {step['load']:.1f} |"
    )
