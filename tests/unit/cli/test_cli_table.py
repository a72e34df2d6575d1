"""Tables fit the terminal and lose nothing where there is none."""

from __future__ import annotations

import pytest

from reconciler.cli.table import table

HEADER = ("STATE", "OBJECT", "EMPTY", "SOURCE")
ROWS = [
    ("ready", "FlyteLaunchPlan/project/domain/a-rather-long-name", "", "specs/plans.yaml:12"),
    ("pending", "FlyteLaunchPlan/project/domain/b", "", "specs/plans.yaml:20"),
]


def test_without_a_terminal_everything_is_whole() -> None:
    lines = list(table(HEADER, ROWS, width=None))
    assert lines[0].split() == ["STATE", "OBJECT", "SOURCE"], "empty columns are left out"
    assert [line.split() for line in lines[1:]] == [[cell for cell in row if cell] for row in ROWS]


@pytest.mark.parametrize("width", range(30, 90, 7))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = list(table(HEADER, ROWS, width=width, drop=("SOURCE",)))
    assert max(len(line) for line in lines) <= width
    assert lines[1].startswith("ready")


def test_columns_are_dropped_before_the_rest_is_unreadable() -> None:
    assert "SOURCE" in next(iter(table(HEADER, ROWS, width=60, drop=("SOURCE",))))
    assert "SOURCE" not in next(iter(table(HEADER, ROWS, width=40, drop=("SOURCE",))))


def test_a_table_of_no_rows_is_its_header() -> None:
    assert list(table(HEADER, [], width=20)) == [""]
