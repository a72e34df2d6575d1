"""FlyteProject: a project, its labels, its state, and attributes of it, its domains and workflows.

An absent field is unmanaged, `null` clears it: `model_fields_set` holds the field and its value is
None. Levels and kinds of attributes are those of Flyte 1 (flyteadmin 1.16.8); Flyte 2 has settings
for each domain of a project instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic_core import PydanticCustomError

from reconciler.specs.connection import Flyte
from reconciler.specs.fields import (
    DNS_LABEL,
    WORDS,
    Annotations,
    Choice,
    Count,
    Domain,
    Envs,
    FlyteName,
    Labels,
    Many,
    NoSpace,
    ProjectId,
    Quantity,
    ServiceAccount,
    Text,
    Uri,
)
from reconciler.specs.owned import Owned
from reconciler.specs.settings import Settings
from reconciler.specs.shape import Given, Shape, fault, list_of, text_of

MOST_DESCRIPTION = 300


class ProjectState(StrEnum):
    """Whether a project takes work."""

    ACTIVE = "Active"
    ARCHIVED = "Archived"


class OnMissing(StrEnum):
    """What Flyte does when no wanted plugin runs."""

    FAIL = "Fail"
    USE_DEFAULT = "UseDefault"


class Resources(Shape):
    """Amounts of resources, as Kubernetes quantities."""

    cpu: Quantity | None = None
    """Processors, such as 500m or 2."""

    gpu: Quantity | None = None
    """Graphics processors, such as 1."""

    memory: Quantity | None = None
    """Memory, such as 2Gi."""

    storage: Quantity | None = None
    """Persistent storage, such as 20Gi."""

    ephemeral_storage: Quantity | None = None
    """Storage that ends with the pod, such as 10Gi."""


class TaskResources(Shape):
    """Resources of tasks that do not say what they need, and the most that any task may ask for."""

    defaults: Resources | None = None
    """What a task gets that does not say."""

    limits: Resources | None = None
    """The most a task may ask for."""


class PluginOverride(Shape):
    """Which plugins run the tasks of one type."""

    task_type: Text
    """The task type, such as container."""

    plugins: Annotated[Many[Text], Field(min_length=1)]
    """Plugin ids in order of preference."""

    on_missing: Choice[OnMissing] = OnMissing.FAIL
    """What happens when none of them runs: Fail, or UseDefault."""


class WorkflowExecution(Shape):
    """Settings of executions whose plan and start do not say otherwise."""

    max_parallelism: Count | None = None
    """How many nodes of one execution run at once; 0 is the platform's default."""

    service_account: ServiceAccount | None = None
    """The Kubernetes service account of the executions."""

    iam_role: NoSpace | None = None
    """The IAM role of the executions."""

    raw_output_prefix: Uri | None = None
    """Where executions store raw data, as a URI prefix."""

    labels: Labels = Field(default_factory=dict)
    """Labels of the executions' Kubernetes objects, at most 16."""

    annotations: Annotations = Field(default_factory=dict)
    """Annotations of the executions' Kubernetes objects."""

    interruptible: bool | None = None
    """Whether executions may run on interruptible machines."""

    overwrite_cache: bool = False
    """Compute anew and overwrite cached results."""

    envs: Envs = Field(default_factory=dict)
    """Environment variables of the tasks. Not for secrets."""


