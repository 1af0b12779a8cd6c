"""Limits count what volumes bill: those that exist, and those that a rental makes.

"Nothing is sent" means that the sandbox saw no PUT to /asks/. Letters name the section of the
API notes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from house import allowing, an_offer, call, puts, served
from sandbox_wire import Wire
from vast_mcp.sandbox.volumes import Volume
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

DISK_GB = 8


def cost(offer: dict[str, Any]) -> float:
    """The price of an offer with its disk, in $/h (A.6)."""
    return offer["dph_base"] + offer["storage_cost"] * DISK_GB / 720


def roomy(world: World) -> dict[str, Any]:
    return max(world.volumes.rooms.values(), key=lambda room: room["disk_space"])


def theirs(world: World, gb: float = 500) -> Volume:
    """A volume that somebody made otherwise."""
    return world.volumes.rent(roomy(world)["id"], gb, None, world.clock())


def with_new_volume(world: World, gb: int = 500) -> dict[str, Any]:
    """A rental with a volume made for it."""
    room = roomy(world)
    offer = an_offer(world, machine_id=room["machine_id"], verified=None, external=lambda _: True)
    info = {"create_new": True, "volume_id": room["id"], "size": gb, "mount_path": "/workspace"}
    return {"offer_id": offer["id"], "disk": DISK_GB, "volume_info": info}


async def rent(client: Client, world: World, **more: Any) -> dict[str, Any]:
    return await call(
        client, "create_instance", **{"offer_id": an_offer(world)["id"], "disk": DISK_GB} | more
    )


def bills(world: World) -> float:
    return sum(one.at_most for one in world.living) + sum(
        one.usd_per_hour for one in world.volumes.living
    )


def unlisted(world: World) -> None:
    """No list shows a volume."""
    world.faults.add("volumes", "status", times=None, status=200, body={"volumes": []})


# ── what exists ────────────────────────────────────────────────────────────────────────────────


async def test_volumes_left_behind_by_rent_and_destroy_reach_the_limit(
    world: World, settings: Settings
) -> None:
    """Rent with a new volume, destroy, repeat: what is left bills on (F), and deleting it makes
    room again.
    """
    wish = with_new_volume(world)
    volume = roomy(world)["storage_cost"] * 500 / 720
    most = cost(world.offers[wish["offer_id"]]) + 2.5 * volume
    async with allowing(world, settings, max_total_usd_per_hour=most) as client:
        for _ in range(2):
            made = await call(client, "create_instance", **wish)
            await call(client, "destroy_instance", instance_ids=[made["instance_id"]])
        error = (await call(client, "create_instance", **wish))["error"]
        assert error["code"] == "over_limit"
        assert "show_volumes" in [step["tool"] for step in error["next_steps"]]
        assert puts(world) == 2
        await call(client, "destroy_volume", volume_id=world.volumes.living[0].id)
        assert "instance_id" in await call(client, "create_instance", **wish)
    assert max(entry.usd_per_hour for entry in world.ledger) <= most


@pytest.mark.parametrize("limit", ["max_total_usd_per_hour", "min_credit_hours"])
async def test_volumes_that_exist_count_and_what_fits_beside_them_is_rented(
    world: World, settings: Settings, limit: str
) -> None:
    """Whoever made them: they bill from the same credit (C.8)."""
    volume = theirs(world)
    held = theirs(world, 100)
    held.instances.append(1)
    exact = cost(an_offer(world)) + volume.usd_per_hour + held.usd_per_hour
    for most, refused in ((exact - 1e-4, True), (exact + 1e-4, False)):
        value = most if limit == "max_total_usd_per_hour" else world.credit / most
        async with allowing(world, settings, **{limit: value}) as client:
            answer = await rent(client, world)
        assert (answer.get("error", {}).get("code") == "over_limit") == refused, answer
        assert puts(world) == (not refused)


async def test_a_start_counts_the_volumes_too(world: World, settings: Settings) -> None:
    """Every act that makes a machine dearer is counted beside all that bills (docs/spending.md)."""
    made = world.rent(an_offer(world)["id"], {"image": "x", "disk": DISK_GB})
    world.set_state(made.id, "stopped")
    volume = theirs(world)
    exact = made.dph_total + volume.usd_per_hour
    start = {"instance_id": made.id, "action": "start", "not_ours": True}
    async with allowing(world, settings, max_total_usd_per_hour=exact - 1e-4) as client:
        error = (await call(client, "manage_instance", **start))["error"]
        assert error["code"] == "over_limit"
    async with allowing(world, settings, max_total_usd_per_hour=exact + 1e-4) as client:
        assert "error" not in await call(client, "manage_instance", **start)


async def test_a_dry_run_says_what_is_left_beside_the_volumes(
    world: World, settings: Settings
) -> None:
    """dry_run: what each limit in force leaves."""
    volume = theirs(world)
    async with allowing(world, settings, max_total_usd_per_hour=50) as client:
        answer = await rent(client, world, dry_run=True)
    left = answer["dry_run"]["left"]["max_total_usd_per_hour"]
    assert left == pytest.approx(50 - cost(an_offer(world)) - volume.usd_per_hour, abs=1e-4)


# ── what cannot be read is unknown ─────────────────────────────────────────────────────────────

UNREADABLE = [
    {"status": 403, "body": {"error": "forbidden", "msg": "needs instance_read"}},
    {"status": 503, "text": "<html>", "content_type": "text/html"},
    {"status": 200, "body": {"success": True}},
    {"status": 200, "body": {"volumes": None}},
    {"status": 200, "body": {"volumes": [{"label": "nameless"}]}},
]


@pytest.mark.parametrize("reply", UNREADABLE)
@pytest.mark.parametrize("limit", ["max_total_usd_per_hour", "min_credit_hours"])
async def test_a_list_of_volumes_that_cannot_be_read_is_not_an_empty_one(
    world: World, settings: Settings, reply: dict[str, Any], limit: str
) -> None:
    """The refusal names what is unknown and the limit that needs it."""
    world.faults.add("volumes", "status", times=None, **reply)
    async with allowing(world, settings, **{limit: 0.01 if "hours" in limit else 1e6}) as client:
        error = (await rent(client, world))["error"]
    assert error["code"] == "price_unknown"
    assert f"VAST_MCP_{limit.upper()}" in error["message"]
    assert "volumes" in error["message"]
    assert puts(world) == 0


@pytest.mark.parametrize("limit", [{"max_usd_per_hour": 100.0}, {"max_instances": 3}, {}])
async def test_what_adds_up_no_prices_asks_for_no_volumes(
    world: World, settings: Settings, limit: dict[str, Any]
) -> None:
    """A key that may not list volumes still rents where no limit is about them."""
    world.faults.add("volumes", "status", times=None, **UNREADABLE[0])
    async with allowing(world, settings, **limit) as client:
        assert "instance_id" in await rent(client, world)
    assert world.asked("volumes") == []


@pytest.mark.parametrize(
    "price",
    [
        {},
        {"storage_total_cost": -1.0},
        {"storage_total_cost": "free"},
        {"storage_total_cost": None, "storage_cost": 0.1},
    ],
)
async def test_a_volume_whose_price_is_unknown_is_named(
    world: World, settings: Settings, price: dict[str, Any]
) -> None:
    """What cannot be read bills nobody knows how much, and is not under a limit."""
    rows = [{"id": 4711, "instances": [], **price}]
    world.faults.add("volumes", "status", times=None, status=200, body={"volumes": rows})
    async with allowing(world, settings, max_total_usd_per_hour=1e6) as client:
        error = (await rent(client, world))["error"]
        assert error["code"] == "price_unknown"
        assert "volume 4711" in error["message"]
        assert "show_volumes" in [step["tool"] for step in error["next_steps"]]
        assert puts(world) == 0
        world.faults.clear()
        assert "instance_id" in await rent(client, world)


async def test_a_volume_of_ours_without_a_price_counts_at_what_it_was_made_for(
    world: World, settings: Settings
) -> None:
    """No source says that a row of the list has its price (F); the attempt that made it knows."""
    wish = with_new_volume(world)
    async with allowing(world, settings, max_total_usd_per_hour=1e6) as client:
        made = await call(client, "create_instance", **wish)
        await call(client, "destroy_instance", instance_ids=[made["instance_id"]])
        [volume] = world.volumes.living
        row = {"id": volume.id, "label": volume.label, "disk_space": volume.gb, "instances": []}
        world.faults.add("volumes", "status", times=None, status=200, body={"volumes": [row]})
        shown = await call(client, "show_volumes")
        assert shown["volumes_usd_per_hour"] == pytest.approx(volume.usd_per_hour, abs=1e-5)
        left = (await rent(client, world, dry_run=True))["dry_run"]["left"][
            "max_total_usd_per_hour"
        ]
    exact = cost(an_offer(world)) + volume.usd_per_hour
    assert left == pytest.approx(1e6 - exact, abs=1e-4)


# ── counted once ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seen", ["both listed", "no volume listed", "no machine listed"])
async def test_the_volume_of_a_new_machine_is_counted_once_whatever_is_listed(
    world: World, settings: Settings, seen: str
) -> None:
    """Lists lag (C.1): the volume is in its rental's price until the machine is listed."""
    wish = with_new_volume(world)
    if seen == "no machine listed":
        world.visible_after_looks = 10_000
    async with allowing(world, settings, max_total_usd_per_hour=1e6) as client:
        await call(client, "create_instance", **wish)
        if seen == "no volume listed":
            unlisted(world)
        left = (await rent(client, world, dry_run=True))["dry_run"]["left"][
            "max_total_usd_per_hour"
        ]
    exact = bills(world) + cost(an_offer(world))
    assert left == pytest.approx(1e6 - exact, abs=1e-3)


