"""The page of offers, as a person uses it in a host."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client

from house import puts
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
