"""Takes webhooks: a signed one marks the sets of its repository and reference, and does no more.

Whoever repeats one, or sends them in another order, makes the service look once more at most.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Protocol

from aiohttp import web

from reconciler.git import job as jobs
from reconciler.git import remote, secrets
from reconciler.git.faults import SourceError
from reconciler.model.secret import Secret
from reconciler.serve import payloads, signatures
from reconciler.serve.config import Config
from reconciler.serve.payloads import Pull, Said
from reconciler.serve.signatures import Delivery, Key
from reconciler.specs.git import ForgeName, GitSpec
from reconciler.specs.validate import Declared

log = logging.getLogger(__name__)

MOST_BYTES = 5 << 20
"""The largest body that is read; GitHub sends up to 25 MB, for pushes of thousands of commits."""

_SEEN = 10_000
_SEEN_SECONDS = 3600.0
_AT_ONCE = 8
_SECRET = "secret"  # noqa: S105 - a name


class Marks(Protocol):
    """Is told what a webhook found: a set that has something new, or a pull request for it."""

    def pushed(self, name: str) -> None:
        """Look at a set."""

    def pulled(self, name: str, pull: Pull) -> None:
        """Plan a pull request for a set."""


class Hooks:
    """The secrets of all sets, and what was delivered of late."""

    def __init__(self, marks: Marks, clock: Callable[[], float] = time.time) -> None:
        self._marks = marks
        self._clock = clock
        self._keys: tuple[Key, ...] = ()
        self._syncs: Mapping[str, Declared] = {}
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._busy = asyncio.Semaphore(_AT_ONCE)

    @property
    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [web.post("/hooks", self._answer)]

    def refresh(self, config: Config, rules: jobs.Rules) -> None:
        """Read the secrets anew; those that cannot be read let nobody in. Blocks on the disk."""
        keys: dict[tuple[ForgeName, str], set[str]] = {}
        for name, sync in config.syncs.items():
            webhook = jobs.spec_of(sync).webhook
            if webhook is None:
                continue
            try:
                remote.read(jobs.spec_of(sync).url, schemes=rules.schemes)
                found = secrets.read_local(
                    "webhook.secretRef", webhook.secret_ref, base=config.base
                )
            except SourceError as error:
                log.warning("%s: %s", name, error)
                continue
            text = found[_SECRET].reveal() if _SECRET in found else ""
            for line in filter(None, map(str.strip, text.splitlines())):
                keys.setdefault((webhook.forge, line), set()).add(name)
        self._keys = tuple(
            Key(forge, Secret(line), frozenset(sets)) for (forge, line), sets in keys.items()
        )
        self._syncs = config.syncs

    async def _answer(self, request: web.Request) -> web.Response:
        if (request.content_length or 0) > MOST_BYTES:
            return web.Response(status=413, text="larger than is read\n")
        async with self._busy:
            body = await request.content.read(MOST_BYTES + 1)
            while not request.content.at_eof() and len(body) <= MOST_BYTES:
                body += await request.content.read(MOST_BYTES + 1 - len(body))
        if len(body) > MOST_BYTES:
            return web.Response(status=413, text="larger than is read\n")
        headers = {name.lower(): value for name, value in request.headers.items()}
        code, text = self.take(Delivery(headers=headers, body=body))
        return web.Response(status=code, text=f"{text}\n")

    def take(self, delivery: Delivery) -> tuple[int, str]:
        """Take a delivery, and say what was made of it as an answer over HTTP."""
        now = self._clock()
        known = [signatures.is_by(delivery, key, now=now) for key in self._keys]
        sets = frozenset[str]().union(
            *(key.sets for key, is_known in zip(self._keys, known, strict=True) if is_known)
        )
        if not any(known):
            return 401, "the signature is of no secret that is known here"
        if self._is_repeated(delivery.id, now):
            return 200, "was delivered before"
        try:
            said = payloads.read(delivery)
        except ValueError as error:
            return 400, str(error)
        count = self._mark(said, sets)
        log.info("webhook of %s: %s: %d sets", delivery.forge, delivery.event[:60], count)
        return 202, f"{count} sets are looked at"

    def _mark(self, said: Said, sets: frozenset[str]) -> int:
        count = 0
        for name in sorted(sets):
            spec = jobs.spec_of(self._syncs[name])
            if remote.read(spec.url, schemes=_ANY).name.casefold() not in said.names:
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


_ANY = frozenset({"https", "http", "ssh", "git"})


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
