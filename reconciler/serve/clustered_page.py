"""The page of the FlyteSyncs of a cluster: boards from what the operator's passes came to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from reconciler.git import history
from reconciler.git.history import Past
from reconciler.model.document import Json
from reconciler.operator.conditions import stamp
from reconciler.operator.passes import Watched
from reconciler.operator.units import UnitId
from reconciler.schedule import duration
from reconciler.serve import showing
from reconciler.serve.showing import Shown
from reconciler.web.board import Board, Boards


class ClusterPage:
    """Keeps the boards of units; it is told of each pass, see `Passes.watch`."""

    def __init__(self) -> None:
        self.boards = Boards()
        self._shown: dict[str, Shown] = {}
        self._history: dict[str, tuple[Past, ...]] = {}

    async def watch(self, found: Watched) -> None:
        """Show what a pass came to; one that saw nothing leaves what was shown, with the reason."""
        name, now = str(found.unit.id), datetime.now(UTC)
        shown = self._shown.get(name)
        if found.planned is not None and found.applied is not None and found.backend is not None:
            shown = await showing.look(found.planned, found.applied, found.backend, shown, now)
        past = _past(found, now)
        known = self._history.get(name, ())
        self._history[name] = history.added(known, past)
        if shown is not None:
            self._shown[name] = shown = showing.trimmed(shown, self._history[name])
        self.boards.put(self._board(found, shown or Shown(), now))

    def keep(self, units: Iterable[UnitId]) -> None:
        """Show no others than these: the FlyteSyncs of the others are gone."""
        names = set(map(str, units))
        for name in self._history.keys() - names:
            self.boards.drop(name)
            self._shown.pop(name, None)
            del self._history[name]

    def _board(self, found: Watched, shown: Shown, now: datetime) -> Board:
        unit, verdict = found.unit, found.verdict
        interval = duration.parse(unit.spec.interval) / duration.SECOND
        status = unit.sync.status if unit.sync is not None else {}
        fields = {**status, **verdict.fields}
        git = unit.spec.git
        source = f"{git.url}#{git.path}" if git is not None and git.path else ""
        return Board(
            name=str(unit.id),
            state=showing.state_of(verdict.reason, shown, is_suspended=verdict.is_suspended),
            message=verdict.message,
            connection=_text(fields.get("connection")),
            source=source or (git.url if git is not None else "custom resources"),
            revision=_text(fields.get("lastAppliedRevision")),
            looked_at=now,
            next_at=None if verdict.is_suspended else now + timedelta(seconds=interval),
            objects=shown.objects,
            others=shown.others,
            changes=shown.changes,
            schedules=shown.schedules,
            runs=shown.runs,
            fills=shown.fills,
            syncs=tuple(
                showing.sync_of(past, shown) for past in self._history.get(str(unit.id), ())
            ),
            audit=shown.audit,
            warnings=shown.warnings,
        )


def _past(found: Watched, now: datetime) -> Past:
    """Write a pass for the history."""
    at, applied = stamp(now), found.applied
    revision = found.verdict.fields.get("lastAttemptedRevision")
    return Past(
        revision=_text(revision),
        reason=str(found.verdict.reason),
        message=found.verdict.message,
        plan=found.planned.plan.id if found.planned is not None else "",
        changes=len(applied.report.done) if applied is not None else 0,
        first=at,
        last=at,
    )


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
