"""The page in a browser: each view, by keyboard, on a phone, in the dark, and with many plans."""

from __future__ import annotations

import re

import pytest
from browser_kit import TOKEN, Site, violations
from playwright.async_api import expect
from web_kit import HOSTILE, PLACE

PLAN = f"FlyteLaunchPlan%2F{PLACE.project}%2F{PLACE.domain}%2F"
FILL = f"FlyteBackfill%2F{PLACE.project}%2F{PLACE.domain}%2Forders-2025"
VIEWS = {
    "sets": "/",
    "set": "/sets/ranking-prod",
    "object": f"/sets/ranking-prod/objects/{PLAN}drifted",
    "sync": "/sets/ranking-prod/syncs/1",
    "calendar": "/calendar?day=2026-05-01&zone=Europe/Berlin",
    "backfills": "/backfills",
    "backfill": f"/sets/ranking-prod/backfills/{FILL}",
    "audit": "/audit",
    "nothing": "/sets/none",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
async def test_every_view_keeps_the_rules_of_accessibility(
    site: Site, width: int, scheme: str
) -> None:
    async with site.page(width=width, scheme=scheme) as page:
        for name, path in VIEWS.items():
            await page.goto(path)
            assert await violations(page) == [], name


@pytest.mark.parametrize("width", [1200, 360])
async def test_no_view_is_wider_than_the_window(site: Site, width: int) -> None:
    async with site.page(width=width) as page:
        for name, path in VIEWS.items():
            await page.goto(path)
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, name


async def test_token_is_asked_for_and_leaving_ends_the_visit(site: Site) -> None:
    context = await site.browser.new_context(base_url=site.base)
    page = await context.new_page()
    await page.goto("/calendar")
    await expect(page).to_have_url(re.compile("/login$"))
    assert await violations(page) == []
    await page.get_by_label("Token").fill("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("That is not the token.")
    await page.get_by_label("Token").fill(TOKEN)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sets")
    await page.get_by_role("button", name="Leave").click()
    await page.goto("/")
    await expect(page).to_have_url(re.compile("/login$"))
    await context.close()


async def test_sets_that_need_somebody_come_first(site: Site) -> None:
    async with site.page() as page:
        rows = page.locator("tbody tr")
        await expect(rows).to_have_count(3)
        await expect(rows.first).to_contain_text("ranking-prod")
        await expect(rows.first).to_contain_text("1 object could not be applied")
        await expect(rows.last).to_contain_text("large")


async def test_drift_is_found_and_shown_field_by_field(site: Site) -> None:
    async with site.page() as page:
        await page.get_by_role("link", name="ranking-prod").click()
        await page.get_by_label("Standing").select_option("drift")
        await page.get_by_role("button", name="Show").click()
        await page.get_by_role("link", name="drifted").click()
        fields = page.get_by_role("region", name="Fields of")
        await expect(fields).to_contain_text("schedule.cron")
        await expect(fields.locator("del").first).to_have_text("0 6 * * *")
        await expect(fields.locator("ins").first).to_have_text("30 6 * * *")
        await expect(page.get_by_role("heading", name="Next firings")).to_be_visible()
        await expect(page.locator("ol li").first).to_contain_text("2026-05-01 12:10:00 UTC")


async def test_calendar_shows_what_fired_and_what_will(site: Site) -> None:
    async with site.page() as page:
        await page.get_by_role("link", name="Calendar").click()
        await page.get_by_label("Set").select_option("ranking-prod")
        await page.get_by_role("button", name="Show").click()
        past = page.get_by_role("listitem").filter(has_text="f9c8be275fb3256d6000")
        await expect(past).to_contain_text("succeeded")
        noon = page.get_by_role("region", name="12:00")
        await expect(noon).to_contain_text("drifted")
        await expect(noon).to_contain_text("and 5 more this hour")
        await expect(page.get_by_role("region", name="Without a time of day")).to_contain_text(
            "timer"
        )
        await page.get_by_role("link", name="2026-05-02").click()
        morning = page.get_by_role("region", name="04:00")
        await expect(morning).to_contain_text("orders.daily")
        await page.get_by_label("Zone").fill("Europe/Berlin")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("region", name="06:00")).to_contain_text("orders.daily")


async def test_backfill_shows_its_table(site: Site) -> None:
    async with site.page() as page:
        await page.get_by_role("link", name="Backfills").click()
        await expect(page.get_by_role("progressbar")).to_have_attribute("value", "60")
        await page.get_by_role("link", name="orders-2025").click()
        await expect(page.locator("tbody tr")).to_have_count(100)
        await expect(page.locator("main")).to_contain_text("60 of 150 ticks are covered")
        await page.get_by_role("link", name="Next").click()
        await expect(page.locator("tbody tr")).to_have_count(50)


async def test_syncs_and_audit_tell_what_was_done(site: Site) -> None:
    async with site.page() as page:
        await page.goto(VIEWS["set"])
        await page.get_by_role("link", name="2026-05-01 11:58:00 UTC").click()
        await expect(page.locator("main")).to_contain_text("1 of 2 changes failed")
        await expect(page.get_by_role("heading", level=3)).to_have_count(2)
        await page.get_by_role("link", name="Audit").click()
        await expect(page.locator("tbody tr")).to_contain_text("ada@example.com")
        await expect(page.locator("main")).to_contain_text("reconcile audit shows all of it")
        await page.get_by_label("Set", exact=True).select_option("team-a/quiet")
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator("main")).to_contain_text("Nothing was written yet")


async def test_what_others_write_is_text(site: Site) -> None:
    async with site.page() as page:
        for path in VIEWS.values():
            await page.goto(path)
            assert "taken" not in await page.title()
            assert await page.locator("script").count() == 0
        await page.goto(VIEWS["set"])
        await expect(page.locator("main")).to_contain_text(HOSTILE)


async def test_nothing_is_asked_of_others_and_nothing_is_said_to_the_console(site: Site) -> None:
    async with site.page() as page:
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        for name, path in VIEWS.items():
            if name != "nothing":
                await page.goto(path)
        assert [url for url in asked if not url.startswith((site.base, "data:"))] == []
        assert said == []


async def test_page_is_used_without_a_mouse(site: Site) -> None:
    async with site.page() as page:
        await page.goto("/")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="ranking-prod")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Set ranking-prod")


async def test_five_thousand_plans_are_looked_through(site: Site) -> None:
    async with site.page() as page:
        await page.goto("/sets/large")
        await expect(page.locator("tbody tr")).to_have_count(100)
        await page.get_by_label("Name or reason").fill("plan-049")
        await page.keyboard.press("Enter")
        await expect(page.locator("caption").first).to_have_text("100 objects")
        await page.goto("/calendar?day=2026-05-02&set=large")
        await expect(page.locator("main")).to_contain_text("4800 more are not shown")
        size = await page.evaluate("document.documentElement.outerHTML.length")
        assert size < 500_000
