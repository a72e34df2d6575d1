"""The part of docs/benchmarks.md that is about the operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.bench.results import OPERATOR, load

_MOST_TIMES = 1.2
_MOST_MIB = 200
_PAGES = frozenset({"ListTasks", "ListWorkflows", "ListLaunchPlans", "ListActiveLaunchPlans"})


def lines() -> Iterator[str]:
    """Write the part, nothing where it was never measured."""
    data = load(OPERATOR)
    if data is None:
        return
    rows, facts = data["rows"], data["facts"]
    yield "## The operator\n"
    yield "From `kubectl apply` of one file to all Ready. API server, etcd, the embedded Flyte,"
    yield f"kubectl and the operator run on the same {facts['cores']} cores. `load` is the"
    yield "load average when the apply began, so that ratios say more than seconds. `times` is the"
    yield "time from the start of `kubectl apply` until all are Ready over the time that it takes"
    yield "itself. Writes are counted in the audit log, calls to Flyte by the operator.\n"
    yield from _targets(rows)
    yield (
        "| plans | apply s | Ready after, s | times | calls to Flyte | finalizers | statuses | "
        "events | peak MiB | load |"
    )
    yield f"|{'---:|' * 10}"
    for size in sorted((name for name in rows if name.isdecimal()), key=int):
        yield _row(size, rows[size])
    yield ""
    if "edit" in rows:
        yield _edit(rows["edit"])
    if "steady" in rows:
        yield _steady(rows["steady"])
    yield from _by_hand(rows)


def _by_hand(rows: Mapping[str, Any]) -> Iterator[str]:
    """Tell what was measured once, by the same parts; no run replaces it."""
    if "soak" in rows:
        row = rows["soak"]
        shown = ", ".join(map(str, row["rss"]))
        yield (
            f"Ten minutes steady at 1,000, once by hand: {row['passes']:.0f} passes; written into "
            f"the cluster: {_counted(row['writes']) or 'nothing'}{row.get('note', '')}; calls: "
            f"{_counted(row['calls'])}; resident MiB minute by minute: {shown}.\n"
        )
    if "kills" in rows:
        row = rows["kills"]
        yield (
            f"Killed with SIGKILL, once by hand, as `tests/kube/test_operator_chaos.py` does in "
            f"twenty rounds: {row['rounds']} rounds with {row['plans']} plans, three of them "
            f"edited in each; {row['outcome']}.\n"
        )


def _targets(rows: Mapping[str, Any]) -> Iterator[str]:
    if "1000" not in rows:
        return
    row = rows["1000"]
    times, peak = _times(row), row["peak"]
    yield "| target | measured | reached |"
    yield "|---|---:|---|"
    yield _target(
        "1,000 Ready within 1.2 times the time of `kubectl apply`",
        f"{times:.2f}",
        times <= _MOST_TIMES,
    )
    yield _target("1,000: at most 200 MiB", f"{peak} MiB", peak <= _MOST_MIB)
    if "steady" in rows:
        row = rows["steady"]
        writes = sum(row["writes"].values())
        others = set(row["calls"]) - _PAGES
        yield _target("1,000, steady: no patch and no event", str(writes), not writes)
        yield _target(
            "1,000, steady: calls are list pages alone",
            ", ".join(sorted(others)) or "yes",
            not others,
        )
    yield ""


def _target(what: str, measured: str, is_met: bool) -> str:
    return f"| {what} | {measured} | {'yes' if is_met else '**no**'} |"


def _row(size: str, row: Mapping[str, Any]) -> str:
    writes = row["writes"]
    return (
        f"| {int(size):,} | {row['apply']:.1f} | {row['after']:.1f} | {_times(row):.2f} | "
        f"{sum(row['calls'].values()):,} | {writes.get('finalizer', 0):,} | "
        f"{writes.get('status', 0):,} | {writes.get('event', 0):,} | {row['peak']} | "
        f"{row['load']:.1f} |"
    )


def _edit(row: Mapping[str, Any]) -> str:
    return (
        f"One edit among 1,000: Ready {row['after']:.1f} s after `kubectl apply`, which took "
        f"{row['apply']:.1f} s, by {sum(row['calls'].values())} calls ({_counted(row['calls'])}); "
        f"written into the cluster: {_counted(row['writes'])}.\n"
    )


def _steady(row: Mapping[str, Any]) -> str:
    return (
        f"Steady at 1,000: {row['passes']} passes in {row['seconds']:.0f} s; written into the "
        f"cluster: {_counted(row['writes']) or 'nothing'}; calls: {_counted(row['calls'])}; peak "
        f"{row['peak']} MiB, load {row['load']:.1f}.\n"
    )


def _times(row: Mapping[str, Any]) -> float:
    return float((row["apply"] + row["after"]) / row["apply"])


def _counted(found: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(found.items()))
