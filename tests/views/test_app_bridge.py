"""The pages in a second host, whose protocol is not ours: AppBridge of the ext-apps project."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from playwright.async_api import Browser

from house import call, puts
from stage import Stage, as_result, of_server, origins, resources_of
from vast_mcp import views
from vast_mcp.sandbox.world import World

pytestmark = pytest.mark.anyio

BRIDGE = Path(os.environ["VIEWS_BRIDGE"])  # one file, made by scripts/views.py


@pytest.fixture(scope="module")
def bridged() -> Iterator[Any]:
    with origins("bridge.html") as both:
        yield both


@pytest.fixture
async def theirs(browser: Browser, bridged: Any, client: Client) -> Any:
    made = Stage(browser, bridged, of_server(client), resources_of(client))
    made.script = BRIDGE
    yield made
    await made.close()


async def test_a_rental_goes_through_their_bridge(
    theirs: Stage, client: Client, world: World
) -> None:
    """The handshake, the first result, calls and a word to the model: their schemas take each."""
    found = await call(client, "search_offers", limit=3)
    await theirs.open(views.page("offers"), as_result(found), args={"limit": 50})
    await theirs.view.get_by_role("button", name="Choose").first.click()
    await theirs.view.get_by_role("button", name="Rent for $").click()
    await theirs.view.get_by_text("Rented: machine").first.wait_for()
    assert puts(world) == 1
    assert len(await theirs.sent("ui/update-model-context")) == 1
    assert (await theirs.breaches(), theirs.strayed, theirs.console) == ([], [], [])


async def test_the_other_pages_read_and_end_by_their_bridge(
    theirs: Stage, client: Client, world: World
) -> None:
    """Resources too; and a view is told that it ends."""
    await theirs.open(views.page("money"), as_result(await call(client, "show_account")))
    await theirs.view.get_by_text("None is set: nothing bounds").wait_for()
    await theirs.page.evaluate("bridge.teardownResource({})")
    assert await theirs.view.evaluate("host.ended") is True
    assert theirs.console == []
