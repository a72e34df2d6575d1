"""Matchable attributes at three levels."""

from __future__ import annotations

from typing import Any

import contract_messages as make
import pytest
from contract_client import Client
from flyteidl.admin import (
    matchable_resource_pb2 as wire,
)
from flyteidl.admin import (
    project_attributes_pb2 as of_project,
)
from flyteidl.admin import (
    project_domain_attributes_pb2 as of_domain,
)
from flyteidl.admin import (
    project_pb2,
)
from flyteidl.admin import (
    workflow_attributes_pb2 as of_workflow,
)

QUEUE = wire.EXECUTION_QUEUE
PLUGINS = wire.PLUGIN_OVERRIDE


def queue(*tags: str) -> wire.MatchingAttributes:
    return wire.MatchingAttributes(
        execution_queue_attributes=wire.ExecutionQueueAttributes(tags=tags)
    )


def plugins(**by_type: str) -> wire.MatchingAttributes:
    overrides = [
        wire.PluginOverride(task_type=kind, plugin_id=[plugin]) for kind, plugin in by_type.items()
    ]
    return wire.MatchingAttributes(plugin_overrides=wire.PluginOverrides(overrides=overrides))


async def put(flyte1: Client, attributes: wire.MatchingAttributes, level: str, **key: str) -> None:
    method, request = writing(attributes, level, flyte1.project, **key)
    await flyte1.ok(method, request)


def writing(
    attributes: wire.MatchingAttributes, level: str, owner: str, **key: str
) -> tuple[str, Any]:
    domain, workflow = key.get("domain", make.DOMAIN), key.get("workflow", "wf")
    match level:
        case "project":
            body = of_project.ProjectAttributes(project=owner, matching_attributes=attributes)
            request = of_project.ProjectAttributesUpdateRequest(attributes=body)
            return "UpdateProjectAttributes", request
        case "domain":
            rows = of_domain.ProjectDomainAttributes(
                project=owner, domain=domain, matching_attributes=attributes
            )
            return "UpdateProjectDomainAttributes", (
                of_domain.ProjectDomainAttributesUpdateRequest(attributes=rows)
            )
        case _:
            row = of_workflow.WorkflowAttributes(
                project=owner, domain=domain, workflow=workflow, matching_attributes=attributes
            )
            return "UpdateWorkflowAttributes", (
                of_workflow.WorkflowAttributesUpdateRequest(attributes=row)
            )


def reading(level: str, owner: str, kind: Any = QUEUE) -> tuple[str, Any]:
    match level:
        case "project":
            return "GetProjectAttributes", of_project.ProjectAttributesGetRequest(
                project=owner, resource_type=kind
            )
        case "domain":
            return "GetProjectDomainAttributes", of_domain.ProjectDomainAttributesGetRequest(
                project=owner, domain=make.DOMAIN, resource_type=kind
            )
        case _:
            return "GetWorkflowAttributes", of_workflow.WorkflowAttributesGetRequest(
                project=owner, domain=make.DOMAIN, workflow="wf", resource_type=kind
            )


def removing(level: str, owner: str, kind: Any = QUEUE) -> tuple[str, Any]:
    match level:
        case "project":
            return "DeleteProjectAttributes", of_project.ProjectAttributesDeleteRequest(
                project=owner, resource_type=kind
            )
        case "domain":
            return "DeleteProjectDomainAttributes", of_domain.ProjectDomainAttributesDeleteRequest(
                project=owner, domain=make.DOMAIN, resource_type=kind
            )
        case _:
            return "DeleteWorkflowAttributes", of_workflow.WorkflowAttributesDeleteRequest(
                project=owner, domain=make.DOMAIN, workflow="wf", resource_type=kind
            )


async def rows(flyte1: Client, kind: Any = QUEUE) -> dict[tuple[str, str], Any]:
    request = wire.ListMatchableAttributesRequest(resource_type=kind)
    answer = await flyte1.ok("ListMatchableAttributes", request)
    return {
        (one.domain, one.workflow): one.attributes
        for one in answer.configurations
        if one.project == flyte1.project
    }


LEVELS = ["project", "domain", "workflow"]
KEYS = {"project": ("", ""), "domain": (make.DOMAIN, ""), "workflow": (make.DOMAIN, "wf")}


@pytest.mark.parametrize("level", LEVELS)
async def test_attribute_is_read_back(flyte1: Client, project: str, level: str) -> None:
    await put(flyte1, queue("a"), level)
    answer = await flyte1.ok(*reading(level, project))
    assert answer.attributes.matching_attributes == queue("a")


