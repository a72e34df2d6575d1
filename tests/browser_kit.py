"""A window of a browser on a page that is served here."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import web_programs
from playwright.async_api import Browser, Page

TOKEN = "the-token-of-the-page"


@dataclass
class Site:
    """A page that is served, and a browser that is signed in to it."""

    base: str
    browser: Browser

    @asynccontextmanager
    async def page(self, *, width: int = 1200, scheme: str = "light") -> AsyncIterator[Page]:
        """Open a window of a size."""
        context = await self.browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if scheme == "dark" else "light",
            base_url=self.base,
        )
        page = await context.new_page()
        await page.goto("/")
        await page.get_by_label("Token").fill(TOKEN)
        await page.get_by_role("button", name="Come in").click()
        yield page
        await context.close()


async def violations(page: Page) -> list[str]:
    """Ask the accessibility rules what is wrong with what a window shows."""
    await page.evaluate(web_programs.rules())
    found: dict[str, Any] = json.loads(
        await page.evaluate("async () => JSON.stringify(await axe.run())")
    )
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
