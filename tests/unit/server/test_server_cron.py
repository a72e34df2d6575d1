"""The grammar against what Flyte's own parser said about the corpus."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from reconciler.server import cron
from reconciler.server.status import StatusError

CORPUS = pathlib.Path(__file__).parents[2] / "corpus" / "cron.jsonl"


def outcome(expression: str) -> str:
    try:
        cron.check(expression)
    except cron.CronError as error:
        return str(error)
    except StatusError as error:
        return f"panic {error.code.name}"
    return ""


def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CORPUS.read_text().strip().split("\n")]


def test_every_expression_of_the_corpus_is_judged_as_the_real_parser_does() -> None:
    judged = {line["expression"]: outcome(line["expression"]) for line in lines()}
    expected = {line["expression"]: line.get("error") or "" for line in lines()}
    wrong = {
        expression: (got, expected[expression])
        for expression, got in judged.items()
        if bool(got) != bool(expected[expression])
    }
    assert not wrong
    assert len(judged) > 500


def test_faults_are_told_in_the_real_parser_s_words() -> None:
    expected = {line["expression"]: line["error"] for line in lines() if line.get("error")}
    # A panic is not told at all, and values out of range are found in another order.
    told = {
        expression: text
        for expression, text in expected.items()
        if not text.startswith("panic") and "value out of range" not in text
    }
    assert {expression: outcome(expression) for expression in told} == told


@pytest.mark.parametrize("expression", ["TZ=UTC", "CRON_TZ=", "TZ=UTC\t0"])
def test_zone_without_a_space_panics(expression: str) -> None:
    assert outcome(expression) == "panic INTERNAL"