@pytest.mark.parametrize("level", LEVELS)
async def test_attribute_update_replaces_the_whole_value(
    flyte1: Client, project: str, level: str
) -> None:
    await put(flyte1, queue("a", "b"), level)
    await put(flyte1, queue("c"), level)
    assert (await rows(flyte1))[KEYS[level]] == queue("c")


@pytest.mark.parametrize("level", LEVELS)
async def test_absent_attribute_is_not_found(flyte1: Client, project: str, level: str) -> None:
    refusal = await flyte1.refused(*reading(level, project))
    assert refusal.code == "NOT_FOUND"
    assert refusal.text.startswith("Resource [")


@pytest.mark.parametrize("level", LEVELS)
async def test_deleted_attribute_is_gone(flyte1: Client, project: str, level: str) -> None:
    await put(flyte1, queue("a"), level)
    await flyte1.ok(*removing(level, project))
    assert await rows(flyte1) == {}


@pytest.mark.parametrize("level", LEVELS)
async def test_deleting_an_absent_attribute_is_accepted(
    flyte1: Client, project: str, level: str
) -> None:
    await flyte1.ok(*removing(level, project))


async def test_list_shows_every_level_raw(flyte1: Client, project: str) -> None:
    for level, tag in (("project", "p"), ("domain", "d"), ("workflow", "w")):
        await put(flyte1, queue(tag), level)
    assert await rows(flyte1) == {
        ("", ""): queue("p"),
        (make.DOMAIN, ""): queue("d"),
        (make.DOMAIN, "wf"): queue("w"),
    }


async def test_t10_workflow_read_inherits_from_its_domain(flyte1: Client, project: str) -> None:
    await put(flyte1, queue("d"), "domain")
    answer = await flyte1.ok(*reading("workflow", project))
    assert (answer.attributes.domain, answer.attributes.workflow) == (make.DOMAIN, "")
    assert answer.attributes.matching_attributes == queue("d")


async def test_t10_domain_read_inherits_from_its_project(flyte1: Client, project: str) -> None:
    await put(flyte1, queue("p"), "project")
    answer = await flyte1.ok(*reading("domain", project))
    assert (answer.attributes.project, answer.attributes.domain) == (project, "")


async def test_narrow_row_wins_over_a_broad_one(flyte1: Client, project: str) -> None:
    await put(flyte1, queue("w"), "workflow")
    await put(flyte1, queue("p"), "project")
    await put(flyte1, queue("d"), "domain")
    answer = await flyte1.ok(*reading("workflow", project))
    assert answer.attributes.matching_attributes == queue("w")


async def test_project_read_does_not_see_narrower_rows(flyte1: Client, project: str) -> None:
    await put(flyte1, queue("d"), "domain")
    assert (await flyte1.refused(*reading("project", project))).code == "NOT_FOUND"


async def test_t12_project_delete_takes_all_narrower_rows(flyte1: Client, project: str) -> None:
    await put(flyte1, queue("p"), "project")
    await put(flyte1, queue("d"), "domain", domain="staging")
    await put(flyte1, queue("w"), "workflow")
    await flyte1.ok(*removing("project", project))
    assert await rows(flyte1) == {}


async def test_t12_domain_delete_takes_the_workflow_rows(flyte1: Client, project: str) -> None:
    await put(flyte1, queue("p"), "project")
    await put(flyte1, queue("d"), "domain")
    await put(flyte1, queue("w"), "workflow")
    await put(flyte1, queue("s"), "workflow", domain="staging")
    await flyte1.ok(*removing("domain", project))
    assert set(await rows(flyte1)) == {("", ""), ("staging", "wf")}


async def test_workflow_delete_takes_one_row(flyte1: Client, project: str) -> None:
    await put(flyte1, queue("a"), "workflow")
    await put(flyte1, queue("b"), "workflow", workflow="other")
    await flyte1.ok(*removing("workflow", project))
    assert set(await rows(flyte1)) == {(make.DOMAIN, "other")}


async def test_delete_takes_one_kind(flyte1: Client, project: str) -> None:
    await put(flyte1, queue("a"), "domain")
    label = wire.MatchingAttributes(execution_cluster_label=wire.ExecutionClusterLabel(value="x"))
    await put(flyte1, label, "domain")
    await flyte1.ok(*removing("domain", project))
    assert set(await rows(flyte1, wire.EXECUTION_CLUSTER_LABEL)) == {(make.DOMAIN, "")}