class Attributes(Shape):
    """The attributes of one level; the narrowest level that has one wins, in Flyte."""

    cleared_by_null: ClassVar[frozenset[str]] = frozenset(
        {
            *("taskResources", "clusterResources", "executionQueueTags", "executionClusterLabel"),
            *("pluginOverrides", "workflowExecution", "clusterPool"),
        }
    )

    task_resources: TaskResources | None = None
    """Defaults and limits of task resources."""

    cluster_resources: Annotated[dict[Text, str], Field(min_length=1)] | None = None
    """Values for the installation's cluster resource templates, such as projectQuotaCpu."""

    execution_queue_tags: Annotated[Many[Text], Field(min_length=1)] | None = None
    """Tags of the queues that executions go to."""

    execution_cluster_label: Text | None = None
    """The label of the clusters that executions go to."""

    plugin_overrides: Annotated[Many[PluginOverride], Field(min_length=1)] | None = None
    """Which plugins run which task types; a set, at most one entry per task type."""

    workflow_execution: WorkflowExecution | None = None
    """Settings of executions whose plan and start do not say otherwise."""

    cluster_pool: Text | None = None
    """The cluster pool of executions."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Refuse a second override of one task type, and a tag that stands twice."""
        seen: list[object] = []
        for index, one in enumerate(list_of(given, "pluginOverrides")):
            task_type = one.get("taskType") if isinstance(one, dict) else None
            if task_type is not None and task_type in seen:
                why = f'overrides task type "{task_type}" a second time'
                yield fault(why, at=("pluginOverrides", index, "taskType"), fix="merge the two")
            seen.append(task_type)
        for name in ("taskResources", "workflowExecution"):
            value = given.get(name)
            if isinstance(value, dict) and all(one is None for one in value.values()):
                yield fault("sets nothing", at=(name,), fix="remove it, or write null to clear it")
        tags = list_of(given, "executionQueueTags")
        for index, tag in enumerate(tags):
            if tag in tags[:index]:
                yield fault("stands here twice", at=("executionQueueTags", index), fix="remove one")


class WorkflowLevel(Shape):
    """What is set for one workflow of a domain; it need not exist yet."""

    attributes: Attributes
    """The attributes of this workflow."""


class DomainLevel(Shape):
    """What is set for one domain of the project; with nothing in it, the domain is listed."""

    attributes: Attributes | None = None
    """The attributes of this domain."""

    workflows: dict[FlyteName, WorkflowLevel] = Field(default_factory=dict)
    """What is set for single workflows, by name."""

    settings: Settings | None = None
    """Settings of this domain of the project, on Flyte 2; they go before those of the project."""


class ProjectSpec(Owned):
    """One project. Absent is unmanaged, `null` clears; a project is never archived by prune."""

    cleared_by_null: ClassVar[frozenset[str]] = frozenset(
        {"description", "labels", "attributes", "settings"}
    )

    name: ProjectId | None = None
    """The project id; default: `metadata.name`."""

    display_name: Text | None = None
    """The name that people see; default, at creation: the project id.

    At most 64 bytes on Flyte 1.
    """

    description: Text | None = None
    """What the project is for, at most 300 characters; Flyte 1 counts bytes and cannot clear it."""

    labels: Labels | None = None
    """Labels of the project, at most 16 in all; labels written by others stay."""

    state: Choice[ProjectState] | None = None
    """Active or Archived; absent: left as it is."""

    attributes: Attributes | None = None
    """The attributes of the project, for all its domains."""

    domains: dict[Domain, DomainLevel] = Field(default_factory=dict)
    """What is set for single domains, by domain."""

    settings: Settings | None = None
    """Settings of the project on Flyte 2, in every domain that is listed under `domains`."""

    @property
    def is_for(self) -> Flyte:
        """The Flyte that has what is declared here; Auto where both do."""
        levels = tuple(self.domains.values())
        if self.settings is not None or any(one.settings is not None for one in levels):
            return Flyte.FLYTE2
        has_attributes = any(one.attributes is not None or one.workflows for one in levels)
        return Flyte.FLYTE1 if has_attributes or self.attributes is not None else Flyte.AUTO

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Check the length of the description, and that nothing stands for "all of it"."""
        yield from super().faults(given)
        size = len(text_of(given, "description") or "")
        if size > MOST_DESCRIPTION:
            yield fault(
                f"has {size} characters; Flyte takes at most {MOST_DESCRIPTION}",
                at=("description",),
                fix="shorten it",
                is_in_value=True,
            )
        for name, one in (("attributes", "attribute"), ("settings", "setting")):
            if name in given and given[name] is None:
                why = f"is empty, which could mean to clear every {one}"
                yield fault(why, at=(name,), fix="remove it, or write null at each one to clear")

    @classmethod
    def name_faults(cls, name: str, given: Given) -> Iterator[PydanticCustomError]:
        """Check that the default of `name` can be a project id."""
        if given.get("name") is None and not re.fullmatch(DNS_LABEL, name):
            why = f'"{name}" is not {WORDS[DNS_LABEL]}'
            fix = "write the project id in spec.name"
            yield fault(why, at=("metadata", "name"), fix=fix, is_in_value=True)
