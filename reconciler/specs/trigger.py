"""FlyteTrigger: a trigger of a task on Flyte 2, its schedule, its inputs and how its runs start.

Limits are those of the messages (flyteidl2/trigger, flyteidl2/common), which the open-source server
does not check. Cron text is linted by the schedule room, inputs are typed by the task's interface
when the trigger is resolved.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, ClassVar
from urllib.parse import quote

from pydantic import Field
from pydantic_core import PydanticCustomError

from reconciler.specs.fields import (
    Annotations,
    Choice,
    Context,
    Count,
    DeletionPolicy,
    Domain,
    Email,
    Envs,
    FlyteName,
    Headers,
    Inputs,
    Labels,
    Many,
    Moment,
    ObjectName,
    ProjectId,
    Rate,
    ServiceAccount,
    Text,
    Uri,
    WebAddress,
    Zone,
)
from reconciler.specs.owned import Owned
from reconciler.specs.running import Phase, PlanState, VersionChoice, rate_faults, twice_faults
from reconciler.specs.shape import Given, Shape, fault, map_of, text_of
from reconciler.values.moments import MomentError, parse_datetime

KICKOFF_KEY = "_u_kickoff_time_input_arg"
"""The key of a context that tells the SDK of a task which input takes the scheduled time."""

_RESERVED_KEY = "_u_"


def key_name(task: str, trigger: str) -> str:
    """Name a trigger in keys: its own name is unique within its task only."""
    return f"{quote(task, safe='')}/{trigger}"


LONGEST_VERSION = 63


class TaskReference(Shape):
    """The task that a trigger runs, in the trigger's own project and domain."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("package", "version"),)

    name: FlyteName
    """The name of the task on Flyte, such as `environment.function`."""

    package: ObjectName | None = None
    """The FlytePackage of this set that registers the task; its content decides the version."""

    version: VersionChoice | None = None
    """The version that CI deploys: a name, or `{latest: true, matching: "v*"}`."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse a version that is too long for a trigger."""
        version = text_of(given, "version") or ""
        if len(version) > LONGEST_VERSION:
            yield fault(
                f"has {len(version)} characters; a trigger holds at most {LONGEST_VERSION}",
                at=("version",),
                fix="deploy the task under a shorter version",
                is_in_value=True,
            )


class TriggerSchedule(Shape):
    """When the trigger fires: a cron expression or a fixed rate."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("cron", "every"),)

    cron: Text | None = None
    """Five cron fields (weekdays 0 to 6), or @hourly, @daily, @weekly, @monthly, @yearly."""

    timezone: Zone | None = None
    """The time zone of the cron expression; default: UTC."""

    kickoff_input: Text | None = None
    """The datetime input that receives the scheduled time."""

    every: Rate | None = None
    """A fixed rate in whole minutes, such as 6h."""

    start: Moment | None = Field(default=None, alias="from")
    """The moment from which `every` counts; default: the activation or the last firing."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse what the other kind of schedule has, and rates and moments that cannot be."""
        every = text_of(given, "every")
        if every is not None:
            yield from rate_faults(every)
        if "every" in given and "cron" not in given and "timezone" in given:
            yield fault(
                "has no meaning for a fixed rate", at=("timezone",), fix="use cron, or remove it"
            )
        if "cron" in given and "every" not in given and "from" in given:
            yield fault(
                "belongs to every; a cron counts from nothing", at=("from",), fix="remove it"
            )
        start = text_of(given, "from")
        try:
            if start is not None:
                parse_datetime(start)
        except MomentError as error:
            yield fault(f'"{start}" {error}', at=("from",), fix=error.fix, is_in_value=True)


class HttpMethod(StrEnum):
    """The methods that a webhook may use."""

    GET = "GET"
    HEAD = "HEAD"
    POST = "POST"
    PUT = "PUT"
    DELETE = "DELETE"
    CONNECT = "CONNECT"
    OPTIONS = "OPTIONS"
    TRACE = "TRACE"
    PATCH = "PATCH"


class Webhook(Shape):
    """A call over HTTP."""

    url: WebAddress
    """Where to send it, at most 2000 characters. Not for addresses that are secrets."""

    method: Choice[HttpMethod] = HttpMethod.POST
    """The method of the call."""

    headers: Headers = Field(default_factory=dict)
    """Headers of the call, at most 20. Not for secrets."""

    body: str = ""
    """The text to send; may name `{{.Run.Name}}`, `{{.Phase}}` and `{{.Error}}`."""


