"""Who waits for what: every change is told to the streams that are open."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Changes:
    """Tells paths of what has changed; who does not listen misses them."""

    def __init__(self) -> None:
        self._ears: set[asyncio.Queue[str]] = set()

    def tell(self, *paths: str) -> None:
        """Say that what these paths name has changed."""
        for ear in self._ears:
            for path in paths:
                ear.put_nowait(path)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """What is told from now on; listen before you read, or a change falls in between."""
        ear: asyncio.Queue[str] = asyncio.Queue()
        self._ears.add(ear)
        try:
            yield Listener(ear)
        finally:
            self._ears.discard(ear)


class Listener:
    """What one stream has not heard yet."""

    def __init__(self, ear: asyncio.Queue[str]) -> None:
        self._ear = ear

    async def next(self) -> set[str]:
        """Wait for a change; several of one thing that came in the meantime are one."""
        heard = {await self._ear.get()}
        while not self._ear.empty():
            heard.add(self._ear.get_nowait())
        return heard
