"""The page of money, as a person reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from mcp import Client
from playwright.async_api import Browser

from drawn import first_answer
from house import allowing
from stage import Stage, as_result, of_server, resources_of
from vast_mcp import views
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio


async def test_limits_are_shown_with_how_full_they_are(
    browser: Browser, two_origins: Any, world: World, settings: Settings
) -> None:
    """As the next rental meets them; a person who is asked is said, too."""
    allowed = {"max_instances": 4, "max_total_usd_per_hour": 5.0, "max_usd_per_hour": 3.0}
    asked = replace(settings, confirm_above=3.0)
    async with allowing(world, asked, **allowed) as client:
        stage = Stage(browser, two_origins, of_server(client), resources_of(client))
        await stage.open(views.page("money"), as_result(await first_answer("money", client, world)))
        limits = stage.view.locator("#limits")
        await limits.get_by_text("2, at most 4").wait_for()
        await limits.get_by_text("at most $5.000/h").wait_for()
        await limits.get_by_text("A person is asked above $3/h").wait_for()
        assert await limits.locator(".gauge").count() == 2
        assert (await stage.breaches(), stage.strayed, stage.console) == ([], [], [])
        await stage.close()


async def test_what_could_not_be_read_is_said_in_its_place(
    stage: Stage, world: World, client: Client
) -> None:
    """It is not nothing."""
    ask = stage.answer

    async def answer(name: str, args: dict[str, Any]) -> dict[str, Any]:
        if name == "show_costs":
            return as_result({"error": {"code": "x", "message": "Vast did not answer."}})
        return await ask(name, args)

    async def read(_: str) -> dict[str, Any]:
        return {"refused": {"code": -32601, "message": "no"}}

    stage.answer, stage.read = answer, read
    await stage.open(views.page("money"), as_result(await first_answer("money", client, world)))
    await stage.view.locator("#days", has_text="Vast did not answer.").wait_for()
    await stage.view.locator("#limits", has_text="lets the page not read").wait_for()


async def test_spending_is_shown_for_so_many_days(
    stage: Stage, world: World, client: Client
) -> None:
    """By day, machine and kind; the last choice counts."""
    await stage.open(views.page("money"), as_result(await first_answer("money", client, world)))
    await stage.view.get_by_label("Days").select_option("30")
    await stage.until("byId('days').textContent.includes('UTC')")
    periods = [args["period"] for name, args in stage.calls if name == "show_costs"]
    assert periods[-1] == "30"


async def test_an_account_of_an_older_day_is_read_anew(
    stage: Stage, world: World, client: Client
) -> None:
    """Hosts show an old chat with the answer that it had."""
    old = await first_answer("money", client, world) | {"credit_usd": 4_000.0}
    await stage.open(views.page("money"), as_result(old))
    await stage.view.locator("#as-of", has_text="As of").wait_for()
    assert "$25.00" in (await stage.view.locator("#top").text_content() or "")


async def test_what_rounds_to_nothing_has_no_sign(
    stage: Stage, world: World, client: Client
) -> None:
    """A refund of a tenth of a cent has no minus sign."""
    await stage.open(views.page("money"), as_result(await first_answer("money", client, world)))
    words = "[-0.001, -0.0049, -0.006, 0.001].map(cents).join(' ')"
    await stage.until(f"{words} === '$0.00 $0.00 \u2212$0.01 $0.00'")
    await stage.until("dollars(-0.00001) === 'under $0.0001' && dollars(-2) === '\u2212$2.000'")
    costs = "{ first_day: '2026-11-30', last_day: '2026-11-30', of_which: { other_usd: -0.001 } }"
    await stage.until(f"(takeCosts({costs}), byId('kinds').children.length === 0)")


async def test_a_failure_is_gone_once_a_later_reading_succeeds(
    stage: Stage, world: World, client: Client
) -> None:
    """Whoever presses Refresh after an outage does not read of it any more."""
    ask = stage.answer
    out = [True]

    async def answer(name: str, args: dict[str, Any]) -> dict[str, Any]:
        if name == "show_account" and out[0]:
            return as_result({"error": {"code": "x", "message": "Vast did not answer."}})
        return await ask(name, args)

    stage.answer = answer
    await stage.open(views.page("money"), as_result(await first_answer("money", client, world)))
    await stage.view.locator("#failure", has_text="Vast did not answer.").wait_for()
    out[0] = False
    await stage.view.get_by_role("button", name="Refresh").click()
    await stage.view.locator("#as-of", has_text="As of").wait_for()
    assert await stage.view.locator("#failure *").count() == 0


async def test_a_period_that_could_not_be_read_leaves_no_figures_of_another(
    stage: Stage, world: World, client: Client
) -> None:
    ask = stage.answer

    async def answer(name: str, args: dict[str, Any]) -> dict[str, Any]:
        if name == "show_costs" and args["period"] == "90":
            return as_result({"error": {"code": "x", "message": "Too long ago."}})
        return await ask(name, args)

    stage.answer = answer
    await stage.open(views.page("money"), as_result(await first_answer("money", client, world)))
    await stage.until("byId('spent').children.length > 0")
    await stage.view.get_by_label("Days").select_option("90")
    await stage.view.locator("#days", has_text="Too long ago.").wait_for()
    assert await stage.view.locator("#spent *").count() == 0
