"""What registering needs beside the content of an action: files to upload, descriptions to send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flyteidl.admin import description_entity_pb2
from flyteidl.service import dataproxy_pb2

from reconciler.backends.flyte1 import faults, methods
from reconciler.backends.flyte1.package.identifiers import description_name
from reconciler.backends.packages.uploads import Location, Proxy, Uploads, Wanted
from reconciler.backends.wire.channel import Channel
from reconciler.model.attachment import Attachment
from reconciler.model.digest import split_version
from reconciler.model.key import Place
from reconciler.plan.plan import Action


class Attachments:
    """What packages and inputs attached, and where uploads went or were seen in this session."""

    def __init__(self) -> None:
        self._uploads = Uploads()

    def add(self, contents: Mapping[str, Attachment]) -> None:
        """Take uploads by the URLs that stand for them, and descriptions and places by name."""
        self._uploads.contents.update(contents)

    def seen(self, place: Place, urls: Mapping[str, str]) -> None:
        """Learn from a live object of ours where its uploads are."""
        self._uploads.seen(place, urls)

    def description(self, action: Action) -> description_entity_pb2.DescriptionEntity | None:
        """Return the description that goes along with a registration.

        It is kept beside a version, never compared, and cannot be changed later; none is no fault.
        """
        parts = split_version(action.version)
        name = description_name(action.key, parts[1] if parts else "")
        content = self._uploads.contents.get(name)
        if not isinstance(content, bytes):
            return None
        return description_entity_pb2.DescriptionEntity.FromString(content)

    async def uploaded(
        self, channel: Channel, action: Action, files: Iterable[str] = ()
    ) -> Mapping[str, str]:
        """Bring code and local files to where they are downloaded from; see `Uploads.uploaded`."""

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
        return await self._uploads.uploaded(proxy, action, files)
