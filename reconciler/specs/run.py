"""FlyteRun: one execution of a launch plan, workflow, task or trigger, started once per content.

Limits are those of flyteadmin 1.16.8 and of Flyte 2's messages; which Flyte has which option is
said where the run is resolved.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints
from pydantic_core import PydanticCustomError

from reconciler.specs.fields import (
    RUN_NAME,
    RUN_PREFIX,
    Annotations,
    Choice,
    Count,
    DeletionPolicy,
    Domain,
    Duration,
    Email,
    EnvName,
    Envs,
    FlyteName,
    Inputs,
    Labels,
    Many,
    NoSpace,
    ObjectName,
    ProjectId,
    Quantity,
    ServiceAccount,
    Text,
    Uri,
)
from reconciler.specs.owned import Owned
from reconciler.specs.running import Phase, VersionChoice, twice_faults
from reconciler.specs.shape import Given, Shape, above_zero, fault, list_of, map_of
from reconciler.specs.trigger import EmailText, Webhook

RunName = Annotated[str, StringConstraints(pattern=RUN_NAME)]


class RunState(StrEnum):
    """Whether a run is to go on."""

    STARTED = "Started"
    TERMINATED = "Terminated"


class LaunchPlanTarget(Shape):
    """The launch plan that a run starts."""

    name: FlyteName
    """The name of the launch plan on Flyte."""

    version: VersionChoice | None = None
    """The version: a name, or `{latest: true, matching: "v*"}`.

    Default: the one that this set declares, else the active one; each other one is another run.
    """

    project: ProjectId | None = None
    """The project of the launch plan; default: the run's."""

    domain: Domain | None = None
    """The domain of the launch plan; default: the run's."""


class CodeTarget(Shape):
    """The workflow or task that a run starts."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("package", "version"),)

    name: FlyteName
    """Its name on Flyte."""

    package: ObjectName | None = None
    """The FlytePackage of this set that registers it; each other content is another run."""

    version: VersionChoice | None = None
    """The version that CI registers: a name, or `{latest: true, matching: "v*"}`."""

    project: ProjectId | None = None
    """Its project, with `version` only; default: the run's."""

    domain: Domain | None = None
    """Its domain, with `version` only; default: the run's."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse a place beside a package, which says where it is."""
        for name in ("project", "domain"):
            if "package" in given and "version" not in given and name in given:
                yield fault(
                    "is not allowed with package, which says where it is",
                    at=(name,),
                    fix="remove it",
                )


class TriggerTarget(Shape):
    """The trigger of Flyte 2 that a run starts, with its task, inputs and options."""

    task: FlyteName
    """The name of the trigger's task on Flyte, such as `environment.function`."""

    name: FlyteName
    """The name of the trigger."""


class RunOutput(Shape):
    """An output of another FlyteRun of this set."""

    run: ObjectName
    """The name of the FlyteRun, in the same project and domain."""

    output: Text
    """The name of the output, such as `o0`."""


class RunNotification(Shape):
    """Whom to tell about which ends of the run."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("email", "pagerDuty", "slack", "webhook", "delivery"),
    )

    phases: Annotated[Many[Choice[Phase]], Field(min_length=1)]
    """The ends to tell about: Succeeded, Failed, Aborted, TimedOut."""

    email: Annotated[Many[Email], Field(min_length=1)] | None = None
    """E-mail addresses."""

    message: EmailText | None = None
    """What the e-mail says, on Flyte 2; default: run, project, domain, phase and error."""

    pager_duty: Annotated[Many[Email], Field(min_length=1)] | None = None
    """E-mail addresses of PagerDuty services, on Flyte 1."""

    slack: Annotated[Many[Email], Field(min_length=1)] | None = None
    """E-mail addresses of Slack channels, on Flyte 1."""

    webhook: Webhook | None = None
    """A call over HTTP, on Flyte 2."""

    delivery: Text | None = None
    """The name of a delivery that is configured on Flyte 2."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse what stands twice, and a message without e-mail."""
        yield from twice_faults(given, "phases", "email", "pagerDuty", "slack")
        if "message" in given and "email" not in given:
            yield fault("belongs to email", at=("message",), fix="remove it")


class RunResources(Shape):
    """What the task of a run asks for; replaces what the task itself says."""

    cpu: Quantity | None = None
    """Processors."""

    memory: Quantity | None = None
    """Memory."""

    gpu: Quantity | None = None
    """Accelerators."""

    ephemeral_storage: Quantity | None = None
    """Disk that ends with the task."""


class RunSecret(Shape):
    """A secret that the task of a run may read."""

    group: Text | None = None
    """The group of the secret."""

    key: Text
    """The name of the secret."""

    env: EnvName | None = None
    """The environment variable that holds it; default: a file."""


