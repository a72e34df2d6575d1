"""Takes webhooks: a signed one marks the sets of its repository and reference, and does no more.

Whoever repeats one, or sends them in another order, makes the service look once more at most.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from aiohttp import web

from reconciler.forges.open_pulls import Pull
from reconciler.model.secret import Secret
from reconciler.serve import payloads, signatures
from reconciler.serve.payloads import Said
from reconciler.serve.signatures import Delivery, Key
from reconciler.sources import git
from reconciler.specs.git import ForgeName, GitSpec

log = logging.getLogger(__name__)

MOST_BYTES = 5 << 20
"""The largest body that is read; GitHub sends up to 25 MB, for pushes of thousands of commits."""

_SEEN = 10_000
_SEEN_SECONDS = 3600.0
_SMALL_BYTES = 128 << 10
_AT_ONCE = 8
"""Bodies that are larger than small ones and read at once, so that they have room in memory."""

_READ_SECONDS = 20.0

U = TypeVar("U", bound=Hashable)
V_contra = TypeVar("V_contra", bound=Hashable, contravariant=True)
"""What a set is called by whoever looks at it."""


class Marks(Protocol[V_contra]):
    """Is told what a webhook found: a set that has something new, or a pull request for it."""

    def pushed(self, name: V_contra) -> None:
        """Look at a set."""

    def pulled(self, name: V_contra, pull: Pull) -> None:
        """Plan a pull request for a set, or forget one that was closed."""


@dataclass(frozen=True, slots=True)
class Entry(Generic[U]):
    """A set with a webhook: its repository, and the secret that its forge signs with."""

    name: U
    spec: GitSpec
    secret: Secret[str]


class Hooks(Generic[U]):
    """The secrets of all sets, and what was delivered of late."""

    def __init__(self, marks: Marks[U], clock: Callable[[], float] = time.time) -> None:
        self._marks = marks
        self._clock = clock
        self._keys: tuple[tuple[Key, tuple[Entry[U], ...]], ...] = ()
        self._is_read = False
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._busy = asyncio.Semaphore(_AT_ONCE)

    @property
    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [web.post("/hooks", self._answer)]

    def refresh(self, entries: Iterable[Entry[U]]) -> None:
        """Replace what is known; a secret has one line, or several while it is exchanged."""
        keys: dict[tuple[ForgeName, str], list[Entry[U]]] = {}
        for entry in entries:
            if entry.spec.webhook is None:
                continue
            for line in filter(None, map(str.strip, entry.secret.reveal().splitlines())):
                keys.setdefault((entry.spec.webhook.forge, line), []).append(entry)
        self._keys = tuple(
            (Key(forge, Secret(line)), tuple(sets)) for (forge, line), sets in keys.items()
        )
        self._is_read = True

    async def _answer(self, request: web.Request) -> web.Response:
        if not self._is_read:
            return web.Response(status=503, text="what to sync is not read here, or not yet\n")
        if (request.content_length or 0) > MOST_BYTES:
            return web.Response(status=413, text="larger than is read\n")
        try:
            async with asyncio.timeout(_READ_SECONDS):
                body = await self._read(request)
        except TimeoutError:
            return web.Response(status=408, text="it did not come in time\n")
        except (ConnectionError, web.RequestPayloadError):
            return web.Response(status=400, text="it did not come whole\n")
        if len(body) > MOST_BYTES:
            return web.Response(status=413, text="larger than is read\n")
        headers = {name.lower(): value for name, value in request.headers.items()}
        code, text = self.take(Delivery(headers=headers, body=body))
        return web.Response(status=code, text=f"{text}\n")

    async def _read(self, request: web.Request) -> bytes:
        """Read a body, and one byte more than may be at most; few large ones at once."""
        body = bytearray()
        async with AsyncExitStack() as stack:
            room = _SMALL_BYTES
            while len(body) <= MOST_BYTES and not request.content.at_eof():
                if len(body) >= room:
                    await stack.enter_async_context(self._busy)
                    room = MOST_BYTES + 1
                body += await request.content.read(room - len(body))
        return bytes(body)

    def take(self, delivery: Delivery) -> tuple[int, str]:
        """Take a delivery, and say what was made of it as an answer over HTTP."""
        now = self._clock()
        # Each is asked, whatever the one before says.
        known = [signatures.is_by(delivery, key, now=now) for key, _ in self._keys]
        if not any(known):
            return 401, "the signature is of no secret that is known here"
        entries = [
            entry
            for (_, sets), is_known in zip(self._keys, known, strict=True)
            if is_known
            for entry in sets
        ]
        # Two hooks of one forge may tell of one event under one id, each with a secret of its own.
        names = ",".join(sorted({str(entry.name) for entry in entries}))
        if self._is_repeated(f"{delivery.id} {names}", now):
            return 200, "was delivered before"
        try:
            said = payloads.read(delivery)
        except ValueError as error:
            return 400, str(error)
        count = self._mark(said, entries)
        log.info("webhook of %s: %s: %d sets", delivery.forge, delivery.event[:60], count)
        return 202, f"{count} sets are looked at"

    def _mark(self, said: Said, entries: Iterable[Entry[U]]) -> int:
        count = 0
        for name, spec in {entry.name: entry.spec for entry in entries}.items():
            if (git.normalise(spec.url) or "").casefold() not in said.names:
                continue
            if any(_is_followed(spec, ref, said.default) for ref in said.refs):
                self._marks.pushed(name)
                count += 1
            if said.pull is not None and _is_planned(spec, said.pull, said.default):
                self._marks.pulled(name, said.pull)
                count += 1
        return count

    def _is_repeated(self, identifier: str, now: float) -> bool:
        while self._seen:
            oldest, at = next(iter(self._seen.items()))
            if len(self._seen) <= _SEEN and now - at <= _SEEN_SECONDS:
                break
            del self._seen[oldest]
        if identifier in self._seen:
            return True
        self._seen[identifier] = now
        return False


def _is_followed(spec: GitSpec, ref: str, default: str) -> bool:
    """Say whether a reference that moved can be the one that a set follows."""
    wanted = spec.ref
    if wanted.commit is not None:
        return False
    if wanted.tag is not None:
        return ref == f"refs/tags/{wanted.tag}"
    if wanted.semver is not None:
        return ref.startswith("refs/tags/")
    branch = wanted.branch or default
    return ref == f"refs/heads/{branch}" if branch else ref.startswith("refs/heads/")


def _is_planned(spec: GitSpec, pull: Pull, default: str) -> bool:
    """Say whether a pull request is one that is planned: into what the set follows."""
    pulls = spec.pull_requests
    if pulls is None or (pull.is_fork and not pulls.forks):
        return False
    wanted = spec.ref
    if wanted.tag is not None or wanted.semver is not None or wanted.commit is not None:
        return False
    return pull.target == (wanted.branch or default or pull.target)
