"""The table of a backfill stays readable on a narrow terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.cli import backfill_table, table
from reconciler.model.drive import Drive, Row
from reconciler.model.key import Key, Place
from reconciler.model.run import Phase, RunId

KEY = Key("FlyteBackfill", "p", "d", "fill")
FIRST = datetime(2026, 11, 1, 6, tzinfo=UTC)
NAME = "fc0ffee00c0ffee00000"


def row(index: int, phase: Phase | None, why: str = "") -> Row:
    run = RunId(Place("p", "d"), NAME) if phase else None
    at = FIRST + timedelta(days=index)
    return Row(scheduled_at=at, run=run, phase=phase, attempts=2 if phase else 0, why=why)


ROWS = (row(0, Phase.SUCCEEDED), row(1, Phase.FAILED, "the disk of the node is full"), row(2, None))


@pytest.mark.parametrize(
    ("width", "header"),
    [
        (31, ["TICK", "PHASE"]),
        (40, ["TICK", "PHASE"]),
        (60, ["TICK", "PHASE"]),
        (80, ["TICK", "PHASE", "RUN"]),
        (120, ["TICK", "PHASE", "RUN", "TRIES"]),
    ],
)
def test_no_tick_phase_or_name_is_cut(
    width: int, header: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "width_of_terminal", lambda: width)
    _, *lines = backfill_table.lines(KEY, Drive(rows=ROWS))
    assert max(map(len, lines)) <= width
    assert lines[0].split() == header
    for line, one in zip(lines[1:], ROWS, strict=True):
        assert line.startswith(backfill_table.written(one.scheduled_at or FIRST))
        assert (one.phase.value if one.phase else "missing") in line
        assert (NAME in line) is ("RUN" in header and one.run is not None)
    assert ("the disk of the node" in lines[2]) is (width >= 60)
