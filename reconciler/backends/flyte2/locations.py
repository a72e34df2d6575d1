"""Where uploads go: the data proxy of Flyte 2 as uploading asks it."""

from __future__ import annotations

from flyteidl2.cluster import payload_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2

from reconciler.backends.flyte2 import faults, methods
from reconciler.backends.flyte2.link import Link
from reconciler.backends.packages.uploads import Location, Proxy, Wanted
from reconciler.model.key import Place


async def proxy(link: Link, place: Place) -> Proxy:
    """Return the data proxy of a place."""
    channel = await link.routes.to(
        place, payload_pb2.SelectClusterRequest.OPERATION_CREATE_UPLOAD_LOCATION
    )

    async def ask(wanted: Wanted) -> Location:
        request = dataproxy_service_pb2.CreateUploadLocationRequest(
            project=wanted.place.project,
            domain=wanted.place.domain,
            filename=wanted.name,
            filename_root=wanted.folder,
            content_md5=wanted.md5,
            # Without it the server does not know what is there, and refuses the same bytes again.
            add_content_md5_metadata=True,
        )
        answer = await channel.call(methods.CREATE_UPLOAD_LOCATION, request)
        return Location(answer.signed_url, answer.native_url, dict(answer.headers))

    return Proxy(channel.settings, ask, faults.is_already_exists)
