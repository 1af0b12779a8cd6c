"""A host asks for a higher price: it is shown, accepted as a dearer bid is, or rejected."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from mcp import Client

from house import OURS, allowing, an_offer, call, served
from people import ERAS, Mode, Person
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

HOUR = 3600


def a_machine(world: World, **traits: Any) -> int:
    """A machine of ours that runs, of two cards, so that a price for one is another's."""
    offer = an_offer(world, num_gpus=2, **traits)
    made = world.rent(offer["id"], {"image": "a/b", "disk": 20, "label": OURS}).id
    for _ in range(3):
        world.show(made)
    return made


async def decide(client: Client, machine: int, action: str, **more: Any) -> dict[str, Any]:
    return await call(client, "manage_instance", instance_id=machine, action=action, **more)


async def test_an_accepted_increase_is_told_with_its_prices_and_when_it_begins(
    client: Client, world: World
) -> None:
    """In $/h of the whole machine, though Vast names them per second and card (docs/vast-api.md
    C.7); nothing is dearer before the present contract ends.
    """
    machine = a_machine(world)
    before, base = world.instances[machine].dph_total, world.instances[machine].price
    rise = world.raise_price(machine, factor=1.5)
    result = await decide(client, machine, "accept_price")
    told = result["price_increase"]
    assert told["from_usd_per_hour"] == pytest.approx(before, abs=1e-5)
    assert told["to_usd_per_hour"] == pytest.approx(before + base / 2, abs=1e-5)
    assert "to_usd_per_tb" not in told
    assert told["applies_at"] < told["then_until"]
    assert (rise.verdict, result["usd_per_hour"]) == ("accepted", pytest.approx(before, abs=1e-5))
    assert [entry.kind for entry in world.ledger] == ["rent", "rise_accepted"]


@pytest.mark.parametrize("action", ["accept_price", "reject_price"])
async def test_an_answered_increase_is_shown_no_more(
    client: Client, world: World, action: str
) -> None:
    """What hosts announce is read once in ten minutes; who answered it need not wait for that."""
    machine = a_machine(world)
    world.raise_price(machine)
    assert "price_increase" in await call(client, "show_instance", instance_id=machine)
    await decide(client, machine, action)
    assert "price_increase" not in await call(client, "show_instance", instance_id=machine)


async def test_a_rejected_increase_leaves_the_price_and_says_what_the_contracts_end_means(
    client: Client, world: World
) -> None:
    """An expired machine cannot start, and may be deleted 48 h later (docs/vast-api.md C.8)."""
    machine = a_machine(world)
    rise = world.raise_price(machine)
    result = await decide(client, machine, "reject_price")
    assert rise.verdict == "rejected"
    assert result["price_increase"]["applies_at"] in result["warnings"][0]
    assert "48 h" in result["warnings"][0]


@pytest.mark.parametrize("action", ["accept_price", "reject_price"])
async def test_an_increase_that_nobody_asks_for_is_not_found_and_nothing_is_sent(
    client: Client, world: World, action: str
) -> None:
    """Vast has a word of its own for that (docs/vast-api.md C.7)."""
    machine, other = a_machine(world), a_machine(world)
    world.raise_price(other)
    error = (await decide(client, machine, action))["error"]
    assert (error["code"], error["instance_id"]) == ("not_found", machine)
    assert error["message"].startswith("Nothing was sent.")
    assert world.asked("accept_rise") + world.asked("reject_rise") == []


async def test_an_increase_that_the_host_took_back_is_shown_no_more(
    client: Client, world: World
) -> None:
    """The answer leads to show_instance, which would go on showing what was read of it before."""
    machine = a_machine(world)
    rise = world.raise_price(machine)
    assert "price_increase" in await call(client, "show_instance", instance_id=machine)
    world.office.rises.pop(rise.id)
    error = (await decide(client, machine, "accept_price"))["error"]
    assert error["next_steps"][0]["tool"] == "show_instance"
    assert "price_increase" not in await call(client, "show_instance", instance_id=machine)


async def test_another_ones_increase_is_answered_with_not_ours_alone(
    client: Client, world: World
) -> None:
    """Whose machine costs more, and until when it lives, is theirs to say."""
    offer = an_offer(world)
    machine = world.rent(offer["id"], {"image": "x", "disk": 20, "label": "theirs"}).id
    rise = world.raise_price(machine)
    error = (await decide(client, machine, "reject_price"))["error"]
    assert (error["code"], rise.verdict) == ("not_ours", None)
    await decide(client, machine, "reject_price", not_ours=True)
    assert rise.verdict == "rejected"


@pytest.fixture
async def limited(world: World, settings: Settings) -> AsyncIterator[tuple[Client, int]]:
    """A server whose limit has room for a machine, and a half more."""
    machine = a_machine(world)
    most = world.instances[machine].dph_total * 1.5
    async with allowing(world, settings, max_total_usd_per_hour=most) as client:
        yield client, machine


async def test_an_increase_past_a_limit_is_not_accepted(
    world: World, limited: tuple[Client, int]
) -> None:
    """It is judged as a dearer bid is."""
    client, machine = limited
    rise = world.raise_price(machine, factor=2)
    error = (await decide(client, machine, "accept_price"))["error"]
    assert (error["code"], rise.verdict) == ("over_limit", None)
    small = world.raise_price(machine, factor=1.2)
    world.office.rises.pop(rise.id)
    assert "error" not in await decide(client, machine, "accept_price")
    assert small.verdict == "accepted"


