"""To the letter: what a wrong sign-in or endpoint of Flyte 2 is told, and what to do about it."""

from __future__ import annotations

import socket
from typing import Any

import grpc
import pytest
from backends_servers import FlyteServer, TokenEndpoint, http_serving
from flyteidl2.auth import auth_service_pb2
from flyteidl2.project import project_service_pb2
from http2_kit import data, headers, scripted

from reconciler import errors
from reconciler.backends import settings as connection
from reconciler.backends.auth import secret
from reconciler.backends.flyte2 import channel, methods
from reconciler.backends.settings import Auth, AuthMode, Settings
from reconciler.backends.wire import channel as wire
from reconciler.sources import yaml
from reconciler.specs.validate import validate

CALL = "ProjectService.ListProjects"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_BACK_OFF_SECONDS", 0.01)


async def told(endpoint: str, **changes: Any) -> errors.BackendError:
    """What one call over plain text ends in."""
    tls = connection.Tls(insecure=True)
    settings = Settings(endpoint=endpoint, chosen_by="test", tls=tls, **changes)
    async with channel.connect(settings, read_only=True) as opened:
        with pytest.raises(errors.BackendError) as caught:
            await opened.call(
                methods.LIST_PROJECTS, project_service_pb2.ListProjectsRequest(limit=1)
            )
    return caught.value


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        (
            "{mode: Pkce}",
            (
                "4:38: spec.auth.mode: must be None, Token, ClientCredentials, ApiKey or "
                'Passthrough, not "Pkce"'
            ),
        ),
        ("{mode: ApiKey}", "4:32: spec.auth.mode: mode ApiKey needs apiKey; add apiKey"),
        (
            "{mode: Passthrough, token: {env: T}}",
            (
                "4:51: spec.auth.token: has no effect with mode Passthrough; write mode: Token, or "
                "remove it"
            ),
        ),
    ],
)
def test_wrong_way_of_signing_in(auth: str, expected: str) -> None:
    text = (
        "apiVersion: flyte.reconciler.dev/v1alpha1\nkind: FlyteConnection\nmetadata: {name: c}\n"
        f"spec: {{endpoint: 'a:1', auth: {auth}}}\n"
    )
    documents, _ = yaml.parse(text.encode(), file="c.yaml")
    (problem,) = validate(documents).problems
    assert str(problem) == f"c.yaml:{expected}"


async def test_endpoint_where_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{free.getsockname()[1]}"
    error = await told(endpoint)
    assert error.exit_code == 4
    assert str(error).startswith(f"{endpoint}: {CALL}: the connection was refused (UNAVAILABLE: ")
    assert str(error).endswith(
        "; check host and port, that Flyte runs, and that a port-forward to it is up (the devbox "
        "listens on localhost:30080, a manager on 8090)"
    )


WAY_OUT = (
    "use the endpoint of Flyte's API, not the console or another port, and let the proxy before it "
    "pass HTTP/2"
)


async def test_endpoint_of_a_web_page() -> None:
    """The console behind a load balancer: over HTTP/2, and over HTTP/1.1 alone."""
    fields = {":status": "200", "content-type": "text/html"}
    page = b"<!doctype html><title>Flyte</title>"
    async with scripted(lambda one: headers(one, fields) + data(one, page, ends=True)) as endpoint:
        error = await told(endpoint)
    assert error.exit_code == 4
    assert str(error) == (
        f"{endpoint}: {CALL}: what answers there does not speak gRPC (UNKNOWN: Stream removed "
        f"(Data frame with END_STREAM flag received)); {WAY_OUT}"
    )

    async def old(_request: Any) -> Any:
        raise AssertionError("gRPC's preface is no request")

    async with http_serving(old) as base:
        error = await told(base.removeprefix("http://"))
    assert error.exit_code == 4
    assert "what answers there does not speak gRPC" in str(error)
    assert str(error).endswith(f"; {WAY_OUT}")


async def test_call_without_an_identity(flyte: FlyteServer) -> None:
    async def refuse(_request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "token is missing")

    flyte.on(methods.LIST_PROJECTS, refuse)
    error = await told(flyte.endpoint)
    assert error.exit_code == 4
    assert str(error) == (
        f"{flyte.endpoint}: {CALL}: the server does not know who calls (UNAUTHENTICATED: token is "
        "missing); set auth (Token or ClientCredentials), or tls.certFile and tls.keyFile, and "
        "check that they are still valid"
    )


async def test_client_that_the_identity_provider_does_not_know(
    flyte: FlyteServer, token_endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def metadata(_request: Any, _context: Any) -> Any:
        return auth_service_pb2.GetOAuth2MetadataResponse(token_endpoint=token_endpoint.url)

    async def client(_request: Any, _context: Any) -> Any:
        return auth_service_pb2.GetPublicClientConfigResponse(scopes=["all"])

    flyte.on(methods.GET_OAUTH2_METADATA, metadata)
    flyte.on(methods.GET_PUBLIC_CLIENT_CONFIG, client)
    token_endpoint.refusal = (401, {"error": "invalid_client"})
    monkeypatch.setenv("FLYTE_SECRET", "s3cr3t")
    auth = Auth(
        mode=AuthMode.CLIENT_CREDENTIALS,
        client_id="ci",
        client_secret=secret.FromEnv("FLYTE_SECRET"),
    )
    error = await told(flyte.endpoint, auth=auth)
    assert error.exit_code == 4
    assert str(error) == (
        f"{flyte.endpoint}: auth: token endpoint {token_endpoint.url}: gives no token: HTTP 401 "
        "(invalid_client); check auth.clientId, auth.clientSecret, auth.scopes and auth.audience"
    )
    assert not flyte.calls[CALL]
