"""Calls for data and secrets go where `SelectCluster` says, with the same identity."""

from __future__ import annotations

from typing import Any

import pytest
from backends_servers import FlyteServer, serving
from flyteidl2.cluster import payload_pb2
from flyteidl2.secret import payload_pb2 as secret_pb2

from reconciler.backends.auth import secret
from reconciler.backends.flyte2 import channel, methods
from reconciler.backends.flyte2.routing import Routes, elsewhere
from reconciler.backends.settings import Auth, AuthMode, Settings, Tls
from reconciler.errors import BackendError
from reconciler.model.key import Place

SECRETS = payload_pb2.SelectClusterRequest.OPERATION_USE_SECRETS
UPLOAD = payload_pb2.SelectClusterRequest.OPERATION_UPLOAD_INPUTS


def naming(endpoint: str) -> tuple[Any, list[payload_pb2.SelectClusterRequest]]:
    asked: list[payload_pb2.SelectClusterRequest] = []

    async def answer(request: payload_pb2.SelectClusterRequest, _context: Any) -> Any:
        asked.append(request)
        return payload_pb2.SelectClusterResponse(cluster_endpoint=endpoint)

    return answer, asked


async def no_secrets(_request: Any, _context: Any) -> Any:
    return secret_pb2.ListSecretsResponse()


async def test_calls_arrive_at_the_cluster_with_the_same_identity(
    flyte: FlyteServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLYTE_TOKEN", "t0ken")
    auth = Auth(mode=AuthMode.TOKEN, token=secret.FromEnv("FLYTE_TOKEN"))
    async with serving() as cluster:
        cluster.on(methods.LIST_SECRETS, no_secrets)
        answer, asked = naming(f"http://{cluster.endpoint}")
        flyte.on(methods.SELECT_CLUSTER, answer)
        async with (
            channel.connect(flyte.settings(auth=auth), read_only=True) as opened,
            Routes(opened) as routes,
        ):
            for _ in range(3):
                target = await routes.to(Place("p", "d"), SECRETS)
                await target.call(methods.LIST_SECRETS, secret_pb2.ListSecretsRequest())

    assert cluster.calls == {"SecretService.ListSecrets": 3}
    assert cluster.metadata[0]["authorization"] == "Bearer t0ken"
    assert len(asked) == 1, "the answer is kept"
    assert (asked[0].project_id.name, asked[0].project_id.domain) == ("p", "d")


async def test_every_resource_and_operation_is_asked_for_once(flyte: FlyteServer) -> None:
    answer, asked = naming(f"http://{flyte.endpoint}")
    flyte.on(methods.SELECT_CLUSTER, answer)
    async with (
        channel.connect(flyte.settings(), read_only=True) as opened,
        Routes(opened) as routes,
    ):
        for place in (Place("p", "d"), Place("", "d"), Place(""), Place("p", "d")):
            assert await routes.to(place, SECRETS) is opened
        assert await routes.to(Place("p", "d"), UPLOAD) is opened

    assert [one.WhichOneof("resource") for one in asked] == [
        *("project_id", "domain_id", "org_id", "project_id")
    ]


async def test_server_without_clusters_serves_everything_itself(flyte: FlyteServer) -> None:
    async with (
        channel.connect(flyte.settings(), read_only=True) as opened,
        Routes(opened) as routes,
    ):
        assert await routes.to(Place("p", "d"), SECRETS) is opened


async def test_question_that_failed_is_asked_again(flyte: FlyteServer) -> None:
    answer, _ = naming("not a host")
    flyte.on(methods.SELECT_CLUSTER, answer)
    async with (
        channel.connect(flyte.settings(), read_only=True) as opened,
        Routes(opened) as routes,
    ):
        with pytest.raises(BackendError, match="is no endpoint"):
            await routes.to(Place("p", "d"), SECRETS)
        answer, _ = naming("")
        flyte.on(methods.SELECT_CLUSTER, answer)
        assert await routes.to(Place("p", "d"), SECRETS) is opened


HTTPS = Settings(endpoint="flyte.example.com", chosen_by="test")
PLAIN = Settings(endpoint="localhost:8090", chosen_by="test", tls=Tls(insecure=True))


@pytest.mark.parametrize(
    ("home", "named"),
    [
        (HTTPS, "https://flyte.example.com"),
        (HTTPS, "http://flyte.example.com"),
        (HTTPS, "https://FLYTE.example.com:443"),
        (HTTPS, ""),
        (PLAIN, "http://localhost:8090"),
        (PLAIN, "localhost:8090"),
    ],
)
def test_server_that_names_itself_is_not_left(home: Settings, named: str) -> None:
    assert elsewhere(home, named) is None


@pytest.mark.parametrize(
    ("home", "named", "endpoint", "insecure"),
    [
        (HTTPS, "https://eu.example.com", "eu.example.com:443", False),
        (HTTPS, "eu.example.com:8443", "eu.example.com:8443", False),
        (HTTPS, "dns://eu.example.com", "eu.example.com:443", False),
        (PLAIN, "http://localhost:9000", "localhost:9000", True),
        (PLAIN, "https://eu.example.com", "eu.example.com:443", False),
        (PLAIN, "http://[::1]:9000", "[::1]:9000", True),
    ],
)
def test_other_endpoint_is_followed(
    home: Settings, named: str, endpoint: str, insecure: bool
) -> None:
    found = elsewhere(home, named)

    assert found is not None
    assert (found.endpoint, found.tls.insecure) == (endpoint, insecure)
    assert found.auth == home.auth


@pytest.mark.parametrize("named", ["ftp://x", "http://", "//", "x:port"])
def test_address_that_is_no_endpoint_is_refused(named: str) -> None:
    with pytest.raises(BackendError, match="is no endpoint"):
        elsewhere(HTTPS, named)


def test_encrypted_connection_never_goes_on_in_clear_text() -> None:
    with pytest.raises(BackendError, match="in clear text"):
        elsewhere(HTTPS, "http://eu.example.com")
