"""provision as a stranger uses it: what it refuses, what it answers, and that it rents nothing
twice. How a plan is driven is in tests/provisioning/.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from mcp import Client

from house import allowing, call, puts, served
from provisioning.wishing import account_in, journal_in
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

WISH: dict[str, Any] = {
    "gpu_name": ["RTX 4090"],
    "max_usd_per_hour": 1.0,
    "ready_when": "running",
    "check": False,
    "lease_hours": 4.0,
    "give_up_after_minutes": 60.0,
}


def unhurried(settings: Settings) -> Settings:
    """Requests wait for no turn, and a minute of a try is one: only the waits are short."""
    times = replace(
        settings.times, look_s=0.005, pace=0.0, budget_s=5.0, gone_apart_s=0.005,
        seen_apart_s=0.005, driver_s=30.0, unasked_s=600.0, minute_s=60.0, to_end_s=600.0,
    )  # fmt: skip
    return replace(settings, times=times)


@pytest.fixture
async def client(world: World, settings: Settings) -> AsyncIterator[Client]:
    async with served(world, unhurried(settings)) as made:
        yield made


def living(world: World) -> list[int]:
    return [machine.id for machine in world.living]


# ── what it refuses ────────────────────────────────────────────────────────────────────────────

CAP: dict[str, Any] = {"max_usd_per_hour": 1.0}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "max_usd_per_hour"),
        ({"gpu_name": ["RTX 4090"]}, "max_usd_per_hour"),
        ({"max_total_usd_per_hour": 3.0}, "max_usd_per_hour"),
        (CAP | {"request_key": "a b"}, "request_key"),
        (CAP | {"count": 0}, "count"),
        (CAP | {"count": 21}, "count"),
        (CAP | {"count": 4, "max_attempts": 3}, "max_attempts"),
        (CAP | {"ready_when": "sometime"}, "ready_when"),
        (CAP | {"ready_when": "ssh", "runtype": "args"}, "ready_when"),
        (CAP | {"budget_usd": 0}, "budget_usd"),
        (CAP | {"overlap_usd": -1}, "overlap_usd"),
        (CAP | {"give_up_after_minutes": 0.5}, "give_up_after_minutes"),
        (CAP | {"type": "reserved"}, "type"),
        (CAP | {"offer_id": 5}, "offer_id"),
        (CAP | {"price": 0.2}, "price"),
        (CAP | {"image": "not an image"}, "image"),
        (CAP | {"disk": 1}, "disk"),
        (CAP | {"env_from": ["NOT_LISTED"]}, "env_from.0"),
        (CAP | {"geolocation": ["Atlantis"]}, "geolocation"),
        (CAP | {"filters": "no_such_field>=3"}, "filters.no_such_field"),
        (CAP | {"volume_info": {"create_new": True, "size": 9, "volume_id": 4}},
         "volume_info.volume_id"),
        ({"request_key": "nobody-made-it"}, "request_key"),
        (CAP | {"cancel": True}, "request_key"),
        ({"cancel": True}, "request_key"),
    ],
)  # fmt: skip
async def test_what_cannot_be_meant_is_refused_by_its_name_and_sends_nothing(
    client: Client, world: World, given: dict[str, Any], field: str
) -> None:
    """In the name of this tool, whatever part of the house judges it."""
    error = (await call(client, "provision", **given))["error"]
    assert error["code"] == "bad_arguments"
    assert field in [problem["field"] for problem in error["problems"]], error
    assert error["message"].startswith("Nothing was sent. Correct these arguments of provision")
    assert not puts(world)


@pytest.mark.parametrize(
    ("word", "right"),
    [
        ("max_price", "max_usd_per_hour"),
        ("region", "geolocation"),
        ("gpu", "gpu_name"),
        ("until", "ready_when"),
        ("max_retries", "max_attempts"),
        ("min_disk_gb", "disk"),
        ("min_reliability", "filters"),
        ("ports", "min_direct_ports"),
        ("onstart_script", "onstart"),
        ("preview", "dry_run"),
    ],
)
async def test_another_word_for_an_argument_leads_to_it(
    client: Client, word: str, right: str
) -> None:
    """Words that search_offers and create_instance know, and its own."""
    error = (await call(client, "provision", **CAP, **{word: 1}))["error"]
    [problem] = [one for one in error["problems"] if one["field"] == word]
    assert right in problem["problem"], problem


async def test_a_cap_that_the_person_set_is_enough(world: World, settings: Settings) -> None:
    async with allowing(world, unhurried(settings), max_usd_per_hour=0.9) as client:
        seen = await call(client, "provision", dry_run=True)
    assert seen["offers"]
    assert all(offer["usd_per_hour"] <= 0.9 for offer in seen["offers"])


async def test_a_lease_beyond_the_persons_is_refused(world: World, settings: Settings) -> None:
    async with allowing(world, unhurried(settings), max_lease_hours=2.0) as client:
        error = (await call(client, "provision", **WISH))["error"]
    assert error["code"] == "over_limit"
    assert not puts(world)


# ── what it answers ────────────────────────────────────────────────────────────────────────────


async def test_a_machine_that_works_is_told_with_the_ways_in_and_then_handed_over(
    client: Client, world: World
) -> None:
    """The first answer says when it ends by itself and what moves that; the next, that it is the
    caller's.
    """
    first = await call(client, "provision", **WISH)
    assert first["state"] == "ready", first
    [machine] = first["machines"]
    assert machine["state"] == "works"
    assert machine["access"]["ssh"]
    assert first["said"].startswith(f"Machine {machine['instance_id']} works, and ends by itself ")
    assert "moves that to 4 h from then" in first["said"]
    assert 0 < first["spent_usd"] < machine["usd_per_hour"]
    assert first["next_steps"][0]["arguments"] == {"request_key": first["plan"]}
    again = await call(client, "provision", request_key=first["plan"])
    assert living(world) == [machine["instance_id"]]
    assert again["state"] == "ready"
    assert puts(world) == 1


async def test_the_same_call_and_its_key_alone_follow_one_plan(
    client: Client, world: World
) -> None:
    """A default that is spelled out is no other wish."""
    first = await call(client, "provision", **WISH)
    same = await call(client, "provision", **WISH, count=1, as_many=False, overlap_usd=0)
    named = await call(client, "provision", request_key=first["plan"])
    assert first["plan"] == same["plan"] == named["plan"]
    assert puts(world) == 1


async def test_a_key_that_was_used_for_another_wish_is_refused(
    client: Client, world: World
) -> None:
    await call(client, "provision", **WISH, request_key="mine")
    error = (await call(client, "provision", **WISH | {"lease_hours": 5.0}, request_key="mine"))[
        "error"
    ]
    assert error["code"] == "key_reused"
    assert puts(world) == 1


async def test_a_dry_run_names_offers_in_their_order_and_sends_nothing(
    client: Client, world: World
) -> None:
    """Each with what it costs until it works, and at worst."""
    seen = await call(client, "provision", **WISH, budget_usd=5.0, dry_run=True)
    assert seen["said"].startswith("Nothing was rented.")
    assert seen["offers"]
    for offer in seen["offers"]:
        assert offer["gpu"].endswith("RTX 4090")
        assert 0 < offer["worst_usd"] <= 5.0
    [step] = seen["next_steps"]
    assert step["arguments"] == WISH | {"budget_usd": 5.0}
    assert all(one.method == "GET" for one in world.requests if one.endpoint != "search")
    assert not puts(world)


async def test_a_dry_run_that_holds_a_secret_is_not_repeated(client: Client) -> None:
    seen = await call(client, "provision", **WISH, env={"TOKEN": "planted"}, dry_run=True)
    assert "planted" not in str(seen)
    assert [step["tool"] for step in seen["next_steps"]] == ["show_account"]


async def test_a_market_without_a_match_says_what_a_change_would_find(
    client: Client, world: World
) -> None:
    """The next call shows what that comes to, and rents nothing: it may cost more."""
    wish = WISH | {"max_usd_per_hour": 0.05}
    over = await call(client, "provision", **wish)
    assert over["state"] == "over"
    assert over["instead"]
    step = over["next_steps"][0]
    assert (step["tool"], step["arguments"]["dry_run"]) == ("provision", True)
    seen = await call(client, "provision", **step["arguments"])
    assert seen["offers"]
    assert not puts(world)


async def test_a_budget_that_covers_no_try_rents_nothing(client: Client, world: World) -> None:
    over = await call(client, "provision", **WISH, budget_usd=0.001)
    assert over["state"] == "over"
    assert "budget" in over["said"]
    assert over["spent_usd"] == 0
    assert not puts(world)


async def test_cancel_ends_what_is_not_handed_over(client: Client, world: World) -> None:
    """A machine that starts for ever is what a plan waits for here."""
    for offer in world.offers.values():
        world.set_fate(offer["id"], "stuck_loading")
    first = await call(client, "provision", **WISH, request_key="mine")
    assert first["state"] == "seeking", first
    for one in first.get("machines", []):
        assert f"Machine {one['instance_id']} starts, and ends by itself in " in first["said"]
    assert first["machines"][0]["state"] == "starting"
    ended = await call(client, "provision", request_key="mine", cancel=True)
    while ended["state"] == "seeking":
        ended = await call(client, "provision", request_key="mine")
    assert ended["state"] == "over"
    assert "cancelled" in ended["said"]
    assert not living(world)


async def test_several_are_told_together(client: Client, world: World) -> None:
    """count machines, each with its way in."""
    done = await call(client, "provision", **WISH, count=2)
    while done["state"] == "seeking":
        done = await call(client, "provision", request_key=done["plan"])
    assert done["state"] == "ready", done
    assert sorted(one["instance_id"] for one in done["machines"]) == sorted(living(world))
    assert len(living(world)) == 2


async def test_a_plan_that_works_is_told_by_other_answers_until_its_own_is_read(
    world: World, settings: Settings, tmp_path: Any
) -> None:
    """A look names the plan and the call that hands it over, and counts as no answer of it."""
    shared = replace(unhurried(settings), state_dir=tmp_path)
    async with served(world, shared) as client:
        made = await call(client, "provision", **WISH)
        assert "notices" not in made
    account = account_in(tmp_path)
    journal = journal_in(tmp_path)
    [plan] = journal.plans.of_account(account, 9)
    async with served(world, shared) as client:
        read = await call(client, "show_instances")
        journal.plans.untell(plan.name)  # as where the host gave the call up
        unread = [await call(client, "show_instances") for _ in range(2)]
        again = await call(client, "provision", request_key=made["plan"])
        after = await call(client, "show_instances")
    assert made["plan"] not in str(read.get("notices", ""))
    for seen in unread:
        assert f'provision {{"request_key": "{made["plan"]}"}}' in str(seen["notices"])
    assert again["state"] == "ready"
    assert made["plan"] not in str(after.get("notices", ""))
