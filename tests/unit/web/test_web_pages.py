"""What the pages show of a board: parts of tables, days of a calendar, addresses that are wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from web_kit import DAILY, EVERY_TEN, NOON, TIMER, boards, key, large, plan, ranking

from reconciler.engine.status import Standing
from reconciler.model.secret import Secret
from reconciler.schedule import zone as zones
from reconciler.web import calendar
from reconciler.web.app import application
from reconciler.web.board import Board, State
from reconciler.web.gate import Gate
from reconciler.web.tables import PER_PAGE, Looked, part

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    app = application(boards(), Gate(token=Secret("t")), clock=lambda: NOON)
    mine = {"Authorization": "Bearer t"}
    async with TestClient(TestServer(app), headers=mine) as found:
        yield found


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/sets/none", "There is no set none."),
        ("/sets/ranking-prod/objects/x", "There is no such object"),
        ("/sets/ranking-prod/objects/FlyteLaunchPlan%2Fp%2Fd%2Fx", "has no object"),
        ("/sets/ranking-prod/syncs/0", "has no such sync"),
        ("/sets/ranking-prod/syncs/3", "has no such sync"),
        ("/sets/ranking-prod/syncs/1x", "has no such sync"),
        ("/sets/ranking-prod/syncs/99999999999999999999", "has no such sync"),
        ("/sets/ranking-prod/backfills/FlyteBackfill%2Fp%2Fd%2Fx", "has no backfill"),
        ("/calendar?day=2026-02-30", "There is no such day"),
        ("/calendar?day=0001-01-01", "There is no such day"),
        ("/calendar?day=9999-12-31", "There is no such day"),
        ("/calendar?zone=Nowhere/None", "There is no such zone"),
        ("/calendar?zone=../../etc/passwd", "There is no such zone"),
        ("/none", "Not Found"),
    ],
)
async def test_wrong_address_is_told_so(client: Client, path: str, said: str) -> None:
    answer = await client.get(path)
    assert answer.status == 404
    assert said in await answer.text()


@pytest.mark.parametrize(
    "query", ["page=-1", "page=x", "page=99999999999", "standing=none", "q=%00%FF", "kind=%3Cb%3E"]
)
async def test_odd_questions_are_answered(client: Client, query: str) -> None:
    answer = await client.get(f"/sets/ranking-prod?{query}")
    assert answer.status == 200


async def test_set_of_a_namespace_has_an_address(client: Client) -> None:
    answer = await client.get("/sets/team-a%2Fquiet")
    assert answer.status == 200
    assert State.UNKNOWN in await answer.text()


@pytest.mark.parametrize(
    ("total", "page", "expected"),
    [
        (0, 1, (0, 1, 1)),
        (PER_PAGE, 1, (PER_PAGE, 1, 1)),
        (PER_PAGE + 1, 2, (1, 2, 2)),
        (PER_PAGE + 1, 7, (1, 2, 2)),
    ],
)
def test_table_is_cut_into_parts(total: int, page: int, expected: tuple[int, int, int]) -> None:
    found = part(range(total), page)
    assert (len(found.items), found.page, found.pages) == expected
    assert found.total == total


def test_objects_are_found_by_name_reason_standing_and_kind() -> None:
    items = [plan("a"), plan("b", Standing.DRIFT, detail="Somebody was here")]

    def names(**asked: str) -> list[str]:
        return [item.key.name for item in items if Looked(**asked).matches(item)]  # type: ignore[arg-type]

    assert names() == ["a", "b"]
    assert names(text="SOMEBODY") == ["b"]
    assert names(text="ranking/production/a") == ["a"]
    assert names(standing="drift") == ["b"]
    assert names(kind="FlyteTrigger") == []


def _board(**schedules: Any) -> Board:
    found = {key(name): schedule for name, schedule in schedules.items()}
    return Board(name="one", schedules=found)


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 28), 24), (date(2026, 3, 29), 23), (date(2026, 10, 25), 25)],
    ids=["plain", "short", "long"],
)
def test_day_has_the_hours_that_it_has_in_its_zone(day: date, hours: int) -> None:
    berlin = zones.load("Europe/Berlin")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    found = calendar.agenda([_board(often=EVERY_TEN)], day, berlin, start)
    assert len(found.hours) == hours
    assert sum(hour.total for hour in found.hours) == 6 * hours
    assert {hour.start.date() for hour in found.hours} == {day}


def test_what_is_past_is_runs_and_what_comes_is_ticks() -> None:
    found = calendar.agenda([ranking()], date(2026, 5, 1), UTC, NOON)
    hours = {hour.start.hour: hour for hour in found.hours}
    assert [firing.is_past for firing in hours[4].firings] == [True]
    assert min(hour for hour in hours if not hours[hour].firings[0].is_past) == NOON.hour
    assert [key.name for _, key, _ in found.timers] == ["timer"]


def test_equal_schedules_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    read = calendar.grid.read
    monkeypatch.setattr(calendar.grid, "read", lambda one: asked.append(one) or read(one))
    board = Board(
        name="many",
        schedules={key(f"plan-{number}"): (DAILY, TIMER)[number % 2] for number in range(10)},
    )
    shown = calendar.agenda([board], date(2026, 5, 1), UTC, datetime(2026, 5, 1, tzinfo=UTC))
    assert len(asked) == 2
    assert (sum(hour.total for hour in shown.hours), len(shown.timers)) == (5, 5)


def test_schedules_that_have_no_time_of_day_are_named() -> None:
    wrong = {"cron": "61 * * * *"}
    found = calendar.agenda(
        [_board(rate=TIMER, wrong=wrong, daily=DAILY)], date(2026, 5, 2), UTC, NOON
    )
    assert {key.name for _, key, _ in found.timers} == {"rate", "wrong"}
    assert [hour.total for hour in found.hours] == [1]


def test_an_hour_with_thousands_is_counted() -> None:
    found = calendar.agenda([large(1000)], date(2026, 5, 2), UTC, NOON)
    (hour,) = found.hours
    assert len(hour.firings) == calendar.MOST_SHOWN
    assert hour.total == 1000
