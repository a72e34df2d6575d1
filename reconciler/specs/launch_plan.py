"""FlyteLaunchPlan: a launch plan of Flyte 1, its schedule, its inputs and which version is active.

Limits are those of flyteadmin 1.16.8 where it has any, else those of what it hands the values to
(Kubernetes labels, environment variables). Cron text is linted by the schedule room, inputs are
typed by the workflow's interface when the plan is resolved.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic_core import PydanticCustomError

from reconciler.model.backfill import Gaps
from reconciler.schedule import rate
from reconciler.schedule.rules import ScheduleError
from reconciler.specs.fields import (
    Annotations,
    Choice,
    Count,
    DeletionPolicy,
    Domain,
    Email,
    Envs,
    FlyteName,
    Inputs,
    Labels,
    Many,
    NoSpace,
    ObjectName,
    Positive,
    ProjectId,
    Rate,
    ServiceAccount,
    Text,
    Uri,
    Zone,
)
from reconciler.specs.owned import Owned
from reconciler.specs.running import (
    Phase,
    PlanState,
    VersionChoice,
    rate_faults,
    twice_faults,
)
from reconciler.specs.shape import Given, Shape, fault, map_of, text_of


class OnLimit(StrEnum):
    """What Flyte does with an execution over the limit."""

    SKIP = "Skip"


class SameAs(Shape):
    """Another domain whose choice is taken over."""

    domain: Domain
    """The domain whose active plan of the same name tells which workflow version to run."""


class WorkflowReference(Shape):
    """The workflow that a plan runs."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("package", "version", "sameAs"),)

    name: FlyteName
    """The name of the workflow on Flyte."""

    package: ObjectName | None = None
    """The FlytePackage of this set that registers the workflow; its content decides the version."""

    version: VersionChoice | None = None
    """The version that CI registers: a name, or `{latest: true, matching: "v*"}`."""

    same_as: SameAs | None = None
    """Promotion: what the active plan of this name runs in another domain; registers nothing."""

    project: ProjectId | None = None
    """The project of the workflow, with `version` only; default: the plan's."""

    domain: Domain | None = None
    """The domain of the workflow, with `version` only; default: the plan's."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse a place beside what already names the place."""
        for other in ("package", "sameAs"):
            for name in ("project", "domain"):
                if other in given and "version" not in given and name in given:
                    yield fault(
                        f"is not allowed with {other}, which says where the workflow is",
                        at=(name,),
                        fix="remove it",
                    )


class ExistingPlan(Shape):
    """A launch plan version that something else registers."""

    version: VersionChoice
    """The version of the launch plan to activate: a name, or `{latest: true, matching: "v*"}`."""


class Schedule(Shape):
    """When the plan runs: a cron expression or a fixed rate."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("cron", "every"),)

    cron: Text | None = None
    """Five cron fields (weekdays 0 to 6), or @hourly, @daily, @weekly, @monthly, @yearly."""

    timezone: Zone | None = None
    """The time zone of the cron expression; default: that of Flyte's scheduler."""

    kickoff_input: Text | None = None
    """The datetime input that receives the scheduled time; with `cron` only."""

    every: Rate | None = None
    """A fixed rate in whole minutes, such as 6h; its timer restarts with each new version."""

    gaps: Choice[Gaps] = Gaps.IGNORE
    """Ticks that nothing ran: Ignore, Report (in plans and status) or Fill; with `cron` only.

    Only ticks since the plan became active, or since it was first seen active, count as missed.
    """

    look_back: Rate | None = None
    """How far back ticks are looked for, such as 12h; default: 7d. With `gaps` only."""

    acknowledge_restarts: bool = False
    """Accept that the timer of `every` restarts with each new version.

    Must be `true` when the workflow follows a package or `latest`.
    """

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse what a fixed rate does not have, and rates that Flyte cannot hold."""
        every = text_of(given, "every")
        if every is not None:
            yield from rate_faults(every)
        if "every" in given and "cron" not in given:
            if "kickoffInput" in given:
                why = "is not passed by Flyte at a fixed rate, so the input would stay empty"
                yield fault(why, at=("kickoffInput",), fix="use cron, or remove it")
            if "timezone" in given:
                yield fault(
                    "has no meaning for a fixed rate",
                    at=("timezone",),
                    fix="use cron, or remove it",
                )
            if given.get("gaps") in (Gaps.REPORT, Gaps.FILL):
                why = "needs ticks, and a fixed rate is a timer that has none of its own"
                yield fault(why, at=("gaps",), fix="use cron, or remove it")
        look_back = text_of(given, "lookBack")
        if look_back is not None:
            yield from rate_faults(look_back, field="lookBack")
            if given.get("gaps", Gaps.IGNORE) == Gaps.IGNORE:
                fix = "write gaps: Report or Fill, or remove it"
                yield fault("has no effect without gaps", at=("lookBack",), fix=fix)
        if "cron" in given and "every" not in given and "acknowledgeRestarts" in given:
            yield fault(
                "belongs to every; a cron schedule has no timer",
                at=("acknowledgeRestarts",),
                fix="remove it",
            )


class Notification(Shape):
    """Whom to tell about which ends of an execution."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("email", "pagerDuty", "slack"),)

    phases: Annotated[Many[Choice[Phase]], Field(min_length=1)]
    """The ends to tell about: Succeeded, Failed, Aborted, TimedOut."""

    email: Annotated[Many[Email], Field(min_length=1)] | None = None
    """E-mail addresses."""

    pager_duty: Annotated[Many[Email], Field(min_length=1)] | None = None
    """E-mail addresses of PagerDuty services."""

    slack: Annotated[Many[Email], Field(min_length=1)] | None = None
    """E-mail addresses of Slack channels."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse a phase or a recipient that stands twice."""
        yield from twice_faults(given, "phases", "email", "pagerDuty", "slack")


