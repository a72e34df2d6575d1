"""Which cluster, who is signed in, and what the open-source manager does not serve."""

from __future__ import annotations

import grpc.aio
import pytest
from flyte2_client import Client
from flyteidl2.auth import auth_service_pb2, identity_pb2
from flyteidl2.cluster import payload_pb2


async def test_cluster_of_everything_is_the_address_that_was_called(flyte2: Client) -> None:
    for operation in payload_pb2.SelectClusterRequest.Operation.values():
        request = payload_pb2.SelectClusterRequest(operation=operation)
        answer = await flyte2.ok("SelectCluster", request)
        assert answer.cluster_endpoint.startswith("http://127.0.0.1:")


async def test_nobody_is_signed_in_without_a_proxy(flyte2: Client) -> None:
    refusal = await flyte2.refused("UserInfo", identity_pb2.UserInfoRequest())
    assert refusal.code == "UNAUTHENTICATED"


async def test_user_is_whoever_the_headers_name(flyte2: Client) -> None:
    flyte2.do_not_record()  # recordings have no headers
    request = identity_pb2.UserInfoRequest()
    answer = await flyte2.ok("UserInfo", request, x_amzn_oidc_identity="somebody")
    assert answer.subject == "somebody"


async def test_client_learns_the_header_but_no_authorization_server(flyte2: Client) -> None:
    request = auth_service_pb2.GetPublicClientConfigRequest()
    answer = await flyte2.ok("GetPublicClientConfig", request)
    assert answer.authorization_metadata_key == "authorization"
    request = auth_service_pb2.GetOAuth2MetadataRequest()
    assert (await flyte2.refused("GetOAuth2Metadata", request)).code == "UNIMPLEMENTED"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("artifact.ArtifactService/ListArtifacts", id="artifacts"),
        pytest.param("org.DomainService/ListDomains", id="domains"),
        pytest.param("imagebuilder.ImageService/GetImage", id="images"),
        pytest.param("app.AppService/List", id="apps"),
        pytest.param("workflow.TrackedRunService/CreateRun", id="tracked_runs"),
    ],
)
async def test_service_of_hosted_installations_is_not_served(flyte2: Client, path: str) -> None:
    call = flyte2.channel.unary_unary(f"/flyteidl2.{path}")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
