"""The sandbox's money: paid ahead, billed, looked at, raised (docs/vast-api.md C.7, C.8, G)."""

import json
from typing import Any

import pytest

from sandbox_wire import NOON, Clock, Wire, a_world
from vast_mcp.sandbox.instances import Instance
from vast_mcp.sandbox.world import World

HOUR, DAY = 3600.0, 86_400.0
LONG: dict[str, Any] = {"duration": lambda left: left > 90 * 86_400}


async def running(world: World, **traits: Any) -> tuple[Wire, Instance]:
    """A machine that runs since now."""
    wire = Wire(world)
    offer = world.offer(ports=True, **traits)
    await wire.rent(offer["id"], disk=20)
    [machine] = world.living
    for _ in range(3):
        await wire.show(machine.id)
    return wire, machine


def at(hours: float) -> tuple[World, Clock]:
    clock = Clock()
    return a_world(clock=clock, credit=hours), clock


async def charges(wire: Wire, **filters: Any) -> list[dict[str, Any]]:
    day = {"gte": NOON - 86_400, "lte": NOON + 86_400}
    asked = json.dumps({"day": day, **filters})
    reply = await wire.ask("GET", "/api/v0/charges/", select_filters=asked, format="table")
    assert reply.status_code == 200, reply.text
    return reply.json()["results"]


# Billed


async def test_compute_is_billed_while_it_runs_and_disk_as_long_as_it_exists() -> None:
    """Per second, and each with its hours and price (docs/vast-api.md C.8, G)."""
    world, clock = at(25)
    wire, machine = await running(world)
    clock.now += 2 * HOUR
    await wire.ask("PUT", f"/api/v0/instances/{machine.id}/", {"state": "stopped"})
    clock.now += 3 * HOUR
    [row] = await charges(wire)
    gpu, disk, *_traffic = row["items"]
    assert (row["type"], row["source"]) == ("instance", f"instance-{machine.id}")
    assert (gpu["type"], gpu["amount"]) == ("gpu", round(2 * machine.price, 3))
    assert gpu["description"] == f"2.000 hours at ${machine.price:.3f}/hour"
    assert (disk["type"], disk["amount"]) == ("disk", round(5 * machine.disk_rate, 3))
    assert row["amount"] == pytest.approx(2 * machine.price + 5 * machine.disk_rate, abs=0.001)
    await wire.ask("DELETE", f"/api/v0/instances/{machine.id}/", {})
    clock.now += HOUR
    assert await charges(wire) == [row]


async def test_loading_is_not_billed_for_compute() -> None:
    """What is not up bills its disk alone (docs/vast-api.md C.8)."""
    world, clock = at(25)
    wire = Wire(world)
    await wire.rent(world.offer()["id"])
    clock.now += HOUR
    [row] = await charges(wire)
    assert [item["type"] for item in row["items"] if item["amount"]] == ["disk"]


async def test_what_runs_by_the_clock_is_billed_from_when_it_ran() -> None:
    """A machine that time starts is billed from its start, also where nobody looked."""
    clock = Clock()
    world = a_world(clock=clock, looks_per_step=None, seconds_per_step=HOUR / 2)
    await Wire(world).rent(world.offer()["id"])
    clock.now += 4 * HOUR
    [row] = await charges(Wire(world))
    assert row["items"][1]["description"].startswith("3.000 hours")


async def test_a_frozen_machine_is_billed_as_a_running_one() -> None:
    """frozen keeps its GPU, and pays for it (docs/vast-api.md C.4, C.8)."""
    world, clock = at(25)
    wire, offer = Wire(world), world.offer()
    world.set_fate(offer["id"], ["frozen"])
    await wire.rent(offer["id"])
    clock.now += HOUR
    [row] = await charges(wire)
    assert {item["type"] for item in row["items"] if item["amount"]} == {"gpu", "disk"}
    rate = (await wire.ask("GET", "/api/v0/users/spend-rate/")).json()
    assert rate["gpu_cost_per_hour"] == pytest.approx(offer["dph_base"])


@pytest.mark.parametrize("status", ["rebooting", "recycling", "unknown"])
async def test_what_keeps_its_gpu_or_is_not_known_is_billed_in_full(status: str) -> None:
    """No source says; a reboot and a recycle keep the GPU (docs/vast-api.md C.7, C.8)."""
    world, _clock = at(25)
    wire, offer = Wire(world), world.offer()
    world.set_fate(offer["id"], [status])
    await wire.rent(offer["id"])
    rate = (await wire.ask("GET", "/api/v0/users/spend-rate/")).json()
    assert rate["gpu_cost_per_hour"] == pytest.approx(offer["dph_base"])


