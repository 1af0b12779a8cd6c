"""The page of machines, as a person uses it in a host."""

from __future__ import annotations

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
