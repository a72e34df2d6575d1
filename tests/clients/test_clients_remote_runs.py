"""FlyteRemote on executions: starts, waits, reads, answers, ends, fills; a test is the engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from reconciler.schedule import cron, preview

if TYPE_CHECKING:
    from client_kit import Kit

pytestmark = pytest.mark.clients


def test_flyte_remote_executes_waits_syncs_signals_and_terminates(kit: Kit) -> None:
    said = kit.script("remote_runs.py")

    assert said["again is the same"] is True
    assert said["waits"] is False
    assert said["phase"] == "SUCCEEDED"
    assert (said["inputs"], said["outputs"]) == (5, 5)
    assert said["node"] == ["SUCCEEDED", 5]
    assert said["attempt"] == ["SUCCEEDED", 5]
    assert said["signals"] == ["go"]
    assert said["approved"] == [True]
    assert said["terminated"] == ["ABORTED", "enough"]
    assert said["listed"] == ["first", "gated"]


def test_flyte_remote_answers_gates_and_follows_failures_and_children(kit: Kit) -> None:
    said = kit.script("remote_gates.py")

    assert said["set"] == {
        "no": ["boolean", False],
        "how many": ["integer", 7],
        "why": ["string_value", "late"],
    }
    assert said["again"] == ["taken", "FlyteInvalidInputException"]
    assert said["outputs too early"] == "FlyteAssertion"
    assert said["failed"] == [True, "USER:Broken", "it broke"]
    assert said["relaunched"] == "again"
    assert said["child"] == ["child", True, 5]
    assert said["parent"] == ["SUCCEEDED", 5]


# Expression, and a window whose start flytekit leaves out, as it does its end.
WINDOWS = (
    ("0 6 * * *", "2026-03-01T06:00:00", "2026-03-08T06:00:00"),
    ("0 6 * * *", "2026-03-01T06:00:01", "2026-03-08T06:00:01"),
    ("*/15 8-10 * * 1-5", "2026-02-27T09:00:00", "2026-03-03T09:30:00"),
    ("30 2 29 2 *", "2024-01-01T00:00:00", "2032-12-31T00:00:00"),
    ("0 0 1,15 * 1", "2026-01-01T00:00:00", "2026-02-10T00:00:00"),
    ("@daily", "2026-12-30T00:00:00", "2027-01-02T00:00:00"),
    ("@hourly", "2026-03-29T00:30:00", "2026-03-29T04:30:00"),
    ("0 0 * * SUN", "2026-01-01T00:00:00", "2026-02-01T00:00:00"),
)


def test_backfills_of_flytekit_and_ours_have_the_same_ticks(kit: Kit) -> None:
    said = kit.script("remote_backfill.py", windows=WINDOWS)

    ours = {" ".join(window): ticks(*window) for window in WINDOWS}
    assert said["instants"] == ours
    week = ticks("0 6 * * *", "2026-03-01T06:00:00", "2026-03-08T06:00:00")
    assert len(week) == 6
    assert said["dry run"] == week
    assert said["execution"] == ["fill", "backfill-etl.morning"]
    assert said["again is the same"] is True
    assert said["nodes"] == [
        [f"b-{tick}", "etl.morning", ["day"], min(number, 1)] for number, tick in enumerate(week)
    ]


def ticks(expression: str, start: str, end: str) -> list[str]:
    first, last = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end))
    found = preview.ticks_between(cron.parse(expression), first + timedelta(microseconds=1), last)
    return [str(tick.replace(tzinfo=None)) for tick in found]
