"""The page of `vast-mcp costs --html` in a browser: drawn from what it holds, and for A4."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from playwright.async_api import Browser, Page

from drawn import LONG, SCRIPT, TURNED, first_answer, hostile
from house import call
from stage import _HEARD
from vast_mcp.sandbox.world import World
from vast_mcp.views.paper import Kept, on_paper

AT = 1_791_000_000.0  # 3 October 2026, 04:00 UTC
A4_PX = 695  # between the margins, at 96 a inch


class Opened:
    """A file in a browser, with what it tried and said."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.said: list[str] = []


async def opened(browser: Browser, path: Path, **context: Any) -> Opened:
    made = await browser.new_context(**{"viewport": {"width": A4_PX, "height": 900}, **context})
    await made.add_init_script(_HEARD)
    one = Opened(await made.new_page())
    one.page.on("request", lambda request: one.asked.append(request.url))
    one.page.on("console", lambda message: one.said.append(message.text))
    one.page.on("pageerror", lambda error: one.said.append(str(error)))
    one.page.on("dialog", lambda dialog: one.said.append(dialog.message))
    await one.page.goto(path.as_uri())
    await one.page.locator("#spent *").first.wait_for(state="attached")  # no eval, by its policy
    return one


async def kept_of(client: Client, world: World) -> Kept:
    answers = {"show_account": await first_answer("money", client, world)}
    answers["show_instances"] = await call(client, "show_instances")
    answers["show_costs"] = await call(client, "show_costs", period="30")
    limits = await client.read_resource("vast://limits")
    return Kept("show_account", answers, {"vast://limits": limits.contents[0].text}, AT)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_is_drawn_from_what_it_holds(
    browser: Browser, client: Client, world: World, tmp_path: Path, scheme: str
) -> None:
    """On white, at whatever time it is opened; nothing is asked for, nothing to press is there."""
    path = tmp_path / "costs.html"
    kept = await kept_of(client, world)
    path.write_text(on_paper("money", kept, by="vast-mcp", words="plain"), "utf-8")
    one = await opened(browser, path, color_scheme=scheme, timezone_id="UTC")
    text = await one.page.inner_text("body")
    assert "Written by vast-mcp on 03 Oct 2026" in text
    assert "As of " in text
    assert f"${kept.answers['show_account']['credit_usd']:.2f}" in text
    assert str(kept.answers["show_instances"]["instances"][0]["instance_id"]) in text
    assert await one.page.locator("button:visible, select:visible").count() == 0
    ground = await one.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    assert await one.page.evaluate("new Date().getTime() === Date.now() && Date.now()") == AT * 1000
    assert (one.asked, one.said) == ([path.as_uri()], [])
    assert await one.page.evaluate("broken") == []


async def test_strangers_words_are_words_on_paper_too(browser: Browser, tmp_path: Path) -> None:
    """Markup, ten thousand characters and turned text do nothing, whoever reads without scripts."""
    answers = hostile("money")
    kept = Kept("show_account", answers, {}, AT)
    path = tmp_path / "costs.html"
    words = "\n".join((SCRIPT, LONG, TURNED, "</pre></noscript><script>alert(2)</script>"))
    path.write_text(on_paper("money", kept, by="vast-mcp", words=words), "utf-8")
    one = await opened(browser, path)
    assert await one.page.locator("img, b, iframe").count() == 0
    assert "<img src=x onerror=alert(1)>" in await one.page.inner_text("body")
    assert (one.asked, one.said) == ([path.as_uri()], [])
    plain = await browser.new_context(java_script_enabled=False)
    page = await plain.new_page()
    await page.goto(path.as_uri())
    assert "</noscript><script>alert(2)" in await page.inner_text("noscript pre")
    assert await page.locator("img").count() == 0


async def test_it_is_printed_on_pages_of_a4(
    browser: Browser, client: Client, world: World, tmp_path: Path
) -> None:
    """Nothing is wider than the paper, and bars are printed without being asked for."""
    path = tmp_path / "costs.html"
    kept = await kept_of(client, world)
    path.write_text(on_paper("money", kept, by="vast-mcp", words="plain"), "utf-8")
    one = await opened(browser, path)
    await one.page.emulate_media(media="print")
    assert await one.page.evaluate("document.documentElement.scrollWidth") <= A4_PX
    adjust = "getComputedStyle(document.querySelector('.gauge > i')).printColorAdjust"
    assert await one.page.evaluate(adjust) == "exact"
    pdf = await one.page.pdf(prefer_css_page_size=True)
    assert pdf.count(b"/Type /Page\n") == 1
