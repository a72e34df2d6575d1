"""What the scheduler starts: executions whose names are hashes, so that no tick runs twice.

A refusal is tried again, but for two: an execution of this name, which is taken for this very tick,
and a project that is archived. Both count as done, and so does a tick that the plan's concurrency
policy skips, since that has the code of the first (flyteadmin 1.16.8, scheduler/executor).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import grpc
from flyteidl.admin import execution_pb2, project_pb2
from flyteidl.core import identifier_pb2

from reconciler.server.calendar import SECOND
from reconciler.server.clock import now, stamp
from reconciler.server.crontab import fnv
from reconciler.server.flyte1 import execution_creation
from reconciler.server.status import StatusError, internal

if TYPE_CHECKING:
    from flyteidl.admin import schedule_pb2

    from reconciler.server.store import Store

_LOG = logging.getLogger(__name__)

# How often a start is tried, and how many microseconds after the first refusal; then twice as long.
TRIES = 30
_FIRST_WAIT = 3


class Key(NamedTuple):
    """A version of a launch plan."""

    project: str
    domain: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.project}/{self.domain}/{self.name}@{self.version}"


@dataclass(slots=True, eq=False)
class Attempt:
    """The start of one tick's execution; `refusal` is why the last try failed, `due` the next."""

    key: Key
    schedule: schedule_pb2.Schedule
    tick: int
    due: int = 0
    tries: int = 0
    refusal: str = ""

    def is_over(self, store: Store) -> bool:
        """Try once; whether no other try follows."""
        error = _start(store, _request(self.key, self.schedule, self.tick))
        self.refusal = "" if error is None else error.text
        self.tries += 1
        self.due = now() + _FIRST_WAIT * 2 ** (self.tries - 1)
        return error is None or self.tries == TRIES

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(self.tick // SECOND, UTC)
        return f"{self.key}: tick {moment:%Y-%m-%dT%H:%M:%SZ}"


def name(key: Key, tick: int) -> str:
    """The name of a tick's execution: twenty characters, of which the last three are zeros."""
    digest = fnv(f"{':'.join(key)}:{tick // SECOND}")
    return f"f{digest.to_bytes(8, 'little').hex()}000"


def _request(
    key: Key, schedule: schedule_pb2.Schedule, tick: int
) -> execution_pb2.ExecutionCreateRequest:
    plan = identifier_pb2.Identifier(resource_type=identifier_pb2.LAUNCH_PLAN, **key._asdict())
    metadata = execution_pb2.ExecutionMetadata(
        mode=execution_pb2.ExecutionMetadata.SCHEDULED, scheduled_at=stamp(tick)
    )
    request = execution_pb2.ExecutionCreateRequest(
        project=key.project,
        domain=key.domain,
        name=name(key, tick),
        spec=execution_pb2.ExecutionSpec(launch_plan=plan, metadata=metadata),
    )
    request.inputs.SetInParent()
    # At a fixed rate the time is not passed, whatever the schedule says.
    if schedule.cron_schedule.schedule and schedule.kickoff_time_input_arg:
        literal = request.inputs.literals[schedule.kickoff_time_input_arg]
        literal.scalar.primitive.datetime.CopyFrom(stamp(tick))
    return request


def _start(store: Store, request: execution_pb2.ExecutionCreateRequest) -> StatusError | None:
    try:
        execution_creation.create(store, request)
    except StatusError as error:
        is_done = error.code is grpc.StatusCode.ALREADY_EXISTS or isinstance(
            error.detail, project_pb2.InactiveProject
        )
        return None if is_done else error
    except Exception:  # noqa: BLE001  # one plan must not end the schedules of others
        _LOG.exception("%s cannot be started", request.name)
        return internal()
    return None
