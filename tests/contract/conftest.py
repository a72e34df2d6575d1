"""One suite, any endpoint: the embedded Flyte always, a real one when a variable names it.

`RECONCILER_FLYTE1_ENDPOINT` is HOST:PORT of a real flyteadmin without TLS. Run against it, each
test also writes what it saw to tests/recordings/flyte1, which test_contract_replay.py plays back to
the embedded Flyte. A test's project is its own, so a shared server can be used again and again.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import secrets
from typing import TYPE_CHECKING, Any

import contract_messages as make
import grpc.aio
import pytest
from contract_client import FLYTE1, Client
from contract_kit import OPTIONS, call
from flyteidl.admin import execution_pb2, version_pb2
from flyteidl.core import execution_pb2 as core_execution

from reconciler.server.embedded import open_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ENDPOINT = os.environ.get("RECONCILER_FLYTE1_ENDPOINT", "")
RECORDINGS = pathlib.Path(__file__).parent.parent / "recordings" / "flyte1"
_RUN = secrets.token_hex(4)


def pytest_report_collectionfinish() -> str:
    if ENDPOINT:
        return f"contract suite: embedded Flyte, and the real one at {ENDPOINT}"
    return "contract suite: embedded Flyte alone (RECONCILER_FLYTE1_ENDPOINT names no real one)"


def pytest_generate_tests(metafunc: Any) -> None:
    if "flyte1" in metafunc.fixturenames:
        kinds = [pytest.param("embedded", id="embedded")]
        if ENDPOINT:
            kinds.append(pytest.param("real", id="real", marks=pytest.mark.real))
        metafunc.parametrize("flyte1", kinds, indirect=True)


@pytest.fixture
async def flyte1(request: Any, tmp_path: pathlib.Path) -> AsyncIterator[Client]:
    """A client of the endpoint under test, with a project id that nobody uses."""
    name = _name(request.node)
    if request.param == "embedded":
        async with (
            open_server(tmp_path / "embedded") as server,
            grpc.aio.insecure_channel(server.grpc_address, options=OPTIONS) as channel,
        ):
            yield Client(FLYTE1, channel, _project(name, "embedded"), "embedded")
        return
    async with grpc.aio.insecure_channel(ENDPOINT, options=OPTIONS) as channel:
        client = Client(FLYTE1, channel, _project(name, _RUN), "real")
        yield client
        version = await call(FLYTE1, channel, "GetVersion", version_pb2.GetVersionRequest())
        client.write(RECORDINGS / f"{name}.json", version.control_plane_version.Version)


def _name(node: Any) -> str:
    """The test's name with its case, whatever the endpoint."""
    cases = [part for part in node.callspec.id.split("-") if part not in ("embedded", "real")]
    return "-".join([node.originalname, *cases])


def _project(test: str, run: str) -> str:
    return "c" + hashlib.sha256(f"{test} {run}".encode()).hexdigest()[:11]


@pytest.fixture
async def project(flyte1: Client) -> str:
    """The test's project, registered."""
    await flyte1.ok("RegisterProject", make.project(flyte1.project))
    return flyte1.project


@pytest.fixture
async def workflow(flyte1: Client, project: str) -> str:
    """The project, with the task `t` and the workflow `w` at v1, neither with inputs."""
    await flyte1.ok("CreateTask", make.task(project))
    await flyte1.ok("CreateWorkflow", make.simple_workflow(project))
    return project


@pytest.fixture
async def plan(flyte1: Client, workflow: str) -> str:
    """The project, with the launch plan `p` at v1 of the workflow, inactive."""
    await flyte1.ok("CreateLaunchPlan", make.launch_plan(workflow))
    return workflow


@pytest.fixture
async def runs(flyte1: Client, plan: str) -> str:
    """The project with its launch plan, on a server that can start an execution.

    A real one starts what Kubernetes takes as a FlyteWorkflow: its API server must know the
    definition (flyteworkflows.flyte.lyft.com) and have, or not ask for, a namespace per project.
    """
    if flyte1.kind == "real" and await _fails_at_once(flyte1):
        pytest.skip(f"{ENDPOINT} cannot start executions: Kubernetes refuses its FlyteWorkflow")
    return plan


async def _fails_at_once(flyte1: Client) -> bool:
    request = make.execution(flyte1.project, "probe")
    request.domain = "staging"
    answer = await call(FLYTE1, flyte1.channel, "CreateExecution", request)
    get = execution_pb2.WorkflowExecutionGetRequest(id=answer.id)
    found = await call(FLYTE1, flyte1.channel, "GetExecution", get)
    return bool(found.closure.phase == core_execution.WorkflowExecution.FAILED)