KINDS = {
    "task_resource": (
        wire.TASK_RESOURCE,
        wire.MatchingAttributes(
            task_resource_attributes=wire.TaskResourceAttributes(
                defaults=wire.TaskResourceSpec(cpu="1"), limits=wire.TaskResourceSpec(cpu="many")
            )
        ),
    ),
    "cluster_resource": (
        wire.CLUSTER_RESOURCE,
        wire.MatchingAttributes(
            cluster_resource_attributes=wire.ClusterResourceAttributes(attributes={"quota": "1"})
        ),
    ),
    "cluster_label": (
        wire.EXECUTION_CLUSTER_LABEL,
        wire.MatchingAttributes(execution_cluster_label=wire.ExecutionClusterLabel(value="x")),
    ),
    "execution_config": (
        wire.WORKFLOW_EXECUTION_CONFIG,
        wire.MatchingAttributes(
            workflow_execution_config=wire.WorkflowExecutionConfig(max_parallelism=5)
        ),
    ),
}


@pytest.mark.parametrize("name", KINDS)
async def test_kind_can_be_written(flyte1: Client, project: str, name: str) -> None:
    kind, value = KINDS[name]
    await put(flyte1, value, "domain")
    assert (await rows(flyte1, kind))[make.DOMAIN, ""] == value


async def test_cluster_pool_can_be_written(flyte1: Client, project: str) -> None:
    value = wire.MatchingAttributes()
    value.cluster_assignment.cluster_pool_name = "gpu"
    await put(flyte1, value, "workflow")
    assert (await rows(flyte1, wire.CLUSTER_ASSIGNMENT))[make.DOMAIN, "wf"] == value


@pytest.mark.parametrize("level", LEVELS)
async def test_t14_quality_of_service_cannot_be_written(
    flyte1: Client, project: str, level: str
) -> None:
    value = wire.MatchingAttributes()
    value.quality_of_service.tier = 1
    refusal = await flyte1.refused(*writing(value, level, project))
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("Unrecognized matching attributes type for request")


