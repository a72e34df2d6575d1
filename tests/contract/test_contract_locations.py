"""Where files are: locations that are put together, read, signed, and refused."""

from __future__ import annotations

import contract_messages as make
import contract_runs as run
import pytest
from contract_client import Client
from flyteidl.service import dataproxy_pb2 as proxy
from google.protobuf.duration_pb2 import Duration

EMPTY = {
    "nothing": ("", "Bucket", "Key"),
    "scheme": ("s3://", "Bucket", "Key"),
    "container": ("s3://c", "Key"),
    "folder": ("s3://c/", "Key"),
    "word": ("x", "Bucket"),
    "path": ("/x/y", "Bucket"),
    "one_slash": ("s3:/x/y", "Bucket"),
    "opaque": ("a:b", "Bucket", "Key"),
}


@pytest.mark.parametrize("case", EMPTY)
async def test_location_needs_a_container_and_a_key(
    flyte1: Client, project: str, case: str
) -> None:
    url, *fields = EMPTY[case]
    request = proxy.CreateDownloadLocationRequest(native_url=url)
    refusal = await flyte1.refused("CreateDownloadLocation", request)
    listed = "".join(f"- minimum field size of 1, GetObjectInput.{name}.\n" for name in fields)
    assert refusal.code == "INTERNAL"
    assert refusal.text == (
        "failed to create a signed url. Error: InvalidParameter: "
        f"{len(fields)} validation error(s) found.\n{listed}"
    )


