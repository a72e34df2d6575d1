"""Uploads and the data of actions.

Inputs are stored under a hash of what counts for caching, and in full; so two uploads that differ
in ignored variables alone share a place, and the later one is what both get (v2.0.43,
dataproxy/service/dataproxy_service.go).
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from flyteidl2.common import run_pb2
from flyteidl2.core import tasks_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2 as wire
from flyteidl2.task import common_pb2, task_definition_pb2
from flyteidl2.workflow import run_service_pb2

from reconciler.server import durations
from reconciler.server.clock import now, stamp
from reconciler.server.flyte2 import (
    attempts,
    files,
    go_paths,
    pods,
    projects,
    runs,
    tasks,
    triggers,
)
from reconciler.server.flyte2.go_order import in_go_order
from reconciler.server.flyte2.panics import breaking, passed_on
from reconciler.server.flyte2.refusals import not_found, taken
from reconciler.server.flyte2.validation import guarded
from reconciler.server.status import StatusError, internal, refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from flyteidl2.common import identifier_pb2
    from google.protobuf.duration_pb2 import Duration

    from reconciler.server.methods import Handler
    from reconciler.server.store import Store

_PREFIX = "uploads"
_MAX_SECONDS = 3600
_MAX_LENGTH = 100 * 1024 * 1024
_MAX_DOWNLOAD = 2 * 1024 * 1024
# FNV-1a with 64 bits.
_FNV_OFFSET = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3
_FNV_MASK = 2**64 - 1


def create_upload_location(
    store: Store, request: wire.CreateUploadLocationRequest
) -> wire.CreateUploadLocationResponse:
    """CreateUploadLocation: the same bytes under the same name have the same place."""
    if not request.filename_root and not request.content_md5:
        raise refused("either filename_root or content_md5 must be provided")
    seconds = _seconds(request.expires_in) if request.HasField("expires_in") else _MAX_SECONDS
    if request.content_length > _MAX_LENGTH:
        raise refused(
            f"content_length ({request.content_length} bytes) exceeds maximum allowed size of "
            f"{_MAX_LENGTH} bytes"
        )
    projects.required(store, request.project)
    root = request.filename_root or base64.b32encode(request.content_md5).decode()
    native = _place(request.project, request.domain, root, request.filename)
    md5 = base64.b64encode(request.content_md5).decode()
    if request.filename and request.filename_root:
        _check_overwrite(store, native, md5)
    if seconds <= 0:
        raise internal(
            "failed to create signed URL: InvalidPresignExpireError: presigned URL requires an "
            "expire duration greater than 0"
        )
    # The length is that of the checksum's text, here as on Flyte 1.
    headers = {"Content-MD5": md5, "Content-Length": str(len(md5))}
    if request.add_content_md5_metadata:
        headers["x-amz-meta-flyteContentMD5"] = md5
    return wire.CreateUploadLocationResponse(
        signed_url=store.objects.signed_url("PUT", native, seconds=seconds, md5=md5),
        native_url=native,
        expires_at=stamp(now() + round(seconds * 1_000_000)),
        headers=headers,
    )


def _seconds(wanted: Duration) -> float:
    seconds, nanos = wanted.seconds, wanted.nanos
    if seconds * nanos < 0:
        raise refused(f"expires_in (seconds:{seconds} nanos:{nanos}) is invalid")
    total = seconds + nanos / 1e9
    if total > _MAX_SECONDS:
        shown = durations.text(seconds * 10**9 + nanos)
        raise refused(f"expires_in ({shown}) exceeds maximum allowed duration of 1h0m0s")
    return total


def _place(*parts: str) -> str:
    path = "/".join(part.strip("/") for part in (_PREFIX, *parts) if part)
    try:
        return go_paths.resolved(files.BASE, path)
    except go_paths.PathError as error:
        raise internal(
            "failed to construct storage path: Reference is of an invalid format "
            f"[{files.BASE}]: {error}"
        ) from None


def _check_overwrite(store: Store, native: str, md5: str) -> None:
    """A complete place may be written again with the bytes that it is known to hold.

    Known is what the earlier upload carried along as metadata, not what it sent.
    """
    if store.objects.md5(native) is None:
        return
    text = f"file already exists at [{native}]"
    if not md5:
        raise taken(f"{text}; content_md5 is required to verify safe overwrite")
    if md5 != store.objects.label(native):
        raise taken(f"{text} with different content (hash mismatch)")


def upload_inputs(store: Store, request: wire.UploadInputsRequest) -> wire.UploadInputsResponse:
    """UploadInputs: a place made of the inputs that are not ignored; all of them are written."""
    match request.WhichOneof("id"):
        case "run_id":
            scope = (request.run_id.org, request.run_id.project, request.run_id.domain)
        case "project_id":
            place = request.project_id
            scope = (place.organization, place.name, place.domain)
        case _:
            raise refused("id is required")
    projects.required(store, scope[1])
    ignored = frozenset(_template(store, request).metadata.cache_ignore_input_vars)
    name = _hash(_counted(request.inputs, ignored))
    base = request.base_dir.rstrip("/") or store.objects.native_url(_PREFIX)
    place_of_inputs = "/".join(part for part in (base, *scope, "offloaded-inputs", name) if part)
    if not request.HasField("inputs"):
        raise internal("failed to write inputs: proto: Marshal called with nil")
    files.write(store, f"{place_of_inputs}/inputs.pb", request.inputs)
    data = run_pb2.OffloadedInputData(uri=place_of_inputs, inputs_hash=name)
    return wire.UploadInputsResponse(offloaded_input_data=data)


def _template(store: Store, request: wire.UploadInputsRequest) -> tasks_pb2.TaskTemplate:
    match request.WhichOneof("task"):
        case "task_spec":
            return request.task_spec.task_template
        case "task_id":
            return _task(store, request.task_id, "failed to get task")
        case "trigger_name":
            name = request.trigger_name
            try:
                row = triggers.find(store, name)
            except StatusError as error:
                raise not_found(f"failed to get trigger: not_found: {error.text}") from None
            identifier = task_definition_pb2.TaskIdentifier(
                project=name.project,
                domain=name.domain,
                name=name.task_name,
                version=row["task_version"],
            )
            return _task(store, identifier, "failed to get task for trigger")
        case _:
            raise refused("task is required")


def _task(
    store: Store, identifier: task_definition_pb2.TaskIdentifier, what: str
) -> tasks_pb2.TaskTemplate:
    try:
        return tasks.spec(store, identifier).task_template
    except StatusError as error:
        raise not_found(f"{what}: not_found: {error.text}") from None


def _counted(inputs: common_pb2.Inputs, ignored: frozenset[str]) -> common_pb2.Inputs:
    """What the hash is made of: with ignored variables, neither these nor the context."""
    if not ignored:
        return inputs
    return common_pb2.Inputs(literals=[one for one in inputs.literals if one.name not in ignored])


def _hash(inputs: common_pb2.Inputs) -> str:
    number = _FNV_OFFSET
    for byte in in_go_order(inputs):
        number = (number ^ byte) * _FNV_PRIME & _FNV_MASK
    return base64.urlsafe_b64encode(number.to_bytes(8, "big")).decode().rstrip("=")


def get_action_data(store: Store, request: wire.GetActionDataRequest) -> wire.GetActionDataResponse:
    """GetActionData: inputs and outputs, as far as they are there."""
    uris = runs.get_data_uris(
        store, run_service_pb2.GetActionDataURIsRequest(action_id=request.action_id)
    )
    answer = wire.GetActionDataResponse()
    answer.inputs.SetInParent()
    answer.outputs.SetInParent()
    if (data := _read(store, "inputs", uris.inputs_uri)) is not None:
        answer.inputs.ParseFromString(data)
        answer.inputs_uri = uris.inputs_uri
    if (data := _read(store, "outputs", uris.outputs_uri)) is not None:
        answer.outputs.ParseFromString(data)
        answer.outputs_uri = uris.outputs_uri
    return answer


def _read(store: Store, what: str, uri: str) -> bytes | None:
    data = store.objects.read(uri) if uri else None
    if data is not None and len(data) > _MAX_DOWNLOAD:
        raise internal(
            f"failed to read {what} from {uri}: limit exceeded: {len(data)} > {_MAX_DOWNLOAD}"
        )
    return data


def create_download_link(
    store: Store, request: wire.CreateDownloadLinkRequest
) -> wire.CreateDownloadLinkResponse:
    """CreateDownloadLink: of the reports of attempts, and of nothing else."""
    if request.artifact_type != wire.ARTIFACT_TYPE_REPORT:
        raise refused("artifact_type is required")
    if request.WhichOneof("source") != "action_attempt_id":
        raise refused("unsupported source type")
    url = _report(store, request.action_attempt_id)
    if store.objects.md5(url) is None:
        raise not_found(f"artifact not found at [{url}]")
    given = request.expires_in
    seconds = given.seconds + given.nanos / 1e9 if request.HasField("expires_in") else _MAX_SECONDS
    return wire.CreateDownloadLinkResponse(
        pre_signed_urls=wire.PreSignedURLs(
            signed_url=[store.objects.signed_url("GET", url, seconds=seconds)],
            expires_at=stamp(now() + round(seconds * 1_000_000)),
        )
    )


def _report(store: Store, attempt: identifier_pb2.ActionAttemptIdentifier) -> str:
    action = attempt.action_id
    try:
        runs.action(store, action)
    except StatusError as error:
        raise not_found(f"failed to get action details: not_found: {error.text}") from None
    tried = [one for one in attempts.of(store, action) if one.attempt == attempt.attempt]
    if not tried:
        raise not_found(f"attempt {attempt.attempt} not found for action [{action.name}]")
    uri = tried[0].outputs.report_uri
    if not uri:
        raise not_found(f"no report URI found for action [{action.name}] attempt {attempt.attempt}")
    return uri


async def tail_logs(
    store: Store, request: wire.TailLogsRequest
) -> AsyncIterator[wire.TailLogsResponse]:
    """TailLogs: of the pod that an attempt's events name, as long as it is there."""
    context, _cluster = runs.log_context(store, request.action_id, request.attempt)
    async for lines in pods.tail(store, context):
        yield wire.TailLogsResponse(logs=[wire.TailLogsResponse.Logs(lines=lines)])


_HANDLERS: dict[str, Handler] = {
    "CreateUploadLocation": create_upload_location,
    "UploadInputs": upload_inputs,
    "GetActionData": get_action_data,
    "CreateDownloadLink": create_download_link,
    "TailLogs": tail_logs,
}
_NEEDED = dict.fromkeys(("GetActionData", "TailLogs"), "action_id.run")
HANDLERS = breaking(guarded(_HANDLERS), _NEEDED, passed_on)
