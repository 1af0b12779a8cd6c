"""What a plan's answers told holds for the machines that they named alone, and a caller's end of
one is no wish for another.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mcp import Client
from test_turns import ACCOUNT, a_plan, begin
from wishing import TOOLS, ask, hurried, living, until_over

from house import an_offer, call, puts, served
from vast_mcp.journal import Journal
from vast_mcp.journal.plan_records import Plan, Try, told_of
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio


def confirmed(journal: Journal, plan: Plan, number: int, instance_id: int) -> Try:
    """A try whose machine works."""
    intent = begin(journal, plan, number)
    journal.mark_sending(intent)
    journal.mark_confirmed(intent, instance_id)
    [one] = [each for each in journal.plans.tries(plan.name) if each.number == number]
    assert journal.plans.move(plan, one, "ready")
    return one


def is_told(journal: Journal, plan: Plan) -> bool:
    now = journal.plans.by_name(ACCOUNT, plan.name)
    assert now is not None
    return now.told


def test_an_answer_that_arrives_late_tells_of_the_machine_that_it_named_alone(
    tmp_path: Path,
) -> None:
    """It failed meanwhile, and nobody heard of the one in its place."""
    journal = Journal(tmp_path)
    plan = a_plan(journal, overlap_usd=100.0)
    first = confirmed(journal, plan, 1, 77)
    news = told_of(plan, journal.plans.tries(plan.name))
    journal.plans.move(plan, first, "failed", "gone")
    journal.plans.untell(plan.name)
    second = confirmed(journal, plan, 2, 78)
    journal.plans.mark_told(news)
    assert not is_told(journal, plan)
    journal.plans.mark_told(told_of(plan, journal.plans.tries(plan.name)))
    assert is_told(journal, plan)
    assert journal.plans.move(plan, second, "handed")


def test_an_answer_that_names_machines_does_not_tell_the_end(tmp_path: Path) -> None:
    """Nobody took it for so long that the plan ended."""
    journal = Journal(tmp_path)
    plan = a_plan(journal)
    confirmed(journal, plan, 1, 77)
    news = told_of(plan, journal.plans.tries(plan.name))
    journal.plans.give_up(plan, "unasked")
    journal.plans.mark_told(news)
    assert not is_told(journal, plan)


def test_what_is_cancelled_is_not_handed_over(tmp_path: Path) -> None:
    """The driver was writing its label as the cancel came."""
    journal = Journal(tmp_path)
    plan = a_plan(journal)
    one = confirmed(journal, plan, 1, 77)
    journal.plans.end(plan.name, "cancelled")
    assert not journal.plans.move(plan, one, "handed")
    assert journal.plans.move(plan, one, "failed")


def test_a_machine_that_waited_for_others_may_cost_more_beside_its_replacement(
    tmp_path: Path,
) -> None:
    """Its short lease was begun anew."""
    journal = Journal(tmp_path)
    plan = a_plan(journal)
    one = confirmed(journal, plan, 1, 77)
    before = one.rest_usd(plan.bounds, one.made_at)
    journal.plans.raise_worst(plan, one, 3 * one.worst_usd)
    [one] = journal.plans.tries(plan.name)
    assert one.rest_usd(plan.bounds, one.made_at) == pytest.approx(3 * before)


def test_a_machine_found_after_its_try_was_seen_gone_is_ended(tmp_path: Path) -> None:
    """Its twins were there first, and were ended."""
    journal = Journal(tmp_path)
    plan = a_plan(journal)
    intent = begin(journal, plan)
    journal.mark_sending(intent)
    journal.mark_unknown(intent)
    journal.mark_absent(intent)
    [one] = journal.plans.tries(plan.name)
    journal.plans.move(plan, one, "void")
    journal.plans.note_gone(one)
    journal.mark_confirmed(intent, 77)
    [one] = journal.plans.tries(plan.name)
    assert (one.is_condemned, one.bills) == (True, True)
    journal.mark_gone(ACCOUNT, [77])
    [one] = journal.plans.tries(plan.name)
    assert (one.is_condemned, one.bills) == (False, False)


async def until_ready(client: Client) -> int:
    """The machine that was told to work, its end not moved yet."""
    while True:
        found = await ask(client, bounds={"lease_hours": 2})
        if found["state"] == "ready":
            [one] = found["tries"]
            assert one["state"] == "ready"
            return one["instance_id"]


async def test_a_machine_that_its_caller_ends_is_not_replaced(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """It was told to work, its end is not moved yet, and it has done what it was for."""
    world.watchdog = "deaf"
    shared = replace(hurried(settings), state_dir=tmp_path)
    async with served(world, shared, TOOLS) as client:
        machine = await until_ready(client)
        await call(client, "destroy_instance", instance_ids=[machine])
        done = await until_over(client, request_key=None, bounds={"lease_hours": 2})
    assert done["outcome"] == "ready"
    assert puts(world) == 1
    assert living(world) == []


async def test_a_rental_of_ones_own_has_no_key_of_a_plan(world: World, settings: Settings) -> None:
    """The plan would end its machine as one that nobody was to have."""
    async with served(world, hurried(settings), TOOLS) as client:
        done = await until_over(client)
        refused = await call(
            client,
            "create_instance",
            offer_id=an_offer(world)["id"],
            image="x",
            disk=16,
            request_key=f"plan:{done['plan']}:2",
        )
    assert refused["error"]["code"] == "bad_arguments"
    assert puts(world) == 1


async def test_a_machine_that_its_caller_stops_is_not_ended(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """It was told to work: what is on its disk is the caller's."""
    world.watchdog = "deaf"
    shared = replace(hurried(settings, budget_s=0.7), state_dir=tmp_path)
    async with served(world, shared, TOOLS) as client:
        machine = await until_ready(client)
        stopped = await call(client, "manage_instance", instance_id=machine, action="stop")
        assert "error" not in stopped
        await ask(client, bounds={"lease_hours": 2})  # while its driver looks
    assert living(world) == [machine]
    assert puts(world) == 1
