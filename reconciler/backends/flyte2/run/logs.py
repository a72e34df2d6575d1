"""Logs of an action, followed until it has ended, over streams that are opened again.

Facts from the open-source manager 2.0.43: which pod an attempt ran in is told by its last event
alone, so that one without it hides the log. A stream begins where the container did, or a thousand
lines before the end; it ends at once where the pod does not run yet or any more, and breaks with
the connection. What was shown is therefore left out when it comes again. Before the engine has told
of a pod there is NOT_FOUND, as there is for good once the pod is gone.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from flyteidl2.cluster import payload_pb2
from flyteidl2.common import identifier_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.logs.dataplane import payload_pb2 as logs_pb2
from flyteidl2.workflow import run_definition_pb2 as wire

from reconciler.backends.flyte2 import faults
from reconciler.backends.flyte2.link import Link
from reconciler.backends.flyte2.run import details, methods, rows, words
from reconciler.backends.flyte2.run.follow import Pace, Sleep
from reconciler.backends.wire.faults import passes
from reconciler.backends.wire.times import moment
from reconciler.errors import BackendError
from reconciler.model.run import Line, Phase, RunId

_ORIGINS = {logs_pb2.USER: "user", logs_pb2.SYSTEM: "system"}


@dataclass(slots=True)
class _Shown:
    """Where in a log we are.

    `at` is the time of the last line that was shown, `since` how many lines were of that time,
    those without one included, and `again` how many of these are still to come once more. `now` is
    the time of the line that is read.
    """

    at: datetime | None = None
    since: int = 0
    again: int = 0
    now: datetime | None = None

    def reopened(self) -> None:
        """Expect lines that were shown."""
        self.now, self.again = None, self.since

    def is_new(self, line: Line) -> bool:
        """Say whether a line was not shown yet, and remember it."""
        self.now = line.at or self.now
        if self.at is not None and self.now is not None and self.now < self.at:
            return False
        if self.again and self.now == self.at:
            self.again -= 1
            return False
        self.again = 0
        if self.now != self.at:
            self.at, self.since = self.now, 0
        self.since += 1
        return True


@dataclass(frozen=True, slots=True)
class Tail:
    """Reads the log of one action over one connection."""

    link: Link
    run_id: RunId
    step: str
    sleep: Sleep
    pace: Pace

    async def lines(self, attempt: int) -> AsyncIterator[Line]:
        """Yield the lines of an attempt, or of the last one and those that follow it."""
        number, shown = attempt, _Shown()
        pause, silent = self.pace.first, 0.0
        found: wire.ActionDetails | None = None
        while True:
            try:
                found = await details.action(self.link.channel, self._action)
                last = max([one.attempt for one in found.attempts], default=0)
                if not attempt and last > number:
                    number, shown = last, _Shown()
                if number:
                    shown.reopened()
                    async with aclosing(self._opened(number)) as opened:
                        async for line in opened:
                            silent = 0.0
                            if shown.is_new(line):
                                pause = self.pace.first
                                yield line
                if _has_ended(found, attempt):
                    return
            except BackendError as error:
                is_missing = faults.is_not_found(error)
                if found is None or not (is_missing or passes(error)):
                    raise
                if is_missing and _has_ended(found, attempt):
                    raise self._gone(found, number, error) from error
                if not is_missing and silent >= self.pace.patience:
                    raise
            silent += pause
            await self.sleep(pause)
            pause = min(pause * self.pace.factor, self.pace.longest)

    @property
    def _action(self) -> identifier_pb2.ActionIdentifier:
        return rows.action(self.run_id, self.step)

    async def _opened(self, attempt: int) -> AsyncGenerator[Line]:
        channel = await self.link.routes.to(
            self.run_id.place, payload_pb2.SelectClusterRequest.OPERATION_TAIL_LOGS
        )
        request = dataproxy_service_pb2.TailLogsRequest(action_id=self._action, attempt=attempt)
        stream = channel.stream(
            methods.TAIL_LOGS, request, answers_at_once=False, life=self.pace.life
        )
        async with aclosing(stream) as answers:
            async for answer in answers:
                for part in answer.logs:
                    for line in part.lines:
                        yield Line(
                            text=line.message.rstrip("\r\n"),
                            at=moment(line, "timestamp"),
                            origin=_ORIGINS.get(line.originator, ""),
                        )

    def _gone(self, found: wire.ActionDetails, attempt: int, error: BackendError) -> BackendError:
        links = [
            log.uri
            for one in found.attempts
            if one.attempt == attempt
            for log in one.log_info
            if log.uri
        ]
        where = f"run {self.run_id}: step {self._action.name}"
        elsewhere = f"see {' and '.join(links)}" if links else "keep logs outside of the cluster"
        return BackendError(
            f"{where}: its log is gone with its pod, or there never was one; {elsewhere}",
            method=error.method,
            code=error.code,
        )


def _has_ended(found: wire.ActionDetails, attempt: int) -> bool:
    """Say whether nothing follows; of one attempt, whether it has."""
    if words.PHASES.get(found.status.phase, Phase.UNDEFINED).is_terminal:
        return True
    return any(
        one.attempt == attempt and words.PHASES.get(one.phase, Phase.UNDEFINED).is_terminal
        for one in found.attempts
    )
