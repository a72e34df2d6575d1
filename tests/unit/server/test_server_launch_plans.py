"""What no call shows: the schedules behind the states."""

from __future__ import annotations

import pathlib
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2, tasks_pb2

from reconciler.server.flyte1 import launch_plans, tasks, workflows
from reconciler.server.status import StatusError
from reconciler.server.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT, DOMAIN = "flytesnacks", "development"


def identifier(kind: Any, name: str, version: str = "v1") -> identifier_pb2.Identifier:
    return identifier_pb2.Identifier(
        resource_type=kind, project=PROJECT, domain=DOMAIN, name=name, version=version
    )


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "flyte.db")) as opened:
        task = task_pb2.TaskCreateRequest(id=identifier(identifier_pb2.TASK, "t"))
        task.spec.template.type = "python-task"
        task.spec.template.metadata.SetInParent()
        task.spec.template.interface.SetInParent()
        task.spec.template.container.CopyFrom(tasks_pb2.Container(image="img"))
        tasks.create(opened, task)
        workflow = workflow_pb2.WorkflowCreateRequest(id=identifier(identifier_pb2.WORKFLOW, "w"))
        node = workflow.spec.template.nodes.add(id="n0")
        node.task_node.reference_id.CopyFrom(task.id)
        workflows.create(opened, workflow)
        yield opened


def plan(store: Store, version: str, *, cron: str = "", old: str = "") -> None:
    request = launch_plan_pb2.LaunchPlanCreateRequest(
        id=identifier(identifier_pb2.LAUNCH_PLAN, "p", version)
    )
    request.spec.workflow_id.CopyFrom(identifier(identifier_pb2.WORKFLOW, "w"))
    schedule = request.spec.entity_metadata.schedule
    if cron:
        schedule.cron_schedule.schedule = cron
    if old:
        schedule.cron_expression = old
    launch_plans.create(store, request)


def move(store: Store, version: str, *, active: bool) -> None:
    request = launch_plan_pb2.LaunchPlanUpdateRequest(
        id=identifier(identifier_pb2.LAUNCH_PLAN, "p", version),
        state=launch_plan_pb2.ACTIVE if active else launch_plan_pb2.INACTIVE,
    )
    launch_plans.update(store, request)


def schedules(store: Store) -> dict[str, bool]:
    rows = store.rows("SELECT version, active FROM schedulable_entities")
    return {row["version"]: bool(row["active"]) for row in rows}


def baseline(store: Store, version: str) -> int:
    row = store.row("SELECT updated_at FROM schedulable_entities WHERE version = ?", (version,))
    assert row is not None
    moved: int = row["updated_at"]
    return moved


def test_activation_moves_the_schedule_to_the_new_version(store: Store) -> None:
    plan(store, "v1", cron="0 6 * * *")
    plan(store, "v2", cron="0 7 * * *")
    move(store, "v1", active=True)
    move(store, "v2", active=True)
    assert schedules(store) == {"v1": False, "v2": True}


def test_deactivation_ends_the_schedule(store: Store) -> None:
    plan(store, "v1", cron="0 6 * * *")
    move(store, "v1", active=True)
    move(store, "v1", active=False)
    assert schedules(store) == {"v1": False}


def test_t1_failed_activation_leaves_the_active_version_without_a_schedule(store: Store) -> None:
    plan(store, "v1", cron="0 6 * * *")
    plan(store, "v2", old="0 7 * * *")
    move(store, "v1", active=True)
    with pytest.raises(StatusError):
        move(store, "v2", active=True)
    assert schedules(store) == {"v1": False}


def test_t1_activating_the_old_version_again_repairs_its_schedule(store: Store) -> None:
    plan(store, "v1", cron="0 6 * * *")
    plan(store, "v2", old="0 7 * * *")
    move(store, "v1", active=True)
    with pytest.raises(StatusError):
        move(store, "v2", active=True)
    move(store, "v1", active=True)
    assert schedules(store) == {"v1": True}


def test_t7_activating_the_active_version_again_moves_its_catch_up_baseline(store: Store) -> None:
    plan(store, "v1", cron="0 6 * * *")
    move(store, "v1", active=True)
    before = baseline(store, "v1")
    move(store, "v1", active=True)
    assert baseline(store, "v1") > before


def test_plan_without_a_schedule_leaves_no_trace(store: Store) -> None:
    plan(store, "v1")
    move(store, "v1", active=True)
    assert schedules(store) == {}
