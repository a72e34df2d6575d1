"""The drive of a backfill of a trigger, and what starting the run of a tick says.

A run of a tick is the one that Flyte's scheduler would start, under the same name: by the trigger,
with the tick as its start time, and as the kickoff input where the trigger has one. The trigger's
own inputs and settings count unless others are sent, and then not at all (manager 2.0.43).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from reconciler.backends.flyte2.run.normal import body_of
from reconciler.backends.wire.backfill import typed
from reconciler.model.document import Json
from reconciler.model.drive import Drive
from reconciler.model.entity import Reference, What
from reconciler.model.pursuit import Pursuit
from reconciler.plan.backfill.pursue import Target, cancelled, pursue
from reconciler.schedule.identity import run_name
from reconciler.schedule.window import instant, show
from reconciler.specs.trigger import key_name
from reconciler.values.interface import TASK


def drive(pursuit: Pursuit) -> Drive:
    """Say what a backfill of a trigger wants now."""
    return cancelled(pursuit, _drive(pursuit))


def _drive(pursuit: Pursuit) -> Drive:
    key, body, facts = pursuit.resource.key, pursuit.resource.body, pursuit.runs.facts
    named = cast("dict[str, str]", body["trigger"])
    shown = f"{named['task']}/{named['name']}"
    if not facts:
        return Drive(waits=f"trigger {shown} is not in {key.place}; deploy it")
    if not facts["schedule"]:
        return Drive(failure=f"trigger {shown} has no schedule to fill")
    schedule = cast("Mapping[str, Json]", facts["schedule"])
    kickoff = str(schedule.get("kickoffInput") or "")
    literals, failure = typed(body, facts, kickoff, owner=TASK)
    if failure:
        return Drive(failure=failure)
    trigger = Reference(
        what=What.TRIGGERS,
        project=key.project,
        domain=key.domain,
        name=key_name(named["task"], named["name"]),
    )
    last = facts.get("last")
    how = "active" if facts["isActive"] else "not active"
    target = Target(
        schedule=schedule,
        body=lambda tick: _body(trigger, body, facts, literals, tick),
        scheduler=lambda tick: run_name(
            project=key.project,
            domain=key.domain,
            task=named["task"],
            trigger=named["name"],
            scheduled_at=tick,
        ),
        last=None if last is None else instant(str(last)),
        notes=(f"runs {shown} revision {facts['revision']}, which is {how}",),
    )
    return pursue(pursuit, target)


def _body(
    trigger: Reference,
    body: Mapping[str, Json],
    facts: Mapping[str, Json],
    literals: Mapping[str, Json],
    tick: datetime,
) -> dict[str, Json]:
    """Say what starting the run of a tick says, in the normal form of launches."""
    schedule = cast("Mapping[str, Json]", facts["schedule"])
    inputs: dict[str, Json] = dict(literals)
    kickoff = str(schedule.get("kickoffInput") or "")
    if kickoff:
        inputs[kickoff] = {"scalar": {"primitive": {"datetime": show(tick)}}}
    options: dict[str, Json] = {}
    if body.get("overwriteCache"):
        options = {**cast("dict[str, Json]", facts["options"]), "overwriteCache": True}
    return body_of(trigger, inputs=inputs or None, options=options, scheduled_at=tick)