@pytest.mark.parametrize("state", ["running", "stopped"])
async def test_a_volume_that_its_machines_row_holds_is_not_counted_twice(
    world: World, settings: Settings, state: str
) -> None:
    """Whether a row's price holds the volume is not documented (A.6): its own figures say so. A
    stopped machine counts at its disk's price, which holds none.
    """
    wish = with_new_volume(world)
    async with allowing(world, settings, max_total_usd_per_hour=1e6) as client:
        made = await call(client, "create_instance", **wish)
        world.set_state(made["instance_id"], state)
        exact = bills(world) + cost(an_offer(world))
        page = await Wire(world).page()
        page["instances"][0]["dph_total"] += world.volumes.living[0].usd_per_hour
        world.faults.add("list", "status", times=None, status=200, body=page)
        left = (await rent(client, world, dry_run=True))["dry_run"]["left"][
            "max_total_usd_per_hour"
        ]
    assert left == pytest.approx(1e6 - exact, abs=1e-3)


async def in_its_row(world: World) -> None:
    """Every list shows the machine with its volume in its whole price."""
    page = await Wire(world).page()
    page["instances"][0]["dph_total"] += world.volumes.living[0].usd_per_hour
    world.faults.add("list", "status", times=None, status=200, body=page)


@pytest.mark.parametrize("state", ["running", "stopped"])
@pytest.mark.parametrize("over", [1e-3, -1e-3])
async def test_a_better_bid_counts_the_volume_in_its_machines_row_once(
    world: World, settings: Settings, state: str, over: float
) -> None:
    """Also a bid that is better by less than the volume costs."""
    wish = with_new_volume(world)
    bid = world.offers[wish["offer_id"]]["min_bid"]
    async with allowing(world, settings, max_total_usd_per_hour=1e6) as client:
        made = await call(client, "create_instance", **wish, price=bid)
    machine = world.instances[made["instance_id"]]
    better = bid + world.volumes.living[0].usd_per_hour / 2
    exact = machine.dph_total - bid + better + world.volumes.living[0].usd_per_hour
    world.set_state(machine.id, state)
    await in_its_row(world)
    change = {"action": "change_bid", "price": better, "not_ours": True}
    async with allowing(world, settings, max_total_usd_per_hour=exact - over) as client:
        answer = await call(client, "manage_instance", instance_id=machine.id, **change)
    assert (answer.get("error", {}).get("code") == "over_limit") == (over > 0), answer


