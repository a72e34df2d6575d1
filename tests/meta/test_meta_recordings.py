"""A recording belongs to one test of a contract suite, and is kept no longer than that test."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SUITES = {"contract": "flyte1", "contract2": "flyte2"}


def _named(suite: str) -> Counter[str]:
    """How often each test function's name is used in a suite."""
    return Counter(
        node.name
        for path in (TESTS / suite).glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)
        and node.name.startswith("test_")
    )


@pytest.mark.parametrize("suite", SUITES)
def test_no_two_tests_share_a_recording(suite: str) -> None:
    named = _named(suite)
    assert len(named) > 100
    assert [name for name, times in named.items() if times > 1] == []


@pytest.mark.parametrize("suite", SUITES)
def test_every_recording_is_of_a_test_that_is_there(suite: str) -> None:
    named = _named(suite)
    recorded = sorted((TESTS / "recordings" / SUITES[suite]).glob("*.json"))
    assert len(recorded) > 100
    assert [path.name for path in recorded if path.stem.split("-")[0] not in named] == []
