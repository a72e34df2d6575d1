"""One suite, any endpoint: the embedded Flyte 2 always, a real manager when a variable names it.

`RECONCILER_FLYTE2_ENDPOINT` is HOST:PORT of a real manager without TLS, and
`RECONCILER_FLYTE2_VERSION` says which one it is, since no call tells. Run against it, each test
also writes what it saw to tests/recordings/flyte2, which test_contract2_replay.py plays back to the
embedded Flyte. A test's project is its own, so a shared server can be used again and again.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import secrets
from typing import TYPE_CHECKING, Any

import flyte2_messages as make
import grpc.aio
import pytest
from contract_kit import OPTIONS
from flyte2_client import FLYTE2, TOLD, Client

from reconciler.server.embedded import open_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ENDPOINT = os.environ.get("RECONCILER_FLYTE2_ENDPOINT", "")
VERSION = os.environ.get("RECONCILER_FLYTE2_VERSION", "")
RECORDINGS = pathlib.Path(__file__).parent.parent / "recordings" / "flyte2"
_RUN = secrets.token_hex(4)


def pytest_report_collectionfinish() -> str:
    if ENDPOINT:
        return f"contract suite of Flyte 2: embedded, and the real one at {ENDPOINT}"
    return (
        "contract suite of Flyte 2: embedded alone (RECONCILER_FLYTE2_ENDPOINT names no real one)"
    )


def pytest_generate_tests(metafunc: Any) -> None:
    if "flyte2" in metafunc.fixturenames:
        kinds = [pytest.param("embedded", id="embedded")]
        if ENDPOINT:
            kinds.append(pytest.param("real", id="real", marks=pytest.mark.real))
        metafunc.parametrize("flyte2", kinds, indirect=True)


@pytest.fixture
async def flyte2(request: Any, tmp_path: pathlib.Path) -> AsyncIterator[Client]:
    """A client of the endpoint under test, with a project id that nobody uses."""
    name = _name(request.node)
    if request.param == "embedded":
        async with (
            open_server(tmp_path / "embedded") as server,
            grpc.aio.insecure_channel(server.grpc_address, options=OPTIONS) as channel,
        ):
            yield Client(FLYTE2, channel, _project(name, "embedded"), "embedded")
        return
    assert VERSION, "RECONCILER_FLYTE2_VERSION must say which manager this is"
    async with grpc.aio.insecure_channel(ENDPOINT, options=OPTIONS) as channel:
        client = Client(FLYTE2, channel, _project(name, _RUN), "real")
        yield client
        client.write(RECORDINGS / f"{name}.json", VERSION)


def _name(node: Any) -> str:
    """The test's name with its case, whatever the endpoint."""
    cases = [part for part in node.callspec.id.split("-") if part not in ("embedded", "real")]
    return "-".join([node.originalname, *cases])


def _project(test: str, run: str) -> str:
    return "c" + hashlib.sha256(f"{test} {run}".encode()).hexdigest()[:11]


@pytest.fixture
async def project(flyte2: Client) -> str:
    """The test's project, created."""
    await flyte2.ok("CreateProject", make.project(flyte2.project))
    return flyte2.project


@pytest.fixture
async def task(flyte2: Client, project: str) -> str:
    """The project, with the task `env.t` at v1."""
    await flyte2.ok("DeployTask", make.task(project))
    return project


@pytest.fixture
async def trigger(flyte2: Client, task: str) -> str:
    """The project, with the active trigger `nightly` of the task, at revision 1."""
    await flyte2.ok("DeployTrigger", make.trigger(task))
    return task


@pytest.fixture
async def told(flyte2: Client) -> Client:
    """The client of a test whose runs are reported by nobody but itself; project made."""
    flyte2.wire = TOLD
    await flyte2.ok("CreateProject", make.project(flyte2.project))
    return flyte2
