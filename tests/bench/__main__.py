"""`make bench`: measures, writes the results beside this file, and docs/benchmarks.md from them.

The embedded Flyte is always measured, in a process of its own. A real flyteadmin is measured when
RECONCILER_FLYTE1_ENDPOINT names one, a real manager of Flyte 2 when RECONCILER_FLYTE2_ENDPOINT
does, there beside other clients: flytectl when RECONCILER_FLYTECTL is its path, pyflyte and flyte
when their environments are set up. Everything lands in projects made for the run.
"""

from __future__ import annotations

import argparse
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import grpc

from reconciler.model.key import Place
from tests.bench import beside, fills, operated, report, served
from tests.bench.flytes import FLYTE1, FLYTES, Flyte
from tests.bench.results import Results, write_fill, write_operator, write_served
from tests.bench.scenario import ROOT, Scenario

DOMAINS = ("development", "staging", "production")
SIZES = (10, 100, 1000, 10_000)
SPREAD = 10_000
SPREAD_PROJECTS = 30
PARTS = ("real", "write", "clients", "embedded", "fills", "served", "operator", "report")


def main() -> None:
    """Measure what the environment allows and write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--most", type=int, default=10_000, help="leave larger sets out")
    parser.add_argument(
        "--least", type=int, default=0, help="leave smaller sets out, and keep what is known"
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs that a median is taken of")
    parser.add_argument("--only", choices=PARTS, help="do one part, keep the others")
    parser.add_argument(
        "--flyte", choices=[flyte.name for flyte in FLYTES], help="measure one Flyte"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for flyte in FLYTES:
            if given.flyte in (None, flyte.name):
                _measure(flyte, Path(folder) / flyte.name, given)
                if given.only in (None, "fills"):
                    _fills(flyte, Path(folder) / flyte.name, given.most)
        if given.only in (None, "served"):
            root = Path(folder) / "served"
            root.mkdir()
            write_served(dict(served.measure(embedded, root)))
        if given.only in (None, "operator"):
            _operator(Path(folder) / "operator", given.most)
    text = report.render()
    (ROOT / "docs" / "benchmarks.md").write_text(text, encoding="utf-8")
    print(text)


def _measure(flyte: Flyte, root: Path, given: argparse.Namespace) -> None:
    root.mkdir()
    real, most, repeats = flyte.endpoint, given.most, given.repeats
    is_part = given.least > 0
    if real and given.only in (None, "real"):
        results = Results(flyte, flyte.real, real, is_continued=is_part)
        _scenarios(results, root / "real", given)
    if real and given.only in (None, "write") and flyte is FLYTE1:
        results = Results(flyte, flyte.real, real, is_continued=True)
        beside.write_phase(results, root / "write", most=most, repeats=repeats)
    if real and given.only in (None, "clients"):
        results = Results(flyte, flyte.real, real, is_continued=True)
        beside.clients(results, root / "clients", most=most)
    if given.only in (None, "embedded"):
        with embedded(root / "data") as endpoint:
            results = Results(flyte, flyte.embedded, endpoint, is_continued=is_part)
            _scenarios(results, root / "embedded", given)


def _fills(flyte: Flyte, root: Path, most: int) -> None:
    with embedded(root / "filled") as endpoint:
        for size, row in fills.measure(flyte, endpoint, root / "fills", most=most):
            write_fill(flyte.embedded, size, row)
    if flyte.endpoint:
        for size, row in fills.measure(flyte, flyte.endpoint, root / "real-fills", most=most):
            write_fill(flyte.real, size, row)


def _operator(root: Path, most: int) -> None:
    root.mkdir()
    write_operator(dict(operated.measure(embedded, root, most=most)))


def _scenarios(results: Results, root: Path, given: argparse.Namespace) -> None:
    most, repeats = given.most, given.repeats
    results.measure_help(repeats)
    run = f"bench-{secrets.token_hex(3)}"
    for count in SIZES:
        if given.least <= count <= most:
            places = [Place(f"{run}-{count}", DOMAINS[0])]
            _one(results, count, places, root / str(count), repeats=repeats)
    if most >= SPREAD and results.flyte.is_spread:
        places = [
            Place(f"{run}-p{number:02d}", domain)
            for number in range(SPREAD_PROJECTS)
            for domain in DOMAINS
        ]
        _one(results, SPREAD, places, root / "spread", repeats=repeats)


def _one(
    results: Results, count: int, places: Sequence[Place], root: Path, *, repeats: int
) -> None:
    scenario = Scenario(results.flyte, results.endpoint, count, places, root)
    scenario.set_up(places[0].project)
    scenario.measure(repeats)
    results.add_scenario(scenario)


@contextmanager
def embedded(data: Path) -> Iterator[str]:
    """Run the embedded Flyte as a user would, and yield its endpoint once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "reconciler", "dev", "--data", str(data), "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    endpoint = f"127.0.0.1:{port}"
    try:
        with grpc.insecure_channel(endpoint) as channel:
            grpc.channel_ready_future(channel).result(timeout=30)
        yield endpoint
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
