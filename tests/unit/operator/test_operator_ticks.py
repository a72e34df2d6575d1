"""What the status of a FlyteBackfill tells of its ticks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from reconciler.model.drive import Drive, Row
from reconciler.model.key import Key, Place
from reconciler.model.run import Phase, RunId
from reconciler.operator import ticks
from reconciler.plan.drive_json import decode_drive, encode_drive

FIRST = datetime(2026, 5, 1, 6, tzinfo=UTC)
PLACE = Place("sales", "production")
DRIVE = Drive(
    rows=(
        Row(scheduled_at=FIRST, run=RunId(PLACE, "a"), phase=Phase.SUCCEEDED, attempts=1),
        Row(
            scheduled_at=FIRST + timedelta(days=1),
            run=RunId(PLACE, "b"),
            phase=Phase.FAILED,
            attempts=2,
            why="no memory",
            url="https://flyte.example.com/b",
        ),
        Row(scheduled_at=FIRST + timedelta(days=2), why="waits its turn"),
    ),
    waits="1 run must end first",
    estimate=timedelta(minutes=150),
)


def test_counts_open_ticks_and_the_estimate_are_told_with_pages_of_failures() -> None:
    assert ticks.counts(DRIVE) == {
        "ticks": 3,
        "covered": 1,
        "inFlight": 0,
        "missing": 1,
        "failed": 1,
        "estimate": "2h30m",
        "open": [
            "2026-05-02T06:00:00Z failed b https://flyte.example.com/b: no memory",
            "2026-05-03T06:00:00Z missing: waits its turn",
        ],
    }
    assert ticks.counts(Drive()) == {}


def test_plan_tells_them_too() -> None:
    key = Key("FlyteBackfill", "sales", "production", "fill")
    written = encode_drive(key, DRIVE, waits=DRIVE.waits)
    assert written["estimateSeconds"] == 9000
    assert written["rows"][1] == {  # type: ignore[index,call-overload]  # a list
        "scheduledAt": "2026-05-02T06:00:00Z",
        "place": "sales/production",
        "run": "b",
        "phase": "failed",
        "attempts": 2,
        "why": "no memory",
        "url": "https://flyte.example.com/b",
    }
    assert decode_drive(written) == (key, DRIVE)
