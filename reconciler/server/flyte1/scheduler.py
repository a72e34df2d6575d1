"""The native scheduler: active schedules of launch plans become executions.

It looks at the schedules every 30 seconds, so a version that was switched off may fire once more.
What it remembers is the last moment of each schedule, written every 30 seconds. At its start it
replays what was missed since the later of that moment and the activation, one schedule after the
other, and only then begins to write. A missed tick that is refused for good, or a cron that never
fires, ends both: what is loaded goes on firing, and no change is ever noticed (flyteadmin 1.16.8,
scheduler/schedule_executor.go and scheduler/core).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flyteidl.admin import schedule_pb2

from reconciler.server import cron
from reconciler.server.calendar import Delay, Timing
from reconciler.server.clock import now
from reconciler.server.crontab import RESYNC, Crontab, Timer
from reconciler.server.flyte1.scheduled_executions import TRIES, Attempt, Key
from reconciler.server.status import StatusError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from reconciler.server.store import Store

_UNITS = {schedule_pb2.MINUTE: 60, schedule_pb2.HOUR: 3600, schedule_pb2.DAY: 24 * 3600}
# The scheduler counts nanoseconds in 63 bits; beyond, its timers go backwards and never rest.
_LONGEST = (2**63 - 1) // 10**9
# Missed ticks that are replayed before others get a turn.
_CHUNK = 20


@dataclass(slots=True, eq=False)
class _Job:
    """An active version: its timer, the `last` moment it rang for, and what to replay from."""

    key: Key
    schedule: schedule_pb2.Schedule
    timing: Timing
    missed_since: int | None
    last: int | None
    timer: Timer | None = None


class _UnusableError(ValueError):
    """A schedule that the scheduler cannot run; the text is for the user."""


class Scheduler:
    """The scheduler of one store. `tell` gets a sentence about what a user should know.

    Without `catch_up` nothing is replayed at the start, and fixed rates begin anew; without
    `resync` nothing is noticed after it. `frozen` is why it no longer notices anything.
    """

    def __init__(
        self,
        store: Store,
        tell: Callable[[str], None],
        *,
        catch_up: bool = True,
        resync: bool = True,
    ) -> None:
        self.frozen = ""
        self._store = store
        self._tell = tell
        self._catch_up = catch_up
        self._resync = resync
        self._crontab = Crontab()
        self._jobs: dict[Key, _Job] = {}
        self._told: set[Key] = set()
        self._retries: list[Attempt] = []
        self._missed: Iterator[Attempt] | None = None
        self._replayed: Attempt | None = None
        # When the schedules are looked at, and when last moments are written; None is never.
        self._look_at: int | None = None
        self._write_at: int | None = None

    def start(self) -> None:
        """Take up what is active."""
        moment = now()
        kept = _kept(self._store)
        for row in _rows(self._store):
            if row["active"]:
                last = max(row["updated_at"], kept.get(_key(row), 0))
                self._add(row, last if self._catch_up else None)
        self._look_at = moment
        self._missed = self._missed_until(moment)

    def wake_at(self) -> int | None:
        """When there is something to do; None when never."""
        due = [self._crontab.wake_at(), *(one.due for one in self._retries)]
        if not self.frozen:
            due += [self._look_at, self._write_at]
            if self._missed is not None:
                due.append(0 if self._replayed is None else self._replayed.due)
        return min((one for one in due if one is not None), default=None)

    def wake(self) -> None:
        """Do a part of what is due."""
        moment = now()
        if self._is_due(self._look_at, moment):
            self._look()
            self._look_at = moment + RESYNC if self._resync else None
        self._crontab.ring(moment)
        self._retry(moment)
        if self._missed is not None and not self.frozen:
            self._replay(self._missed, moment)
        if self._is_due(self._write_at, moment):
            _write(self._store, self._jobs)
            self._write_at = moment + RESYNC

    def _is_due(self, due: int | None, moment: int) -> bool:
        return not self.frozen and due is not None and due <= moment

    def _look(self) -> None:
        for row in _rows(self._store):
            job = self._jobs.get(_key(row))
            if row["active"] and job is None:
                self._add(row, None)
            elif not row["active"] and job is not None:
                del self._jobs[job.key]
                if job.timer is not None:
                    self._crontab.remove(job.timer)

    def _add(self, row: sqlite3.Row, last: int | None) -> None:
        key, schedule = _key(row), schedule_pb2.Schedule.FromString(row["schedule"])
        try:
            timing = _timing(schedule)
        except _UnusableError as error:
            if key not in self._told:
                self._told.add(key)
                self._tell(f"{key}: schedule: {error}")
            return
        job = _Job(key, schedule, timing, last, last)
        is_rate = not schedule.cron_schedule.schedule
        # A fixed rate begins with the last moment, which it rings for once more.
        job.timer = self._crontab.add(
            timing,
            lambda tick: self._ring(job, tick),
            now=now(),
            first=last if is_rate else None,
        )
        self._jobs[key] = job

    def _ring(self, job: _Job, tick: int) -> None:
        attempt = Attempt(job.key, job.schedule, tick)
        if not attempt.is_over(self._store):
            self._retries.append(attempt)
        job.last = tick if job.last is None else max(job.last, tick)

    def _retry(self, moment: int) -> None:
        for attempt in [one for one in self._retries if one.due <= moment]:
            if not attempt.is_over(self._store):
                continue
            self._retries.remove(attempt)
            if attempt.refusal:
                self._tell(
                    f"{attempt}: is lost: refused {TRIES} times, as flytescheduler gives up too: "
                    f"{attempt.refusal}"
                )

    def _missed_until(self, end: int) -> Iterator[Attempt]:
        for job in list(self._jobs.values()):
            moment = end if job.missed_since is None else job.missed_since
            while moment < end:
                following = job.timing.next(moment)
                if following is None:
                    raise _UnusableError(f"{job.key}: schedule: never fires")
                if following > end:
                    break
                yield Attempt(job.key, job.schedule, following)
                moment = following

    def _replay(self, missed: Iterator[Attempt], moment: int) -> None:
        """Start some of what was missed; when all is started, last moments are written."""
        for _ in range(_CHUNK):
            if self._replayed is None:
                try:
                    self._replayed = next(missed, None)
                except _UnusableError as error:
                    self._freeze(str(error))
                    return
            if self._replayed is None:
                self._missed, self._write_at = None, moment
                return
            if self._replayed.due > moment or not self._replayed.is_over(self._store):
                return
            if self._replayed.refusal:
                self._freeze(f"{self._replayed}: refused {TRIES} times: {self._replayed.refusal}")
                return
            self._replayed = None

    def _freeze(self, reason: str) -> None:
        self.frozen = reason
        self._tell(
            f"{reason}; catching up ends here, as flytescheduler's would, and no change of any "
            "plan is noticed any more; deactivate this plan, and start the server again"
        )


def _key(row: sqlite3.Row) -> Key:
    return Key(row["project"], row["domain"], row["name"], row["version"])


def _rows(store: Store) -> list[sqlite3.Row]:
    return store.rows("SELECT * FROM schedulable_entities ORDER BY id")


def _kept(store: Store) -> dict[Key, int]:
    return {_key(row): row["last_at"] for row in store.rows("SELECT * FROM schedule_snapshot")}


def _write(store: Store, jobs: dict[Key, _Job]) -> None:
    """Keep the last moments of what is active, and of nothing else; if there are any."""
    kept = [(*job.key, job.last) for job in jobs.values() if job.last is not None]
    if not kept:
        return
    with store.writing():
        store.run("DELETE FROM schedule_snapshot")
        for values in kept:
            store.run("INSERT INTO schedule_snapshot VALUES (?, ?, ?, ?, ?)", values)


def _timing(schedule: schedule_pb2.Schedule) -> Timing:
    if schedule.cron_schedule.schedule:
        try:
            return cron.parse(schedule.cron_schedule.schedule)
        except (cron.CronError, StatusError) as error:
            raise _UnusableError(f"cannot be read: {error}") from None
    seconds = schedule.rate.value * _UNITS.get(schedule.rate.unit, 0)
    if not 0 < seconds <= _LONGEST:
        raise _UnusableError(
            f"a rate of {schedule.rate.value} is left out here; on flytescheduler it overflows"
        )
    return Delay(seconds)
