"""Broken input ends in a placed problem: no traceback, no hang, nothing constructed."""

from __future__ import annotations

import base64
import importlib.util
import json
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.sources.yaml import parse

CORPUS = Path(__file__).parents[2] / "corpus"


def load() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (CORPUS / "bad.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("case", load(), ids=lambda case: case["name"])
def test_broken_document_is_a_placed_problem(case: dict[str, Any]) -> None:
    data = base64.b64decode(case["data_base64"]) * case.get("repeat", 1)
    start = time.process_time()
    _, problems = parse(data, file="bad.yaml")
    assert time.process_time() - start < 10
    assert problems, "nothing was found to be wrong"
    assert case["expect"] in str(problems[0])
    for problem in problems:
        assert problem.origin.file == "bad.yaml"
        assert problem.origin.line > 0
        assert problem.origin.column > 0
        assert problem.fix
        assert len(str(problem)) < 2000


def test_corpus_is_large_and_current() -> None:
    assert len(load()) >= 200
    assert len({case["name"] for case in load()}) == len(load())
    spec = importlib.util.spec_from_file_location("make_bad", CORPUS / "make_bad.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert load() == module.lines()
