"""The grammar against what Flyte's own parser said about the corpus."""

from __future__ import annotations

import json
import pathlib
from datetime import datetime
from typing import Any

import pytest

from reconciler.server import calendar, cron
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


def test_ticks_of_the_corpus_are_those_of_the_real_library() -> None:
    wrong = []
    for line in lines():
        if "error" in line:
            continue
        timing, local = cron.parse(line["expression"]), calendar.zone(line["zone"])
        asked = datetime.fromisoformat(line["after"]).timestamp()
        moment: int | None = round(asked * 1000) * 1000
        ticks = list[int]()
        while moment is not None and len(ticks) < line["count"]:
            moment = timing.next(moment, local)
            if moment is not None:
                ticks.append(moment // calendar.SECOND)
        if ticks != line.get("next", []):
            wrong.append((line, ticks))

    assert wrong == []


def test_zone_that_left_out_a_day_does_not_hang_the_server() -> None:
    last_day = cron.parse("CRON_TZ=Pacific/Apia 0 0 31 12 *")

    assert last_day.next(1_325_030_400 * calendar.SECOND) is None


def test_year_ten_thousand_has_no_tick() -> None:
    last_second = 253_402_300_799 * calendar.SECOND

    assert cron.parse("* * * * *").next(last_second) is None
