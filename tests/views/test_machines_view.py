"""The page of machines, as a person uses it in a host."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client

from drawn import a_leased_machine
from house import an_offer, call
from stage import Stage, as_result
from vast_mcp import views
from vast_mcp.sandbox.world import World

pytestmark = pytest.mark.anyio


async def test_every_button_of_a_machine_does_what_it_says_after_a_second_look(
    stage: Stage, client: Client, world: World
) -> None:
    """Extend, stop, start, destroy: each looks again first, acts at the second press alone, and
    tells the model.
    """
    machine = await a_leased_machine(client, world)
    await stage.open(
        views.page("machines"), as_result(await call(client, "show_instances")), width=1000
    )
    view = stage.view
    acts = (
        ("Extend", "End in 10 h", "now ends at", "manage_instance"),
        ("Stop", f"Stop {machine}", "stop", "manage_instance"),
        ("Start", "Start for $", "the start is accepted", "manage_instance"),
        ("Destroy", f"Destroy {machine} for good", "is gone", "destroy_instance"),
    )
    for first, second, said, tool in acts:
        before = [name for name, _ in stage.calls if name == tool]
        await view.get_by_role("button", name=f"{first}: machine {machine}").click()
        act = view.get_by_role("button", name=second, exact=second.startswith("Stop"))
        await act.wait_for()
        assert [name for name, _ in stage.calls if name == tool] == before
        await act.click()
        await view.locator(".look .note", has_text=said).first.wait_for()
        assert [name for name, _ in stage.calls if name == tool] == [*before, tool]
    assert not world.living
    [*_, last] = await stage.sent("ui/update-model-context")
    told = last["params"]["content"][0]["text"]  # each takes the place of the one before
    used = [told.count(f"used {tool} on") for tool in ("manage_instance", "destroy_instance")]
    assert used == [3, 1]
    assert (await stage.breaches(), stage.strayed, stage.console) == ([], [], [])


async def test_a_second_look_may_be_left_and_nothing_happens(
    stage: Stage, client: Client, world: World
) -> None:
    machine = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 30, "label": "mine"}).id
    await stage.open(views.page("machines"), as_result(await call(client, "show_instances")))
    view = stage.view
    await view.get_by_role("button", name=f"Destroy: machine {machine}").click()
    await view.get_by_text("vast-mcp did not make this machine").wait_for()
    await view.get_by_role("button", name="Leave it").click()
    assert await view.locator(".look").count() == 0
    assert {name for name, _ in stage.calls} == {"show_instance", "show_instances"}
    assert [one.id for one in world.living] == [machine]


async def test_ways_in_are_copied_or_selected(stage: Stage, client: Client, world: World) -> None:
    """Hosts forbid the clipboard more often than not: the line is then marked."""
    await a_leased_machine(client, world)
    await stage.open(views.page("machines"), as_result(await call(client, "show_instances")))
    await stage.view.get_by_text("Ways in").click()
    await stage.view.get_by_role("button", name="Copy the SSH line").click()
    await (
        stage.view.locator("#status", has_text="SSH")
        .or_(stage.view.locator("#status", has_text="Selected"))
        .wait_for()
    )
    field = stage.view.get_by_label("SSH line", exact=True)
    assert (await field.input_value()).startswith("ssh -p ")


async def test_a_page_reads_anew_while_it_is_seen_and_rests_when_not(
    stage: Stage, client: Client, world: World
) -> None:
    """Nobody looks at what has been scrolled away; each reading is a call."""
    await a_leased_machine(client, world)
    stage.with_clock = True
    await stage.open(views.page("machines"), as_result(await call(client, "show_instances")))
    await stage.view.locator("#as-of", has_text="As of").wait_for()
    await stage.until("pace.timer && !pace.now")

    def rounds() -> int:
        return [name for name, _ in stage.calls].count("show_instances")

    await stage.page.clock.fast_forward(31_000)
    await stage.until("!pace.now")
    seen = rounds()
    assert seen >= 1
    await stage.page.evaluate("document.body.style.paddingTop = '5000px'")
    await stage.until("!pace.seen")
    await stage.page.clock.fast_forward(100_000)
    assert rounds() == seen
    await stage.page.evaluate("document.body.style.paddingTop = '0'")
    await stage.until("pace.seen")
    await stage.page.clock.fast_forward(31_000)
    await stage.until("!pace.now")
    assert rounds() > seen


@pytest.mark.parametrize(
    ("first", "second", "said", "verdict"),
    [
        ("Accept price", "Accept $", "the higher price is accepted", "accepted"),
        ("Reject price", "Reject $", "the higher price is rejected", "rejected"),
    ],
)
async def test_a_higher_price_is_shown_and_answered_after_a_second_look(
    stage: Stage, client: Client, world: World, first: str, second: str, said: str, verdict: str
) -> None:
    """The button has the price on it, and goes once it is answered."""
    machine = await a_leased_machine(client, world)
    rise = world.raise_price(machine, factor=1.5)
    await stage.open(views.page("machines"), as_result(await call(client, "show_instances")))
    asks = stage.view.get_by_role("button", name=f"{first}: machine {machine}")
    await asks.click()
    act = stage.view.get_by_role("button", name=second)
    await act.wait_for()
    assert rise.verdict is None
    await act.click()
    await stage.view.locator(".look .note", has_text=said).wait_for()
    assert rise.verdict == verdict
    await asks.wait_for(state="detached")


async def test_a_price_above_the_one_on_the_button_is_not_accepted(
    stage: Stage, client: Client, world: World
) -> None:
    """The host asks for more after the person read."""
    machine = await a_leased_machine(client, world)
    first = world.raise_price(machine, factor=1.5)
    await stage.open(views.page("machines"), as_result(await call(client, "show_instances")))
    await stage.view.get_by_role("button", name=f"Accept price: machine {machine}").click()
    world.office.rises.pop(first.id)
    dearer = world.raise_price(machine, factor=3)
    await stage.view.get_by_role("button", name="Accept $").click()
    await stage.view.locator(".look .note.bad", has_text="at most").wait_for()
    assert dearer.verdict is None


async def test_what_the_server_tells_once_is_shown_and_passed_on(
    stage: Stage, client: Client, world: World
) -> None:
    """A notice goes with one answer, and here that is the page's: the model would never hear of
    the machine.
    """
    machine = await a_leased_machine(client, world)
    listed = await call(client, "show_instances")
    world.raise_price(machine)
    client_notices = "asks for a higher price"
    await stage.open(views.page("machines"), as_result(listed | {"notices": ["Of before."]}))
    await stage.view.locator("#notices", has_text="Of before.").wait_for()
    ask = stage.answer

    async def answer(name: str, args: dict[str, Any]) -> dict[str, Any]:
        result = await ask(name, args)
        if name == "show_instances":
            return as_result(result["structuredContent"] | {"notices": [client_notices]})
        return result

    stage.answer = answer
    await stage.view.get_by_role("button", name="Refresh").click()
    await stage.view.locator("#notices", has_text=client_notices).wait_for()
    told = (await stage.sent("ui/update-model-context"))[-1]["params"]["content"][0]["text"]
    assert client_notices in told
    assert "Of before." not in told  # the host has shown the model that answer


async def test_a_machine_that_stopped_shows_no_use_and_no_way_in_any_more(
    stage: Stage, client: Client, world: World
) -> None:
    """What a look at it alone told holds while its state lasts."""
    machine = await a_leased_machine(client, world)
    await stage.open(views.page("machines"), as_result(await call(client, "show_instances")))
    await stage.view.get_by_text("Ways in").wait_for()
    ask = stage.answer

    async def answer(name: str, args: dict[str, Any]) -> dict[str, Any]:
        if name == "show_instance":
            return {"refused": {"code": 1, "message": "no"}}
        return await ask(name, args)

    stage.answer = answer
    await call(client, "manage_instance", instance_id=machine, action="stop")
    await stage.view.get_by_role("button", name="Refresh").click()
    await stage.view.locator(".state", has_text="Stopped").wait_for()
    assert await stage.view.get_by_text("Ways in").count() == 1
    assert not await stage.view.get_by_text("Ways in").is_visible()
    assert await stage.view.get_by_text("GPU use").count() == 0