async def test_nothing_is_billed_of_a_machine_that_is_away() -> None:
    """Its host is offline (docs/vast-api.md C.8)."""
    world, clock = at(25)
    wire, offer = Wire(world), world.offer()
    world.set_fate(offer["id"], ["offline"])
    await wire.rent(offer["id"])
    clock.now += HOUR
    rate = (await wire.ask("GET", "/api/v0/users/spend-rate/")).json()
    assert (rate["gpu_cost_per_hour"], rate["container_storage_cost_per_hour"]) == (0, 0)
    assert await charges(wire) == []


async def test_charges_come_late_where_that_is_chosen() -> None:
    """What was billed so lately is not among them yet (ours)."""
    world, clock = at(25)
    wire, machine = await running(world)
    clock.now += 4 * HOUR
    world.charges_lag_s = HOUR
    [row] = await charges(wire)
    assert row["amount"] == round(3 * machine.dph_total, 3)


async def test_charges_are_cut_off_at_the_days_that_are_asked_for() -> None:
    """The range is in the filter, and needed; a row names its first and its last day by their
    beginnings, of UTC (docs/vast-api.md G).
    """
    world, clock = at(25)
    wire, machine = await running(world)
    midnight = clock.now // DAY * DAY + DAY
    clock.now = midnight + 2 * HOUR
    [both] = await charges(wire)
    assert (both["start"], both["end"]) == (midnight - DAY, midnight)
    [row] = await charges(wire, day={"gte": midnight, "lte": midnight + DAY - 1})
    assert (row["start"], row["end"]) == (midnight, midnight)
    assert row["amount"] == pytest.approx(2 * machine.dph_total, abs=0.001)
    assert await charges(wire, day={"gte": midnight + 1, "lte": midnight + DAY - 1}) == []
    missing = await wire.ask("GET", "/api/v0/charges/", select_filters='{"day":{"gte":1}}')
    assert (missing.status_code, missing.json()) == (
        400,
        {
            "success": False,
            "msg": "Must provide both 'day' gte and lte filters for instance charges",
        },
    )


async def test_traffic_is_charged_by_the_gb_both_ways() -> None:
    """Its parts are there also where nothing moved (docs/vast-api.md G)."""
    world, clock = at(25)
    wire, machine = await running(world)
    clock.now += HOUR
    [before] = await charges(wire)
    assert [item["description"] for item in before["items"][-2:]] == [
        "0.0 GB Downloaded",
        "0.0 GB Uploaded",
    ]
    world.move_traffic(machine.id, down_gb=40, up_gb=3)
    [after] = await charges(wire)
    down, up = (item["amount"] for item in after["items"][-2:])
    prices = machine.offer["inet_down_cost"], machine.offer["inet_up_cost"]
    assert (down, up) == (round(40 * prices[0], 3), round(3 * prices[1], 3))
    assert after["amount"] == pytest.approx(before["amount"] + down + up, abs=0.002)


async def test_bought_credit_is_an_invoice_below_nothing() -> None:
    """A card's amount is what left the card's owner (docs/vast-api.md G)."""
    world, _clock = at(25)
    world.top_up(20)
    filters = json.dumps({"when": {"gte": NOON - 1, "lte": NOON + 1}})
    paid = await Wire(world).ask("GET", "/api/v1/invoices/", select_filters=filters)
    [row] = paid.json()["results"]
    assert (row["type"], row["amount"], world.credit) == ("credit", -20, 45)


async def test_volumes_have_charges_and_a_type_is_chosen() -> None:
    """A volume is billed from creation until delete (docs/vast-api.md C.8, F)."""
    world, clock = at(25)
    wire, _machine = await running(world)
    room = next(iter(world.volumes.rooms.values()))
    made = (await wire.ask("PUT", "/api/v0/volumes/", {"id": room["id"], "size": 10})).json()
    clock.now += 2 * HOUR
    [row] = await charges(wire, type={"in": ["volume"]})
    assert row["source"] == f"volume-{made['volume_id']}"
    assert row["amount"] == pytest.approx(2 * room["storage_cost"] * 10 / 720, abs=0.001)
    assert len(await charges(wire)) == 2


