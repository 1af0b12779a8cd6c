"""A person who wants to be asked is asked once for a whole plan, and again for what is dearer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mcp import Client
from wishing import TOOLS, account_in, ask, doom, hurried, journal_in, living, until_over

from house import puts
from people import DECLINE, Person, approve, code_in
from vast_mcp.host.server import build
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio


def asking(
    world: World,
    settings: Settings,
    person: Person | None = None,
    *,
    above: float | None = 0.0,
    state: Path | None = None,
) -> Client:
    """A server that asks above this price, and a host with this person before it."""
    asks = replace(hurried(settings), confirm_above=above, state_dir=state)
    return Client(build(asks, TOOLS, create_app(world)), mode="legacy", elicitation_callback=person)


async def test_one_yes_covers_every_try(world: World, settings: Settings) -> None:
    """Nobody is asked from the background."""
    person = Person()
    doom(world)
    async with asking(world, settings, person) as client:
        done = await until_over(client, bounds={"max_attempts": 3, "budget_usd": 7.5})
    assert len(done["tries"]) == 3
    [question] = person.questions
    assert "one machine" in question
    assert "up to 3" in question
    assert "at most 7.5 $" in question
    assert "an hour" in question


async def test_a_no_opens_no_plan(world: World, settings: Settings) -> None:
    """Nothing is rented."""
    async with asking(world, settings, Person(DECLINE)) as client:
        done = await ask(client)
    assert done["error"]["code"] == "declined"
    assert not puts(world)


async def test_a_yes_given_in_a_shell_is_good_for_one_plan(
    world: World, settings: Settings, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the host has nobody to ask."""
    async with asking(world, settings, state=state) as client:
        refused = await ask(client)
        assert refused["error"]["code"] == "needs_confirmation"
        assert not puts(world)
        assert approve(code_in(refused["error"])) == 0
        done = await until_over(client)
        assert done["outcome"] == "ready"
        other = await ask(client, bounds={"max_attempts": 2})
    capsys.readouterr()
    assert other["error"]["code"] == "needs_confirmation"
    assert len(living(world)) == 1


async def test_below_the_price_that_is_asked_about_nobody_is_asked_and_nothing_dearer_is_rented(
    world: World, settings: Settings
) -> None:
    """The setting bounds every try of such a plan."""
    person = Person()
    async with asking(world, settings, person, above=4.9) as client:
        done = await until_over(client, bounds={"max_usd_per_hour": 0.5})
    assert (done["outcome"], person.questions) == ("ready", [])


async def test_what_nobody_was_asked_about_waits_where_the_driver_is_to_ask(
    world: World, settings: Settings, state: Path
) -> None:
    """Opened by a process that asks nobody, driven by one that must: it rents nothing."""
    free = replace(hurried(settings, budget_s=0.5), state_dir=state)
    doom(world, ["loading"] * 30 + ["exited"])
    async with Client(build(free, TOOLS, create_app(world))) as client:
        begun = await ask(client)
    assert begun["state"] == "seeking"
    person, plans = Person(), journal_in(state).plans
    doom(world, "runs")
    async with asking(world, settings, person, state=state) as client:
        done = await until_over(client)
    assert done["outcome"] == "ready"
    assert len(person.questions) == 1
    assert plans.by_name(f"{settings.base_url}#{world.user_id}", begun["plan"]) is not None


async def test_a_call_answers_in_its_time_where_another_process_is_to_ask(
    world: World, settings: Settings, state: Path
) -> None:
    """Who drives must ask a person, and who calls need not."""
    free = replace(hurried(settings, budget_s=0.5), state_dir=state)
    doom(world, "pulls")
    async with Client(build(free, TOOLS, create_app(world))) as client:
        await ask(client)
    other = journal_in(state)
    other.take_ownership()
    [plan] = other.plans.not_over(account_in(state))
    taken = other.plans.take(plan.account, plan.name)
    assert taken is not None
    other.plans.note_detail(taken, "needs_confirmation")
    async with Client(build(free, TOOLS, create_app(world))) as client:
        done = await ask(client)
    assert done["state"] == "asks"


async def test_the_setting_of_who_drives_bounds_what_nobody_was_asked_about(
    world: World, settings: Settings, state: Path
) -> None:
    """Whoever was called asks about dearer machines alone, and is gone."""
    seldom = replace(hurried(settings, budget_s=0.5), state_dir=state, confirm_above=4.9)
    bounds = {"max_usd_per_hour": 0.5}
    doom(world, ["loading"] * 30 + ["exited"])
    async with Client(build(seldom, TOOLS, create_app(world))) as client:
        begun = await ask(client, bounds=bounds)
    assert begun["state"] == "seeking"
    rented, person = puts(world), Person(DECLINE)
    doom(world, "runs")
    async with asking(world, settings, person, state=state) as client:
        done = await until_over(client, bounds=bounds)
    assert done["error"]["code"] == "declined"
    assert puts(world) == rented
