"""What reading registered code back has in common: its archives, and versions that would move."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from reconciler.backends.packages.recording import Upload
from reconciler.backends.settings import Tls
from reconciler.errors import BackendError
from reconciler.model.digest import split_version
from reconciler.model.key import Key
from reconciler.sources import archive

Sign = Callable[[str], Awaitable[str]]
"""Asks the data proxy for a signed URL to read code from; raises BackendError."""


async def download(
    users: Mapping[str, Sequence[Key]], sign: Sign, tls: Tls
) -> tuple[list[Upload], list[str]]:
    """Download code by its URLs; what cannot be read stays a URL, with a warning of its users."""
    if not users:
        return [], []
    from reconciler.backends.data import download, upload  # loads an HTTP client

    uploads: dict[str, Upload] = {}
    warnings: dict[str, str] = {}

    async def read(url: str) -> None:
        try:
            content = await download.get(
                session, await sign(url), limit_bytes=archive.DEFAULT_LIMITS.total_bytes
            )
        except BackendError as error:
            warnings[url] = (
                f"{some(users[url])}: its code {url} cannot be downloaded ({error}); the package "
                "names it where it is"
            )
        else:
            uploads[url] = Upload(url, url.rpartition("/")[2], content)

    async with upload.session(tls) as session:
        await asyncio.gather(*map(read, users))
    return [uploads[url] for url in sorted(uploads)], [warnings[url] for url in sorted(warnings)]


def moved(key: Key, version: str, digest: str, why: str) -> str:
    """Say that a version of a set would not come out again; empty where it would."""
    made = split_version(version)
    if made is None or made[1] == digest:
        return ""
    return (
        f"{key}: its version is {version} and its digest from what Flyte kept of it {digest}: {why}"
    )


def some(keys: Sequence[Key]) -> str:
    """Name the first of several."""
    return f"{keys[0]}{f' and {len(keys) - 1} more' if len(keys) > 1 else ''}"
