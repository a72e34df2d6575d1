"""The two schedulers, as far as they treat the same schedule differently.

Both stand on the same cron library. Facts: flyteadmin 1.16.8, and the scheduler of Flyte 2's
manager (runs/scheduler/core, v2.0.43), which reads crons in UTC, passes the scheduled time at fixed
rates too, and keeps a rate going over a change while the trigger stays active.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduler:
    """What one scheduler does with a schedule.

    `zone` is where a cron without a zone is read, None for the zone of its process.
    `has_kickoff_on_rate`: the scheduled time reaches an input at a fixed rate too.
    `catch_up` is how many missed runs of all schedules together it starts after an outage, None
    for all. The texts end sentences about a schedule that never fires, about missed firings, and
    about what a timer counts from.
    """

    zone: str | None
    has_kickoff_on_rate: bool
    catch_up: int | None
    never: str
    missed: str
    timer: str


FLYTE1 = Scheduler(
    zone=None,
    has_kickoff_on_rate=False,
    catch_up=None,
    never=(
        "at its next start the scheduler stops on such a schedule, and with it the schedules of "
        "everybody"
    ),
    missed="after an outage every missed one is started too",
    timer="it starts anew with each version and each start of the scheduler",
)

FLYTE2 = Scheduler(
    zone="UTC",
    has_kickoff_on_rate=True,
    catch_up=100,
    never="the scheduler starts a run at once each time it takes such a schedule up",
    missed="after an outage up to 100 missed ones of all triggers together are started",
    timer="it counts from the last firing, or from the activation",
)
