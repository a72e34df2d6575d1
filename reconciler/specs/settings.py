"""FlyteSettings: what runs get that do not say, for an organisation or one of its domains.

Flyte 2 keeps one record of settings for the organisation, each domain and each project of a domain;
the narrowest that has a value wins. An absent field is unmanaged, `null` takes the value away, so
that the broader level's counts, and a field that `unset` names has no value whatever that one says.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic_core import PydanticCustomError

from reconciler.specs.fields import (
    Annotations,
    Choice,
    Domain,
    Envs,
    LabelKey,
    LabelValue,
    Many,
    ObjectName,
    Quantity,
    ServiceAccount,
    Text,
    Uri,
    Whole,
)
from reconciler.specs.owned import Owned
from reconciler.specs.running import twice_faults
from reconciler.specs.shape import Given, Shape, fault, list_of, map_of


class DeviceClass(StrEnum):
    """The make of an accelerator."""

    NVIDIA_GPU = "NvidiaGpu"
    GOOGLE_TPU = "GoogleTpu"
    AMAZON_NEURON = "AmazonNeuron"
    AMD_GPU = "AmdGpu"
    HABANA_GAUDI = "HabanaGaudi"
    APPLE_SILICON = "AppleSilicon"


class RunSettings(Shape):
    """Settings of runs."""

    cleared_by_null: ClassVar[frozenset[str]] = frozenset(
        {"defaultQueue", "maxActionConcurrency", "runBaseDir"}
    )

    default_queue: Text | None = None
    """The queue of runs that name none."""

    max_action_concurrency: Annotated[Whole, Field(ge=1, le=2**63 - 1)] | None = None
    """How many actions of one run go on at once."""

    run_base_dir: Uri | None = None
    """Where runs keep their inputs and outputs, as a URI prefix."""


class SecuritySettings(Shape):
    """As whom runs run."""

    cleared_by_null: ClassVar[frozenset[str]] = frozenset({"serviceAccount"})

    service_account: ServiceAccount | None = None
    """The Kubernetes service account of runs."""


class StorageSettings(Shape):
    """Where data of runs is."""

    cleared_by_null: ClassVar[frozenset[str]] = frozenset({"rawDataPath"})

    raw_data_path: Uri | None = None
    """Where runs store raw data, as a URI prefix."""


class ResourceAmounts(Shape):
    """Amounts of resources, as Kubernetes quantities."""

    cleared_by_null: ClassVar[frozenset[str]] = frozenset({"cpu", "gpu", "memory", "storage"})

    cpu: Quantity | None = None
    """Processors, such as 500m or 2."""

    gpu: Quantity | None = None
    """Graphics processors, such as 1."""

    memory: Quantity | None = None
    """Memory, such as 2Gi."""

    storage: Quantity | None = None
    """Storage that ends with the pod, such as 10Gi."""


class Accelerator(Shape):
    """An accelerator of a make, and how it is divided."""

    at_most_one: ClassVar[tuple[tuple[str, ...], ...]] = (("partitionSize", "unpartitioned"),)

    device: Text
    """The device, such as nvidia-tesla-a100."""

    device_class: Choice[DeviceClass] = DeviceClass.NVIDIA_GPU
    """NvidiaGpu, GoogleTpu, AmazonNeuron, AmdGpu, HabanaGaudi or AppleSilicon."""

    partition_size: Text | None = None
    """The size of one of its parts, such as 1g.5gb."""

    unpartitioned: bool | None = None
    """Only the whole of it."""


class TaskResourceSettings(Shape):
    """The least and the most that tasks get, and what they get of it."""

    cleared_by_null: ClassVar[frozenset[str]] = frozenset(
        {"min", "max", "mirrorLimitsRequest", "defaultAccelerator"}
    )

    min: ResourceAmounts | None = None
    """What a task gets at least."""

    max: ResourceAmounts | None = None
    """What a task gets at most."""

    mirror_limits_request: bool | None = None
    """Whether a task that says only what it needs may use no more than that."""

    default_accelerator: Accelerator | None = None
    """The accelerator of tasks that ask for one and do not say which."""


class AppSettings(Shape):
    """Settings of apps."""

    cleared_by_null: ClassVar[frozenset[str]] = frozenset({"disallowAnonymous"})

    disallow_anonymous: bool | None = None
    """Whether apps that everybody may call without signing in are refused."""


class SettingName(StrEnum):
    """A setting of a level, by the steps to it."""

    DEFAULT_QUEUE = "run.defaultQueue"
    MAX_ACTION_CONCURRENCY = "run.maxActionConcurrency"
    RUN_BASE_DIR = "run.runBaseDir"
    SERVICE_ACCOUNT = "security.serviceAccount"
    RAW_DATA_PATH = "storage.rawDataPath"
    MIN_CPU = "taskResources.min.cpu"
    MIN_GPU = "taskResources.min.gpu"
    MIN_MEMORY = "taskResources.min.memory"
    MIN_STORAGE = "taskResources.min.storage"
    MAX_CPU = "taskResources.max.cpu"
    MAX_GPU = "taskResources.max.gpu"
    MAX_MEMORY = "taskResources.max.memory"
    MAX_STORAGE = "taskResources.max.storage"
    MIRROR_LIMITS_REQUEST = "taskResources.mirrorLimitsRequest"
    DEFAULT_ACCELERATOR = "taskResources.defaultAccelerator"
    LABELS = "labels"
    ANNOTATIONS = "annotations"
    ENVIRONMENT_VARIABLES = "environmentVariables"
    DISALLOW_ANONYMOUS = "app.disallowAnonymous"
    POD_TEMPLATE_NAME = "podTemplateName"


class Settings(Shape):
    """The settings of one level. Absent is unmanaged, `null` leaves it to the broader level."""

    cleared_by_null: ClassVar[frozenset[str]] = frozenset(
        {
            *("run", "security", "storage", "taskResources", "app"),
            *("labels", "annotations", "environmentVariables", "podTemplateName"),
        }
    )

    run: RunSettings | None = None
    """Settings of runs."""

    security: SecuritySettings | None = None
    """As whom runs run."""

    storage: StorageSettings | None = None
    """Where data of runs is."""

    task_resources: TaskResourceSettings | None = None
    """The least and the most that tasks get."""

    labels: Annotated[dict[LabelKey, LabelValue], Field(min_length=1)] | None = None
    """Labels of the Kubernetes objects of runs; managed as a whole."""

    annotations: Annotated[Annotations, Field(min_length=1)] | None = None
    """Annotations of the Kubernetes objects of runs; managed as a whole."""

    environment_variables: Annotated[Envs, Field(min_length=1)] | None = None
    """Environment variables of tasks; managed as a whole. Not for secrets."""

    app: AppSettings | None = None
    """Settings of apps."""

    pod_template_name: ObjectName | None = None
    """The Kubernetes PodTemplate that the pods of tasks start from."""

    unset: Annotated[Many[Choice[SettingName]], Field(min_length=1)] | None = None
    """Settings without a value here, whatever the broader level says, such as run.defaultQueue."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse groups that set nothing, and settings that are given and unset."""
        yield from super().faults(given)
        yield from twice_faults(given, "unset")
        for index, name in enumerate(list_of(given, "unset")):
            if isinstance(name, str) and _is_given(given, name.split(".")):
                yield fault("is given too", at=("unset", index), fix="keep one of the two")
        yield from _empty(given, "run", "security", "storage", "taskResources", "app")
        for name in ("min", "max"):
            resources = map_of(given, "taskResources")
            if name in resources and resources[name] == {}:
                yield _sets_nothing("taskResources", name)


def _is_given(given: Given, steps: list[str]) -> bool:
    *groups, leaf = steps
    for step in groups:
        given = map_of(given, step)
    return leaf in given


def _empty(given: Given, *names: str) -> Iterator[PydanticCustomError]:
    for name in names:
        if name in given and given[name] == {}:
            yield _sets_nothing(name)


def _sets_nothing(*path: str) -> PydanticCustomError:
    return fault("sets nothing", at=path, fix="remove it, or write null to clear it")


class SettingsSpec(Settings, Owned):
    """Settings of the organisation, or of one of its domains; of Flyte 2 only.

    The set must have `{project: "*"}` among its scopes. Settings of a project are written in its
    FlyteProject.
    """

    domain: Domain | None = None
    """The domain; absent: the organisation. Never the default domain of the set."""
