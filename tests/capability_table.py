"""The table of docs/capabilities.md as data, and what must be true after a run of all tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_ROW = re.compile(r"\| ([A-Z]\d?-\d+) \| (.+) \| (.+) \|")
_TEST = re.compile(r"`(tests/[\w/]+\.py::test_\w+)`")


@dataclass(frozen=True, slots=True)
class Row:
    """One capability: its id, where it lives, and the tests that prove it; none when open."""

    id: str
    home: str
    proof: str

    @property
    def is_open(self) -> bool:
        """Say whether the row claims nothing."""
        return self.proof.startswith("open")

    @property
    def tests(self) -> tuple[str, ...]:
        """Name its tests, without the cases of a parametrised one."""
        return tuple(_TEST.findall(self.proof))


def read(path: Path) -> tuple[Row, ...]:
    """Read every row of the table, in its order; lines of another form are no rows."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = (_ROW.fullmatch(line) for line in lines)
    return tuple(Row(*match.groups()) for match in found if match)


def named(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Map each test that closes rows to their ids."""
    tests: dict[str, list[str]] = {}
    for row in rows:
        for test in row.tests:
            tests.setdefault(test, []).append(row.id)
    return tests


def unproven(rows: Iterable[Row], results: Mapping[str, bool]) -> list[str]:
    """Say which named tests did not run and pass.

    `results` maps node ids, cases included, to whether the test passed. A test of many cases is
    proven when some case ran and none did anything but pass.
    """
    cases: dict[str, list[bool]] = {}
    for node, passed in results.items():
        cases.setdefault(node.partition("[")[0], []).append(passed)
    problems = []
    for test, ids in named(rows).items():
        if not all(cases.get(test, [False])):
            fate = "did not pass" if test in cases else "did not run"
            problems.append(f"{test}: {fate}; docs/capabilities.md closes {', '.join(ids)} by it")
    return problems
