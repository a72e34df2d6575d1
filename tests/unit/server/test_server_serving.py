"""Counting, hooks for tests, and sign-in."""

from __future__ import annotations

import base64
import pathlib
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import grpc.aio
import pytest
from flyteidl.admin import project_pb2, version_pb2
from flyteidl.service import (
    admin_pb2_grpc,
    auth_pb2,
    auth_pb2_grpc,
    identity_pb2,
    identity_pb2_grpc,
)
from flyteidl2.app import app_payload_pb2, app_service_pb2_grpc

from reconciler.server.auth import AuthSettings
from reconciler.server.embedded import Server, Store
from reconciler.server.serving import WRITES
from reconciler.server.status import StatusError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SETTINGS = AuthSettings(client_id="robot", client_secret="hidden value")


@asynccontextmanager
async def serving(path: pathlib.Path, **rest: Any) -> AsyncIterator[tuple[Server, Any]]:
    with closing(Store(path / "flyte.db")) as store:
        server = Server(store, **rest)
        await server.start()
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(server.grpc_address, options=options) as channel:
            yield server, channel
        await server.stop()


def project(name: str) -> project_pb2.ProjectRegisterRequest:
    return project_pb2.ProjectRegisterRequest(project=project_pb2.Project(id=name, name=name))


async def test_calls_are_counted_by_method(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path) as (server, channel):
        stub = admin_pb2_grpc.AdminServiceStub(channel)
        await stub.ListProjects(project_pb2.ProjectListRequest())
        await stub.ListProjects(project_pb2.ProjectListRequest())
        await stub.RegisterProject(project("a"))
        assert server.calls == {"ListProjects": 2, "RegisterProject": 1}
        assert server.writes == 1


async def test_refused_write_counts_as_a_write(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path) as (server, channel):
        stub = admin_pb2_grpc.AdminServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.RegisterProject(project("NOT VALID"))
        assert server.writes == 1


def test_reads_are_no_writes() -> None:
    reads = {"GetTask", "ListTasks", "GetVersion", "CreateDownloadLocation", "GetActiveLaunchPlan"}
    assert not WRITES & reads
    assert {
        "CreateTask",
        "UpdateLaunchPlan",
        "CreateUploadLocation",
        "DeleteProjectAttributes",
    } <= WRITES


async def test_hook_can_refuse_a_call(tmp_path: pathlib.Path) -> None:
    async def refuse(method: str, _message: Any) -> None:
        if method == "RegisterProject":
            raise StatusError(grpc.StatusCode.UNAVAILABLE, "not now")

    async with serving(tmp_path, on_call=refuse) as (_, channel):
        stub = admin_pb2_grpc.AdminServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.RegisterProject(project("a"))
        assert error.value.code() is grpc.StatusCode.UNAVAILABLE
        answer = await stub.ListProjects(project_pb2.ProjectListRequest())
        assert [one.id for one in answer.projects] == ["flytesnacks"]


async def test_hook_after_a_call_loses_the_answer_but_not_the_effect(
    tmp_path: pathlib.Path,
) -> None:
    async def lose(method: str, _message: Any) -> None:
        if method == "RegisterProject":
            raise StatusError(grpc.StatusCode.UNAVAILABLE, "connection lost")

    async with serving(tmp_path, after_call=lose) as (_, channel):
        stub = admin_pb2_grpc.AdminServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.RegisterProject(project("a"))
        answer = await stub.ListProjects(project_pb2.ProjectListRequest())
        assert [one.id for one in answer.projects] == ["a", "flytesnacks"]


async def test_call_that_is_not_served_is_unimplemented(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path) as (server, channel):
        stub = app_service_pb2_grpc.AppServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.UpdateStatus(app_payload_pb2.UpdateStatusRequest())
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert server.calls["UpdateStatus"] == 1


async def token(server: Server, secret: str, *, basic: bool) -> tuple[int, dict[str, Any]]:
    headers, form = {}, {"grant_type": "client_credentials", "scope": "all"}
    if basic:
        pair = base64.b64encode(f"robot:{secret}".encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
    else:
        form |= {"client_id": "robot", "client_secret": secret}
    url = f"{server.http_url}/oauth2/token"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=form, headers=headers) as answer,
    ):
        return answer.status, await answer.json()


async def version(channel: Any, *metadata: tuple[str, str]) -> str:
    stub = admin_pb2_grpc.AdminServiceStub(channel)
    try:
        await stub.GetVersion(version_pb2.GetVersionRequest(), metadata=metadata)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return "OK"


@pytest.mark.parametrize("basic", [True, False], ids=["header", "form"])
@pytest.mark.parametrize("key", ["authorization", "flyte-authorization"])
async def test_token_of_the_endpoint_opens_calls(
    tmp_path: pathlib.Path, key: str, basic: bool
) -> None:
    async with serving(tmp_path, auth=SETTINGS) as (server, channel):
        status, body = await token(server, "hidden value", basic=basic)
        assert (status, body["token_type"]) == (200, "bearer")
        assert await version(channel, (key, f"Bearer {body['access_token']}")) == "OK"


