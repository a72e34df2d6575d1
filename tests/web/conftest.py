"""A browser and a page; without a browser these tests are skipped, and the reason is printed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import web_programs
from aiohttp import web
from browser_kit import TOKEN, Site
from playwright.async_api import async_playwright
from web_kit import NOON, boards, large

from reconciler.model.secret import Secret
from reconciler.web.app import application
from reconciler.web.gate import Gate


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    absent = web_programs.missing()
    if absent:
        pytest.skip(f"the page is not tested: {absent} is not installed")
    app = application(boards(large()), Gate(token=Secret(TOKEN)), clock=lambda: NOON)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = int(runner.addresses[0][1])
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=web_programs.browser(), args=["--no-sandbox"]
        )
        yield Site(f"http://127.0.0.1:{port}", browser)
        await browser.close()
    await runner.cleanup()