async def test_charges_come_in_pages() -> None:
    """A token leads on, and an odd one is refused (docs/vast-api.md G)."""
    world, clock = at(25)
    wire = Wire(world)
    for _ in range(3):
        await wire.rent(world.offer()["id"])
    clock.now += HOUR
    filters = json.dumps({"day": {"gte": NOON - DAY, "lte": NOON + HOUR}})

    async def page(token: str) -> dict[str, Any]:
        query = {"select_filters": filters, "limit": "2", "after_token": token}
        return (await wire.ask("GET", "/api/v0/charges/", **query)).json()

    first = await page("")
    last = await page(first["next_token"])
    assert (first["count"], first["total"], last["count"], last["next_token"]) == (2, 3, 1, None)
    assert len({row["source"] for row in first["results"] + last["results"]}) == 3
    assert (await page("nonsense"))["error"] == "invalid_token"


async def test_the_spend_rate_sums_up_what_bills_now() -> None:
    """Running machines, every disk, every volume; no traffic (docs/vast-api.md G)."""
    world, _clock = at(25)
    wire, machine = await running(world)
    path = "/api/v0/users/spend-rate/"
    rate = (await wire.ask("GET", path)).json()
    assert rate["gpu_cost_per_hour"] == pytest.approx(machine.price)
    assert rate["container_storage_cost_per_hour"] == pytest.approx(machine.disk_rate)
    await wire.ask("PUT", f"/api/v0/instances/{machine.id}/", {"state": "stopped"})
    rate = (await wire.ask("GET", path)).json()
    assert rate["gpu_cost_per_hour"] == 0
    assert rate["has_active_resources"] is True
    await wire.ask("DELETE", f"/api/v0/instances/{machine.id}/", {})
    assert (await wire.ask("GET", path)).json()["has_active_resources"] is False


# Paid ahead


async def test_a_deposit_is_taken_off_the_credit_and_kept_for_the_machine() -> None:
    """Months are the deposit over the month's price; rows carry it (docs/vast-api.md C.7, C.8)."""
    world, _clock = at(100)
    wire, machine = await running(world, **LONG)
    path = f"/api/v0/instances/prepay/{machine.id}/"
    half = machine.dph_total * 360
    reply = (await wire.ask("PUT", path, {"amount": half})).json()
    assert reply["timescale"] == pytest.approx(0.5)
    assert reply["discount_rate"] == pytest.approx(0.1)
    assert world.credit == pytest.approx(100 - half)
    row = await wire.show(machine.id) or {}
    assert row["credit_balance"] == pytest.approx(half)
    again = (await wire.ask("PUT", path, {"amount": half})).json()
    assert again["timescale"] == pytest.approx(1.0)
    assert [entry.kind for entry in world.ledger] == ["rent", "prepay", "prepay"]


async def test_a_destroy_refunds_the_rest_less_the_discount_and_five_per_cent() -> None:
    """`balance` says beforehand what will come back (docs/vast-api.md C.7, C.8)."""
    world, clock = at(100)
    wire, machine = await running(world, **LONG)
    await wire.ask("PUT", f"/api/v0/instances/prepay/{machine.id}/", {"amount": 10})
    before = world.credit
    clock.now += 5 * HOUR
    spent = 5 * machine.dph_total
    said = (await wire.ask("GET", f"/api/v0/instances/balance/{machine.id}/")).json()
    rate = said["total_discount"] / spent
    rest = 10 - spent * (1 - rate)
    assert said["refundable_deposit"] == pytest.approx(0.95 * rest - rate * spent, abs=1e-4)
    await wire.ask("DELETE", f"/api/v0/instances/{machine.id}/", {})
    assert world.credit == pytest.approx(before + said["refundable_deposit"], abs=1e-4)


async def test_the_whole_deposit_comes_back_from_a_deverified_machine() -> None:
    """All of it (docs/vast-api.md C.8)."""
    world, _clock = at(100)
    wire, machine = await running(world, **LONG)
    await wire.ask("PUT", f"/api/v0/instances/prepay/{machine.id}/", {"amount": 10})
    machine.offer["verification"] = "deverified"
    await wire.ask("DELETE", f"/api/v0/instances/{machine.id}/", {})
    assert world.credit == pytest.approx(100)


@pytest.mark.parametrize(
    ("amount", "error"),
    [
        (0, "invalid_args"),
        (-1, "invalid_args"),
        ("5", "invalid_args"),
        (None, "invalid_args"),
        (26, "insufficient_credit"),
    ],
)
async def test_an_odd_deposit_takes_nothing(amount: Any, error: str) -> None:
    """The refusals of prepay (docs/vast-api.md C.7)."""
    world, _clock = at(25)
    wire, machine = await running(world)
    reply = await wire.ask("PUT", f"/api/v0/instances/prepay/{machine.id}/", {"amount": amount})
    assert (reply.status_code, reply.json()["error"], world.credit) == (400, error, 25)