@pytest.mark.parametrize(
    "metadata",
    [
        [],
        [("authorization", "Bearer nonsense")],
        [("authorization", "Bearer 99999999999.00")],
        [("authorization", "Basic cm9ib3Q6aGlkZGVuIHZhbHVl")],
    ],
    ids=["none", "nonsense", "forged", "basic"],
)
async def test_call_without_a_good_token_is_unauthenticated(
    tmp_path: pathlib.Path, metadata: list[tuple[str, str]]
) -> None:
    async with serving(tmp_path, auth=SETTINGS) as (_, channel):
        assert await version(channel, *metadata) == "UNAUTHENTICATED"


async def test_expired_token_is_unauthenticated(tmp_path: pathlib.Path) -> None:
    short = AuthSettings(client_id="robot", client_secret="hidden value", token_seconds=0)
    async with serving(tmp_path, auth=short) as (server, channel):
        _, body = await token(server, "hidden value", basic=True)
        metadata = ("authorization", f"Bearer {body['access_token']}")
        assert await version(channel, metadata) == "UNAUTHENTICATED"


async def test_wrong_secret_gets_no_token(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path, auth=SETTINGS) as (server, _):
        status, body = await token(server, "wrong", basic=True)
        assert (status, body) == (401, {"error": "invalid_client"})


async def test_sign_in_metadata_is_open_to_everybody(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path, auth=SETTINGS) as (server, channel):
        stub = auth_pb2_grpc.AuthMetadataServiceStub(channel)
        about = await stub.GetOAuth2Metadata(auth_pb2.OAuth2MetadataRequest())
        assert about.token_endpoint == f"{server.http_url}/oauth2/token"
        client = await stub.GetPublicClientConfig(auth_pb2.PublicClientAuthConfigRequest())
        assert client.authorization_metadata_key == "flyte-authorization"
        assert list(client.scopes) == ["all"]


async def test_identity_is_the_client(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path, auth=SETTINGS) as (server, channel):
        _, body = await token(server, "hidden value", basic=True)
        stub = identity_pb2_grpc.IdentityServiceStub(channel)
        metadata = [("authorization", f"Bearer {body['access_token']}")]
        answer = await stub.UserInfo(identity_pb2.UserInfoRequest(), metadata=metadata)
        assert answer.subject == "robot"


def test_secret_is_not_shown() -> None:
    assert "hidden" not in repr(SETTINGS)


@pytest.mark.parametrize("change", ["expires=9999999999", "signature=00"], ids=["later", "forged"])
async def test_changed_signed_url_is_refused(tmp_path: pathlib.Path, change: str) -> None:
    async with serving(tmp_path) as (server, _):
        url = server.store.objects.signed_url("GET", "s3://embedded/x", seconds=60)
        name = change.partition("=")[0]
        head, _, tail = url.partition(f"{name}=")
        changed = f"{head}{change}&{tail.partition('&')[2]}"
        async with aiohttp.ClientSession() as session, session.get(changed) as answer:
            assert answer.status == 403


async def test_signed_url_ends(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path) as (server, _):
        server.store.objects.put("s3://embedded/x", b"data")
        statuses = []
        for seconds in (60, -1):
            url = server.store.objects.signed_url("GET", "s3://embedded/x", seconds=seconds)
            async with aiohttp.ClientSession() as session, session.get(url) as answer:
                statuses.append(answer.status)
        assert statuses == [200, 403]


async def test_upload_with_another_checksum_is_refused_and_not_stored(
    tmp_path: pathlib.Path,
) -> None:
    async with serving(tmp_path) as (server, _):
        promised = base64.b64encode(b"0" * 16).decode()
        url = server.store.objects.signed_url("PUT", "s3://embedded/x", seconds=60, md5=promised)
        async with aiohttp.ClientSession() as session:
            async with session.put(url, data=b"a", headers={"Content-MD5": promised}) as answer:
                assert answer.status == 400
            async with session.put(url, data=b"a") as answer:
                assert answer.status == 403
        assert server.store.objects.md5("s3://embedded/x") is None
        assert list((tmp_path / "objects").iterdir()) == []


async def get(server: Server, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{server.http_url}{path}") as answer,
    ):
        return answer.status, await answer.text()


async def test_health_is_where_both_flytes_have_it(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path, auth=SETTINGS) as (server, _):
        assert await get(server, "/healthcheck") == (200, "")
        assert await get(server, "/healthz") == (200, "OK")
        assert await get(server, "/readyz") == (200, "OK")


async def test_server_without_its_database_is_not_ready(tmp_path: pathlib.Path) -> None:
    async with serving(tmp_path) as (server, _):
        server.store.run("DROP TABLE settings")
        assert await get(server, "/readyz") == (503, "database: no such table: settings")
        assert await get(server, "/healthz") == (200, "OK")
