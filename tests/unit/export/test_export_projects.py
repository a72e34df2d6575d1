"""Projects are exported with their labels and rows, and declare nothing that they do not have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from flyteidl.admin import (
    matchable_resource_pb2,
    project_domain_attributes_pb2,
    project_pb2,
    workflow_attributes_pb2,
)
from world import DOMAIN, PROJECT, World, open_world

from reconciler.api import exporting
from reconciler.api.connecting import Choice
from reconciler.engine import inventory
from reconciler.engine.inventory import Export, Selection


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        yield opened


async def exported(world: World, **selection: object) -> Export:
    async with world.session(read_only=True) as session:
        return await inventory.export(
            session.backend,
            Selection(**selection),  # type: ignore[arg-type]  # fields by name
            set_name="team",
            now=world.now,
        )


async def furnish(world: World) -> None:
    """Give the project labels, a domain row that the language can say, and one that it cannot."""
    project = project_pb2.Project(id=PROJECT, name="Snacks of Flyte", description="for tests")
    project.labels.values["team"] = "on"
    await world.stub.UpdateProject(project)
    limits = matchable_resource_pb2.MatchingAttributes()
    limits.task_resource_attributes.limits.cpu = "2"
    await world.stub.UpdateProjectDomainAttributes(
        project_domain_attributes_pb2.ProjectDomainAttributesUpdateRequest(
            attributes=project_domain_attributes_pb2.ProjectDomainAttributes(
                project=PROJECT, domain=DOMAIN, matching_attributes=limits
            )
        )
    )
    odd = matchable_resource_pb2.MatchingAttributes()
    odd.workflow_execution_config.max_parallelism = 3
    odd.workflow_execution_config.security_context.secrets.add(group="g", key="k")
    await world.stub.UpdateWorkflowAttributes(
        workflow_attributes_pb2.WorkflowAttributesUpdateRequest(
            attributes=workflow_attributes_pb2.WorkflowAttributes(
                project=PROJECT, domain=DOMAIN, workflow="etl.daily", matching_attributes=odd
            )
        )
    )


async def test_a_project_is_what_is_live_and_what_cannot_be_said_is_unmanaged(
    world: World,
) -> None:
    await furnish(world)
    world.declare()
    found = await exported(world)
    (project,) = found.exported
    assert project.document["spec"] == {
        "description": "for tests",
        "displayName": "Snacks of Flyte",
        "state": "Active",
        "labels": {"team": "on"},
        "domains": {
            DOMAIN: {"attributes": {"taskResources": {"limits": {"cpu": "2"}}}},
        },
    }
    assert "workflowExecution" in project.notes[0]
    (world.root / "reconcile.yaml").unlink()
    choice = Choice(chosen_by="test", endpoint=world.endpoint, insecure=True)
    files = exporting.files(found, choice, folder=world.root)
    exporting.write(files, folder=world.root)
    assert (world.root / PROJECT / "project.yaml").is_file()
    assert (await world.plan()).plan.is_empty


async def test_a_project_spans_domains_so_that_a_narrower_question_leaves_it_out(
    world: World,
) -> None:
    world.declare()
    assert not (await exported(world, domains=(DOMAIN,))).exported
    assert not (await exported(world, names=("etl*",))).exported
    assert not (await exported(world, kinds=("FlyteLaunchPlan",))).exported
    assert len((await exported(world, kinds=("FlyteProject",))).exported) == 1


async def test_what_there_is_not_is_refused(world: World) -> None:
    world.declare()
    with pytest.raises(inventory.UsageError, match="--kind: FlyteTrigger: cannot be exported"):
        await exported(world, kinds=("FlyteTrigger",))
    with pytest.raises(inventory.UsageError, match="--project: nope: there is none"):
        await exported(world, projects=("nope",))
