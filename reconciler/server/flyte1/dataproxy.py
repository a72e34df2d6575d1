"""Upload and download locations (flyteadmin 1.16.8, dataproxy/service.go).

A location is a function of project, domain and file name or checksum: the same bytes get the same
URL. One that a client names completely is refused when another file is there.
"""

from __future__ import annotations

import base64
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

import grpc
from flyteidl.service import dataproxy_pb2 as wire

from reconciler.server.clock import now, stamp
from reconciler.server.flyte1 import run_data
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.refusals import compact
from reconciler.server.status import StatusError, refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.duration_pb2 import Duration

    from reconciler.server.methods import Handler
    from reconciler.server.store import Store

_MAX = timedelta(hours=1)
_NAME_LENGTH = 20
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def _upload(
    store: Store, request: wire.CreateUploadLocationRequest
) -> wire.CreateUploadLocationResponse:
    objects = store.objects
    if not request.project or not request.domain:
        raise refused("project and domain are required parameters")
    if not request.filename_root and not request.content_md5:
        raise refused("content_md5 or filename_root is a required parameter")
    md5 = base64.b64encode(request.content_md5).decode()
    root = request.filename_root or base64.b32encode(request.content_md5).decode()
    place = (request.org, request.project, request.domain, root)
    if request.filename and request.filename_root:
        known = objects.native_url(*place, request.filename)
        held = objects.md5(known)
        if held is not None and held != request.content_md5:
            raise StatusError(
                grpc.StatusCode.ALREADY_EXISTS,
                f"file already exists at location [{known}], specify a matching hash if you wish "
                "to rewrite",
            )
    seconds = _seconds(optional(request, "expires_in"))
    name = request.filename or "".join(secrets.choice(_ALPHABET) for _ in range(_NAME_LENGTH))
    native = objects.native_url(*place, name)
    # The length is that of the checksum's text: a fault of the real one's S3 client that clients
    # have to live with by sending a length of their own.
    headers = {"Content-MD5": md5, "Content-Length": str(len(md5))}
    if request.add_content_md5_metadata:
        headers["x-amz-meta-flyteContentMD5"] = md5
    return wire.CreateUploadLocationResponse(
        signed_url=objects.signed_url("PUT", native, seconds=seconds, md5=md5),
        native_url=native,
        expires_at=stamp(now() + round(seconds * 1_000_000)),
        headers=headers,
    )


def _seconds(wanted: Duration | None) -> float:
    if wanted is None:
        return _MAX.total_seconds()
    span = timedelta(seconds=wanted.seconds, microseconds=wanted.nanos // 1000)
    if span > _MAX:
        raise refused(f"expiresIn [{span}] cannot exceed max allowed expiration [1h0m0s]")
    return span.total_seconds()


def _download(
    store: Store, request: wire.CreateDownloadLocationRequest
) -> wire.CreateDownloadLocationResponse:
    wanted = optional(request, "expires_in")
    if wanted is not None and wanted.seconds < 0:
        raise refused(
            "error while validating request: expiresIn is invalid. Error: input duration "
            f"[{compact(wanted)}] should not less than 0"
        )
    try:
        seconds = _seconds(wanted)
    except StatusError as error:
        raise refused(f"error while validating request: {error.text}") from None
    return wire.CreateDownloadLocationResponse(
        signed_url=store.objects.signed_url("GET", request.native_url, seconds=seconds),
        expires_at=stamp(now() + round(seconds * 1_000_000)),
    )


HANDLERS: Mapping[str, Handler] = {
    "CreateUploadLocation": _upload,
    "CreateDownloadLocation": _download,
    "CreateDownloadLink": run_data.download_link,
    "GetData": run_data.get,
}
