"""Ours, and the embedded Flyte's, ticks beside those of the library on which both schedulers stand.

`RECONCILER_CRON_QUESTIONS` asks another number of questions, `RECONCILER_CRON_SEED` others.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import cron_oracle
import pytest

from reconciler.schedule import cron, preview, zone
from reconciler.server import calendar
from reconciler.server import cron as embedded
from reconciler.server.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Callable

QUESTIONS = int(os.environ.get("RECONCILER_CRON_QUESTIONS", "3000"))
SEED = int(os.environ.get("RECONCILER_CRON_SEED", "20261130"))
Ticks = list[int] | None


@pytest.fixture(scope="module")
def answered() -> list[dict[str, Any]]:
    return cron_oracle.answers(cron_oracle.questions().many(SEED, QUESTIONS))


def asked(line: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(line["after"]).astimezone(zone.load(line["zone"]))


def previewed(line: dict[str, Any]) -> Ticks:
    try:
        parsed = cron.parse(line["expression"])
    except ValueError:
        return None
    found = preview.firings(parsed, zone=line["zone"], after=asked(line), count=line["count"])
    return [int(tick.timestamp()) for tick in found]


def within(line: dict[str, Any]) -> Ticks:
    """The ticks of the window that ends with the library's last one."""
    try:
        parsed = cron.parse(line["expression"])
    except ValueError:
        return None
    if not line.get("next"):
        return []
    end = datetime.fromtimestamp(line["next"][-1], UTC) + timedelta(seconds=1)
    after = asked(line)
    begin = (after.astimezone(UTC) + timedelta(microseconds=1)).astimezone(after.tzinfo)
    return [int(tick.timestamp()) for tick in preview.ticks_between(parsed, begin, end)]


def served(line: dict[str, Any]) -> Ticks:
    try:
        timing = embedded.parse(line["expression"])
    except (embedded.CronError, StatusError):
        return None
    local, ticks = calendar.zone(line["zone"]), list[int]()
    moment: int | None = round(asked(line).timestamp() * 1000) * 1000
    while len(ticks) < line["count"] and moment is not None:
        moment = timing.next(moment, local)
        if moment is not None:
            ticks.append(moment // calendar.SECOND)
    return ticks


def test_questions_are_wide_enough_to_trust(answered: list[dict[str, Any]]) -> None:
    ticks = sum(len(line.get("next", [])) for line in answered)

    assert len(answered) == QUESTIONS
    assert ticks > 2 * QUESTIONS
    assert len({line["zone"] for line in answered}) > 30
    assert any("error" in line for line in answered)


@pytest.mark.parametrize("ours", [previewed, within, served])
def test_ticks_are_those_of_the_scheduler_s_own_library(
    answered: list[dict[str, Any]], ours: Callable[[dict[str, Any]], Ticks]
) -> None:
    wrong = []
    for line in answered:
        got = ours(line)
        if got != (None if "error" in line else line.get("next", [])):
            wrong.append((line, got))

    assert wrong == []