class EmailText(Shape):
    """What an e-mail says; may name `{{.Run.Name}}`, `{{.Phase}}` and `{{.Error}}`."""

    subject: Text
    """The subject."""

    text: Text
    """The body as plain text."""

    html: Text | None = None
    """The body as HTML; default: the plain text, preformatted."""


class TriggerNotification(Shape):
    """Whom to tell about which ends of a run."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("email", "webhook", "delivery"),)

    phases: Annotated[Many[Choice[Phase]], Field(min_length=1)]
    """The ends to tell about: Succeeded, Failed, Aborted, TimedOut."""

    email: Annotated[Many[Email], Field(min_length=1)] | None = None
    """E-mail addresses."""

    message: EmailText | None = None
    """What the e-mail says; default: run, project, domain, phase and error."""

    webhook: Webhook | None = None
    """A call over HTTP, which is also how Slack and Teams are told."""

    delivery: Text | None = None
    """The name of a delivery that is configured on Flyte."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse what stands twice, and a message without e-mail."""
        yield from twice_faults(given, "phases", "email")
        if "message" in given and "email" not in given:
            yield fault("belongs to email", at=("message",), fix="remove it")


class RunOptions(Shape):
    """How the runs of a trigger start."""

    at_most_one: ClassVar[tuple[tuple[str, ...], ...]] = (("notifications", "notificationRule"),)

    labels: Labels = Field(default_factory=dict)
    """Labels of the runs' Kubernetes objects, at most 16."""

    annotations: Annotations = Field(default_factory=dict)
    """Annotations of the runs' Kubernetes objects."""

    envs: Envs = Field(default_factory=dict)
    """Environment variables of the tasks. Not for secrets."""

    interruptible: bool | None = None
    """Whether runs may use interruptible machines; absent: as the task says."""

    overwrite_cache: bool = False
    """Compute anew and overwrite cached results; the open-source Flyte 2 does not act on it."""

    queue: Text | None = None
    """The queue of the runs; the open-source Flyte 2 does not act on it."""

    raw_output_prefix: Uri | None = None
    """Where runs store raw data, as a URI prefix."""

    service_account: ServiceAccount | None = None
    """The Kubernetes service account of the runs; the open-source Flyte 2 does not act on it."""

    max_action_concurrency: Count | None = None
    """How many actions of one run may run at once; the open-source Flyte 2 does not act on it."""

    notifications: Many[TriggerNotification] = ()
    """Whom to tell when a run ends; the open-source Flyte 2 does not act on it."""

    notification_rule: Text | None = None
    """The name of a rule that is configured on Flyte, instead of `notifications`."""


class TriggerSpec(Owned):
    """One trigger of one task in one project and domain."""

    deletion_policies: ClassVar[tuple[DeletionPolicy, ...]] = (
        DeletionPolicy.DEACTIVATE,
        DeletionPolicy.ORPHAN,
        DeletionPolicy.DELETE,
    )

    project: ProjectId | None = None
    """The project; default: that of the FlyteSync."""

    domain: Domain | None = None
    """The domain; default: that of the FlyteSync."""

    name: FlyteName | None = None
    """The name of the trigger on Flyte, unique within its task; default: `metadata.name`."""

    task: TaskReference
    """The task that the trigger runs."""

    state: Choice[PlanState] | None = None
    """Active, Inactive or Unmanaged; default: Active with a schedule, else Unmanaged."""

    schedule: TriggerSchedule | None = None
    """When the trigger fires; absent: only when somebody starts it."""

    inputs: Inputs = Field(default_factory=dict)
    """Inputs of the runs, typed by the task's interface; those left out have the task's default.

    A file, folder or table is a URI, `{uri: ..., format: ...}`, or `{path: ...}` of a file or
    folder beside this document, which is uploaded with the trigger.
    """

    context: Context = Field(default_factory=dict)
    """Texts that every action of a run can read; no part of cache keys. Not for secrets."""

    description: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """What the trigger is for, at most 255 characters."""

    run: RunOptions = RunOptions()
    """How the runs start."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse a kickoff input that has a value, and keys of a context that are the SDK's own."""
        yield from super().faults(given)
        kickoff = text_of(map_of(given, "schedule"), "kickoffInput")
        if kickoff is not None and kickoff in map_of(given, "inputs"):
            why = "takes the scheduled time (schedule.kickoffInput), so this value would be lost"
            yield fault(why, at=("inputs", kickoff), fix="keep one of the two")
        for key in map_of(given, "context"):
            if key.startswith(_RESERVED_KEY):
                why = f"begins with {_RESERVED_KEY}, which the SDK of the task keeps for itself"
                yield fault(why, at=("context", key), fix="rename it")
