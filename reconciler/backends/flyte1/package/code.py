"""Brings the code archives of packages to where tasks download them.

Uploading is part of registering the first task that needs the code: an upload cannot be observed
without asking for a place to write to, so it cannot be a step of a plan. The place follows from the
code's digest, so that the same code is one object however often it is uploaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from flyteidl.service import dataproxy_pb2

from reconciler.backends.data import upload
from reconciler.backends.flyte1 import methods
from reconciler.backends.flyte1.channel import Channel
from reconciler.backends.flyte1.package.calls import CODE_URL
from reconciler.backends.flyte1.task import CODE_FILE
from reconciler.errors import UsageError
from reconciler.model.key import Place
from reconciler.plan.plan import Action


class CodeStore:
    """The code of the packages at hand, and where it was put during this session."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}
        self._urls: dict[tuple[str, Place], str] = {}
        self._lock = asyncio.Lock()

    def add(self, code: Mapping[str, bytes]) -> None:
        """Take the code of a resolved package, by digest."""
        self._code.update(code)

    async def fill(self, channel: Channel, action: Action) -> Action:
        """Upload what a task needs, once, and write its address into the action.

        Raises UsageError when the package is not at hand, as for a plan saved elsewhere.
        """
        content = str((action.body or {}).get("code") or "")
        if not content:
            return action
        data = self._code.get(content)
        if data is None:
            raise UsageError(
                f"{action.key}: its code {content} is in no package here; apply the plan where the "
                "package is"
            )
        async with self._lock:
            url = self._urls.get((content, action.key.place))
            if url is None:
                url = await _upload(channel, action.key.place, content, data)
                self._urls[content, action.key.place] = url
        return replace(action, body={**(action.body or {}), CODE_URL: url})


async def _upload(channel: Channel, place: Place, content: str, data: bytes) -> str:
    md5 = upload.md5_of(data)
    location = await channel.call(
        methods.CREATE_UPLOAD_LOCATION,
        dataproxy_pb2.CreateUploadLocationRequest(
            project=place.project,
            domain=place.domain,
            filename=CODE_FILE,
            filename_root=content,
            content_md5=md5,
        ),
    )
    async with upload.session(channel.settings.tls) as session:
        return await upload.put(session, location, data, md5=md5)
