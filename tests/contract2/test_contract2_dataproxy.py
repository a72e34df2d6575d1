"""Uploads, offloaded inputs and the data of actions in Flyte 2."""

from __future__ import annotations

import base64
import hashlib

import aiohttp
import flyte2_messages as make
import pytest
from flyte2_client import Client
from flyteidl2.common import identifier_pb2
from flyteidl2.core import literals_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2 as wire
from flyteidl2.task import common_pb2
from google.protobuf.duration_pb2 import Duration

BODY = b"some bytes"
MD5 = hashlib.md5(BODY, usedforsecurity=False).digest()
TEXT = base64.b64encode(MD5).decode()


def upload(owner: str, **rest: object) -> wire.CreateUploadLocationRequest:
    rest.setdefault("content_md5", MD5)
    rest.setdefault("domain", make.DOMAIN)
    return wire.CreateUploadLocationRequest(project=owner, **rest)


async def send(location: wire.CreateUploadLocationResponse, body: bytes = BODY) -> int:
    # The Content-Length among the headers is not the file's.
    headers = {
        name: value
        for name, value in location.headers.items()
        if name != "Content-Length" and value
    }
    async with (
        aiohttp.ClientSession() as session,
        session.put(location.signed_url, data=body, headers=headers) as answer,
    ):
        return answer.status


async def test_upload_place_is_made_of_the_checksum(flyte2: Client, project: str) -> None:
    first = await flyte2.ok("CreateUploadLocation", upload(project, filename="code.tgz"))
    second = await flyte2.ok("CreateUploadLocation", upload(project, filename="code.tgz"))
    assert first.native_url == second.native_url
    checksum = base64.b32encode(MD5).decode()
    assert first.native_url.endswith(f"/uploads/{project}/{make.DOMAIN}/{checksum}/code.tgz")
    assert first.native_url.startswith("s3://")


async def test_upload_without_a_name_is_named_by_its_checksum(flyte2: Client, project: str) -> None:
    location = await flyte2.ok("CreateUploadLocation", upload(project))
    checksum = base64.b32encode(MD5).decode()
    assert location.native_url.endswith(f"/uploads/{project}/{make.DOMAIN}/{checksum}")


async def test_root_takes_the_place_of_the_checksum_in_flyte2(flyte2: Client, project: str) -> None:
    request = upload(project, filename="f", filename_root="root", content_md5=b"")
    location = await flyte2.ok("CreateUploadLocation", request)
    assert location.native_url.endswith(f"/uploads/{project}/{make.DOMAIN}/root/f")
    assert dict(location.headers) == {"Content-MD5": "", "Content-Length": "0"}


async def test_upload_headers_hold_the_length_of_the_checksum_in_flyte2(
    flyte2: Client, project: str
) -> None:
    headers = {"Content-MD5": TEXT, "Content-Length": str(len(TEXT))}
    location = await flyte2.ok("CreateUploadLocation", upload(project, filename="f"))
    assert dict(location.headers) == headers
    request = upload(project, filename="f", add_content_md5_metadata=True)
    location = await flyte2.ok("CreateUploadLocation", request)
    assert dict(location.headers) == headers | {"x-amz-meta-flyteContentMD5": TEXT}


