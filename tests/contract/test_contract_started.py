"""What Kubernetes would refuse: an execution fails at once, a single task is refused."""

from __future__ import annotations

import contract_messages as make
import contract_runs as run
import pytest
from contract_client import Client
from flyteidl.admin import common_pb2, matchable_resource_pb2
from flyteidl.core import execution_pb2 as core_execution

NAMES = {"upper_case": "X{}", "hyphen": "x{}-"}
LABEL = matchable_resource_pb2.ExecutionClusterLabel(value="gpu")


@pytest.mark.parametrize("case", NAMES)
async def test_name_that_kubernetes_does_not_take_fails_at_once(
    flyte1: Client, runs: str, case: str
) -> None:
    name = NAMES[case].format(runs)
    await flyte1.ok("CreateExecution", make.execution(runs, name))
    await failed(flyte1, runs, name, f'FlyteWorkflow.flyte.lyft.com "{name}" is invalid: ')
    listed = await flyte1.ok(
        "ListExecutions", make.listing(runs, filters="eq(phase,FAILED)+eq(error_kind,SYSTEM)")
    )
    assert [one.id.name for one in listed.executions] == [name]


async def failed(flyte1: Client, owner: str, name: str, reason: str) -> None:
    found = await flyte1.ok("GetExecution", run.get(owner, name))
    assert found.closure.phase == run.Phase.FAILED
    assert found.closure.error.kind == core_execution.ExecutionError.SYSTEM
    assert found.closure.error.code == "Internal"
    start = f"failed to create workflow in propeller {reason}"
    assert found.closure.error.message.startswith(start)
    refusal = await flyte1.refused(
        "CreateWorkflowEvent", run.event(owner, run.Phase.RUNNING, run=name)
    )
    assert refusal.code == "FAILED_PRECONDITION"


ANNOTATIONS = {
    "space": {"bad key": "v"},
    "empty": {"": "v"},
    "slashes": {"a/b/c": "v"},
    "long": {"k": "v" * 262_145},
}


@pytest.mark.parametrize("case", ANNOTATIONS)
async def test_annotation_that_kubernetes_does_not_take_fails_at_once(
    flyte1: Client, runs: str, case: str
) -> None:
    annotations = common_pb2.Annotations(values=ANNOTATIONS[case])
    request = make.execution(runs, f"x{runs}", annotations=annotations)
    await flyte1.ok("CreateExecution", request)
    await failed(flyte1, runs, f"x{runs}", "FlyteWorkflow.flyte.lyft.com ")


async def test_annotation_of_a_plan_that_kubernetes_does_not_take_fails_at_once(
    flyte1: Client, runs: str
) -> None:
    annotations = common_pb2.Annotations(values={"bad key": "v"})
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(runs, "q", annotations=annotations))
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}", plan="q"))
    await failed(flyte1, runs, f"x{runs}", "FlyteWorkflow.flyte.lyft.com ")


async def test_annotation_key_may_be_written_in_upper_case(flyte1: Client, runs: str) -> None:
    annotations = common_pb2.Annotations(values={"K.x/Y_z": "any thing"})
    request = make.execution(runs, f"x{runs}", annotations=annotations)
    await flyte1.ok("CreateExecution", request)
    found = await flyte1.ok("GetExecution", run.get(runs))
    assert found.closure.phase == run.Phase.UNDEFINED


async def test_one_cluster_knows_no_labels_of_clusters(flyte1: Client, runs: str) -> None:
    request = make.execution(runs, f"x{runs}", execution_cluster_label=LABEL)
    await flyte1.ok("CreateExecution", request)
    await failed(flyte1, runs, f"x{runs}", "execution cluster label gpu is not supported")


async def test_single_task_that_kubernetes_does_not_take_is_refused(
    flyte1: Client, runs: str
) -> None:
    request = make.execution(runs, f"x{runs}-")
    request.spec.launch_plan.CopyFrom(make.identifier(make.TASK, runs, "t"))
    refusal = await flyte1.refused("CreateExecution", request)
    assert refusal.code == "INTERNAL"
    assert refusal.text.startswith(
        f'failed to create workflow in propeller FlyteWorkflow.flyte.lyft.com "x{runs}-" is invalid'
    )
    refusal = await flyte1.refused("GetExecution", run.get(runs, f"x{runs}-"))
    assert refusal.code == "NOT_FOUND"
