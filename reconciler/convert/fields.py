"""What becomes of each field of a FlyteLaunchPlan on Flyte 2, as one table.

Facts: flyteadmin 1.16.8 and the open-source manager of Flyte 2 (v2.0.43), which stores all options
of runs and acts on some.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.document import Path


class Fate(StrEnum):
    """What becomes of a field."""

    SAME = "converted"
    CHANGED = "means something else"
    NONE = "no counterpart"


@dataclass(frozen=True, slots=True)
class Rule:
    """One field: where it goes below the `spec` of a trigger, and what a reader must know.

    `to` is empty where the field is not copied as it is. `why` is empty for a field that means the
    same on both sides.
    """

    path: Path
    fate: Fate
    to: Path = ()
    why: str = ""


_INERT = "is stored by the open-source Flyte 2, which does not act on it"
_GAPS = "missed ticks of a trigger are filled by a FlyteBackfill; declare one"
_RATE = (
    "counts from the activation of the trigger, or from its last firing, so its phase is another "
    "one than on Flyte 1; add `from` to fix it"
)
_CATCH_UP = (
    "after an outage Flyte 2 starts at most 100 missed runs of all triggers together, Flyte 1 all "
    "of them"
)


def _same(name: str, *to: str, why: str = "") -> Rule:
    return Rule((name,), Fate.CHANGED if why else Fate.SAME, to or (name,), why)


def _none(*path: str, why: str) -> Rule:
    return Rule(path, Fate.NONE, why=why)


RULES: tuple[Rule, ...] = (
    _none("sync", why="names the set on Flyte 1; the trigger belongs to the set that reads it"),
    _none("adopt", why="takes over what is on Flyte 1; the trigger is new"),
    _same("deletionPolicy"),
    _same("protect"),
    _same("project"),
    _same("domain"),
    _same("name"),
    Rule(
        ("workflow", "name"),
        Fate.CHANGED,
        why="a trigger runs a task; it is taken to have the workflow's name, or that of --task",
    ),
    Rule(
        ("workflow", "package"),
        Fate.CHANGED,
        why="holds code of Flyte 1; record that of Flyte 2 under this name, or give --package",
    ),
    Rule(
        ("workflow", "version"),
        Fate.CHANGED,
        why="is a version of the workflow; deploy the task under it too, or give --task "
        "WORKFLOW=TASK@VERSION",
    ),
    Rule(
        ("workflow", "version", "latest"),
        Fate.CHANGED,
        why="follows the versions of the task on Flyte 2, by when each was deployed first",
    ),
    _none(
        "workflow",
        "sameAs",
        why="a trigger cannot follow another domain; --task or --package chooses the version",
    ),
    _none("workflow", "project", why="a trigger runs a task of its own project"),
    _none("workflow", "domain", why="a trigger runs a task of its own domain"),
    _none(
        "existing",
        why="something else registers this plan, so there is nothing to convert; `reconcile export`"
        " writes it out as it is",
    ),
    Rule(
        ("state",),
        Fate.CHANGED,
        why="the trigger is written Inactive, so that nothing fires twice before the cut-over",
    ),
    Rule(("schedule", "cron"), Fate.CHANGED, ("schedule", "cron"), _CATCH_UP),
    Rule(("schedule", "timezone"), Fate.SAME, ("schedule", "timezone")),
    Rule(("schedule", "kickoffInput"), Fate.SAME, ("schedule", "kickoffInput")),
    Rule(("schedule", "every"), Fate.CHANGED, ("schedule", "every"), _RATE),
    _none(
        "schedule",
        "acknowledgeRestarts",
        why="the timer of a trigger does not start anew with each version",
    ),
    _none("schedule", "gaps", why=_GAPS),
    _none("schedule", "lookBack", why=_GAPS),
    _same("inputs"),
    Rule(
        ("fixedInputs",),
        Fate.NONE,
        why="become inputs as any other: whoever starts a run by hand may give others",
    ),
    _same("notifications", "run", "notifications", why=_INERT),
    Rule(
        ("notifications", "pagerDuty"),
        Fate.NONE,
        why="is written as email, which is what Flyte 1 sends to these addresses",
    ),
    Rule(
        ("notifications", "slack"),
        Fate.NONE,
        why="is written as email, which is what Flyte 1 sends to these addresses; a webhook is the "
        "other way",
    ),
    _same("labels", "run", "labels"),
    _same("annotations", "run", "annotations"),
    _same("serviceAccount", "run", "serviceAccount", why=_INERT),
    _none("iamRole", why="give the role to the service account instead"),
    _same("rawOutputPrefix", "run", "rawOutputPrefix"),
    _same(
        "maxParallelism",
        "run",
        "maxActionConcurrency",
        why=f"limits the actions of a run, not the nodes; it {_INERT}",
    ),
    _same("interruptible", "run", "interruptible"),
    _same("overwriteCache", "run", "overwriteCache", why=_INERT),
    _same("envs", "run", "envs"),
    _none("concurrency", why="runs of a trigger are not limited: two may overlap"),
    _same("description"),
)
"""Every field of a FlyteLaunchPlan; a path covers what is below it, the longest one decides."""

BY_PATH = {rule.path: rule for rule in RULES}

NO_ZONE = (
    "names no time zone: Flyte 1 reads it in the zone of its scheduler, Flyte 2 in UTC; add "
    "timezone to be sure"
)
AT_EVERY = (
    "is a timer, which counts anew on Flyte 2; write it as `every` or as five fields to be sure"
)
CUT = "is longer than the 255 characters that a trigger holds, and was cut"
NO_ARCHIVE = "Archive is no policy of a trigger, which has Deactivate, Orphan and Delete"
KICKOFF_TAKEN = "is the input that takes the scheduled time, so its value would be lost"
