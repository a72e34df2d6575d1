"""The drive of a backfill of a launch plan, and what starting the execution of a tick says.

An execution of a tick is the one that Flyte's scheduler would start, under the same name: the full
id of the plan, mode SCHEDULED with the tick, and the tick as the kickoff input of a cron. It has no
labels and no tags: rows of those fail before the name of the execution does (flyteadmin 1.16.8).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from reconciler.backends.flyte1.run.normal import body_of
from reconciler.backends.wire.backfill import keeps_gaps, typed
from reconciler.model.document import Json
from reconciler.model.drive import Drive
from reconciler.model.entity import Reference, What
from reconciler.model.key import Key
from reconciler.model.pursuit import Pursuit
from reconciler.plan.backfill import gaps
from reconciler.plan.backfill.pursue import Target, cancelled, pursue
from reconciler.schedule.identity import execution_name
from reconciler.schedule.window import instant, show


def drive(pursuit: Pursuit) -> Drive:
    """Say what a backfill of a launch plan wants now."""
    return cancelled(pursuit, _drive(pursuit))


def _drive(pursuit: Pursuit) -> Drive:
    key, body, facts = pursuit.resource.key, pursuit.resource.body, pursuit.runs.facts
    name = str(body["launchPlan"])
    if keeps_gaps(pursuit.resource):
        return _gaps(pursuit, name)
    if not facts:
        version = f" {body['version']}" if "version" in body else ""
        return Drive(waits=f"launch plan {name}{version} is not in {key.place}; register it")
    if not facts["schedule"]:
        return Drive(failure=f"launch plan {name} {facts['version']} has no schedule to fill")
    literals, failure = typed(body, facts, _kickoff(facts))
    if failure:
        return Drive(failure=failure)
    return pursue(pursuit, _target(key, name, body, facts, literals))


def _target(
    key: Key,
    name: str,
    body: Mapping[str, Json],
    facts: Mapping[str, Json],
    literals: Mapping[str, Json],
) -> Target:
    plan = Reference(
        what=What.LAUNCH_PLANS,
        project=key.project,
        domain=key.domain,
        name=name,
        version=str(facts["version"]),
    )
    last = facts.get("last")
    how = "active" if facts["isActive"] else "not active"
    return Target(
        schedule=cast("Mapping[str, Json]", facts["schedule"]),
        body=lambda tick: _body(plan, body, facts, literals, tick),
        scheduler=lambda tick: execution_name(
            project=key.project,
            domain=key.domain,
            name=name,
            version=plan.version,
            scheduled_at=tick,
        ),
        last=None if last is None else instant(str(last)),
        notes=(f"runs {name} {facts['version']}, which is {how}",),
    )


def _gaps(pursuit: Pursuit, name: str) -> Drive:
    """Say what is missing of an active plan; one that is not active misses nothing."""
    key, facts = pursuit.resource.key, pursuit.runs.facts
    if not facts or not facts["schedule"]:
        return gaps.idle(pursuit)
    target = _target(key, name, {}, facts, {})
    activated = facts.get("activatedAt")
    return gaps.keep(pursuit, target, None if activated is None else instant(str(activated)))


def _body(
    plan: Reference,
    body: Mapping[str, Json],
    facts: Mapping[str, Json],
    literals: Mapping[str, Json],
    tick: datetime,
) -> dict[str, Json]:
    """Say what starting the execution of a tick says, in the normal form of launches."""
    inputs: dict[str, Json] = dict(literals)
    kickoff = _kickoff(facts)
    if kickoff:
        inputs[kickoff] = {"scalar": {"primitive": {"datetime": show(tick)}}}
    options: dict[str, Json] = {"overwriteCache": True} if body.get("overwriteCache") else {}
    return body_of(plan, inputs=inputs, options=options, scheduled_at=tick)


def _kickoff(facts: Mapping[str, Json]) -> str:
    """Name the input that takes the tick; the scheduler fills it for crons only."""
    schedule = cast("Mapping[str, Json]", facts["schedule"])
    return "" if "every" in schedule else str(schedule.get("kickoffInput") or "")