async def test_attributes_without_a_kind_are_refused(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused(*writing(wire.MatchingAttributes(), "domain", project))
    assert (
        refusal.text == f"Unrecognized matching attributes type for request {project}-development"
    )


async def test_request_without_attributes_is_refused(flyte1: Client, project: str) -> None:
    request = of_domain.ProjectDomainAttributesUpdateRequest()
    refusal = await flyte1.refused("UpdateProjectDomainAttributes", request)
    assert refusal.text == "missing attributes"


async def test_request_without_matching_attributes_is_refused(flyte1: Client, project: str) -> None:
    rows_ = of_domain.ProjectDomainAttributes(project=project, domain=make.DOMAIN)
    request = of_domain.ProjectDomainAttributesUpdateRequest(attributes=rows_)
    refusal = await flyte1.refused("UpdateProjectDomainAttributes", request)
    assert refusal.text == "missing matching_attributes"


async def test_workflow_attribute_needs_a_workflow_name(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused(*writing(queue("a"), "workflow", project, workflow=""))
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "missing name")


@pytest.mark.parametrize("level", LEVELS)
async def test_attribute_of_an_unknown_project_is_an_invalid_argument(
    flyte1: Client, level: str
) -> None:
    for method, request in (
        writing(queue("a"), level, flyte1.project),
        reading(level, flyte1.project),
        removing(level, flyte1.project),
    ):
        refusal = await flyte1.refused(method, request)
        assert refusal.code == "INVALID_ARGUMENT"
        assert refusal.text.startswith("failed to validate that project [")


async def test_attribute_of_an_unknown_domain_is_an_invalid_argument(
    flyte1: Client, project: str
) -> None:
    refusal = await flyte1.refused(*writing(queue("a"), "domain", project, domain="nowhere"))
    assert refusal.text == "domain [nowhere] is unrecognized by system"


async def archive(flyte1: Client) -> None:
    archived = project_pb2.Project(id=flyte1.project, state=project_pb2.Project.ARCHIVED)
    await flyte1.ok("UpdateProject", archived)


@pytest.mark.parametrize("level", ["domain", "workflow"])
async def test_t6_archived_project_refuses_even_reads(
    flyte1: Client, project: str, level: str
) -> None:
    await put(flyte1, queue("a"), level)
    await archive(flyte1)
    for method, request in (
        writing(queue("b"), level, project),
        reading(level, project),
        removing(level, project),
    ):
        refusal = await flyte1.refused(method, request)
        assert refusal.code == "INVALID_ARGUMENT"
        assert refusal.detail == "flyteidl.admin.InactiveProject"


async def test_t6_archived_project_still_shows_project_attributes(
    flyte1: Client, project: str
) -> None:
    await put(flyte1, queue("a"), "project")
    await archive(flyte1)
    await flyte1.ok(*reading("project", project))
    assert set(await rows(flyte1)) == {("", "")}


async def test_t6_archived_project_refuses_project_attribute_writes(
    flyte1: Client, project: str
) -> None:
    await archive(flyte1)
    for method, request in (writing(queue("b"), "project", project), removing("project", project)):
        refusal = await flyte1.refused(method, request)
        assert refusal.code == "INVALID_ARGUMENT"
        assert refusal.text == f"project [{project}] is not active"
        assert refusal.detail == ""


async def test_t13_plugin_overrides_merge_by_task_type(flyte1: Client, project: str) -> None:
    await put(flyte1, plugins(a="1", b="1"), "workflow")
    await put(flyte1, plugins(b="2", c="2"), "workflow")
    stored = (await rows(flyte1, PLUGINS))[make.DOMAIN, "wf"].plugin_overrides.overrides
    assert {one.task_type: list(one.plugin_id) for one in stored} == {
        "a": ["1"],
        "b": ["2"],
        "c": ["2"],
    }


async def test_t13_plugin_override_of_a_project_always_fails(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused(*writing(plugins(a="1"), "project", project))
    assert refusal.code == "INTERNAL"
    assert "missing and/or invalid parameters" in refusal.text


async def test_t13_domain_override_lands_in_an_older_workflow_row(
    flyte1: Client, project: str
) -> None:
    await put(flyte1, plugins(a="1"), "workflow")
    await put(flyte1, plugins(b="2"), "domain")
    stored = await rows(flyte1, PLUGINS)
    assert set(stored) == {(make.DOMAIN, "wf")}
    kinds = {one.task_type for one in stored[make.DOMAIN, "wf"].plugin_overrides.overrides}
    assert kinds == {"a", "b"}


async def test_t13_domain_override_finds_its_own_row_when_that_is_older(
    flyte1: Client, project: str
) -> None:
    await put(flyte1, plugins(a="1"), "domain")
    await put(flyte1, plugins(b="2"), "workflow")
    await put(flyte1, plugins(c="3"), "domain")
    stored = await rows(flyte1, PLUGINS)
    kinds = {
        key: {one.task_type for one in value.plugin_overrides.overrides}
        for key, value in stored.items()
    }
    assert kinds == {(make.DOMAIN, ""): {"a", "c"}, (make.DOMAIN, "wf"): {"b"}}


async def test_t11_execution_config_of_a_project_is_never_not_found(
    flyte1: Client, project: str
) -> None:
    answer = await flyte1.ok(*reading("project", project, wire.WORKFLOW_EXECUTION_CONFIG))
    config = answer.attributes.matching_attributes.workflow_execution_config
    assert config.max_parallelism == 25


async def test_t11_execution_config_of_a_project_is_filled_up(flyte1: Client, project: str) -> None:
    value = wire.MatchingAttributes(
        workflow_execution_config=wire.WorkflowExecutionConfig(overwrite_cache=True)
    )
    await put(flyte1, value, "project")
    answer = await flyte1.ok(*reading("project", project, wire.WORKFLOW_EXECUTION_CONFIG))
    config = answer.attributes.matching_attributes.workflow_execution_config
    assert (config.max_parallelism, config.overwrite_cache) == (25, True)
    assert (await rows(flyte1, wire.WORKFLOW_EXECUTION_CONFIG))["", ""] == value


async def test_execution_config_of_a_domain_is_not_filled_up(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused(*reading("domain", project, wire.WORKFLOW_EXECUTION_CONFIG))
    assert refusal.code == "NOT_FOUND"


async def test_unknown_kind_cannot_be_listed(flyte1: Client) -> None:
    request = wire.ListMatchableAttributesRequest(resource_type=99)
    refusal = await flyte1.refused("ListMatchableAttributes", request)
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", "invalid value for resource_type")


async def test_task_above_the_limit_of_its_project_is_refused(flyte1: Client, project: str) -> None:
    limits = wire.MatchingAttributes(
        task_resource_attributes=wire.TaskResourceAttributes(
            limits=wire.TaskResourceSpec(memory="100Mi")
        )
    )
    await put(flyte1, limits, "project")
    request = make.task(project)
    request.spec.template.container.resources.requests.add(name=3, value="200Mi")
    refusal = await flyte1.refused("CreateTask", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("Requested MEMORY default [")
    assert "greater than current limit set in the platform configuration" in refusal.text
