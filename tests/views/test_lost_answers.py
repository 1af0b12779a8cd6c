"""What becomes of a press whose answer is late, lost, another's, or says nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from playwright.async_api import Browser

from drawn import a_leased_machine
from house import allowing, call, puts, served
from people import approve, code_in
from stage import Stage, as_result, of_server, resources_of
from vast_mcp import views
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio

SILENCE_MS = 76_000  # a little longer than a page waits


async def with_a_price(stage: Stage, client: Client) -> Any:
    """The page of offers, whose first offer has its button; that button."""
    answer = await call(client, "search_offers", limit=3)
    await stage.open(views.page("offers"), as_result(answer), args={"limit": 50})
    await stage.view.get_by_role("button", name="Choose").first.click()
    rent = stage.view.locator("#rent")
    await rent.wait_for()
    return rent


def rentals(stage: Stage) -> list[dict[str, Any]]:
    """What was asked for in earnest."""
    return [
        args for name, args in stage.calls if name == "create_instance" and not args.get("dry_run")
    ]


class Post:
    """Between the page and the server: rentals are made, and their answers wait until `deliver`."""

    def __init__(self, stage: Stage) -> None:
        self.deliver = anyio.Event()
        self.holds = anyio.Event()  # an answer that waits
        self._ask, stage.answer = stage.answer, self._answer

    async def _answer(self, name: str, args: dict[str, Any]) -> dict[str, Any]:
        result = await self._ask(name, args)
        if name == "create_instance" and not args.get("dry_run") and not self.holds.is_set():
            self.holds.set()
            await self.deliver.wait()
        return result


async def test_a_press_without_an_answer_may_be_repeated_and_rents_once(
    stage: Stage, client: Client, world: World
) -> None:
    """The host lost the reply: the button comes back, asks by the same request, and finds the
    machine.
    """
    stage.with_clock = True
    rent = await with_a_price(stage, client)
    post = Post(stage)
    await rent.click()
    await stage.until("rentals.size === 1")
    await post.holds.wait()
    assert await rent.get_attribute("aria-disabled") == "true"
    await stage.page.clock.fast_forward(SILENCE_MS)
    await stage.view.get_by_text("A machine may exist").wait_for()
    again = stage.view.get_by_role("button", name="Ask again for $")
    await again.click()
    await stage.view.get_by_text("Rented: machine").first.wait_for()
    assert (puts(world), len(world.living)) == (1, 1)
    one, other = rentals(stage)
    assert one == other
    assert await rent.get_attribute("aria-disabled") == "true"
    post.deliver.set()


async def test_an_answer_that_comes_after_all_is_told(
    stage: Stage, client: Client, world: World
) -> None:
    """A person took their time over the host's question."""
    stage.with_clock = True
    rent = await with_a_price(stage, client)
    post = Post(stage)
    await rent.click()
    await post.holds.wait()
    await stage.page.clock.fast_forward(SILENCE_MS)
    await stage.view.get_by_text("A machine may exist").wait_for()
    post.deliver.set()
    await stage.view.get_by_text("Rented: machine").first.wait_for()
    assert await rent.get_attribute("aria-disabled") == "true"
    assert len(rentals(stage)) == puts(world) == 1


async def test_a_rental_in_flight_stays_on_the_page_when_another_offer_is_chosen(
    stage: Stage, client: Client, world: World
) -> None:
    """Its button has the one key by which it can be asked for again, and its offer no other."""
    rent = await with_a_price(stage, client)
    post = Post(stage)
    await rent.click()
    await post.holds.wait()
    await stage.view.get_by_role("button", name="Choose").nth(1).click()
    await stage.view.locator("#rentals .rental").wait_for()
    await stage.view.get_by_role("button", name="Choose").first.click()
    await stage.view.locator("#outcome .rental").wait_for()
    assert await stage.view.get_by_role("button", name="Check price").count() == 0
    post.deliver.set()
    await stage.view.get_by_text("Rented: machine").first.wait_for()
    await stage.view.get_by_role("button", name="Close").click()
    await stage.view.locator("#rentals", has_text="Rented: machine").wait_for()
    assert len(rentals(stage)) == puts(world) == 1


async def test_a_refused_rental_leaves_no_button_where_the_fields_have_changed(
    stage: Stage, client: Client, world: World
) -> None:
    """A button never has the price of another disk."""
    rent = await with_a_price(stage, client)
    world.faults.add("create", "status", status=400, body={"error": "no_such_ask", "msg": "gone"})
    post = Post(stage)
    await rent.click()
    await post.holds.wait()
    await stage.view.get_by_label("Disk, GB").fill("40")
    assert await rent.count() == 1
    post.deliver.set()
    await stage.view.locator("#outcome .note.bad").wait_for()
    assert await rent.count() == 0


ODD_ANSWERS: list[dict[str, Any]] = [
    {},
    {"content": []},
    {"content": [{"type": "text", "text": "null"}]},
    {"content": [{"type": "text", "text": "3"}], "structuredContent": []},
    {"structuredContent": {"offer_id": 1}},
    {"isError": True, "structuredContent": {"instance_id": 1}},
    {"isError": True, "content": [{"type": "text", "text": '{"detail": "denied"}'}]},
    {"resultType": "input_required", "content": [{"type": "text", "text": "Do you agree?"}]},
    {"refused": {"code": -32000, "message": "The person said no to the tool."}},
    {"refused": {}},
]