class RunOverrides(Shape):
    """What a task of Flyte 2 is run with in place of what it was deployed with."""

    requests: RunResources | None = None
    """What is asked for; replaces all requests of the task."""

    limits: RunResources | None = None
    """What is allowed at most; replaces all limits of the task."""

    retries: Annotated[Count, Field(ge=1)] | None = None
    """How often a task that failed is tried again."""

    timeout: Duration | None = None
    """How long one try may take."""

    envs: Envs | None = None
    """Environment variables of the task's container; replaces all of them."""

    secrets: Many[RunSecret] | None = None
    """Secrets that the task may read; replaces all of them."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse a timeout of nothing."""
        yield from above_zero(given, "timeout")


class RunSpec(Owned):
    """One run in one project and domain."""

    deletion_policies: ClassVar[tuple[DeletionPolicy, ...]] = (
        DeletionPolicy.ORPHAN,
        DeletionPolicy.TERMINATE,
    )
    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("launchPlan", "workflow", "task", "trigger"),
    )
    at_most_one: ClassVar[tuple[tuple[str, ...], ...]] = (("name", "namePrefix"),)

    project: ProjectId | None = None
    """The project; default: that of the FlyteSync."""

    domain: Domain | None = None
    """The domain; default: that of the FlyteSync."""

    launch_plan: LaunchPlanTarget | None = None
    """A launch plan of Flyte 1."""

    workflow: CodeTarget | None = None
    """A workflow of Flyte 1; its default launch plan is run."""

    task: CodeTarget | None = None
    """A task of either Flyte."""

    trigger: TriggerTarget | None = None
    """A trigger of Flyte 2."""

    name: RunName | None = None
    """The whole name of the run; another content needs another name. On Flyte 2 at most 30 long."""

    name_prefix: Annotated[str, StringConstraints(pattern=RUN_PREFIX)] | None = None
    """What the name begins with; a digest of the content follows. Default: `metadata.name`."""

    inputs: Inputs = Field(default_factory=dict)
    """Inputs, typed by the interface; those left out have the defaults.

    A file, folder or table is a URI, `{uri: ..., format: ...}`, or `{path: ...}` of a file or
    folder beside this document, which is uploaded under the digest of what is in it.
    """

    inputs_from: dict[Text, RunOutput] = Field(default_factory=dict)
    """Inputs that are outputs of other runs of this set: each waits until that run has succeeded.

    Another content of that run is another content of this one.
    """

    after: Many[ObjectName] = ()
    """FlyteRuns of this set, in the same project and domain, that must have succeeded before."""

    state: Choice[RunState] = RunState.STARTED
    """Started or Terminated: what has not ended is stopped, what is due is not started."""

    cause: Text | None = None
    """Why it is terminated."""

    ttl: Duration | None = None
    """How long after its end the run is looked at; in a cluster this object is then deleted."""

    overwrite_cache: bool = False
    """Compute anew and overwrite cached results."""

    interruptible: bool | None = None
    """Whether it may run on interruptible machines; absent: as the plan or task says."""

    envs: Envs = Field(default_factory=dict)
    """Environment variables of the tasks. Not for secrets."""

    tags: Annotated[Many[NoSpace], Field(max_length=32)] = ()
    """Tags to find it by, on Flyte 1."""

    labels: Labels = Field(default_factory=dict)
    """Labels of its Kubernetes objects, at most 16."""

    annotations: Annotations = Field(default_factory=dict)
    """Annotations of its Kubernetes objects."""

    cluster_pool: Text | None = None
    """The pool of clusters that it is placed on; the queue on Flyte 2."""

    cluster_label: Text | None = None
    """The label of the clusters that may run it, on Flyte 1."""

    raw_output_prefix: Uri | None = None
    """Where it stores raw data, as a URI prefix."""

    service_account: ServiceAccount | None = None
    """The Kubernetes service account that it runs as."""

    iam_role: NoSpace | None = None
    """The IAM role that it runs as, on Flyte 1."""

    max_parallelism: Count | None = None
    """How many of its nodes, or actions, run at once."""

    notifications: Many[RunNotification] | None = None
    """Whom to tell when it ends; absent: as the plan says; `[]`: nobody."""

    overrides: RunOverrides | None = None
    """What a task is run with in place of what it was deployed with, on Flyte 2."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse an input twice, a cause of nothing, and references that stand twice."""
        yield from super().faults(given)
        taken = map_of(given, "inputsFrom")
        for name in map_of(given, "inputs"):
            if name in taken:
                yield fault("is in inputs too", at=("inputsFrom", name), fix="keep one of the two")
        if "cause" in given and given.get("state") != RunState.TERMINATED:
            yield fault(
                "says why a run is terminated", at=("cause",), fix="write state: Terminated"
            )
        if "overrides" in given and "task" not in given:
            yield fault("is of a task that is run by itself", at=("overrides",), fix="remove it")
        yield from above_zero(given, "ttl")
        yield from twice_faults(given, "after", "tags")

    @classmethod
    def name_faults(cls, name: str, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse a run that waits for itself."""
        for index, other in enumerate(list_of(given, "after")):
            if other == name:
                yield fault("is this run itself", at=("spec", "after", index), fix="remove it")
