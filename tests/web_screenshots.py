"""Makes the pictures of docs/web.md: `python tests/web_screenshots.py`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import web_programs
from aiohttp import web
from browser_kit import TOKEN, Site
from playwright.async_api import async_playwright
from web_kit import NOON, boards, large

from reconciler.model.secret import Secret
from reconciler.web.app import application
from reconciler.web.gate import Gate

_FOLDER = Path(__file__).parents[1] / "docs" / "images"
_SHOTS = (
    ("set-light", "/sets/ranking-prod", 1100, "light"),
    ("calendar-dark", "/calendar?set=ranking-prod", 1100, "dark"),
    ("sets-phone", "/", 390, "light"),
)


async def main() -> None:
    """Take every picture anew."""
    app = application(boards(large()), Gate(token=Secret(TOKEN)), clock=lambda: NOON)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=web_programs.browser(), args=["--no-sandbox"]
        )
        site = Site(f"http://127.0.0.1:{runner.addresses[0][1]}", browser)
        for name, path, width, scheme in _SHOTS:
            async with site.page(width=width, scheme=scheme) as page:
                await page.goto(path)
                await page.screenshot(path=_FOLDER / f"web-{name}.png")
        await browser.close()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