@pytest.mark.parametrize(
    "url", ["s3://a/%zz", "\x01", "s3://[::1/x", ":", "1a:b", "s3://a b/c", "s3://a:x/c"]
)
async def test_location_is_a_url(flyte1: Client, project: str, url: str) -> None:
    flyte1.do_not_record()
    request = proxy.CreateDownloadLocationRequest(native_url=url)
    refusal = await flyte1.refused("CreateDownloadLocation", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == (f"error while validating request: failed to parse native_url [{url}]")


LENGTHS = {
    "negative": (Duration(nanos=-1), "[-1ns] should not less than 0"),
    "hour": (Duration(seconds=3601), "[1h0m1s] cannot exceed max allowed expiration [1h0m0s]"),
    "bit": (
        Duration(seconds=3600, nanos=1500),
        "[1h0m0.0000015s] cannot exceed max allowed expiration [1h0m0s]",
    ),
    "signs": (Duration(seconds=1, nanos=-1), "[seconds:1 nanos:-1] is invalid"),
    "nanos": (Duration(nanos=10**9), "[nanos:1000000000] is invalid"),
}


@pytest.mark.parametrize("case", LENGTHS)
async def test_download_is_for_up_to_an_hour(flyte1: Client, project: str, case: str) -> None:
    if case in ("signs", "nanos"):
        flyte1.do_not_record()
    wanted, problem = LENGTHS[case]
    request = proxy.CreateDownloadLocationRequest(native_url="s3://c/k", expires_in=wanted)
    refusal = await flyte1.refused("CreateDownloadLocation", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.replace("  ", " ") == (
        f"error while validating request: expiresIn is invalid. Error: input duration {problem}"
    )


@pytest.mark.parametrize("nanos", [0, -1])
async def test_upload_is_for_some_time(flyte1: Client, project: str, nanos: int) -> None:
    request = upload(project, expires_in=Duration(nanos=nanos))
    refusal = await flyte1.refused("CreateUploadLocation", request)
    assert refusal.code == "INTERNAL"
    assert refusal.text == (
        "failed to create a signed url. Error: InvalidPresignExpireError: presigned URL requires "
        "an expire duration greater than 0"
    )


async def test_upload_is_for_up_to_an_hour(flyte1: Client, project: str) -> None:
    request = upload(project, expires_in=Duration(seconds=90061, nanos=5_000_000))
    refusal = await flyte1.refused("CreateUploadLocation", request)
    problem = "expiresIn [25h1m1.005s] cannot exceed max allowed expiration [1h0m0s]"
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", problem)


def upload(owner: str, **rest: object) -> proxy.CreateUploadLocationRequest:
    rest.setdefault("filename", "f")
    rest.setdefault("filename_root", "root")
    return proxy.CreateUploadLocationRequest(project=owner, domain=make.DOMAIN, **rest)


PLACES = {
    "space": ({"filename": "a b"}, "root/a%20b"),
    "letters": ({"filename": "ü"}, "root/%C3%BC"),
    "encoded": ({"filename": "a%20b"}, "root/a%20b"),
    "up": ({"filename_root": "r/../s"}, "s/f"),
    "here": ({"filename_root": "r/./s"}, "r/s/f"),
    "slashes": ({"filename": "/x/"}, "root/x"),
    "query": ({"filename": "a?b c"}, "root/a?b c"),
    "signs": ({"filename": "a+b=c&d;e:f@g,h!i*j'k(l)m~n$"}, "root/a+b=c&d;e:f@g,h!i*j'k(l)m~n$"),
    "odd_signs": ({"filename": "a!b|c"}, "root/a%21b%7Cc"),
}


@pytest.mark.parametrize("case", PLACES)
async def test_location_is_put_together_as_a_link_is(
    flyte1: Client, project: str, case: str
) -> None:
    fields, place = PLACES[case]
    answer = await flyte1.ok("CreateUploadLocation", upload(project, **fields))
    assert answer.native_url.endswith(f"/{project}/development/{place}")


async def test_parts_that_make_no_location_are_refused(flyte1: Client, project: str) -> None:
    refusal = await flyte1.refused("CreateUploadLocation", upload(project, filename="%zz"))
    assert refusal.code == "INTERNAL"
    assert refusal.text.endswith(
        f'parse "/{project}/development/root/%zz": invalid URL escape "%zz"'
    )


async def test_deck_elsewhere_is_not_linked(flyte1: Client, runs: str) -> None:
    # The refusal begins with the name of the server's own container.
    flyte1.do_not_record()
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    event = run.node_event(runs, run.NodePhase.SUCCEEDED, deck_uri="s3://elsewhere/deck.html")
    await flyte1.ok("CreateNodeEvent", event)
    request = proxy.CreateDownloadLinkRequest(
        artifact_type=proxy.ARTIFACT_TYPE_DECK, node_execution_id=run.node(runs)
    )
    refusal = await flyte1.refused("CreateDownloadLink", request)
    assert refusal.code == "INTERNAL"
    assert refusal.text.endswith(
        "!= Passed Container:elsewhere. Dynamic loading is disabled: not found"
    )


async def test_link_to_no_deck_shows_the_whole_request(flyte1: Client, runs: str) -> None:
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    await flyte1.ok("CreateNodeEvent", run.node_event(runs, run.NodePhase.RUNNING))
    request = proxy.CreateDownloadLinkRequest(
        artifact_type=proxy.ARTIFACT_TYPE_DECK, node_execution_id=run.node(runs)
    )
    refusal = await flyte1.refused("CreateDownloadLink", request)
    assert refusal.code == "NOT_FOUND"
    assert "expires_in:{seconds:3600}" in refusal.text


async def test_attempt_of_an_address_is_a_number_of_32_bits(flyte1: Client, runs: str) -> None:
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    await flyte1.ok("CreateNodeEvent", run.node_event(runs, run.NodePhase.RUNNING))
    await flyte1.ok("CreateTaskEvent", run.task_event(runs, run.TaskPhase.RUNNING))
    base = f"flyte://v1/{runs}/{make.DOMAIN}/x{runs}/n0"
    await flyte1.ok("GetData", proxy.GetDataRequest(flyte_url=f"{base}/{2**32}/i"))
    request = proxy.GetDataRequest(flyte_url=f"{base}/{2**63}/i")
    refusal = await flyte1.refused("GetData", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.endswith(f'strconv.Atoi: parsing "{2**63}": value out of range')


async def test_address_may_stand_at_the_end_of_another(flyte1: Client, runs: str) -> None:
    await flyte1.ok("CreateExecution", make.execution(runs, f"x{runs}"))
    await flyte1.ok("CreateNodeEvent", run.node_event(runs, run.NodePhase.RUNNING))
    url = f"flyte://flyte://v1/{runs}/{make.DOMAIN}/x{runs}/n0/i"
    await flyte1.ok("GetData", proxy.GetDataRequest(flyte_url=url))
