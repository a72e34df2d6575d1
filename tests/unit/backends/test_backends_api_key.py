"""API keys: the client that a key names signs in, at the host that the key is for, unseen."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from backends_servers import FlyteServer, TokenEndpoint
from flyteidl2.auth import auth_service_pb2
from flyteidl2.project import project_service_pb2

from reconciler import errors
from reconciler.backends import settings as connection
from reconciler.backends.auth import api_key, secret
from reconciler.backends.flyte2 import channel, methods
from reconciler.backends.settings import AuthMode, Settings

CANARY = "canary-4b1d-value"


def encoded(*parts: str) -> str:
    return base64.b64encode(":".join(parts).encode()).decode()


def settings(endpoint: str, **auth: object) -> Settings:
    spec = {
        "endpoint": endpoint,
        "tls": {"insecure": True},
        "auth": {"mode": "ApiKey", "apiKey": {"env": "FLYTE_API_KEY"}, **auth},
    }
    return connection.from_spec(spec, base=Path("/repository"), chosen_by="conn.yaml")  # type: ignore[arg-type]


async def test_client_of_an_api_key_signs_in(
    flyte: FlyteServer, token_endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def metadata(_request: object, _context: object) -> object:
        return auth_service_pb2.GetOAuth2MetadataResponse(token_endpoint=token_endpoint.url)

    async def client(_request: object, _context: object) -> object:
        return auth_service_pb2.GetPublicClientConfigResponse(scopes=["all"])

    async def projects(_request: object, _context: object) -> object:
        return project_service_pb2.ListProjectsResponse()

    flyte.on(methods.GET_OAUTH2_METADATA, metadata)
    flyte.on(methods.GET_PUBLIC_CLIENT_CONFIG, client)
    flyte.on(methods.LIST_PROJECTS, projects)
    monkeypatch.setenv("FLYTE_API_KEY", encoded(flyte.endpoint, "robot", CANARY, ""))
    made = settings(flyte.endpoint)
    async with channel.connect(made, read_only=True) as opened:
        await opened.call(methods.LIST_PROJECTS, project_service_pb2.ListProjectsRequest(limit=1))

    basic = base64.b64encode(f"robot:{CANARY}".encode()).decode()
    assert [one["Authorization"] for one in token_endpoint.requests] == [f"Basic {basic}"]
    assert flyte.metadata[-1]["authorization"] == "Bearer token-1"
    assert CANARY not in f"{made!r} {made.describe()}"
    assert "API key in environment variable FLYTE_API_KEY" in str(made.describe())


@pytest.mark.parametrize(
    "endpoint",
    [
        "flyte.example.com",
        "dns:///flyte.example.com",
        "flyte.example.com:443",
        "https://flyte.example.com",
    ],
)
def test_key_may_write_its_endpoint_in_any_way(
    monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("FLYTE_API_KEY", encoded(endpoint, "robot", CANARY, "acme"))
    auth = settings("flyte.example.com:443", scopes=["a"]).auth

    assert (auth.mode, auth.client_id, auth.scopes) == (
        AuthMode.CLIENT_CREDENTIALS,
        "robot",
        ("a",),
    )
    assert auth.client_secret is not None
    assert secret.resolve(auth.client_secret, purpose="test").reveal() == CANARY


def test_key_of_another_installation_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYTE_API_KEY", encoded("staging.example.com", "robot", CANARY, ""))
    with pytest.raises(errors.UsageError) as caught:
        settings("flyte.example.com:443")
    assert str(caught.value) == (
        "conn.yaml: auth.apiKey: the key is for staging.example.com, and this connection leads to "
        "flyte.example.com; use the key of that installation, or correct endpoint"
    )


@pytest.mark.parametrize(
    "key",
    [
        CANARY,
        encoded(CANARY),
        encoded("host", CANARY, ""),
        encoded("", "id", CANARY, ""),
        encoded("host", "", CANARY, ""),
        encoded("host", CANARY, "", "org"),
        base64.b64encode(b"\xff:id:" + CANARY.encode() + b":").decode(),
    ],
    ids=["text", "one-part", "three-parts", "no-endpoint", "no-client", "no-secret", "binary"],
)
def test_malformed_key_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("FLYTE_API_KEY", key)
    with pytest.raises(errors.UsageError) as caught:
        settings("host:443")
    assert str(caught.value) == (
        "conn.yaml: auth.apiKey: environment variable FLYTE_API_KEY: is no API key, which is "
        "base64 of endpoint, client id, client secret and organisation, joined by colons; store "
        "it as it was given"
    )


def test_mode_needs_its_key() -> None:
    with pytest.raises(errors.UsageError, match=r"mode ApiKey needs apiKey; write apiKey: \{env"):
        settings("host:443", apiKey=None)
    assert "s3cr3t" not in repr(api_key.ApiKey("h", "i", secret.FromEnv("s3cr3t")))
