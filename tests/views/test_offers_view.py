"""The page of offers, as a person uses it in a host."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from mcp import Client

from drawn import many_offers
from house import call, puts
from stage import Stage, as_result, unlike_the_schema
from vast_mcp import views
from vast_mcp.sandbox.world import World

pytestmark = pytest.mark.anyio


async def test_choosing_an_offer_asks_its_price_and_a_button_with_that_price_rents(
    stage: Stage, client: Client, world: World, schema: dict[str, Any]
) -> None:
    """The flow of the issue: a dry run, then a visible button; one press, one PUT, and the model
    is told.
    """
    found = await client.call_tool("search_offers", {"limit": 3})
    await stage.open(
        views.page("offers"),
        as_result(found.structured_content),
        args={"limit": 3},
    )
    view = stage.view
    await view.get_by_role("button", name="Show all").wait_for()
    assert stage.calls[0] == ("search_offers", {"limit": 50})
    await view.get_by_role("button", name="Choose").nth(2).click()
    rent = view.get_by_role("button", name="Rent for $")
    await rent.wait_for()
    assert puts(world) == 0
    tool, asked = stage.calls[-1]
    assert (tool, asked["dry_run"]) == ("create_instance", True)
    await rent.dblclick()
    await view.get_by_text("Rented: machine").first.wait_for()
    assert puts(world) == 1
    _, rented = stage.calls[-1]
    price = float((await rent.text_content()).removeprefix("Rent for $").removesuffix("/h"))
    assert (rented["request_key"], rented["max_usd_per_hour"]) == (asked["request_key"], price)
    assert await rent.get_attribute("aria-disabled") == "true"
    [told] = await stage.sent("ui/update-model-context")
    assert str(world.living[0].id) in told["params"]["content"][0]["text"]
    assert unlike_the_schema(await stage.sent(), schema) == []
    assert (await stage.breaches(), stage.strayed, stage.console) == ([], [], [])


async def test_an_offer_is_rented_by_the_keyboard_alone(
    stage: Stage, client: Client, world: World
) -> None:
    """The focus follows what happens, and nothing needs a mouse."""
    answer = await call(client, "search_offers", limit=3)
    await stage.open(views.page("offers"), as_result(answer), args={"limit": 50})
    await stage.view.get_by_role("button", name="Choose").first.focus()
    await stage.page.keyboard.press("Enter")
    await stage.view.get_by_role("button", name="Rent for $").wait_for()
    for _ in range(5):  # disk, end, check, close, rent
        await stage.page.keyboard.press("Tab")
    await stage.page.keyboard.press("Enter")
    await stage.view.get_by_text("Rented: machine").first.wait_for()
    assert puts(world) == 1


async def test_a_lost_answer_is_asked_for_by_the_same_request(
    stage: Stage, client: Client, world: World
) -> None:
    """No press rents twice, whatever became of the one before."""
    answer = await call(client, "search_offers", limit=3)
    await stage.open(views.page("offers"), as_result(answer), args={"limit": 50})
    await stage.view.get_by_role("button", name="Choose").first.click()
    rent = stage.view.get_by_role("button", name="Rent for $")
    await rent.wait_for()
    world.faults.add("create", "drop", times=1)
    await rent.click()
    await stage.view.locator("#outcome .note").first.wait_for()
    keys = [args["request_key"] for name, args in stage.calls if name == "create_instance"]
    assert len(set(keys)) == 1
    assert len(world.living) <= 1


async def test_a_price_that_was_changed_is_asked_for_again_before_it_can_be_pressed(
    stage: Stage, client: Client
) -> None:
    """A button never shows the price of another disk."""
    answer = await call(client, "search_offers", limit=3)
    await stage.open(views.page("offers"), as_result(answer), args={"limit": 50})
    await stage.view.get_by_role("button", name="Choose").first.click()
    rent = stage.view.get_by_role("button", name="Rent for $")
    await rent.wait_for()
    first = stage.calls[-1][1]
    await stage.view.get_by_label("Disk, GB").fill("40")
    assert await rent.count() == 0
    await stage.view.get_by_role("button", name="Check price").click()
    await rent.wait_for()
    again = stage.calls[-1][1]
    assert (first["disk"], again["disk"]) == (10, 40)
    assert first["request_key"] != again["request_key"]


async def test_a_table_is_sorted_and_filtered(stage: Stage) -> None:
    await stage.open(views.page("offers"), as_result(many_offers(64)), args={"limit": 50})
    rows = stage.view.locator("#rows tr")
    assert await rows.count() == 12
    await stage.view.get_by_role("button", name="Show all 64").click()
    assert await rows.count() == 64
    await stage.view.get_by_role("button", name="GPU GB").click()
    await stage.view.get_by_role("button", name="GPU GB").click()
    assert "640" in (await rows.first.text_content() or "")
    await stage.view.get_by_label("Filter").fill("h100 texas")
    texts = await rows.all_text_contents()
    assert texts
    assert all("H100" in text and "Texas" in text for text in texts)
    await stage.view.get_by_label("Chart by").select_option("Download")
    assert "Download" in (await stage.view.locator("#chart svg").get_attribute("aria-label") or "")


GIVEN = "answer => { window.given = answer; state.all = true; take(given, {}); }"
DRAWN = "take(given, {}); document.body.getBoundingClientRect();"
KEY = "byId('filter').value = 'h100'; draw(); document.body.getBoundingClientRect();"
NO_KEY = "byId('filter').value = ''; draw(); document.body.getBoundingClientRect();"


async def own_ms(stage: Stage, work: str, before: str = "") -> float:
    """What some work takes of the page's thread, layout included, in ms; the least of five."""
    thread = await stage.page.context.new_cdp_session(stage.page.frames[1])
    await thread.send("Performance.enable", {"timeDomain": "threadTicks"})

    async def used() -> float:
        told = (await thread.send("Performance.getMetrics"))["metrics"]
        return next(one["value"] for one in told if one["name"] == "ThreadTime") * 1000

    took: list[float] = []
    for _ in range(5):
        await stage.view.evaluate(f"() => {{ {before} }}")
        began = await used()
        await stage.view.evaluate(f"() => {{ {work} }}")
        took.append(await used() - began)
    return min(took)


async def test_64_offers_take_100_ms_a_thousand_a_second_and_a_key_100_ms(stage: Stage) -> None:
    """The page's own time: that of its thread, which other work on the computer does not count
    into.
    """
    await stage.open(views.page("offers"), as_result(many_offers(3)), args={"limit": 50})
    await stage.view.evaluate(GIVEN, many_offers(64))
    few = await own_ms(stage, DRAWN)
    await stage.view.evaluate(GIVEN, many_offers(1000))
    took = [few, await own_ms(stage, DRAWN), await own_ms(stage, KEY, NO_KEY)]
    logging.getLogger("views").info("64 offers, 1,000 offers, a key, in ms: %s", took)
    assert took[0] < 100, took
    assert took[1] < 1000, took
    assert took[2] < 100, took