@pytest.mark.parametrize("over", [1e-3, -1e-3])
async def test_a_start_counts_the_volume_in_its_machines_row_once(
    world: World, settings: Settings, over: float
) -> None:
    """A stopped machine's row has its whole price too, and that is what it comes to cost."""
    async with allowing(world, settings, max_total_usd_per_hour=1e6) as client:
        made = await call(client, "create_instance", **with_new_volume(world))
    machine = world.instances[made["instance_id"]]
    exact = machine.dph_total + world.volumes.living[0].usd_per_hour
    world.set_state(machine.id, "stopped")
    await in_its_row(world)
    start = {"instance_id": machine.id, "action": "start", "not_ours": True}
    async with allowing(world, settings, max_total_usd_per_hour=exact - over) as client:
        answer = await call(client, "manage_instance", **start)
    assert (answer.get("error", {}).get("code") == "over_limit") == (over > 0), answer


async def test_a_rental_in_doubt_counts_with_its_new_volume(
    world: World, settings: Settings, state: Path
) -> None:
    """Each attempt counts at the most it may cost, volume included (docs/spending.md)."""
    wish = with_new_volume(world)
    both = cost(world.offers[wish["offer_id"]]) + roomy(world)["storage_cost"] * 500 / 720
    one = cost(an_offer(world))
    beside = {"request_key": "beside", "allow_unresolved": True}
    world.faults.add("create", "drop", when="before")
    async with allowing(world, settings, state, max_total_usd_per_hour=1e6) as client:
        assert "error" in await call(client, "create_instance", **wish)
    for most, refused in ((both + one - 1e-3, True), (both + one + 1e-3, False)):
        async with allowing(world, settings, state, max_total_usd_per_hour=most) as client:
            answer = await rent(client, world, **beside)
        assert (answer.get("error", {}).get("code") == "over_limit") == refused, answer


