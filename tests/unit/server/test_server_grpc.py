"""Calls by gRPC: services of both Flytes, streams, and what nobody serves."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from flyteidl2.auth import (
    auth_service_pb2,
    auth_service_pb2_grpc,
    identity_pb2,
    identity_pb2_grpc,
)
from flyteidl2.cluster import payload_pb2, service_pb2_grpc
from flyteidl2.workflow import run_service_pb2, run_service_pb2_grpc

from reconciler.server.auth import AuthSettings
from reconciler.server.embedded import Server, Store
from reconciler.server.methods import methods
from reconciler.server.status import StatusError

if TYPE_CHECKING:
    import pathlib
    from collections.abc import AsyncIterator, Iterator

RUNS = "flyteidl2.workflow.RunService"


@asynccontextmanager
async def serving(
    path: pathlib.Path, services: Any = None, **rest: Any
) -> AsyncIterator[tuple[Server, Any]]:
    with closing(Store(path / "flyte.db")) as store:
        server = Server(store, **rest)
        server.methods.update(methods(services or {}))
        await server.start()
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(server.grpc_address, options=options) as channel:
            yield server, channel
        await server.stop()


async def test_cluster_is_where_the_client_is(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path) as (server, channel):
        stub = service_pb2_grpc.ClusterServiceStub(channel)
        answer = await stub.SelectCluster(payload_pb2.SelectClusterRequest())
        assert answer.cluster_endpoint == f"http://{server.grpc_address}"
        metadata = [("x-forwarded-proto", "HTTPS, http")]
        answer = await stub.SelectCluster(payload_pb2.SelectClusterRequest(), metadata=metadata)
        assert answer.cluster_endpoint == f"https://{server.grpc_address}"


def claims(**values: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")
    return f"head.{body}.signature"


ANN = claims(sub="u1", email="ann@example.com", given_name="Ann", family_name="Lee")


@pytest.mark.parametrize(
    ("metadata", "subject", "name"),
    [
        ([("x-amzn-oidc-data", ANN), ("x-amzn-oidc-identity", "u2")], "u1", "Ann Lee"),
        ([("x-amzn-oidc-identity", "u2"), ("authorization", f"Bearer {ANN}")], "u2", ""),
        ([("authorization", f"bearer {ANN}")], "u1", "Ann Lee"),
    ],
    ids=["claims", "subject", "token"],
)
async def test_identity_is_what_a_proxy_says(
    tmp_path: pathlib.Path, metadata: list[tuple[str, str]], subject: str, name: str
) -> None:
    async with serving(tmp_path) as (_, channel):
        stub = identity_pb2_grpc.IdentityServiceStub(channel)
        answer = await stub.UserInfo(identity_pb2.UserInfoRequest(), metadata=metadata)
        assert (answer.subject, answer.name) == (subject, name)


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer x", "Bearer a.!.c", f"Bearer {claims(email='x')}", "Basic a.b.c"],
    ids=["none", "empty", "opaque", "broken", "nobody", "basic"],
)
async def test_nobody_is_unauthenticated(tmp_path: pathlib.Path, value: str) -> None:
    metadata = [("authorization", value)] if value else []
    async with serving(tmp_path) as (_, channel):
        stub = identity_pb2_grpc.IdentityServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.UserInfo(identity_pb2.UserInfoRequest(), metadata=metadata)
        assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_flyte_2_names_no_authorization_server_without_sign_in(
    tmp_path: pathlib.Path,
) -> None:
    async with serving(tmp_path) as (_, channel):
        stub = auth_service_pb2_grpc.AuthMetadataServiceStub(channel)
        client = await stub.GetPublicClientConfig(auth_service_pb2.GetPublicClientConfigRequest())
        assert client.authorization_metadata_key == "authorization"
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.GetOAuth2Metadata(auth_service_pb2.GetOAuth2MetadataRequest())
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_sign_in_covers_flyte_2(tmp_path: pathlib.Path) -> None:
    settings = AuthSettings(client_id="robot", client_secret="hidden value")
    async with serving(tmp_path, auth=settings) as (server, channel):
        stub = auth_service_pb2_grpc.AuthMetadataServiceStub(channel)
        about = await stub.GetOAuth2Metadata(auth_service_pb2.GetOAuth2MetadataRequest())
        assert about.token_endpoint == f"{server.http_url}/oauth2/token"
        users = identity_pb2_grpc.IdentityServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await users.UserInfo(identity_pb2.UserInfoRequest())
        assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert server.authority is not None
        metadata = [("authorization", f"Bearer {server.authority.issue()}")]
        answer = await users.UserInfo(identity_pb2.UserInfoRequest(), metadata=metadata)
        assert answer.subject == "robot"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/flyteidl.service.Nothing/Do", "unknown service flyteidl.service.Nothing"),
        (
            "/flyteidl.service.AdminService/Do",
            "unknown method Do for service flyteidl.service.AdminService",
        ),
        ("/flyteidl2.nobody.Nothing/Do", "Received http2 header with status: 404"),
        ("/flyteidl2.cluster.ClusterService/Do", "Received http2 header with status: 404"),
        (f"/{RUNS}/CreateRun", "the embedded Flyte does not serve CreateRun"),
    ],
    ids=["service", "method", "service2", "method2", "handler"],
)
async def test_what_nobody_serves_is_unimplemented(
    tmp_path: pathlib.Path, path: str, text: str
) -> None:
    async with serving(tmp_path, {RUNS: {}}) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await channel.unary_unary(path)(b"")
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert error.value.details() == text


def test_handler_of_no_method_is_refused() -> None:
    with pytest.raises(KeyError, match="has no CreateRuns"):
        methods({RUNS: {"CreateRuns": lambda _store, request: request}})


def two(_store: Store, request: run_service_pb2.WatchRunsRequest) -> Iterator[Any]:
    yield run_service_pb2.WatchRunsResponse()
    if request.org == "fail":
        raise StatusError(grpc.StatusCode.ABORTED, "enough")
    if request.org == "break":
        raise ValueError("a fault of ours")
    yield run_service_pb2.WatchRunsResponse()


async def two_later(store: Store, request: run_service_pb2.WatchRunsRequest) -> AsyncIterator[Any]:
    for answer in two(store, request):
        yield answer


@pytest.mark.parametrize("handler", [two, two_later], ids=["plain", "async"])
async def test_stream_ends_with_its_handler(tmp_path: pathlib.Path, handler: Any) -> None:
    seen: list[str] = []

    async def note(method: str, _message: Any) -> None:
        seen.append(method)

    services = {RUNS: {"WatchRuns": handler}}
    async with serving(tmp_path, services, on_call=note, after_call=note) as (server, channel):
        stub = run_service_pb2_grpc.RunServiceStub(channel)
        call = stub.WatchRuns(run_service_pb2.WatchRunsRequest(org="x"))
        assert len([answer async for answer in call]) == 2
        assert server.calls["WatchRuns"] == 1
        assert seen == ["WatchRuns"] * 3


@pytest.mark.parametrize(
    ("org", "code", "text"), [("fail", "ABORTED", "enough"), ("break", "INTERNAL", "")]
)
async def test_stream_may_end_with_a_status(
    tmp_path: pathlib.Path, org: str, code: str, text: str
) -> None:
    async with serving(tmp_path, {RUNS: {"WatchRuns": two}}) as (_, channel):
        stub = run_service_pb2_grpc.RunServiceStub(channel)
        call = stub.WatchRuns(run_service_pb2.WatchRunsRequest(org=org))
        assert isinstance(await call.read(), run_service_pb2.WatchRunsResponse)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call.read()
        assert (error.value.code().name, error.value.details()) == (code, text)
