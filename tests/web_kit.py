"""Boards with everything that the page can show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.engine.audit import Audit
from reconciler.engine.firings import preview_of
from reconciler.engine.status import ObjectStatus, Standing
from reconciler.model.drive import Row
from reconciler.model.entity import Reference, What
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Entry, Written
from reconciler.model.origin import Origin
from reconciler.model.run import Mode, Phase, Run, RunId
from reconciler.plan.plan import Change, Effect, FieldChange, Reason
from reconciler.web.board import Board, Boards, Fill, Result, State, Sync

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PLACE = Place("ranking", "production")
COMMIT = "4f2a9c1be07d3358aa61c2d0f7e94b1c55d08e77"
DAILY: Mapping[str, Any] = {"cron": "30 6 * * *", "timezone": "Europe/Berlin"}
EVERY_TEN: Mapping[str, Any] = {"cron": "*/10 * * * *"}
TIMER: Mapping[str, Any] = {"every": 360}
HOSTILE = '<script>document.title="taken"</script>"\'&'
"""What somebody may write where the page shows text of others."""


def key(name: str, kind: str = "FlyteLaunchPlan") -> Key:
    """Name a plan."""
    return Key(kind, PLACE.project, PLACE.domain, name)


def plan(name: str, standing: Standing = Standing.READY, /, **more: Any) -> ObjectStatus:
    """One launch plan that fires every morning."""
    base: dict[str, Any] = {
        "origin": Origin("plans.yaml", 3, 1),
        "wanted": "Active",
        "version": "ranking-prod.amx3w5b2m7qd4ztr",
        "active": ("ranking-prod.amx3w5b2m7qd4ztr",),
        "made_at": "2026-04-30T09:12:00Z",
        "owner": "ranking-prod",
        "firing": preview_of(DAILY, after=NOON, count=1),
    }
    return ObjectStatus(key=key(name), standing=standing, **{**base, **more})


def change(name: str) -> Change:
    """A drift: somebody changed two fields."""
    return Change(
        key=key(name),
        effect=Effect.UPDATE,
        reason=Reason.DRIFT,
        fingerprint="f",
        fields=(
            FieldChange("schedule.cron", "0 6 * * *", "30 6 * * *"),
            FieldChange("inputs.threshold", None, {"low": 0.25, "note": HOSTILE}),
        ),
        notes=("the old version may fire for 30 s",),
    )


def run(name: str, phase: Phase, at: datetime) -> Run:
    """An execution of a tick."""
    return Run(
        id=RunId(PLACE, name),
        phase=phase,
        mode=Mode.SCHEDULED,
        entity=Reference(what=What.LAUNCH_PLANS, name="orders.daily", version="v1"),
        scheduled_at=at,
        created_at=at,
    )


def ranking() -> Board:
    """A set in which something of every sort is to be seen."""
    drifted = change("drifted")
    rows = tuple(
        Row(
            scheduled_at=NOON - timedelta(days=200 - number),
            run=RunId(PLACE, f"f{number:04}") if number % 5 else None,
            phase=[None, Phase.SUCCEEDED, Phase.RUNNING, Phase.SUCCEEDED, Phase.FAILED][number % 5],
            attempts=int(bool(number % 5)),
            why="the cluster was away" if number % 5 == 4 else "",
        )
        for number in range(150)
    )
    return Board(
        name="ranking-prod",
        state=State.FAILED,
        message="1 object could not be applied",
        connection="flyte.example.com:443",
        source="git.example.com/ml/ranking#specs",
        revision=COMMIT,
        looked_at=NOON - timedelta(minutes=2),
        next_at=NOON + timedelta(minutes=8),
        objects=(
            plan("orders.daily"),
            plan("drifted", Standing.DRIFT, detail="update (schedule.cron), corrected next"),
            plan("hostile", Standing.FAILED, detail=HOSTILE),
            plan("paused", Standing.HELD, detail="paused until tomorrow by ops", active=()),
            plan("timer", firing=preview_of(TIMER, after=NOON, count=1)),
        ),
        others=(plan("of.others", Standing.UNDECLARED, owner="foreign"),),
        changes={drifted.key: drifted},
        schedules={
            key("orders.daily"): DAILY,
            key("drifted"): EVERY_TEN,
            key("timer"): TIMER,
        },
        runs=(
            run("f9c8be275fb3256d6000", Phase.SUCCEEDED, NOON.replace(hour=4, minute=30)),
            run("f9c8be275fb3256d7000", Phase.FAILED, NOON.replace(hour=5, minute=30)),
        ),
        fills=(
            Fill(
                key=key("orders-2025", "FlyteBackfill"),
                rows=rows,
                waits="8 of its runs have not ended",
            ),
        ),
        syncs=(
            Sync(
                at=NOON - timedelta(minutes=2),
                result=Result.FAILED,
                revision=COMMIT,
                message="1 of 2 changes failed",
                plan="a7c4",
                changes=(drifted, change("hostile")),
                outcomes={key("drifted"): "done", key("hostile"): "failed"},
            ),
            Sync(at=NOON - timedelta(hours=1), result=Result.UNCHANGED, revision=COMMIT),
        ),
        audit=Audit(
            (
                Written(
                    7,
                    Entry(
                        at=NOON - timedelta(hours=3),
                        by="ada@example.com",
                        commit=COMMIT,
                        plan="a7c4",
                        done=("FlyteLaunchPlan/ranking/production/orders.daily registered",),
                        failed=(f"FlyteLaunchPlan/ranking/production/x: {HOSTILE}",),
                    ),
                ),
            ),
            newest=7,
            oldest=7,
        ),
        warnings=("tags: are stored, and Flyte does not act on them",),
    )


def large(count: int = 5000) -> Board:
    """A set of many plans."""
    names = [f"plan-{number:05}" for number in range(count)]
    return Board(
        name="large",
        state=State.IN_SYNC,
        connection="flyte.example.com:443",
        revision=COMMIT,
        looked_at=NOON,
        objects=tuple(plan(name) for name in names),
        schedules={key(name): DAILY for name in names},
    )


def boards(*more: Board) -> Boards:
    """The boards of a few sets."""
    found = Boards()
    for board in (ranking(), Board(name="team-a/quiet"), *more):
        found.put(board)
    return found