async def test_a_volume_that_is_left_while_another_call_is_under_way_is_counted(
    world: World, settings: Settings, state: Path
) -> None:
    """The lists of the second call are older than the volume; the journal knows of it."""
    wish = with_new_volume(world)
    volume = roomy(world)["storage_cost"] * 500 / 720
    most = cost(world.offers[wish["offer_id"]]) + 1.5 * volume
    patient = replace(
        settings, times=replace(settings.times, read_s=60.0, budget_s=90.0, put_s=20.0)
    )
    limits = {"max_total_usd_per_hour": most}
    world.faults.add("search", "late")
    told: dict[str, Any] = {}

    async def second(client: Client) -> None:
        told.update(await call(client, "create_instance", label="second", **wish))

    async with (
        allowing(world, patient, state, **limits) as slow,
        allowing(world, patient, state, **limits) as quick,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(second, slow)
        await world.faults.until_hanging()
        made = await call(quick, "create_instance", **wish)
        await call(quick, "destroy_instance", instance_ids=[made["instance_id"]])
        world.faults.release()
    assert told["error"]["code"] == "over_limit"
    assert len(world.volumes.living) == 1


async def test_a_label_that_was_copied_does_not_take_the_place_of_a_rental_in_doubt(
    world: World, settings: Settings, state: Path
) -> None:
    """A machine that the journal holds is known by its id, never by its label (docs/protocol.md):
    it may write anything there.
    """
    async with allowing(world, settings, state, max_total_usd_per_hour=1e6) as client:
        made = await rent(client, world)
        wish = with_new_volume(world)
        both = cost(world.offers[wish["offer_id"]]) + roomy(world)["storage_cost"] * 500 / 720
        world.faults.add("create", "drop", when="before")
        doubt = (await call(client, "create_instance", **wish))["error"]
    world.set_label(made["instance_id"], f"copied#{doubt['token']}")
    exact = bills(world) + both + cost(an_offer(world))
    beside = {"request_key": "beside", "allow_unresolved": True}
    for most, refused in ((exact - 1e-3, True), (exact + 1e-3, False)):
        async with allowing(world, settings, state, max_total_usd_per_hour=most) as client:
            answer = await rent(client, world, **beside)
        assert (answer.get("error", {}).get("code") == "over_limit") == refused, answer


@pytest.mark.parametrize("of", [1.1, 1.4])
async def test_a_machine_whose_own_excess_passes_the_total_beside_the_volumes_is_ended(
    world: World, settings: Settings, of: float
) -> None:
    """The total counts volumes when it is read back, too (docs/spending.md)."""
    volume = theirs(world)
    offer = dict(an_offer(world))

    def dearer() -> None:
        world.offers[offer["id"]]["dph_base"] *= 1.3

    world.before_rent = dearer
    most = cost(offer) * of + volume.usd_per_hour
    async with allowing(world, settings, max_total_usd_per_hour=most) as client:
        answer = await call(client, "create_instance", offer_id=offer["id"], disk=DISK_GB)
    assert (answer.get("error", {}).get("code") == "over_limit") == (of < 1.3), answer
    assert len(world.living) == (of > 1.3)


async def test_a_new_volume_in_doubt_that_nobody_priced_is_unknown(
    world: World, settings: Settings, state: Path
) -> None:
    """A server without limits looks up no price; one with a limit does not take that for none."""
    world.faults.add("create", "drop", when="before")
    async with served(world, replace(settings, state_dir=state)) as client:
        assert "error" in await call(client, "create_instance", **with_new_volume(world))
    beside = {"request_key": "beside", "allow_unresolved": True}
    async with allowing(world, settings, state, max_total_usd_per_hour=1e6) as client:
        error = (await rent(client, world, **beside))["error"]
    assert error["code"] == "price_unknown"
    assert puts(world) == 1


# ── how long the credit lasts ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("reply", [*UNREADABLE, {"status": 200, "body": {"volumes": [{"id": 1}]}}])
async def test_the_hours_left_are_not_told_where_a_volumes_price_is_unknown(
    client: Client, world: World, settings: Settings, reply: dict[str, Any]
) -> None:
    """What is unknown may bill: a rate without it would be too low, and the hours too many."""
    world.rent(an_offer(world)["id"], {"image": "x", "disk": DISK_GB})
    assert (await call(client, "show_account"))["hours_left"] > 0
    world.faults.add("volumes", "status", times=None, **reply)
    async with served(world, settings) as later:  # this one remembers what it read
        shown = await call(later, "show_account")
    assert {"hours_left", "total_usd_per_hour"}.isdisjoint(shown)
    assert "volumes" in shown["warnings"][0]
    assert shown["of_which"]["stopped_disks"] > 0
