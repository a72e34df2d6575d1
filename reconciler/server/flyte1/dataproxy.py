"""Upload and download locations (flyteadmin 1.16.8, dataproxy/service.go).

A location is a function of project, domain and file name or checksum: the same bytes get the same
URL. One that a client names completely is refused when another file is there.
"""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

import grpc
from flyteidl.service import dataproxy_pb2 as wire

from reconciler.server import durations
from reconciler.server.clock import now, stamp
from reconciler.server.flyte1 import locations, run_data
from reconciler.server.flyte1.checks import optional
from reconciler.server.flyte1.refusals import compact
from reconciler.server.flyte1.signed_urls import LONGEST, expiry, nanoseconds, signed, valid
from reconciler.server.status import StatusError, internal, refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.server.methods import Handler
    from reconciler.server.store import Store

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
        known = _location("storage location", *place, request.filename)
        held = objects.md5(known)
        if held is not None and held != request.content_md5:
            raise StatusError(
                grpc.StatusCode.ALREADY_EXISTS,
                f"file already exists at location [{known}], specify a matching hash if you wish "
                "to rewrite",
            )
    wanted = optional(request, "expires_in")
    if wanted is not None and not valid(wanted):
        raise refused(f"expiresIn [{compact(wanted)}] is invalid")
    length = LONGEST if wanted is None else nanoseconds(wanted)
    if length > LONGEST:
        shown = durations.text(length)
        raise refused(f"expiresIn [{shown}] cannot exceed max allowed expiration [1h0m0s]")
    name = request.filename or "".join(secrets.choice(_ALPHABET) for _ in range(_NAME_LENGTH))
    native = _location("shardedStorageLocation", *place, name)
    # The length is that of the checksum's text: a fault of the real one's S3 client that clients
    # have to live with by sending a length of their own.
    headers = {"Content-MD5": md5, "Content-Length": str(len(md5))}
    if request.add_content_md5_metadata:
        headers["x-amz-meta-flyteContentMD5"] = md5
    return wire.CreateUploadLocationResponse(
        signed_url=signed(store, "PUT", native, length, md5=md5),
        native_url=native,
        expires_at=stamp(now() + length // 1000),
        headers=headers,
    )


def _location(name: str, *parts: str) -> str:
    """The location of a key; INTERNAL for parts that make none."""
    try:
        return locations.reference(("", *(part for part in parts if part)))
    except ValueError as error:
        text = f"failed to create {name}, Error: failed to construct datastore reference. Error: "
        raise internal(f"{text}{error}") from None


def _download(
    store: Store, request: wire.CreateDownloadLocationRequest
) -> wire.CreateDownloadLocationResponse:
    problem = "error while validating request: "
    length = expiry(optional(request, "expires_in"), problem)
    try:
        locations.parse(request.native_url)
    except ValueError:
        raise refused(f"{problem}failed to parse native_url [{request.native_url}]") from None
    return wire.CreateDownloadLocationResponse(
        signed_url=signed(store, "GET", request.native_url, length),
        expires_at=stamp(now() + length // 1000),
    )


HANDLERS: Mapping[str, Handler] = {
    "CreateUploadLocation": _upload,
    "CreateDownloadLocation": _download,
    "CreateDownloadLink": run_data.download_link,
    "GetData": run_data.get,
}
