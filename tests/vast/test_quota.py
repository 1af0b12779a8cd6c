"""The daily quota of searches counts rows (docs/vast-api.md H): few are asked for, and a used-up
quota is told as what it is, never as an absence of offers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import allowing, an_offer, an_offer_to_bid_on, call, offers, puts, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

MIDNIGHT = 1_795_046_400.0  # UTC
LEFT_S = 3600.0  # of the day
FORM_5 = "too_many_quota"


@pytest.fixture
def world() -> World:
    """An hour before midnight."""
    return World(clock=lambda: MIDNIGHT - LEFT_S)


@pytest.fixture
def used_up(world: World) -> World:
    world.search_quota = 0
    return world


def rows_shown(world: World) -> int:
    """How many rows the searches so far have cost at most."""
    return sum(request.body.get("limit", 64) for request in world.asked("search"))


# ── how many rows are asked for ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("limit", [1, 10, 50])
async def test_a_search_asks_for_the_rows_that_it_shows_and_one(
    client: Client, world: World, limit: int
) -> None:
    """The one more tells whether there are others."""
    shown = await call(client, "search_offers", limit=limit)
    assert (len(shown["offers"]), shown["more"]) == (limit, True)
    assert rows_shown(world) == limit + 1


async def test_a_search_that_finds_all_there_is_asks_once(client: Client, world: World) -> None:
    """Fewer rows than were asked for are all."""
    only = an_offer(world)["id"]
    here = {"ask_contract_id": {"eq": only}}
    shown = await call(client, "search_offers", filters=here)
    assert [row["offer_id"] for row in shown["offers"]] == [only]
    assert "more" not in shown
    assert len(world.asked("search")) == 1


async def test_where_rows_slip_through_the_filters_all_that_vast_shows_are_asked_for_once(
    client: Client, world: World
) -> None:
    """Numeric filters leak (docs/vast-api.md B.2), and what leaks is no answer."""
    world.leaky_filters = True
    shown = await call(client, "search_offers", max_usd_per_hour=0.3, min_reliability=0.9)
    assert all(row["usd_per_hour"] <= 0.3 for row in shown["offers"])
    assert [request.body["limit"] for request in world.asked("search")] in ([11], [11, 64])


@pytest.mark.parametrize(
    ("order", "best"),
    [
        ("usd_per_hour", "dph_total"),
        ("available_hours", "end_date"),
        ("reliability", "reliability"),
    ],
)
async def test_what_vast_can_only_filter_coarsely_is_looked_for_on_further_pages(
    client: Client, world: World, order: str, best: str
) -> None:
    """It shows 64 rows, and none of the first may be meant (docs/vast-api.md B.1, B.2)."""
    free = offers(world, 10_000)
    free.sort(key=lambda offer: offer[best], reverse=order != "usd_per_hour")
    for offer in world.offers.values():
        offer |= {"cpu_ram": 64_000, "gpu_frac": 0.1, "cpu_cores": 8, "cpu_cores_effective": 8.0}
    meant = {offer["id"] for offer in free[100:]}
    for offer_id in meant:
        world.offers[offer_id]["gpu_frac"] = 1.0
    found = await call(client, "search_offers", min_cpu_ram_gb=60, order_by=order)
    assert {row["offer_id"] for row in found["offers"]} <= meant
    assert len(found["offers"]) == 10
    assert [one.body["limit"] for one in world.asked("search")] == [11, 64, 64]


@pytest.mark.parametrize(("order", "said"), [("usd_per_hour", False), ("score", True)])
async def test_where_rows_end_before_what_vast_lists_it_is_said_that_more_may_fit(
    client: Client, world: World, order: str, said: bool
) -> None:
    """Nothing found is not told as nothing there. A score has no bound to go on from."""
    for offer in world.offers.values():
        offer |= {"cpu_ram": 64_000, "gpu_frac": 0.1}
    found = await call(client, "search_offers", min_cpu_ram_gb=60, order_by=order)
    assert found["offers"] == []
    assert any("More may fit" in one for one in found.get("warnings", [])) is said


async def test_the_look_at_one_offer_asks_for_one_row(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """A price that a limit rests on."""
    async with allowing(world, settings, max_usd_per_hour=50) as client:
        await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=20)
    assert rows_shown(world) == 1


async def test_room_for_a_volume_is_a_few_rows(client: Client, world: World) -> None:
    room = next(iter(world.volumes.rooms.values()))
    await call(client, "search_volumes", machine_id=room["machine_id"], size_gb=15)
    assert [request.body["limit"] for request in world.asked("search_volumes")] == [10]


# ── a quota that is used up ────────────────────────────────────────────────────────────────────


async def test_a_search_says_that_the_quota_is_used_up_and_until_when(
    client: Client, used_up: World
) -> None:
    """Its own leaf, never "no such offer", and never asked again by us."""
    error = (await call(client, "search_offers", gpu_name="4090"))["error"]
    assert (error["code"], error["retryable"]) == ("search_quota_exceeded", False)
    assert error["retry_after_s"] == LEFT_S
    assert "00:00 UTC" in error["message"]
    assert len(used_up.asked("search")) == 1


@pytest.mark.parametrize(
    "reply",
    [
        {"body": {"error": "search_quota_exceeded", "retry_after": LEFT_S}},
        {"body": {"success": False, "error": "search_quota_exceeded", "msg": "x"}},
        {
            "body": {"error": "search_quota_exceeded", "limit": 20000, "remaining": 0},
            "headers": {"X-RateLimit-Reset": str(int(MIDNIGHT))},
        },
        {
            "body": {"error": "search_quota_exceeded", "retry_after": -7},
            "headers": {"X-RateLimit-Reset": "99999999999999999999999"},
        },
    ],
    ids=["retry_after", "neither", "reset", "nonsense"],
)
async def test_when_it_ends_is_known_in_every_form(
    client: Client, world: World, reply: dict[str, Any]
) -> None:
    """The reply's own word, else its reset, else midnight UTC by Vast's clock."""
    world.faults.add("search", "status", status=429, **reply)
    error = (await call(client, "search_offers"))["error"]
    assert (error["code"], error["retry_after_s"]) == ("search_quota_exceeded", LEFT_S)


async def test_nothing_fits_and_the_quota_ends_there(client: Client, world: World) -> None:
    """What fits nothing was searched for; only what would is not known."""
    world.search_quota = 1
    world.limiter.count_rows(0)
    world.faults.add("search", FORM_5, skip=1)
    shown = await call(client, "search_offers", gpu_name="4090", max_usd_per_hour=0.01)
    assert shown["offers"] == []
    [warning] = shown["warnings"]
    assert "quota" in warning
    assert "00:00 UTC" in warning
    assert shown["next_steps"] == []


async def test_what_was_found_is_shown_where_the_quota_ends_on_the_way(
    client: Client, world: World
) -> None:
    """Rows that slipped through made a second search necessary."""
    world.leaky_filters = True
    world.faults.add("search", FORM_5, skip=1)
    shown = await call(client, "search_offers", max_usd_per_hour=0.3, limit=50)
    assert shown["offers"]


async def test_a_bid_goes_on_with_a_warning(client: Client, used_up: World) -> None:
    """Renting needs no search, where something says what is paid at most."""
    offer = an_offer_to_bid_on(used_up)
    bid = {"offer_id": offer["id"], "disk": 20, "price": offer["min_bid"] * 1.5}
    made = await call(client, "create_instance", **bid)
    assert made["instance_id"] == used_up.rentals[0].id
    [warning] = [text for text in made["warnings"] if "quota" in text]
    assert "search_quota_exceeded" in warning
    assert "00:00 UTC" in warning
    assert "no offer" not in " ".join(made["warnings"]).lower()


@pytest.mark.parametrize("limit", ["max_usd_per_hour", "max_total_usd_per_hour"])
async def test_a_rental_under_a_price_limit_is_refused_for_the_quota(
    used_up: World, settings: Settings, limit: str
) -> None:
    """A limit needs the price, and the price needs a search."""
    async with allowing(used_up, settings, **{limit: 50}) as client:
        refused = await call(client, "create_instance", offer_id=an_offer(used_up)["id"], disk=20)
    error = refused["error"]
    assert error["code"] == "price_unknown"
    assert "search_quota_exceeded" in error["message"]
    assert "00:00 UTC" in error["message"]
    assert puts(used_up) == 0


async def test_a_rental_that_a_person_is_asked_about_is_refused_for_the_quota(
    used_up: World, settings: Settings
) -> None:
    """A question names a price."""
    async with served(used_up, replace(settings, confirm_above=0.0)) as client:
        refused = await call(client, "create_instance", offer_id=an_offer(used_up)["id"], disk=20)
    assert "search_quota_exceeded" in refused["error"]["message"]
    assert puts(used_up) == 0


async def test_a_new_volume_under_a_limit_is_refused_for_the_quota(
    world: World, settings: Settings
) -> None:
    """Its price needs a search of its own."""
    rooms = {room["machine_id"]: room for room in world.volumes.rooms.values()}
    offer = an_offer(world, machine_id=lambda machine: machine in rooms)
    volume = {
        "create_new": True,
        "volume_id": rooms[offer["machine_id"]]["id"],
        "size": 15,
        "mount_path": "/workspace",
    }
    world.faults.add("search_volumes", FORM_5)
    async with allowing(world, settings, max_usd_per_hour=50) as client:
        refused = await call(
            client, "create_instance", offer_id=offer["id"], disk=20, volume_info=volume
        )
    assert refused["error"]["code"] == "price_unknown"
    assert "search_quota_exceeded" in refused["error"]["message"]
    assert puts(world) == 0


async def test_a_vm_that_cannot_be_judged_names_the_quota(used_up: World, client: Client) -> None:
    """Whether an offer runs VMs is a search too."""
    used_up.set_keys(["ssh-ed25519 AAAA me"])
    refused = await call(
        client,
        "create_instance",
        offer_id=an_offer(used_up, vm=True, ports=True)["id"],
        disk=20,
        vm=True,
        image="docker.io/vastai/kvm:ubuntu_terminal",
    )
    assert "search_quota_exceeded" in refused["error"]["message"]


@pytest.mark.parametrize("by", ["offer_id", "machine_id"])
async def test_a_search_for_room_names_the_quota(client: Client, used_up: World, by: str) -> None:
    """Whether it is the offer's machine that is not known, or its room."""
    offer = an_offer(used_up)
    given = {"offer_id": offer["id"], "machine_id": offer["machine_id"]}
    error = (await call(client, "search_volumes", **{by: given[by]}))["error"]
    assert (error["code"], error["retry_after_s"]) == ("search_quota_exceeded", LEFT_S)


async def test_a_machine_is_started_by_its_own_row_whatever_the_quota(
    world: World, settings: Settings
) -> None:
    """What a start costs is in the machine's row: no search is needed under a limit."""
    async with allowing(world, settings, max_usd_per_hour=50) as client:
        made = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=20)
        world.set_state(made["instance_id"], "stopped")
        world.search_quota = 0
        started = await call(
            client, "manage_instance", instance_id=made["instance_id"], action="start"
        )
    assert "error" not in started


@pytest.fixture
async def client(world: World, settings: Settings) -> AsyncIterator[Client]:
    async with served(world, settings) as made:
        yield made
