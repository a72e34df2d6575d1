"""What registering needs beside the content of an action: code to upload, descriptions to send.

Uploading is part of registering the first task that needs the code, the one exception to "one
action, one call": whether code is there cannot be observed without asking for a place to write to,
so it cannot be a step of a plan. The place names the digest of what is in the code and the MD5 of
its bytes, so that two machines that pack the same source differently never meet at one place
(flyteadmin 1.16.8 refuses other bytes at a place that is taken).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from flyteidl.admin import description_entity_pb2
from flyteidl.service import dataproxy_pb2

from reconciler.backends.flyte1 import faults, methods, task
from reconciler.backends.flyte1.package.identifiers import description_name
from reconciler.backends.wire.channel import Channel
from reconciler.errors import BackendError, UsageError
from reconciler.model.digest import split_version
from reconciler.model.key import Place
from reconciler.plan.plan import Action


class Attachments:
    """What the packages at hand attached, and where code was put during this session."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}
        self._urls: dict[tuple[Place, str], str] = {}
        self._locks: defaultdict[tuple[Place, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    def add(self, contents: Mapping[str, bytes]) -> None:
        """Take what a package attaches: code by `code://` URL, descriptions by name."""
        self._contents.update(contents)

    def description(self, action: Action) -> description_entity_pb2.DescriptionEntity | None:
        """Return the description that goes along with a registration.

        It is kept beside a version, never compared, and cannot be changed later; none is no fault.
        """
        parts = split_version(action.version)
        name = description_name(action.key.kind, action.key.name, parts[1] if parts else "")
        content = self._contents.get(name)
        if content is None:
            return None
        return description_entity_pb2.DescriptionEntity.FromString(content)

    async def uploaded(self, channel: Channel, action: Action) -> Mapping[str, str]:
        """Bring the code of a task to where it is downloaded from; maps `code://` URLs to places.

        Raises UsageError when the package is not at hand, as for a plan that was saved elsewhere.
        """
        urls: dict[str, str] = {}
        for url in sorted(task.code_of(action.body or {})):
            content = self._contents.get(url)
            if content is None:
                raise UsageError(
                    f"{action.key}: its code {task.digest_of_code(url)} is in no package here; "
                    "apply the plan where the package is as it was when the plan was made"
                )
            place = action.key.place
            async with self._locks[place, url]:
                if (place, url) not in self._urls:
                    self._urls[place, url] = await _upload(channel, place, _Code(url, content))
                urls[url] = self._urls[place, url]
        return urls


@dataclass(frozen=True, slots=True)
class _Code:
    url: str
    content: bytes


@dataclass(frozen=True, slots=True)
class _Location:
    signed_url: str
    native_url: str
    headers: Mapping[str, str]


async def _upload(channel: Channel, place: Place, code: _Code) -> str:
    from reconciler.backends.data import upload  # loads an HTTP client, which few runs need

    md5 = upload.md5_of(code.content)
    name = task.PICKLE if code.url.endswith(task.PICKLE) else f"{md5.hex()}.tar.gz"
    request = dataproxy_pb2.CreateUploadLocationRequest(
        project=place.project,
        domain=place.domain,
        filename=name,
        filename_root=task.digest_of_code(code.url),
        content_md5=md5,
    )
    try:
        answer = await channel.call(methods.CREATE_UPLOAD_LOCATION, request)
    except BackendError as error:
        if not faults.is_already_exists(error):
            raise
        # Stores that keep no MD5 (encrypted buckets) make the server doubt what is there. The
        # name holds digest and MD5, so it is this code; a nameless neighbour tells its folder.
        request.filename = ""
        beside = await channel.call(methods.CREATE_UPLOAD_LOCATION, request)
        return f"{beside.native_url.rpartition('/')[0]}/{name}"
    location = _Location(answer.signed_url, answer.native_url, dict(answer.headers))
    async with upload.session(channel.settings.tls) as session:
        return await upload.put(session, location, code.content, md5=md5)
