"""What registering needs beside the content of an action: code to upload, descriptions to send."""

from __future__ import annotations

from collections.abc import Mapping

from flyteidl.admin import description_entity_pb2
from flyteidl.service import dataproxy_pb2

from reconciler.backends.flyte1 import faults, methods
from reconciler.backends.flyte1.package.identifiers import description_name
from reconciler.backends.packages.uploads import Location, Proxy, Uploads, Wanted
from reconciler.backends.wire.channel import Channel
from reconciler.model.digest import split_version
from reconciler.plan.plan import Action


class Attachments:
    """What the packages at hand attached, and where code was put during this session."""

    def __init__(self) -> None:
        self._uploads = Uploads()

    def add(self, contents: Mapping[str, bytes]) -> None:
        """Take what a package attaches: code by `code://` URL, descriptions by name."""
        self._uploads.contents.update(contents)

    def description(self, action: Action) -> description_entity_pb2.DescriptionEntity | None:
        """Return the description that goes along with a registration.

        It is kept beside a version, never compared, and cannot be changed later; none is no fault.
        """
        parts = split_version(action.version)
        name = description_name(action.key.kind, action.key.name, parts[1] if parts else "")
        content = self._uploads.contents.get(name)
        if content is None:
            return None
        return description_entity_pb2.DescriptionEntity.FromString(content)

    async def uploaded(self, channel: Channel, action: Action) -> Mapping[str, str]:
        """Bring the code of a task to where it is downloaded from; see `Uploads.uploaded`."""

        async def ask(wanted: Wanted) -> Location:
            request = dataproxy_pb2.CreateUploadLocationRequest(
                project=wanted.place.project,
                domain=wanted.place.domain,
                filename=wanted.name,
                filename_root=wanted.folder,
                content_md5=wanted.md5,
            )
            answer = await channel.call(methods.CREATE_UPLOAD_LOCATION, request)
            return Location(answer.signed_url, answer.native_url, dict(answer.headers))

        proxy = Proxy(channel.settings, ask, faults.is_already_exists)
        return await self._uploads.uploaded(proxy, action)
