"""The format of recorded packages: the requests that a client sent, and what it uploaded.

    manifest.json       {"formatVersion": 1, "flyte": "Flyte1",
                         "requests": [{"method": "AdminService.CreateTask", "file": ...}, ...],
                         "blobs": [{"url": ..., "sha256": ..., "name": ...}, ...],
                         and notes for people}
    requests/<n>.pb     one request each, as sent
    blobs/<sha256>      one upload each; `url` is where the client was told that it would be

Described for others in docs/package-format.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError, Message

from reconciler.backends.packages.code import Code
from reconciler.model.digest import canonical
from reconciler.model.document import Json
from reconciler.sources.archive import Archive

MANIFEST = "manifest.json"
FORMAT = 1
_PICKLED = "pkl.gz"


@dataclass(frozen=True, slots=True)
class Form:
    """What a recorded package of one Flyte holds: requests by the names of their methods."""

    flyte: str
    methods: Mapping[str, Callable[[], Message]]

    def method_of(self, request: Message) -> str:
        """Name the method of a request."""
        return next(name for name, made in self.methods.items() if made is type(request))


@dataclass(frozen=True, slots=True)
class Blob:
    """One upload: the URL that requests name it by, its file name, and its bytes."""

    url: str
    name: str
    content: bytes = field(repr=False)

    @property
    def code(self) -> Code:
        """Read it as code; what clients pickle from an interactive session is no tar."""
        return Code(self.content, is_pickle=self.name.endswith(_PICKLED))


@dataclass(frozen=True, slots=True)
class Sent:
    """One request: the member that holds it, and what its method is."""

    member: str
    method: str
    request: Message


@dataclass(frozen=True, slots=True)
class Recording:
    """Requests in their order, and uploads."""

    requests: tuple[Sent, ...]
    blobs: tuple[Blob, ...]


class RecordingError(Exception):
    """What is wrong with a recorded package."""


def is_recorded(archive: Archive) -> bool:
    """Say whether an archive is a recorded package."""
    return MANIFEST in archive.members


def read(archive: Archive, form: Form) -> Recording:
    """Read a recorded package; raises RecordingError."""
    manifest = _manifest(archive, form)
    try:
        requests = [(str(item["method"]), str(item["file"])) for item in manifest["requests"]]
        uploads = [
            (str(item["url"]), str(item["sha256"]), str(item["name"]))
            for item in manifest.get("blobs", [])
        ]
    except (KeyError, TypeError):
        raise RecordingError(f"{MANIFEST}: is not as `reconcile record` writes it") from None
    return Recording(
        tuple(_sent(archive, form, method, file) for method, file in requests),
        tuple(_blob(archive, url, sha256, name) for url, sha256, name in uploads),
    )


def write(
    form: Form, requests: Iterable[Message], blobs: Iterable[Blob] = (), **notes: Json
) -> Archive:
    """Make a recorded package of requests, in their order, and uploads.

    A request that was sent twice is kept once. `notes` go into the manifest for people; reading
    ignores them.
    """
    members: dict[str, bytes] = {}
    listed: list[dict[str, str]] = []
    seen: set[tuple[str, bytes]] = set()
    for request in requests:
        method = form.method_of(request)
        content = request.SerializeToString(deterministic=True)
        if (method, content) in seen:
            continue
        seen.add((method, content))
        file = f"requests/{len(listed):05d}.pb"
        members[file] = content
        listed.append({"method": method, "file": file})
    uploads: list[dict[str, str]] = []
    for blob in blobs:
        sha256 = hashlib.sha256(blob.content).hexdigest()
        members[f"blobs/{sha256}"] = blob.content
        uploads.append({"url": blob.url, "sha256": sha256, "name": blob.name})
    manifest: Any = {
        "formatVersion": FORMAT,
        "flyte": form.flyte,
        "requests": listed,
        "blobs": sorted(uploads, key=lambda one: one["url"]),
        **notes,
    }
    return Archive({MANIFEST: canonical(manifest), **members})


def _manifest(archive: Archive, form: Form) -> dict[str, Any]:
    try:
        manifest = json.loads(archive.members[MANIFEST])
    except ValueError:
        raise RecordingError(f"{MANIFEST}: is not JSON") from None
    if not isinstance(manifest, dict) or manifest.get("formatVersion") != FORMAT:
        raise RecordingError(
            f"{MANIFEST}: is not of format {FORMAT}; record it again with this version of reconcile"
        )
    if manifest.get("flyte") != form.flyte:
        raise RecordingError(
            f"{MANIFEST}: was recorded from a client of {manifest.get('flyte')}, and this "
            f"connection leads to a {form.flyte}"
        )
    return manifest


def _sent(archive: Archive, form: Form, method: str, file: str) -> Sent:
    content = _member(archive, file)
    if method not in form.methods:
        raise RecordingError(f"{file}: {method} registers nothing that a package can hold")
    request = form.methods[method]()
    try:
        request.ParseFromString(content)
    except DecodeError:
        raise RecordingError(f"{file}: is not the request that {MANIFEST} says") from None
    return Sent(file, method, request)


def _blob(archive: Archive, url: str, sha256: str, name: str) -> Blob:
    content = _member(archive, f"blobs/{sha256}")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise RecordingError(f"blobs/{sha256}: has another SHA-256; record it again")
    return Blob(url, name, content)


def _member(archive: Archive, name: str) -> bytes:
    try:
        return archive.members[name]
    except KeyError:
        raise RecordingError(f"{name}: is named in {MANIFEST} and missing") from None
