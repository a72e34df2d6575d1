"""Every broken document of the corpus has its problem, at its place, and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.sources.yaml import parse
from reconciler.specs.validate import validate

CORPUS = Path(__file__).parents[2] / "corpus" / "bad_specs.jsonl"
CASES = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_fault_is_named_at_its_place(case: dict[str, object]) -> None:
    documents, unreadable = parse(str(case["text"]).encode(), file="bad.yaml")
    found = [*unreadable, *validate(documents).problems]
    placed = [
        str(problem)
        for problem in found
        if (problem.origin.line, problem.origin.column) == (case["line"], case["column"])
    ]
    assert any(str(case["expect"]) in text for text in placed), "\n".join(map(str, found))
    assert len(found) == case.get("count", 1), "\n".join(map(str, found))


def test_corpus_is_large_and_its_names_are_unique() -> None:
    names = [case["name"] for case in CASES]
    assert len(names) >= 250
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_inline_secret_is_never_shown(case: dict[str, object]) -> None:
    documents, _ = parse(str(case["text"]).encode(), file="bad.yaml")
    for problem in validate(documents).problems:
        assert "hunter2" not in str(problem)
