"""The channel on Flyte 2: sign-in as it is announced, repeats by method, no write unasked."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest
from backends_servers import FlyteServer, TokenEndpoint
from flyteidl2.auth import auth_service_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.task import task_service_pb2
from flyteidl2.trigger import trigger_service_pb2

from reconciler import errors
from reconciler.backends.auth import secret
from reconciler.backends.flyte2 import channel, methods
from reconciler.backends.settings import Auth, AuthMode
from reconciler.backends.wire import channel as wire
from reconciler.backends.wire.method import Effect, Method

PROJECTS = project_service_pb2.ListProjectsRequest(limit=1)
PROJECTS_ANSWER = project_service_pb2.ListProjectsResponse()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_BACK_OFF_SECONDS", 0.01)


def failing(code: grpc.StatusCode, response: Any, *, times: int = 1) -> Any:
    left = times

    async def answer(_request: Any, context: Any) -> Any:
        nonlocal left
        if left:
            left -= 1
            await context.abort(code, "as the test wants")
        return response

    return answer


def client_auth(monkeypatch: pytest.MonkeyPatch) -> Auth:
    monkeypatch.setenv("FLYTE_SECRET", "s3cr3t")
    return Auth(
        mode=AuthMode.CLIENT_CREDENTIALS,
        client_id="ci",
        client_secret=secret.FromEnv("FLYTE_SECRET"),
    )


async def test_client_of_flyte2_signs_in_as_the_server_announces(
    flyte: FlyteServer, token_endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = auth_service_pb2.GetOAuth2MetadataResponse(token_endpoint=token_endpoint.url)
    client = auth_service_pb2.GetPublicClientConfigResponse(
        scopes=["all"], authorization_metadata_key="flyte-authorization"
    )
    unavailable = grpc.StatusCode.UNAVAILABLE
    flyte.on(methods.GET_OAUTH2_METADATA, failing(unavailable, metadata, times=0))
    flyte.on(methods.GET_PUBLIC_CLIENT_CONFIG, failing(unavailable, client, times=0))
    listed = project_service_pb2.ListProjectsResponse()
    flyte.on(methods.LIST_PROJECTS, failing(grpc.StatusCode.UNAUTHENTICATED, listed))
    settings = flyte.settings(auth=client_auth(monkeypatch))
    async with channel.connect(settings, read_only=True) as opened:
        await opened.call(methods.LIST_PROJECTS, PROJECTS)

    assert flyte.metadata[-1]["flyte-authorization"] == "Bearer token-2", "renewed once"


async def test_flyte2_without_an_identity_provider_gets_no_credentials(
    flyte: FlyteServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = project_service_pb2.ListProjectsResponse()
    flyte.on(methods.LIST_PROJECTS, failing(grpc.StatusCode.OK, listed, times=0))
    settings = flyte.settings(auth=client_auth(monkeypatch))
    async with channel.connect(settings, read_only=True) as opened:
        await opened.call(methods.LIST_PROJECTS, PROJECTS)

    assert not [key for key in flyte.metadata[-1] if "authorization" in key]


TRIGGER = trigger_service_pb2.DeployTriggerRequest(
    name={"project": "p", "domain": "d", "task_name": "t", "name": "n"},
    spec={"task_version": "v"},
)
TASK = task_service_pb2.DeployTaskRequest(
    task_id={"project": "p", "domain": "d", "name": "t", "version": "v"},
    spec={"task_template": {}},
)


@pytest.mark.parametrize(
    ("method", "request_", "calls"),
    [
        (methods.LIST_PROJECTS, PROJECTS, 2),
        (methods.DEPLOY_TASK, TASK, 2),
        (methods.DEPLOY_TRIGGER, TRIGGER, 1),
    ],
    ids=lambda value: str(getattr(value, "name", "")),
)
async def test_call_is_repeated_where_twice_is_as_good_as_once(
    flyte: FlyteServer, method: Method[Any, Any], request_: Any, calls: int
) -> None:
    flyte.on(method, failing(grpc.StatusCode.UNAVAILABLE, method.response()))
    async with channel.connect(flyte.settings(), read_only=False) as opened:
        if calls == 1:
            with pytest.raises(errors.UnavailableError):
                await opened.call(method, request_)
        else:
            await opened.call(method, request_)

    assert flyte.calls[method.name] == calls


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.RESOURCE_EXHAUSTED], ids=str
)
async def test_conflict_and_quota_are_not_answered_by_sending_again(
    flyte: FlyteServer, code: grpc.StatusCode
) -> None:
    flyte.on(methods.DEPLOY_TASK, failing(code, task_service_pb2.DeployTaskResponse(), times=9))
    async with channel.connect(flyte.settings(), read_only=False) as opened:
        with pytest.raises(errors.BackendError):
            await opened.call(methods.DEPLOY_TASK, TASK)

    assert flyte.calls["TaskService.DeployTask"] == 1


async def test_transport_settings_hold_on_flyte2(flyte: FlyteServer) -> None:
    async def late(_request: Any, _context: Any) -> Any:
        await asyncio.sleep(0.01)
        return PROJECTS_ANSWER

    flyte.on(methods.LIST_PROJECTS, late)
    slow = flyte.settings(in_flight=2, deadline=timedelta(seconds=1))
    async with channel.connect(slow, read_only=True) as opened:
        await asyncio.gather(*(opened.call(methods.LIST_PROJECTS, PROJECTS) for _ in range(6)))
        flyte.on(methods.LIST_PROJECTS, never)
        with pytest.raises(errors.UnavailableError, match="no answer before the deadline"):
            await opened.call(methods.LIST_PROJECTS, PROJECTS)

    assert flyte.most_in_flight == 2
    assert not [key for sent in flyte.metadata for key in sent if "authorization" in key]


async def never(_request: Any, _context: Any) -> Any:
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    "method",
    [each for each in methods.TABLE.values() if each.effect is Effect.WRITE],
    ids=lambda method: str(method.name),
)
async def test_read_only_connection_to_flyte2_sends_no_write(
    flyte: FlyteServer, method: Method[Any, Any]
) -> None:
    flyte.on(method, failing(grpc.StatusCode.OK, method.response(), times=0))
    async with channel.connect(flyte.settings(), read_only=True) as opened:
        with pytest.raises(errors.ReconcilerError, match=f"{method.name}: is a write"):
            await opened.call(method, method.request())

    assert not flyte.calls
