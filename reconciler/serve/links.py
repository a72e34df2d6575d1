"""Open connections, one for each FlyteConnection, shared by the sets that are written over it.

One is opened when it is first needed, and anew when its document has changed; passes that are under
way finish on the old one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from reconciler.api import connecting
from reconciler.api.connecting import Observe, Target
from reconciler.backends.port import Backend
from reconciler.errors import ReconcilerError
from reconciler.serve.config import Config
from reconciler.specs.validate import Declared


@dataclass(slots=True)
class _Link:
    backend: Backend
    stack: AsyncExitStack = field(repr=False)
    identity: Mapping[str, str] = field(default_factory=dict)
    users: int = 0
    is_old: bool = False


class Links:
    """Opens, shares and closes connections; `target` is what the command line says of them.

    `observe` is told of every call to Flyte.
    """

    def __init__(
        self, target: Target, environ: Mapping[str, str], observe: Observe | None = None
    ) -> None:
        self._target = target
        self._environ = environ
        self._observe = observe
        self._links: dict[str, _Link] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def use(
        self, config: Config, sync: Declared, *, read_only: bool = False
    ) -> AsyncIterator[tuple[Backend, Mapping[str, str]]]:
        """Lend the connection of a set, and who answers there; with `read_only` it writes nothing.

        Raises UsageError where none is named or there, BackendError where nobody answers.
        """
        choice = connecting.choose(
            self._target, config.declaration(sync), environ=self._environ, cwd=config.base
        )
        link = await self._current(choice, read_only=read_only)
        link.users += 1
        try:
            if not link.identity:
                link.identity = await link.backend.identity()
            yield link.backend, link.identity
        finally:
            link.users -= 1
            if link.is_old and not link.users:
                await link.stack.aclose()

    async def retire(self) -> None:
        """Have everything opened anew, since what it was opened from has changed."""
        links, self._links, self._locks = self._links, {}, {}
        for link in links.values():
            link.is_old = True
            if not link.users:
                await link.stack.aclose()

    async def close(self) -> None:
        """Close everything."""
        links, self._links = self._links, {}
        for link in links.values():
            with contextlib.suppress(ReconcilerError, OSError):
                await link.stack.aclose()

    async def _current(self, choice: connecting.Choice, *, read_only: bool) -> _Link:
        name = f"{read_only} {choice!r}"
        async with self._locks.setdefault(name, asyncio.Lock()):
            known = self._links.get(name)
            if known is not None:
                return known
            stack = AsyncExitStack()
            backend = await stack.enter_async_context(
                connecting.connect(
                    choice, read_only=read_only, environ=self._environ, observe=self._observe
                )
            )
            link = self._links[name] = _Link(backend, stack)
            return link