@pytest.mark.parametrize("odd", ODD_ANSWERS)
async def test_an_answer_that_names_no_machine_is_no_rental(
    stage: Stage, client: Client, odd: dict[str, Any]
) -> None:
    """Nothing is reported as success that is not; and what came of it is not known."""
    rent = await with_a_price(stage, client)
    ask = stage.answer

    async def answer(name: str, args: dict[str, Any]) -> dict[str, Any]:
        return await ask(name, args) if args.get("dry_run") else odd

    stage.answer = answer
    await rent.click()
    await stage.view.get_by_text("A machine may exist").wait_for()
    assert "Rented" not in (await stage.view.locator("main").text_content() or "")
    [told] = await stage.sent("ui/update-model-context")
    assert "a machine may exist" in told["params"]["content"][0]["text"]
    assert not stage.console


async def test_a_host_that_makes_no_calls_says_so_and_nothing_is_in_doubt(
    stage: Stage, client: Client
) -> None:
    rent = await with_a_price(stage, client)

    async def refuse(_: str, __: dict[str, Any]) -> dict[str, Any]:
        return {"refused": {"code": -32601, "message": "This host calls no tools."}}

    stage.answer = refuse
    await rent.click()
    await stage.view.locator("#outcome", has_text="This host calls no tools.").wait_for()
    assert await stage.view.get_by_text("A machine may exist").count() == 0
    assert await rent.get_attribute("aria-disabled") is None


async def test_of_two_looks_the_later_press_counts(
    stage: Stage, client: Client, world: World
) -> None:
    """The slow look of Destroy must not come to stand where the hand is about to press Stop."""
    machine = await a_leased_machine(client, world)
    await stage.open(views.page("machines"), as_result(await call(client, "show_instances")))
    await stage.until("!pace.now && pace.last")
    ask, first, hold = stage.answer, anyio.Event(), anyio.Event()

    async def answer(name: str, args: dict[str, Any]) -> dict[str, Any]:
        if name == "show_instance" and not first.is_set():
            first.set()
            await hold.wait()
        return await ask(name, args)

    stage.answer = answer
    await stage.view.get_by_role("button", name=f"Destroy: machine {machine}").click()
    await stage.view.get_by_role("button", name=f"Stop: machine {machine}").click()
    stop = stage.view.get_by_role("button", name=f"Stop {machine}", exact=True)
    await stop.wait_for()
    hold.set()
    await stage.until("!document.querySelector('[aria-busy]')")
    assert await stage.view.get_by_role("button", name="for good").count() == 0
    assert await stop.count() == 1


@pytest.mark.parametrize(
    "odd", [{"results": []}, {"results": [{"instance_id": 1, "outcome": "destroyed"}]}, {}]
)
async def test_an_end_that_no_answer_tells_of_is_none(
    stage: Stage, client: Client, world: World, odd: dict[str, Any]
) -> None:
    machine = await a_leased_machine(client, world)
    await stage.open(views.page("machines"), as_result(await call(client, "show_instances")))
    ask = stage.answer

    async def answer(name: str, args: dict[str, Any]) -> dict[str, Any]:
        return as_result(odd) if name == "destroy_instance" else await ask(name, args)

    stage.answer = answer
    await stage.view.get_by_role("button", name=f"Destroy: machine {machine}").click()
    await stage.view.get_by_role("button", name=f"Destroy {machine} for good").click()
    await stage.view.get_by_text("does not say that it was done").wait_for()
    assert "is gone" not in (await stage.view.locator("main").text_content() or "")


async def test_a_list_that_names_no_machines_is_not_taken_for_an_empty_account(
    stage: Stage, client: Client, world: World
) -> None:
    await a_leased_machine(client, world)
    await stage.open(views.page("machines"), as_result(await call(client, "show_instances")))
    await stage.until("!pace.now && pace.last")

    async def answer(_: str, __: dict[str, Any]) -> dict[str, Any]:
        return as_result({"sandbox": True})

    stage.answer = answer
    await stage.view.get_by_role("button", name="Refresh").click()
    await stage.view.get_by_text("The answer lists no machines.").wait_for()
    assert await stage.view.locator("article").count() == 1


async def test_a_rental_that_a_person_must_agree_to_waits_for_that(
    browser: Browser, two_origins: Any, world: World, settings: Settings, state: Path
) -> None:
    """The page can answer no question of the server's: the person says yes elsewhere, and presses
    once more.
    """
    asked = replace(settings, confirm_above=0.0, state_dir=state)
    async with served(world, asked) as client:
        stage = Stage(browser, two_origins, of_server(client), resources_of(client))
        rent = await with_a_price(stage, client)
        await rent.click()
        await stage.view.locator("#outcome .note.bad").wait_for()
        assert puts(world) == 0
        assert await stage.view.get_by_text("A machine may exist").count() == 0
        said = await stage.view.locator("#outcome .note.bad").text_content() or ""
        assert approve(code_in({"message": said})) == 0
        await rent.click()
        await stage.view.get_by_text("Rented: machine").first.wait_for()
        assert puts(world) == 1
        await stage.close()


async def test_where_the_server_only_looks_no_button_rents(
    browser: Browser, two_origins: Any, world: World, settings: Settings
) -> None:
    async with allowing(world, settings, read_only=True) as client:
        stage = Stage(browser, two_origins, of_server(client), resources_of(client))
        answer = await call(client, "search_offers", limit=3)
        await stage.open(views.page("offers"), as_result(answer), args={"limit": 50})
        await stage.view.get_by_role("button", name="Choose").first.click()
        await stage.view.get_by_text("VAST_MCP_READ_ONLY").wait_for()
        assert await stage.view.locator("#rent").count() == 0
        assert puts(world) == 0
        await stage.close()
