"""Version, health, the data proxy, and what is not served."""

from __future__ import annotations

import asyncio
import base64
import hashlib

import aiohttp
import contract_messages as make
import pytest
from contract_client import Client
from flyteidl.admin import version_pb2
from flyteidl.service import auth_pb2, dataproxy_pb2, identity_pb2
from google.protobuf.duration_pb2 import Duration

BODY = b"some bytes"
MD5 = hashlib.md5(BODY, usedforsecurity=False).digest()


async def test_version_is_the_one_answered_for(flyte1: Client) -> None:
    answer = await flyte1.ok("GetVersion", version_pb2.GetVersionRequest())
    assert answer.control_plane_version.Version == "v1.16.8"


async def test_health_is_serving(flyte1: Client) -> None:
    check = flyte1.channel.unary_unary("/grpc.health.v1.Health/Check")
    assert await check(b"", timeout=10) == b"\x08\x01"


async def test_identity_is_not_served_without_sign_in(flyte1: Client) -> None:
    refusal = await flyte1.refused("UserInfo", identity_pb2.UserInfoRequest())
    assert refusal.code == "UNIMPLEMENTED"


@pytest.mark.parametrize("method", ["GetOAuth2Metadata", "GetPublicClientConfig"])
async def test_sign_in_metadata_is_not_served_without_sign_in(flyte1: Client, method: str) -> None:
    request = {
        "GetOAuth2Metadata": auth_pb2.OAuth2MetadataRequest(),
        "GetPublicClientConfig": auth_pb2.PublicClientAuthConfigRequest(),
    }[method]
    assert (await flyte1.refused(method, request)).code == "UNIMPLEMENTED"


def upload(owner: str, **rest: object) -> dataproxy_pb2.CreateUploadLocationRequest:
    rest.setdefault("content_md5", MD5)
    return dataproxy_pb2.CreateUploadLocationRequest(project=owner, domain=make.DOMAIN, **rest)


async def send(location: dataproxy_pb2.CreateUploadLocationResponse, body: bytes) -> int:
    # The Content-Length among the headers is not the file's.
    headers = {name: value for name, value in location.headers.items() if name != "Content-Length"}
    headers["Content-MD5"] = base64.b64encode(MD5).decode()
    async with (
        aiohttp.ClientSession() as session,
        session.put(location.signed_url, data=body, headers=headers) as answer,
    ):
        return answer.status


async def test_same_bytes_of_the_same_name_have_the_same_place(
    flyte1: Client, project: str
) -> None:
    request = upload(project, filename="code.tgz")
    first = await flyte1.ok("CreateUploadLocation", request)
    second = await flyte1.ok("CreateUploadLocation", request)
    assert first.native_url == second.native_url
    place = f"{project}/{make.DOMAIN}/{base64.b32encode(MD5).decode()}/code.tgz"
    assert first.native_url.endswith(place)


async def test_place_names_no_host(flyte1: Client, project: str) -> None:
    location = await flyte1.ok("CreateUploadLocation", upload(project, filename="code.tgz"))
    assert location.native_url.startswith("s3://")


async def test_file_without_a_name_gets_one(flyte1: Client, project: str) -> None:
    flyte1.do_not_record()
    first = await flyte1.ok("CreateUploadLocation", upload(project))
    second = await flyte1.ok("CreateUploadLocation", upload(project))
    assert first.native_url != second.native_url
    assert len(first.native_url.rpartition("/")[2]) == 20


async def test_root_takes_the_place_of_the_checksum(flyte1: Client, project: str) -> None:
    request = upload(project, filename="f", filename_root="root", content_md5=b"")
    location = await flyte1.ok("CreateUploadLocation", request)
    assert location.native_url.endswith(f"{project}/{make.DOMAIN}/root/f")


async def test_upload_headers_hold_the_length_of_the_checksum(flyte1: Client, project: str) -> None:
    location = await flyte1.ok("CreateUploadLocation", upload(project, filename="f"))
    md5 = base64.b64encode(MD5).decode()
    assert dict(location.headers) == {"Content-MD5": md5, "Content-Length": str(len(md5))}


async def test_uploaded_bytes_come_back(flyte1: Client, project: str) -> None:
    location = await flyte1.ok("CreateUploadLocation", upload(project, filename="f"))
    assert await send(location, BODY) == 200
    request = dataproxy_pb2.CreateDownloadLocationRequest(native_url=location.native_url)
    download = await flyte1.ok("CreateDownloadLocation", request)
    async with (
        aiohttp.ClientSession() as session,
        session.get(download.signed_url) as answer,
    ):
        assert await answer.read() == BODY


async def test_complete_place_that_holds_another_file_is_refused(
    flyte1: Client, project: str
) -> None:
    flyte1.do_not_record()  # bytes that a recording does not have are needed in between
    request = upload(project, filename="f", filename_root="root")
    assert await send(await flyte1.ok("CreateUploadLocation", request), BODY) == 200
    other = upload(project, filename="f", filename_root="root", content_md5=b"0" * 16)
    refusal = await flyte1.refused("CreateUploadLocation", other)
    assert refusal.code == "ALREADY_EXISTS"
    assert refusal.text.startswith("file already exists at location [")


async def test_complete_place_that_holds_the_same_file_is_given_again(
    flyte1: Client, project: str
) -> None:
    flyte1.do_not_record()  # bytes that a recording does not have are needed in between
    request = upload(project, filename="f", filename_root="root")
    assert await send(await flyte1.ok("CreateUploadLocation", request), BODY) == 200
    await flyte1.ok("CreateUploadLocation", request)


async def test_upload_location_needs_a_project(flyte1: Client) -> None:
    refusal = await flyte1.refused("CreateUploadLocation", upload("", filename="f"))
    assert refusal.text == "project and domain are required parameters"


async def test_upload_location_does_not_check_the_project(flyte1: Client) -> None:
    await flyte1.ok("CreateUploadLocation", upload(flyte1.project, filename="f"))


async def test_upload_location_needs_a_checksum_or_a_root(flyte1: Client, project: str) -> None:
    request = upload(project, filename="f", content_md5=b"")
    refusal = await flyte1.refused("CreateUploadLocation", request)
    assert refusal.text == "content_md5 or filename_root is a required parameter"


async def test_upload_location_lasts_at_most_an_hour(flyte1: Client, project: str) -> None:
    request = upload(project, filename="f", expires_in=Duration(seconds=3601))
    refusal = await flyte1.refused("CreateUploadLocation", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("expiresIn [")


async def test_download_link_needs_a_kind(flyte1: Client) -> None:
    request = dataproxy_pb2.CreateDownloadLinkRequest()
    refusal = await flyte1.refused("CreateDownloadLink", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.startswith("error while validating request. Error: invalid artifact type")


async def test_racing_creators_of_one_version_have_one_winner(flyte1: Client, project: str) -> None:
    flyte1.do_not_record()  # who wins is chance

    def variant(number: int) -> object:
        request = make.task(project)
        request.spec.template.custom.update({"writer": number})
        return request

    tries = (flyte1.attempt("CreateTask", variant(number)) for number in range(8))
    answers = await asyncio.gather(*tries)
    codes = [getattr(answer, "code", "OK") for answer in answers]
    assert codes.count("OK") == 1
    assert codes.count("INVALID_ARGUMENT") == 7