async def test_a_deposit_for_longer_than_the_contract_is_refused() -> None:
    """rental_too_long; and no such machine is a 400 here (docs/vast-api.md C.7)."""
    world, _clock = at(1_000_000)
    wire, machine = await running(world)
    path = "/api/v0/instances/prepay"
    long = await wire.ask("PUT", f"{path}/{machine.id}/", {"amount": 900_000})
    assert (long.status_code, long.json()["error"]) == (400, "rental_too_long")
    none = await wire.ask("PUT", f"{path}/1/", {"amount": 1})
    assert (none.status_code, none.json()["msg"]) == (400, "No such instance")
    gone = await wire.ask("GET", "/api/v0/instances/balance/1/")
    assert gone.status_code == 404


async def test_credit_is_transferred_and_shown_among_what_was_paid() -> None:
    """At least a cent, and no more than there is (docs/vast-api.md G)."""
    world, _clock = at(25)
    wire, path = Wire(world), "/api/v0/commands/transfer_credit/"
    for body in ({"amount": 1}, {"recipient": "x@example.com", "amount": 0.001}):
        assert (await wire.ask("PUT", path, body)).status_code == 400
    assert (
        await wire.ask("PUT", path, {"recipient": "x@example.com", "amount": 26})
    ).status_code == 400
    good = await wire.ask("PUT", path, {"recipient": "x@example.com", "amount": 5.5})
    assert (good.json(), world.credit) == ({"success": True}, 19.5)
    filters = {"when": {"gte": NOON - 1, "lte": NOON + 1}, "service": {"in": ["transfer"]}}
    paid = await wire.ask("GET", "/api/v1/invoices/", select_filters=json.dumps(filters))
    assert [row["amount"] for row in paid.json()["results"]] == [5.5]
    old = (await wire.ask("GET", "/api/v0/users/me/invoices/", owner="me")).json()
    assert [row["amount"] for row in old["invoices"]] == [5.5]


@pytest.mark.parametrize("when", [None, {}, {"gte": "x"}, {"gte": 5, "lte": 4}])
async def test_invoices_need_a_range_and_say_so_with_a_200(when: Any) -> None:
    """A 200 that is no success (docs/vast-api.md G)."""
    filters = json.dumps({"when": when} if when is not None else {})
    reply = await Wire(a_world()).ask("GET", "/api/v1/invoices/", select_filters=filters)
    assert (reply.status_code, reply.json()) == (
        200,
        {"success": False, "error": "Invalid date range"},
    )


# Raised


async def test_an_accepted_price_applies_once_the_present_contract_is_over() -> None:
    """Not before; `new_x` null is unchanged, prices are per second (docs/vast-api.md C.7)."""
    world, clock = at(25)
    wire, machine = await running(world)
    before = machine.price
    rise = world.raise_price(machine.id, factor=2)
    said = (await wire.ask("GET", "/api/v0/instances/pending-price-increases/")).json()
    [row] = said["pending_price_increases"]
    assert (said["count"], said["truncated"], row["contract_id"]) == (1, False, machine.id)
    gpus = machine.offer["num_gpus"]
    assert row["old_gpu_costpersec"] * 3600 * gpus == pytest.approx(before)
    assert row["new_disk_ram_costpersec"] is None
    body = {"pending_price_increase_id": rise.id}
    path = "/api/v0/instances/accept-price-increase/"
    extra = await wire.ask("PUT", path, {**body, "client_id": "me"})
    assert (extra.status_code, rise.verdict) == (400, None)
    done = (await wire.ask("PUT", path, body)).json()
    assert done == {"success": True, "contract_id": machine.id, **body}
    await wire.show(machine.id)
    assert machine.price == pytest.approx(before)
    clock.now = rise.contract_end
    await wire.show(machine.id)
    assert machine.price == pytest.approx(2 * before)


async def test_a_rejected_price_stays_and_is_no_longer_pending() -> None:
    """The price stays; a second verdict finds nothing (docs/vast-api.md C.7)."""
    world, clock = at(25)
    wire, machine = await running(world)
    before, rise = machine.price, world.raise_price(machine.id)
    body = {"pending_price_increase_id": rise.id}
    path = "/api/v0/instances/reject-price-increase/"
    assert (await wire.ask("PUT", path, body)).json()["success"]
    again = await wire.ask("PUT", path, body)
    assert (again.status_code, again.json()["error"]) == (404, "no_pending_price_increase")
    clock.now = rise.contract_end
    await wire.show(machine.id)
    assert machine.price == before
