"""The table of capabilities: every id once, no name without a thing, and a run that proves it."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import capability_table
import pytest
from capability_table import Row

from reconciler.cli.main import COMMANDS
from reconciler.specs import explain

ROOT = Path(__file__).parents[2]
ROWS = capability_table.read(ROOT / "docs" / "capabilities.md")
IDS = (Path(__file__).parent / "capability_ids.txt").read_text(encoding="utf-8").split()


def test_every_id_has_one_row() -> None:
    assert len(IDS) == 270
    assert sorted(row.id for row in ROWS) == sorted(IDS)


def test_every_line_of_a_table_is_a_row() -> None:
    lines = (ROOT / "docs" / "capabilities.md").read_text(encoding="utf-8").splitlines()
    heads = ("| id | where it lives | test or open |", "|---|---|---|")
    tables = [line for line in lines if line.startswith("|") and line not in heads]
    assert len(tables) == len(ROWS)


def test_a_row_is_open_with_its_issue_or_names_tests_and_nothing_else() -> None:
    for row in ROWS:
        if row.is_open:
            assert re.fullmatch(r"open: (#\d+|no issue yet)", row.proof), row
        else:
            assert row.proof == "<br>".join(f"`{test}`" for test in row.tests), row


def _tests_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds)}


def test_every_named_test_exists() -> None:
    missing = []
    for test, ids in capability_table.named(ROWS).items():
        path, _, name = test.partition("::")
        if not (ROOT / path).is_file() or name not in _tests_of(ROOT / path):
            missing.append(f"{test}, which closes {', '.join(ids)}")
    assert missing == []


def test_every_place_exists() -> None:
    for row in ROWS:
        for word in re.findall(r"`([^`]+)`", row.home):
            _check_place(row, word)


def _check_place(row: Row, word: str) -> None:
    first, _, rest = word.partition(" ")
    if first == "reconcile" and re.match(r"[a-z]", rest):
        assert rest.split()[0] in COMMANDS, row
    elif re.match(r"(reconciler|specs|examples)/", word):
        assert (ROOT / word).exists(), row
    elif re.match(r"Flyte[A-Z]\w+", word):
        assert explain.explain(word.partition(": ")[0]), row


@pytest.mark.parametrize(
    ("results", "problem"),
    [
        ({"tests/a.py::test_a": True}, None),
        ({"tests/a.py::test_a[x]": True, "tests/a.py::test_a[y]": True}, None),
        ({"tests/a.py::test_a[x]": True, "tests/a.py::test_a[y]": False}, "did not pass"),
        ({"tests/a.py::test_ab": True}, "did not run"),
    ],
)
def test_a_named_test_is_proven_when_all_its_cases_passed(
    results: dict[str, bool], problem: str | None
) -> None:
    rows = [Row("G-01", "somewhere", "`tests/a.py::test_a`"), Row("G-02", "nowhere", "open: #1")]
    found = capability_table.unproven(rows, results)
    assert [problem in text and "G-01" in text for text in found] == ([True] if problem else [])


PROOF = """
import pytest

@pytest.mark.parametrize("case", [1, 2])
def test_runs(case):
    pass

def test_skips():
    pytest.skip("not here")
"""


@pytest.mark.parametrize(
    ("named", "chosen", "code"),
    [
        ("test_runs", ("-n", "2"), 0),
        ("test_skips", ("-n", "2"), 1),
        ("test_gone", (), 1),
        ("test_skips", ("tests",), 1),
        ("test_skips", ("-k", "skips"), 0),
        ("test_gone", ("tests/test_proof.py",), 0),
    ],
)
def test_a_run_of_all_tests_fails_without_the_named_ones(
    tmp_path: Path, named: str, chosen: tuple[str, ...], code: int
) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tmp_path / "docs").mkdir()
    row = f"| G-01 | here | `tests/test_proof.py::{named}` |\n"
    (tmp_path / "docs" / "capabilities.md").write_text(row, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\ntestpaths = tests\npythonpath = tests\n", encoding="utf-8"
    )
    (tests / "test_proof.py").write_text(PROOF, encoding="utf-8")
    for name in ("conftest.py", "capability_table.py"):
        shutil.copy(ROOT / "tests" / name, tests / name)

    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *chosen],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == code, ended.stdout + ended.stderr
    assert (f"tests/test_proof.py::{named}: did not" in ended.stdout) == bool(code)
