"""Code of packages and local files, and where they were put during one session.

Uploading is part of registering the first object that needs it, the one exception to "one action,
one call": whether something is there cannot be observed without asking for a place to write to, so
it cannot be a step of a plan. The place names the digest of the content, that of code the MD5 of
its bytes too, so that two machines that pack the same source differently never meet at one place
(both Flytes refuse other bytes at a place that is taken).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.backends.packages import code
from reconciler.backends.settings import Settings
from reconciler.errors import BackendError, UsageError
from reconciler.model.attachment import Attachment, LocalFile, Upload
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
    """What is at hand, by name; code and files are under the URLs that stand for them in bodies.

    Code that a package only names, and that is uploaded already, is under `place_name` of its URL.
    """

    contents: dict[str, Attachment] = field(default_factory=dict, repr=False)
    _urls: dict[tuple[Place, str], str] = field(default_factory=dict)
    _locks: defaultdict[tuple[Place, str], asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )

    def seen(self, place: Place, urls: Mapping[str, str]) -> None:
        """Learn from a live object of ours where its uploads are."""
        for url, native in urls.items():
            self._urls.setdefault((place, url), native)

    async def uploaded(
        self, proxy: Proxy, action: Action, files: Iterable[str] = (), *, known_in: str = ""
    ) -> Mapping[str, str]:
        """Bring what an action needs to the store; maps the URLs that stand for it to the store's.

        That is the code in its body, and `files`, stand-ins for local files; what belongs below
        `known_in` is there already. Raises UsageError for what is not at hand, as for a plan that
        was saved elsewhere, or has changed.
        """
        named = {url: f"code {code.digest_of_code(url)}" for url in code.code_of(action.body or {})}
        named |= {url: f"file {url.rpartition('/')[2]}" for url in files}
        urls: dict[str, str] = {}
        for url, what in sorted(named.items()):
            there = self.contents.get(place_name(url))
            if url not in self.contents and isinstance(there, bytes):
                urls[url] = there.decode()
                continue
            place = action.key.place
            async with self._locks[place, url]:
                if (place, url) not in self._urls:
                    content = self.contents.get(url)
                    if content is None:
                        raise not_at_hand(action, what)
                    if isinstance(content, bytes):
                        content = code.upload_of(url, content)
                    self._urls[place, url] = await _upload(proxy, action, content, known_in)
                urls[url] = self._urls[place, url]
        return urls


def place_name(url: str) -> str:
    """Name the place of code that is uploaded already among what packages attach."""
    return f"place of {url}"


def not_at_hand(action: Action, what: str) -> UsageError:
    """Say that something is missing, as for a plan that was saved elsewhere."""
    return UsageError(
        f"{action.key}: its {what} is not here; "
        "apply the plan where packages and files are as they were when the plan was made"
    )


async def _upload(proxy: Proxy, action: Action, content: Upload, known_in: str) -> str:
    """Upload every file that is not there, and return where the file or the folder is."""
    from reconciler.backends.data import upload  # loads an HTTP client, which few runs need

    native = ""
    async with upload.session(proxy.settings.tls) as session:
        for inner, file in sorted(content.files.items()):
            source = file.path if isinstance(file, LocalFile) else file
            md5 = await asyncio.to_thread(upload.md5_of, source)
            if isinstance(file, LocalFile) and md5 != file.md5:
                raise UsageError(
                    f"{action.key}: {file.path}: has changed since it was read; run again"
                )
            name = f"{content.name}/{inner}" if inner else content.name
            wanted = Wanted(action.key.place, content.root, name, md5)
            location = await _location(proxy, wanted)
            is_there = location.native_url == f"{known_in}/{wanted.folder}/{wanted.name}"
            if location.signed_url and not is_there:
                await proxy.settings.check_address(location.signed_url)
                await upload.put(session, location, source, md5=md5)
            native = location.native_url.removesuffix(f"/{inner}" if inner else "")
    return native


async def _location(proxy: Proxy, wanted: Wanted) -> Location:
    """Ask where a file goes; without a signed URL it is there already."""
    try:
        return await proxy.ask(wanted)
    except BackendError as error:
        if not proxy.is_taken(error):
            raise
        # Stores that keep no MD5 (encrypted buckets) make the server doubt what is there. The
        # place holds the digest, so it is this content; a nameless neighbour tells its folder.
        beside = await proxy.ask(replace(wanted, name=""))
        folder = beside.native_url
        if not folder.endswith(f"/{wanted.folder}"):  # Flyte 1 makes a name up
            folder = folder.rpartition("/")[0]
        return Location("", f"{folder}/{wanted.name}", {})
