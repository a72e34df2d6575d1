"""Waits for several calls at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def gather(*work: Coroutine[Any, Any, object]) -> None:
    """Wait for all of it, then raise the first error; one failure does not stop the others."""
    found = await asyncio.gather(*work, return_exceptions=True)
    for item in found:
        if isinstance(item, BaseException):
            raise item
