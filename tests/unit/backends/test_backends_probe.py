"""What the probe says of a connection, layer by layer, against real sockets and certificates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from backends_servers import Certificates, FlyteServer, http_serving, serving
from flyteidl.admin import (
    common_pb2,
    launch_plan_pb2,
    project_pb2,
    task_pb2,
    version_pb2,
    workflow_pb2,
)
from flyteidl.service import identity_pb2

from reconciler.backends import settings as connection
from reconciler.backends.flyte1 import channel, methods
from reconciler.backends.flyte1.probe import probe
from reconciler.backends.settings import Settings, Tls
from reconciler.backends.wire import channel as wire
from reconciler.backends.wire.method import Effect
from reconciler.model.health import Check, Health


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_BACK_OFF_SECONDS", 0.01)


def healthy(server: FlyteServer, *, version: str = "v1.16.8", ahead: float = 0) -> None:
    """Let the server answer everything, with plans made `ahead` seconds in the future."""

    def give(answer: Any) -> Any:
        async def handle(_request: Any, _context: Any) -> Any:
            return answer

        return handle

    plan = launch_plan_pb2.LaunchPlan()
    plan.closure.created_at.FromDatetime(datetime.now(UTC) + timedelta(seconds=ahead))
    project = project_pb2.Project(id="p", domains=[project_pb2.Domain(id="d")])
    release = version_pb2.GetVersionResponse()
    release.control_plane_version.Version = version
    answers = {
        methods.GET_VERSION: release,
        methods.USER_INFO: identity_pb2.UserInfoResponse(email="ci@example.com"),
        methods.LIST_PROJECTS: project_pb2.Projects(projects=[project]),
        methods.LIST_ACTIVE_LAUNCH_PLANS: launch_plan_pb2.LaunchPlanList(launch_plans=[plan]),
        methods.LIST_LAUNCH_PLANS: launch_plan_pb2.LaunchPlanList(),
        methods.LIST_WORKFLOWS: workflow_pb2.WorkflowList(),
        methods.LIST_TASKS: task_pb2.TaskList(),
        methods.LIST_NAMED_ENTITIES: common_pb2.NamedEntityList(),
    }
    for method, answer in answers.items():
        server.on(method, give(answer))


async def probed(settings: Settings) -> dict[str, Check]:
    async with channel.connect(settings, read_only=True) as opened:
        return {check.name: check for check in await probe(opened)}


def secured(server: FlyteServer, security: Tls) -> Settings:
    return Settings(endpoint=server.endpoint, chosen_by="test", tls=security)


async def test_a_healthy_server_has_nothing_wrong(flyte: FlyteServer) -> None:
    healthy(flyte)
    found = await probed(flyte.settings())
    assert {check.health for check in found.values()} == {Health.OK}
    assert "ci@example.com" in found["identity"].detail
    assert "ListTasks" in found["calls"].detail


async def test_every_wrong_certificate_has_its_own_remedy(
    certificates: Certificates, foreign_certificates: Certificates
) -> None:
    async with serving(certificates.server("127.0.0.1")) as server:
        healthy(server)
        good = await probed(secured(server, Tls(ca_file=certificates.ca_file)))
        wrong = await probed(secured(server, Tls(ca_file=foreign_certificates.ca_file)))
        blind = await probed(secured(server, Tls(insecure_skip_verify=True)))
    async with serving(certificates.server("flyte.test")) as server:
        other = await probed(secured(server, Tls(ca_file=certificates.ca_file)))
    assert good["tls"].health is Health.OK
    assert "valid until" in good["tls"].detail
    assert "tls.caFile" in wrong["tls"].fix
    assert set(wrong) == {"tcp", "tls"}, "nothing is asked of a server that is not trusted"
    assert blind["tls"].health is Health.WARNING
    assert "host name that the certificate is for" in other["tls"].fix
    assert wrong["tls"].exit_code == other["tls"].exit_code == 4


async def test_plaintext_where_tls_is_expected(flyte: FlyteServer) -> None:
    found = await probed(secured(flyte, Tls()))
    assert found["tls"].health is Health.ERROR
    assert "tls.insecure: true" in found["tls"].fix


async def test_a_web_server_is_not_a_flyte() -> None:
    async def page(_request: Any) -> Any:
        raise AssertionError("gRPC's preface is no request")

    async with http_serving(page) as base:
        endpoint = base.removeprefix("http://")
        settings = Settings(endpoint=endpoint, chosen_by="test", tls=Tls(insecure=True))
        found = await probed(settings)
    assert found["grpc"].health is Health.ERROR
    assert found["grpc"].exit_code == 4
    assert set(found) == {"tcp", "tls", "grpc"}


@pytest.mark.parametrize(
    ("version", "health"),
    [
        ("v1.16.8", Health.OK),
        ("1.17.0-b3", Health.OK),
        ("v1.16.7", Health.WARNING),
        ("v1.9.30", Health.WARNING),
        ("unknown", Health.WARNING),
    ],
)
async def test_versions_before_the_proven_one_are_a_warning(
    flyte: FlyteServer, version: str, health: Health
) -> None:
    healthy(flyte, version=version)
    assert (await probed(flyte.settings()))["version"].health is health


async def test_a_denied_call_is_named_beside_those_that_are_permitted(flyte: FlyteServer) -> None:
    async def deny(_request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")

    healthy(flyte)
    flyte.on(methods.LIST_WORKFLOWS, deny)
    found = await probed(flyte.settings())
    assert found["call ListWorkflows"].health is Health.ERROR
    assert found["call ListWorkflows"].exit_code == 4
    assert "ListWorkflows" not in found["calls"].detail
    assert "ListTasks" in found["calls"].detail


async def test_an_unknown_identity_is_said_with_what_the_server_offers(
    flyte: FlyteServer, announce: None
) -> None:
    async def who(_request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "token required")

    healthy(flyte)
    for method in (methods.GET_VERSION, methods.USER_INFO):
        flyte.on(method, who)
    found = await probed(flyte.settings())
    assert found["grpc"].exit_code == 4
    assert "oauth2/token" in found["auth service"].detail
    assert found["auth service"].fix == "set auth.mode if calls are denied"
    assert "calls" not in found


async def test_a_clock_that_is_ahead_is_seen(flyte: FlyteServer) -> None:
    healthy(flyte, ahead=600)
    found = await probed(flyte.settings())
    assert found["clock"].health is Health.WARNING
    assert "ahead" in found["clock"].detail


async def test_only_reads_are_sent(flyte: FlyteServer) -> None:
    healthy(flyte)
    await probed(flyte.settings())
    effects = {methods.TABLE[name].effect for name in flyte.calls}
    assert effects == {Effect.READ}


async def test_a_socket_file_has_no_port() -> None:
    settings = connection.Settings(
        endpoint="unix:/nowhere/flyte.sock", chosen_by="test", tls=Tls(insecure=True)
    )
    found = await probed(settings)
    assert found["tcp"].health is Health.SKIPPED
    assert found["grpc"].exit_code == 4
