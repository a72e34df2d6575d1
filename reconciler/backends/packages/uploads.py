"""Code of packages, and where it was put during one session.

Uploading is part of registering the first task that needs the code, the one exception to "one
action, one call": whether code is there cannot be observed without asking for a place to write to,
so it cannot be a step of a plan. The place names the digest of what is in the code and the MD5 of
its bytes, so that two machines that pack the same source differently never meet at one place (both
Flytes refuse other bytes at a place that is taken).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from reconciler.backends.packages import code
from reconciler.backends.settings import Settings
from reconciler.errors import BackendError, UsageError
from reconciler.model.key import Place
from reconciler.plan.plan import Action


@dataclass(frozen=True, slots=True)
class Location:
    """Where to put bytes, and under which URL Flyte knows them: the data proxy's answer."""

    signed_url: str
    native_url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A place that is asked for: the digest names the folder, the MD5 is that of the bytes."""

    place: Place
    folder: str
    name: str
    md5: bytes


Ask = Callable[[Wanted], Awaitable[Location]]
"""Asks the data proxy for a place; without a name it is any place in the folder."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """The data proxy of one Flyte: how to ask it, and what its refusals mean."""

    settings: Settings
    ask: Ask
    is_taken: Callable[[BackendError], bool]


@dataclass(slots=True)
class Uploads:
    """What the packages at hand attached, by name; code is under its `code://` URL."""

    contents: dict[str, bytes] = field(default_factory=dict, repr=False)
    _urls: dict[tuple[Place, str], str] = field(default_factory=dict)
    _locks: defaultdict[tuple[Place, str], asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )

    async def uploaded(self, proxy: Proxy, action: Action) -> Mapping[str, str]:
        """Bring the code of a task to where it is downloaded from; maps `code://` URLs to places.

        Raises UsageError when the package is not at hand, as for a plan that was saved elsewhere.
        """
        urls: dict[str, str] = {}
        for url in sorted(code.code_of(action.body or {})):
            content = self.contents.get(url)
            if content is None:
                raise not_at_hand(action, f"code {code.digest_of_code(url)}")
            place = action.key.place
            async with self._locks[place, url]:
                if (place, url) not in self._urls:
                    self._urls[place, url] = await _upload(proxy, place, url, content)
                urls[url] = self._urls[place, url]
        return urls


def not_at_hand(action: Action, what: str) -> UsageError:
    """Say that a package is missing, as for a plan that was saved elsewhere."""
    return UsageError(
        f"{action.key}: its {what} is in no package here; "
        "apply the plan where the package is as it was when the plan was made"
    )


async def _upload(proxy: Proxy, place: Place, url: str, content: bytes) -> str:
    from reconciler.backends.data import upload  # loads an HTTP client, which few runs need

    md5 = upload.md5_of(content)
    name = code.file_name(url, md5)
    wanted = Wanted(place, code.digest_of_code(url), name, md5)
    try:
        location = await proxy.ask(wanted)
    except BackendError as error:
        if not proxy.is_taken(error):
            raise
        # Stores that keep no MD5 (encrypted buckets) make the server doubt what is there. The
        # name holds digest and MD5, so it is this code; a nameless neighbour tells its folder.
        beside = await proxy.ask(Wanted(place, wanted.folder, "", md5))
        return f"{beside.native_url.rpartition('/')[0]}/{name}"
    async with upload.session(proxy.settings.tls) as session:
        return await upload.put(session, location, content, md5=md5)