async def shown_price(client: Client, machine: int) -> float:
    """What the host asks for, in $/h, as show_instance tells it."""
    shown = await call(client, "show_instance", instance_id=machine)
    return shown["price_increase"]["to_usd_per_hour"]


@pytest.mark.parametrize("factor", [1.1, 1.37, 1.777])
async def test_the_price_that_was_shown_is_enough_of_a_bound(
    client: Client, world: World, factor: float
) -> None:
    """It is shown rounded."""
    machine = a_machine(world)
    rise = world.raise_price(machine, factor=factor)
    most = await shown_price(client, machine)
    done = await decide(client, machine, "accept_price", max_usd_per_hour=most)
    assert ("error" in done, rise.verdict) == (False, "accepted")


async def test_a_price_above_the_one_that_was_read_is_not_accepted(
    client: Client, world: World
) -> None:
    """What hosts announce is read once in ten minutes: the host may ask for more meanwhile."""
    machine = a_machine(world)
    first = world.raise_price(machine, factor=1.5)
    read = await shown_price(client, machine)
    world.office.rises.pop(first.id)
    dearer = world.raise_price(machine, factor=3)
    accept = {"action": "accept_price", "max_usd_per_hour": read}
    error = (await decide(client, machine, **accept))["error"]
    assert (error["code"], error["instance_id"]) == ("over_limit", machine)
    now = await shown_price(client, machine)
    assert f"{now:g} $/h" in error["message"]
    assert f"at most {read:g}" in error["message"]
    assert error["message"].startswith("Nothing was sent.")
    assert error["next_steps"][0]["tool"] == "show_instance"
    assert (world.asked("accept_rise"), dearer.verdict) == ([], None)
    accept["max_usd_per_hour"] = now
    assert "error" not in await decide(client, machine, **accept)


@pytest.mark.parametrize("action", ["reject_price", "start"])
async def test_the_most_that_may_be_asked_for_is_only_for_accepting(
    client: Client, world: World, action: str
) -> None:
    machine = a_machine(world)
    error = (await decide(client, machine, action, max_usd_per_hour=1))["error"]
    assert error["code"] == "bad_arguments"
    assert error["problems"][0]["field"] == "max_usd_per_hour"


async def test_a_person_is_asked_at_the_price_that_it_comes_to(
    world: World, settings: Settings
) -> None:
    """Where the person wants to be asked above a price, the new one counts."""

    machine = a_machine(world)
    now = world.instances[machine].dph_total
    person, rise = Person(), world.raise_price(machine, factor=2)
    asking = replace(settings, confirm_above=now * 1.1)
    async with served(world, asking, elicitation_callback=person) as client:
        await decide(client, machine, "accept_price")
    [question] = person.questions
    assert f"{now:.4f} →" in question
    assert "end of its present contract" in question
    assert rise.verdict == "accepted"


async def test_what_is_agreed_to_counts_in_the_limits_from_then_on(
    world: World, settings: Settings
) -> None:
    """It comes with the end of the contract, when nobody is asked any more: no look shows it till
    then, and a machine that rests until then costs its disk.
    """
    machine = a_machine(world, dph_base=lambda usd: usd > 0.4)
    now = world.instances[machine].dph_total
    offer = an_offer(world, dph_base=lambda usd: 0.3 * now < usd < 0.8 * now)
    world.raise_price(machine, factor=2)
    most = now * 2.1
    times = replace(settings.times, young_s=0.0)
    async with allowing(
        world, replace(settings, times=times), max_total_usd_per_hour=most
    ) as client:
        assert "error" not in await decide(client, machine, "accept_price")
        wish = {"offer_id": offer["id"], "image": "a/b", "disk": 10}
        error = (await call(client, "create_instance", **wish))["error"]
        assert error["code"] == "over_limit"
        await call(client, "manage_instance", instance_id=machine, action="stop")
        assert "error" not in await call(client, "create_instance", **wish)
        start = await call(client, "manage_instance", instance_id=machine, action="start")
        assert start["error"]["code"] == "over_limit"


@ERAS
async def test_a_yes_is_to_the_increase_that_was_read(
    world: World, settings: Settings, era: Mode
) -> None:
    """The host may ask for another one meanwhile: at the same price, and dearer traffic."""
    machine = a_machine(world)
    first = world.raise_price(machine, factor=2)

    def ask_for_another() -> None:
        world.office.rises.pop(first.id)
        world.raise_price(machine, factor=2)

    person = Person(meanwhile=ask_for_another)
    asking = replace(settings, confirm_above=0.0)
    async with served(world, asking, elicitation_callback=person, mode=era) as client:
        result = await decide(client, machine, "accept_price")
    if era == "legacy":
        assert result["error"]["code"] == "needs_confirmation"
        assert world.asked("accept_rise") == []
    else:
        assert len(person.questions) == 2


@pytest.mark.parametrize("fault", ["drop", "html502"])
async def test_a_lost_answer_is_settled_by_the_list_of_those_that_wait(
    client: Client, world: World, fault: str
) -> None:
    """What was decided waits no more; a second request is not needed to know it."""
    machine = a_machine(world)
    rise = world.raise_price(machine)
    world.faults.add("accept_rise", fault, when="after")
    result = await decide(client, machine, "accept_price")
    assert (rise.verdict, "error" in result) == ("accepted", False)
