"""What no single call shows: many executions are listed page by page without reading all."""

from __future__ import annotations

import pathlib
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from flyteidl.admin import common_pb2, execution_pb2, launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2, tasks_pb2

from reconciler.server.flyte1 import (
    execution_creation,
    executions,
    filters,
    launch_plans,
    tasks,
    workflows,
)
from reconciler.server.flyte1.columns import EXECUTION
from reconciler.server.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT, DOMAIN = "flytesnacks", "development"
COUNT = 10_000
LIMIT = 1_000


def identifier(kind: identifier_pb2.ResourceType, name: str) -> identifier_pb2.Identifier:
    return identifier_pb2.Identifier(
        resource_type=kind, project=PROJECT, domain=DOMAIN, name=name, version="v1"
    )


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Iterator[Store]:
    """A store with the launch plan `p` and ten thousand executions of it."""
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
        workflow.spec.template.interface.SetInParent()
        workflows.create(opened, workflow)
        plan = launch_plan_pb2.LaunchPlanCreateRequest(
            id=identifier(identifier_pb2.LAUNCH_PLAN, "p")
        )
        plan.spec.workflow_id.CopyFrom(workflow.id)
        launch_plans.create(opened, plan)
        request = execution_pb2.ExecutionCreateRequest(
            project=PROJECT, domain=DOMAIN, name="x0", spec={"launch_plan": plan.id}
        )
        execution_creation.create(opened, request)
        columns = [
            row["name"]
            for row in opened.rows("SELECT name FROM pragma_table_info('executions')")
            if row["name"] not in ("id", "execution_name", "execution_created_at")
        ]
        copied = ", ".join(f'"{name}"' for name in columns)
        with opened.writing():
            opened.run(
                "WITH RECURSIVE numbers(n) AS "  # the table's own columns
                f"(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {COUNT - 1}) "
                f"INSERT INTO executions (execution_name, execution_created_at, {copied}) "
                f"SELECT 'x' || n, execution_created_at + n * 1000000, {copied} "
                "FROM numbers, executions WHERE execution_name = 'x0'"
            )
        yield opened


@pytest.mark.parametrize("text", ["", "eq(launch_plan.name,p)", "eq(phase,UNDEFINED)"])
def test_ten_thousand_executions_come_once_each_in_pages(store: Store, text: str) -> None:
    seen: list[str] = []
    token = ""
    while True:
        request = common_pb2.ResourceListRequest(
            id=common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN),
            limit=LIMIT,
            token=token,
            filters=text,
            sort_by=common_pb2.Sort(key="id", direction=common_pb2.Sort.ASCENDING),
        )
        answer = executions.list_executions(store, request)
        seen += [one.id.name for one in answer.executions]
        token = answer.token
        if not token:
            break
    assert len(seen) == len(set(seen)) == COUNT


# What a search for gaps, a list of what runs and one of what is hidden too ask for.
LISTS = (
    "eq(launch_plan.name,p)+value_in(mode,0;1)+gte(execution_created_at,2020-01-01T00:00:00Z)",
    "eq(launch_plan.name,p)+lte(execution_created_at,2100-01-01T00:00:00Z)",
    "value_in(phase,QUEUED;RUNNING)",
    "eq(workflow.name,w)+gte(execution_created_at,2020-01-01T00:00:00Z)",
    "value_in(execution_name,x1;x2)",
)


@pytest.mark.parametrize("text", LISTS)
def test_newest_page_is_read_from_an_index_whatever_is_asked_for(
    store: Store, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, Any]] = []
    read = store.rows

    def rows(sql: str, values: Any = ()) -> Any:
        asked.append((sql, values))
        return read(sql, values)

    monkeypatch.setattr(store, "rows", rows)
    request = common_pb2.ResourceListRequest(
        id=common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN),
        limit=500,
        filters=text,
        sort_by=common_pb2.Sort(key="execution_created_at", direction=common_pb2.Sort.DESCENDING),
    )
    executions.list_executions(store, request)

    ((sql, values),) = asked
    steps = [row["detail"] for row in read(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert steps[0].startswith("SEARCH executions USING INDEX executions_created"), steps
    # Rows of one moment alone have to be put in order.
    assert "USE TEMP B-TREE FOR ORDER BY" not in steps, steps


@pytest.mark.parametrize("column", ["id", "execution_created_at"])
def test_a_page_is_read_from_an_index_and_sorts_nothing(store: Store, column: str) -> None:
    ascending = common_pb2.Sort(key=column, direction=common_pb2.Sort.ASCENDING)
    order = filters.order(ascending, EXECUTION, default="executions.id")
    rows = store.rows(
        "EXPLAIN QUERY PLAN SELECT executions.* FROM executions "
        "WHERE executions.execution_project = ? AND executions.execution_domain = ? "
        f"AND executions.state = ?{order} LIMIT 100",
        (PROJECT, DOMAIN, 0),
    )
    steps = [row["detail"] for row in rows]
    assert any("USING INDEX executions_" in step for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps
