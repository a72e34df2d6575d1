"""Where the web page is served, and who may look."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from reconciler.web.board import Boards
from reconciler.web.gate import Gate

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Where the web page is served, and who may look."""

    listen: str
    gate: Gate
    started: Callable[[int], None] | None = None


@asynccontextmanager
async def serving_page(page: Page | None, boards: Boards) -> AsyncIterator[None]:
    """Serve a page of some boards, where there is to be one.

    Raises UsageError where nothing can listen there.
    """
    if page is None:
        yield
        return
    # Only whoever wants a page needs what pages are made with.
    from reconciler.web import app

    async with app.serving(page.listen, boards, page.gate) as port:
        log.info("the page is on port %d", port)
        if page.started is not None:
            page.started(port)
        yield
