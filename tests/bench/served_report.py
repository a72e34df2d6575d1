"""The part of docs/benchmarks.md that is about `reconcile serve`."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.results import SERVED, load

_MOST_SECONDS = 2.0
_NAMES = {"one": "one plan edited", "all": "all edited"}


def lines() -> Iterator[str]:
    """Write the part, nothing where it was never measured."""
    data = load(SERVED)
    if data is None:
        return
    rows, facts = data["rows"], data["facts"]
    yield "## From a push to what runs\n"
    yield "`reconcile serve` with 100 launch plans on the embedded Flyte, told by a webhook once"
    yield "`git push` has returned: fetched over http, planned, applied, and looked at once more."
    yield f"Service, Flyte and Git server share {facts['cores']} cores.\n"
    is_reached = rows["one"]["p95"] < _MOST_SECONDS
    yield "| target | measured | reached |"
    yield "|---|---:|---|"
    shown = f"{rows['one']['p95']:.2f} s"
    yield f"| push to applied, p95 below 2 s | {shown} | {'yes' if is_reached else 'no'} |\n"
    yield "| push | pushes | p50 s | p95 s | worst s | load |"
    yield f"|---|{'---:|' * 5}"
    for name, row in ((name, rows[name]) for name in _NAMES):
        figures = " | ".join(f"{row[one]:.2f}" for one in ("p50", "p95", "worst"))
        yield f"| {_NAMES[name]} | {row['pushes']} | {figures} | {row['load']} |"
    yield ""
    if "soak" in rows:
        row = rows["soak"]
        shown = ", ".join(map(str, row["rss"]))
        calls = ", ".join(f"{count:,} {name}" for name, count in row["calls"].items())
        looks = row["sets"] * len(row["rss"]) // 2
        yield (
            f"{row['sets']} sets of one repository, each every two minutes, once by hand for "
            f"{len(row['rss'])} minutes: {row['passes']} passes, {row['writes']} calls that change "
            f"Flyte after the first pass of each, and then {calls}, where the interval alone asks "
            f"for {looks:,} looks; resident MiB minute by minute: {shown}.\n"
        )