async def test_upload_needs_a_checksum_or_a_root(flyte2: Client, project: str) -> None:
    request = upload(project, filename="f", content_md5=b"")
    refusal = await flyte2.refused("CreateUploadLocation", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == "either filename_root or content_md5 must be provided"


async def test_project_of_an_upload_must_exist(flyte2: Client) -> None:
    refusal = await flyte2.refused("CreateUploadLocation", upload(flyte2.project))
    assert (refusal.code, refusal.text) == ("NOT_FOUND", f'project "{flyte2.project}" not found')


async def test_upload_lasts_at_most_an_hour(flyte2: Client, project: str) -> None:
    await flyte2.ok("CreateUploadLocation", upload(project, expires_in=Duration(seconds=3600)))
    request = upload(project, expires_in=Duration(seconds=3601))
    refusal = await flyte2.refused("CreateUploadLocation", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.endswith(" exceeds maximum allowed duration of 1h0m0s")
    request = upload(project, expires_in=Duration(seconds=-5))
    assert (await flyte2.refused("CreateUploadLocation", request)).code == "INTERNAL"


async def test_span_of_two_signs_is_refused(flyte2: Client, project: str) -> None:
    flyte2.do_not_record()  # JSON cannot express it
    request = upload(project, expires_in=Duration(seconds=5, nanos=-5))
    refusal = await flyte2.refused("CreateUploadLocation", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text.endswith(" is invalid")


async def test_upload_has_at_most_100_mebibytes(flyte2: Client, project: str) -> None:
    most = 100 * 2**20
    await flyte2.ok("CreateUploadLocation", upload(project, content_length=most))
    request = upload(project, content_length=most + 1)
    refusal = await flyte2.refused("CreateUploadLocation", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == (
        "content_length (104857601 bytes) exceeds maximum allowed size of 104857600 bytes"
    )


async def test_uploaded_place_may_be_written_again_by_checksum(
    flyte2: Client, project: str
) -> None:
    flyte2.do_not_record()  # needs bytes that a recording does not have
    request = upload(project, filename="f")
    assert await send(await flyte2.ok("CreateUploadLocation", request)) == 200
    assert await send(await flyte2.ok("CreateUploadLocation", request)) == 200


async def test_named_place_takes_only_the_bytes_it_is_known_to_hold(
    flyte2: Client, project: str
) -> None:
    flyte2.do_not_record()  # needs bytes that a recording does not have
    place = {"filename": "f", "filename_root": "root"}
    request = upload(project, add_content_md5_metadata=True, **place)
    assert await send(await flyte2.ok("CreateUploadLocation", request)) == 200
    await flyte2.ok("CreateUploadLocation", request)
    await flyte2.ok("CreateUploadLocation", upload(project, **place))
    for md5, reason in (
        (b"0" * 16, "with different content (hash mismatch)"),
        (b"", "content_md5 is required to verify safe overwrite"),
    ):
        refusal = await flyte2.refused(
            "CreateUploadLocation", upload(project, content_md5=md5, **place)
        )
        assert refusal.code == "ALREADY_EXISTS"
        assert refusal.text.startswith("file already exists at [s3://")
        assert refusal.text.endswith(reason)


async def test_checksum_of_a_named_place_is_what_travelled_with_it(
    flyte2: Client, project: str
) -> None:
    flyte2.do_not_record()  # needs bytes that a recording does not have
    request = upload(project, filename="f", filename_root="root")
    assert await send(await flyte2.ok("CreateUploadLocation", request)) == 200
    refusal = await flyte2.refused("CreateUploadLocation", request)
    assert refusal.code == "ALREADY_EXISTS"
    assert refusal.text.endswith("with different content (hash mismatch)")


def offload(owner: str, inputs: common_pb2.Inputs, **rest: object) -> wire.UploadInputsRequest:
    if not {"task_id", "task_spec", "trigger_name"} & rest.keys():
        rest["task_spec"] = make.spec()
    return wire.UploadInputsRequest(project_id=make.place(owner), inputs=inputs, **rest)


async def test_offloaded_inputs_are_named_by_their_content(flyte2: Client, project: str) -> None:
    request = offload(project, make.inputs(x=1, y=2))
    data = (await flyte2.ok("UploadInputs", request)).offloaded_input_data
    assert data.inputs_hash == "5QHZ4wzFXhk"
    place = f"/uploads/{project}/{make.DOMAIN}/offloaded-inputs/5QHZ4wzFXhk"
    assert data.uri.endswith(place)
    assert (await flyte2.ok("UploadInputs", request)).offloaded_input_data == data


async def test_order_of_inputs_is_part_of_their_name(flyte2: Client, project: str) -> None:
    first = await flyte2.ok("UploadInputs", offload(project, make.inputs(x=1, y=2)))
    second = await flyte2.ok("UploadInputs", offload(project, make.inputs(y=2, x=1)))
    assert first.offloaded_input_data.uri != second.offloaded_input_data.uri


async def test_name_of_inputs_is_made_of_their_bytes_in_gos_order(
    flyte2: Client, project: str
) -> None:
    """Go writes the fields of a oneof after all others: here the type of a union's value."""
    none = literals_pb2.Literal()
    none.scalar.union.value.scalar.none_type.SetInParent()
    none.scalar.union.type.simple = 0
    none.scalar.union.type.structure.tag = "none"
    several = literals_pb2.Literal(hash="h", metadata={"b": "2", "a": "1"})
    several.map.literals["z"].CopyFrom(none)
    several.map.literals["a"].scalar.primitive.integer = 0
    inputs = common_pb2.Inputs(literals=[{"name": "a", "value": none}])
    inputs.literals.add(name="b", value=several)
    answer = await flyte2.ok("UploadInputs", offload(project, inputs))
    assert answer.offloaded_input_data.inputs_hash == "46nyzC-8Q5Y"


async def test_inputs_that_differ_in_ignored_variables_share_a_place(
    flyte2: Client, task: str
) -> None:
    spec = make.spec(ignored=("y",))
    other = make.inputs(x=1, y=3)
    other.context.append(literals_pb2.KeyValuePair(key="k", value="v"))
    first = await flyte2.ok("UploadInputs", offload(task, make.inputs(x=1, y=2), task_spec=spec))
    second = await flyte2.ok("UploadInputs", offload(task, other, task_spec=spec))
    assert first.offloaded_input_data == second.offloaded_input_data
    data = first.offloaded_input_data
    await flyte2.ok("CreateRun", make.run(task, offloaded_input_data=data))
    read = wire.GetActionDataRequest(action_id=make.action_id(task))
    assert (await flyte2.ok("DataProxyService.GetActionData", read)).inputs == other


async def test_context_counts_where_nothing_is_ignored(flyte2: Client, project: str) -> None:
    other = make.inputs(x=1)
    other.context.append(literals_pb2.KeyValuePair(key="k", value="v"))
    first = await flyte2.ok("UploadInputs", offload(project, make.inputs(x=1)))
    second = await flyte2.ok("UploadInputs", offload(project, other))
    assert first.offloaded_input_data.inputs_hash != second.offloaded_input_data.inputs_hash


async def test_ignored_variables_are_those_of_the_named_task(flyte2: Client, trigger: str) -> None:
    await flyte2.ok("DeployTask", make.task(trigger, body=make.spec(ignored=("y",))))
    hashes = set()
    for task in (
        {"task_spec": make.spec(ignored=("y",))},
        {"task_id": make.task_id(trigger)},
        {"trigger_name": make.trigger_name(trigger)},
    ):
        request = offload(trigger, make.inputs(x=1, y=2), **task)
        hashes.add((await flyte2.ok("UploadInputs", request)).offloaded_input_data.inputs_hash)
    assert hashes == {"ImpW6TmERHA"}


async def test_task_of_offloaded_inputs_must_exist(flyte2: Client, project: str) -> None:
    path = f"{project}/development/env.t/nightly"
    for task, text in (
        ({"task_id": make.task_id(project)}, "failed to get task: not_found: task not found: {"),
        (
            {"trigger_name": make.trigger_name(project)},
            f"failed to get trigger: not_found: trigger not found: {path}: sql: no rows",
        ),
    ):
        refusal = await flyte2.refused("UploadInputs", offload(project, make.inputs(), **task))
        assert refusal.code == "NOT_FOUND"
        assert refusal.text.startswith(text)
    await flyte2.ok("DeployTrigger", make.trigger(project))
    request = offload(project, make.inputs(), trigger_name=make.trigger_name(project))
    refusal = await flyte2.refused("UploadInputs", request)
    assert refusal.text.startswith("failed to get task for trigger: not_found: task not found: {")


async def test_offloaded_inputs_need_a_place_and_a_task(flyte2: Client, project: str) -> None:
    spec = make.spec()
    place = make.place(project)
    for request, text in (
        (wire.UploadInputsRequest(task_spec=spec), "id is required"),
        (wire.UploadInputsRequest(project_id=place), "task is required"),
    ):
        refusal = await flyte2.refused("UploadInputs", request)
        assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", text)
    request = wire.UploadInputsRequest(project_id=place, task_spec=spec)
    refusal = await flyte2.refused("UploadInputs", request)
    assert refusal.code == "INTERNAL"
    assert refusal.text == "failed to write inputs: proto: Marshal called with nil"


async def test_project_of_offloaded_inputs_must_exist(flyte2: Client) -> None:
    refusal = await flyte2.refused("UploadInputs", offload(flyte2.project, make.inputs()))
    assert (refusal.code, refusal.text) == ("NOT_FOUND", f'project "{flyte2.project}" not found')


async def test_place_of_a_run_has_its_organisation(flyte2: Client, project: str) -> None:
    run = make.run_id(project)
    run.org = "acme"
    request = wire.UploadInputsRequest(run_id=run, task_spec=make.spec(), inputs=make.inputs(x=1))
    data = (await flyte2.ok("UploadInputs", request)).offloaded_input_data
    assert f"/uploads/acme/{project}/{make.DOMAIN}/offloaded-inputs/" in data.uri


async def test_base_directory_takes_the_place_of_the_prefix(flyte2: Client, project: str) -> None:
    flyte2.do_not_record()  # each server has a container of its own
    plain = await flyte2.ok("UploadInputs", offload(project, make.inputs(x=1)))
    base = plain.offloaded_input_data.uri.partition("/uploads/")[0]
    request = offload(project, make.inputs(x=1), base_dir=f"{base}/mine/")
    moved = (await flyte2.ok("UploadInputs", request)).offloaded_input_data
    name = plain.offloaded_input_data.inputs_hash
    place = f"{base}/mine/{project}/{make.DOMAIN}/offloaded-inputs/{name}"
    assert (moved.uri, moved.inputs_hash) == (place, name)


async def test_base_directory_must_be_in_the_servers_container(
    flyte2: Client, project: str
) -> None:
    flyte2.do_not_record()  # each server has a container of its own
    for base, container in (("s3://elsewhere/mine", "elsewhere"), ("relative", "")):
        request = offload(project, make.inputs(x=1), base_dir=base)
        refusal = await flyte2.refused("UploadInputs", request)
        assert refusal.code == "INTERNAL"
        assert f" != Passed Container:{container}. Dynamic" in refusal.text


async def test_six_megabytes_of_inputs_are_kept_and_not_read_back(
    flyte2: Client, task: str
) -> None:
    flyte2.do_not_record()  # too much for a recording
    inputs = make.inputs(x=1)
    inputs.literals[0].value.scalar.primitive.string_value = "x" * 6_000_000
    data = (await flyte2.ok("UploadInputs", offload(task, inputs))).offloaded_input_data
    await flyte2.ok("CreateRun", make.run(task, offloaded_input_data=data))
    read = wire.GetActionDataRequest(action_id=make.action_id(task))
    refusal = await flyte2.refused("DataProxyService.GetActionData", read)
    assert refusal.code == "INTERNAL"
    assert refusal.text.startswith("failed to read inputs from s3://")


async def test_data_of_an_unknown_action_is_not_found(flyte2: Client, project: str) -> None:
    read = wire.GetActionDataRequest(action_id=make.action_id(project))
    refusal = await flyte2.refused("DataProxyService.GetActionData", read)
    assert (refusal.code, refusal.text) == ("NOT_FOUND", "action not found: action not found")


async def test_download_link_needs_a_report_of_an_action(flyte2: Client, project: str) -> None:
    link = wire.CreateDownloadLinkRequest
    attempt = identifier_pb2.ActionAttemptIdentifier(action_id=make.action_id(project), attempt=1)
    report = wire.ARTIFACT_TYPE_REPORT
    for request, code, text in (
        (link(), "INVALID_ARGUMENT", "artifact_type is required"),
        (link(artifact_type=report), "INVALID_ARGUMENT", "unsupported source type"),
        (
            link(artifact_type=report, action_attempt_id=attempt),
            "NOT_FOUND",
            "failed to get action details: not_found: action not found: action not found",
        ),
    ):
        refusal = await flyte2.refused("CreateDownloadLink", request)
        assert (refusal.code, refusal.text) == (code, text)


async def test_logs_of_an_unknown_action_are_not_found(flyte2: Client, project: str) -> None:
    request = wire.TailLogsRequest(action_id=make.action_id(project), attempt=1)
    with pytest.raises(Exception, match="no event found for action"):
        await flyte2.first("TailLogs", request)