class Concurrency(Shape):
    """How many executions of the plan may run at once."""

    max: Positive
    """The number of executions that may run at once; at least 1."""

    on_limit: Choice[OnLimit] = OnLimit.SKIP
    """What happens to one more: Skip drops it without a trace."""


class LaunchPlanSpec(Owned):
    """One launch plan in one project and domain."""

    deletion_policies: ClassVar[tuple[DeletionPolicy, ...]] = (
        DeletionPolicy.DEACTIVATE,
        DeletionPolicy.ORPHAN,
        DeletionPolicy.ARCHIVE,
        DeletionPolicy.DELETE,
    )
    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("workflow", "existing"),)

    project: ProjectId | None = None
    """The project; default: that of the FlyteSync."""

    domain: Domain | None = None
    """The domain; default: that of the FlyteSync."""

    name: FlyteName | None = None
    """The name of the plan on Flyte; default: `metadata.name`."""

    workflow: WorkflowReference | None = None
    """The workflow that the plan runs; the set registers the plan."""

    existing: ExistingPlan | None = None
    """A plan that something else registers; this set only chooses which version is active."""

    state: Choice[PlanState] | None = None
    """Active, Inactive or Unmanaged; default: Active with a schedule, else Unmanaged."""

    schedule: Schedule | None = None
    """When the plan runs; absent: only when somebody starts it."""

    inputs: Inputs = Field(default_factory=dict)
    """Defaults of inputs, typed by the workflow's interface; a caller may give others.

    A file, folder or table is a URI, `{uri: ..., format: ...}`, or `{path: ...}` of a file or
    folder beside this document, which is uploaded under the digest of what is in it; a table may
    list `columns: {name: type}`.
    """

    fixed_inputs: Inputs = Field(default_factory=dict)
    """Inputs that nobody can change, typed by the workflow's interface."""

    notifications: Many[Notification] = ()
    """Whom to tell when an execution ends."""

    labels: Labels = Field(default_factory=dict)
    """Labels of the executions' Kubernetes objects, at most 16; replaces broader ones whole."""

    annotations: Annotations = Field(default_factory=dict)
    """Annotations of the executions' Kubernetes objects; replaces broader ones whole."""

    service_account: ServiceAccount | None = None
    """The Kubernetes service account of the executions."""

    iam_role: NoSpace | None = None
    """The IAM role of the executions."""

    raw_output_prefix: Uri | None = None
    """Where executions store raw data, as a URI prefix."""

    max_parallelism: Count | None = None
    """How many nodes of one execution run at once; 0 is the platform's default."""

    interruptible: bool | None = None
    """Whether executions may run on interruptible machines; absent: as the workflow says."""

    overwrite_cache: bool = False
    """Compute anew and overwrite cached results."""

    envs: Envs = Field(default_factory=dict)
    """Environment variables of the tasks; replaces broader ones whole. Not for secrets."""

    concurrency: Concurrency | None = None
    """A limit on executions that run at once."""

    description: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """What the plan is for; kept at the plan's name, not at a version."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Check the mode of the plan, its inputs, its timer and its description."""
        yield from super().faults(given)
        if "existing" in given and "workflow" not in given:
            yield from (
                fault(
                    "is not allowed with existing, which only chooses the active version",
                    at=(name,),
                    fix="remove it",
                )
                for name in given
                if name in OF_OUR_PLANS
            )
        fixed = map_of(given, "fixedInputs")
        for name in map_of(given, "inputs"):
            if name in fixed:
                why = "is in inputs too; Flyte would refuse every execution"
                yield fault(why, at=("fixedInputs", name), fix="keep one of the two")
        yield from _restart_faults(map_of(given, "workflow"), map_of(given, "schedule"))


OF_OUR_PLANS = frozenset(
    {
        *(
            "schedule",
            "inputs",
            "fixedInputs",
            "notifications",
            "labels",
            "annotations",
            "serviceAccount",
        ),
        *(
            "iamRole",
            "rawOutputPrefix",
            "maxParallelism",
            "interruptible",
            "overwriteCache",
            "envs",
        ),
        *("concurrency", "description"),
    }
)


def _restart_faults(workflow: Given, schedule: Given) -> Iterator[PydanticCustomError]:
    every = text_of(schedule, "every")
    followed = "a package" if "package" in workflow else ""
    if isinstance(workflow.get("version"), dict):
        followed = "latest"
    if every is None or not followed or schedule.get("acknowledgeRestarts") is True:
        return
    try:
        cron = rate.equal_cron(rate.parse(every))
    except ScheduleError:
        return
    offer = f'write cron: "{cron}" instead, which has no timer, or ' if cron else ""
    yield fault(
        f"is a fixed rate on a workflow that follows {followed}: each new version restarts its"
        " timer, so that it may never fire",
        at=("schedule", "every"),
        fix=f"{offer}accept it with acknowledgeRestarts: true",
    )
