"""The manager's scheduler: active triggers with a schedule become runs.

It looks at the triggers at its start and every 30 seconds, and takes a trigger up anew whenever its
revision moved. At its start alone it replays what was missed, counted from the later of the last
run and the last switch, a hundred runs of all triggers together, those switched last first; a run
that is refused counts, and is not tried again (manager 2.0.43, runs/scheduler).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from flyteidl2.common import identifier_pb2
from flyteidl2.task import common_pb2
from flyteidl2.workflow import run_definition_pb2
from flyteidl2.workflow import run_service_pb2 as wire

from reconciler.server import cron
from reconciler.server.calendar import SECOND, Calendar, Delay, Timing
from reconciler.server.caller import CALLER, Caller
from reconciler.server.clock import now, stamp
from reconciler.server.crontab import RESYNC, Crontab, Timer, fnv
from reconciler.server.flyte2 import run_creation
from reconciler.server.status import StatusError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from reconciler.server.store import Store

_LOG = logging.getLogger(__name__)

_UNITS = {
    common_pb2.FIXED_RATE_UNIT_MINUTE: 60,
    common_pb2.FIXED_RATE_UNIT_HOUR: 3600,
    common_pb2.FIXED_RATE_UNIT_DAY: 24 * 3600,
}
_LONGEST = (2**63 - 1) // 10**9
_MOST_TRIGGERS = 10_000
_MOST_MISSED = 100
# How far back a calendar is walked tick by tick, as the manager does from the last run on, to come
# to its next moment: clocks that changed before lead nowhere else.
_WALK = 2 * 86400 * SECOND

_Key = tuple[str, str, str, str]


@dataclass(slots=True, eq=False)
class _Trigger:
    """An active trigger as the scheduler read it: `last` is its last run, or its last switch."""

    key: _Key
    revision: int
    schedule: common_pb2.Schedule
    timing: Timing
    last: int
    timer: Timer | None = None

    @property
    def begin(self) -> int:
        """Where its moments are counted from: a rate may have a time of its own."""
        if not self.schedule.rate.HasField("start_time") or not isinstance(self.timing, Delay):
            return self.last
        given = self.schedule.rate.start_time
        start = given.seconds * SECOND + given.nanos // 1000
        return start if start > self.last else _after(self.timing, start, self.last)


class _UnusableError(ValueError):
    """A schedule that the scheduler cannot run; the text is for the user."""


class Scheduler:
    """The scheduler of one store. `tell` gets a sentence about what a user should know.

    Without `catch_up` nothing is replayed at the start; without `resync` nothing is noticed after
    it.
    """

    def __init__(
        self,
        store: Store,
        tell: Callable[[str], None],
        *,
        catch_up: bool = True,
        resync: bool = True,
    ) -> None:
        self._store = store
        self._tell = tell
        self._catch_up = catch_up
        self._resync = resync
        self._crontab = Crontab()
        self._triggers: dict[_Key, _Trigger] = {}
        self._told: set[tuple[_Key, int]] = set()
        self._look_at: int | None = None

    def start(self) -> None:
        """Take up what is active, and start what was missed."""
        moment = now()
        found = self._take_up()
        if self._catch_up:
            missed = (
                (trigger, tick) for trigger in found for tick in _missed_until(trigger, moment)
            )
            for trigger, tick in islice(missed, _MOST_MISSED):
                self._fire(trigger, tick)
        self._look_at = now() if self._resync else None

    def wake_at(self) -> int | None:
        """When there is something to do; None when never."""
        due = (self._crontab.wake_at(), self._look_at)
        return min((one for one in due if one is not None), default=None)

    def wake(self) -> None:
        """Do a part of what is due."""
        moment = now()
        if self._look_at is not None and self._look_at <= moment:
            self._take_up()
            self._look_at += RESYNC
        self._crontab.ring(moment)

    def _take_up(self) -> list[_Trigger]:
        """Make the timers those of the active triggers, which are returned."""
        found = {trigger.key: trigger for trigger in self._read()}
        for key in [key for key in self._triggers if key not in found]:
            self._drop(self._triggers.pop(key))
        for key, trigger in found.items():
            former = self._triggers.get(key)
            if former is not None:
                if former.revision == trigger.revision:
                    continue
                self._drop(former)
            self._triggers[key] = trigger
            trigger.timer = self._crontab.add(
                trigger.timing, self._ringer(trigger), now=now(), first=_first(trigger, now())
            )
        return list(found.values())

    def _read(self) -> Iterator[_Trigger]:
        rows = self._store.rows(
            "SELECT * FROM v2_triggers WHERE active = 1 AND automation_type = 'TYPE_SCHEDULE' "
            "AND deleted_at IS NULL ORDER BY active DESC, updated_at DESC, id LIMIT ?",
            (_MOST_TRIGGERS,),
        )
        for row in rows:
            try:
                trigger = _trigger(row)
            except _UnusableError as error:
                key = _key(row)
                if (key, row["latest_revision"]) not in self._told:
                    self._told.add((key, row["latest_revision"]))
                    self._tell(f"{'/'.join(key)}: schedule: {error}")
                continue
            if trigger is not None:
                yield trigger

    def _drop(self, trigger: _Trigger) -> None:
        if trigger.timer is not None:
            self._crontab.remove(trigger.timer)

    def _ringer(self, trigger: _Trigger) -> Callable[[int], None]:
        return lambda tick: self._fire(trigger, tick)

    def _fire(self, trigger: _Trigger, tick: int) -> None:
        CALLER.set(Caller("", ()))
        place = f"{'/'.join(trigger.key)}: tick {_moment(tick):%Y-%m-%dT%H:%M:%SZ}"
        try:
            run_creation.create(self._store, _request(trigger, tick))
        except StatusError as error:
            self._tell(f"{place}: is lost, as on the manager: {error}")
        except Exception:  # noqa: BLE001  # one trigger must not end the schedules of others
            _LOG.exception("%s cannot be started", place)


def run_name(key: tuple[str, str, str, str], tick: int) -> str:
    """The name of a tick's run, by the trigger's project, domain, task and name; no version."""
    at = _moment(tick)
    parts = (*key, at.year, at.month, at.day, at.hour, at.minute, at.second)
    return f"r{fnv(':'.join(map(str, parts))):x}"


def _moment(tick: int) -> datetime:
    return datetime.fromtimestamp(tick // SECOND, UTC)


def _request(trigger: _Trigger, tick: int) -> wire.CreateRunRequest:
    project, domain, task, name = trigger.key
    request = wire.CreateRunRequest(
        run_id=identifier_pb2.RunIdentifier(
            project=project, domain=domain, name=run_name(trigger.key, tick)
        ),
        trigger_name=identifier_pb2.TriggerName(
            project=project, domain=domain, task_name=task, name=name
        ),
        source=run_definition_pb2.RUN_SOURCE_SCHEDULE_TRIGGER,
        run_start_time=stamp(tick),
    )
    # The time is then the only input that is sent, and the trigger's own are not read.
    if trigger.schedule.kickoff_time_input_arg:
        literal = request.inputs.literals.add(name=trigger.schedule.kickoff_time_input_arg)
        literal.value.scalar.primitive.datetime.CopyFrom(stamp(tick))
    return request


def _key(row: sqlite3.Row) -> _Key:
    return row["project"], row["domain"], row["task_name"], row["name"]


def _trigger(row: sqlite3.Row) -> _Trigger | None:
    """The trigger of a row; None when its schedule says nothing."""
    schedule = common_pb2.TriggerAutomationSpec.FromString(row["automation_spec"]).schedule
    timing = _timing(schedule)
    if timing is None:
        return None
    last = max(row["updated_at"], row["triggered_at"] or 0)
    return _Trigger(_key(row), row["latest_revision"], schedule, timing, last)


def _timing(schedule: common_pb2.Schedule) -> Timing | None:
    match schedule.WhichOneof("expression"):
        case "rate":
            seconds = schedule.rate.value * _UNITS.get(schedule.rate.unit, 0)
            if not 0 < seconds <= _LONGEST:
                raise _UnusableError(
                    f"a rate of {schedule.rate.value} is left out here; the manager may hang on it"
                )
            return Delay(seconds)
        case "cron_expression":
            expression = schedule.cron_expression
        case "cron":
            zone = schedule.cron.timezone
            expression = f"CRON_TZ={zone} " * bool(zone) + schedule.cron.expression
        case _:
            return None
    try:
        return cron.parse(expression)
    except (cron.CronError, StatusError) as error:
        raise _UnusableError(f"cannot be read: {error}") from None


def _first(trigger: _Trigger, moment: int) -> int:
    """The first moment after `moment`; one that never fires is left where it began, and rings."""
    begin = trigger.begin
    if begin > moment:
        return begin
    if isinstance(trigger.timing, Delay):
        return _after(trigger.timing, begin, moment)
    found = _walk_from(trigger.timing, begin, moment)
    while found <= moment:
        following = trigger.timing.next(found)
        if following is None:
            return found
        found = following
    return found


def _walk_from(timing: Calendar, begin: int, moment: int) -> int:
    """From where to go on to the next moment: not tick by tick where clocks stayed as they were."""
    late = max(begin, moment - _WALK)
    shortcut = moment if timing.is_steady(late, moment) else late
    return begin if timing.next(shortcut) is None else shortcut


def _after(timing: Delay, begin: int, moment: int) -> int:
    """The first moment of a timer that began at `begin`, after `moment`."""
    whole = begin // SECOND
    steps = max((moment // SECOND - whole) // timing.seconds, 0)
    found = (whole + steps * timing.seconds) * SECOND
    while found <= moment:
        found = timing.next(found)
    return found


def _missed_until(trigger: _Trigger, end: int) -> Iterator[int]:
    moment: int | None = trigger.begin
    while moment is not None and moment < end:
        if moment > trigger.last:
            yield moment
        moment = trigger.timing.next(moment)
