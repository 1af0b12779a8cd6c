"""show_account: how long the money lasts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mcp import Client

from house import call, served
from vast_mcp.account.ahead import lasts_h
from vast_mcp.sandbox import money
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings


def rent(world: World, **more: object) -> int:
    offer = world.offer(disk_space=lambda free: free > 40)
    return world.rent(offer["id"], {"image": "x", "disk": 16, **more}).id


def make_volume(world: World, gb: float = 30) -> float:
    """A volume of the account; its $/h."""
    room = next(iter(world.volumes.rooms.values()))
    return world.volumes.rent(room["id"], gb, None, world.clock()).usd_per_hour


async def test_an_account_without_machines_burns_nothing_and_lasts_for_ever(client: Client) -> None:
    """Credit is what can be spent (docs/vast-api.md G)."""
    shown = await call(client, "show_account")
    assert (
        shown["credit_usd"],
        shown["balance_usd"],
        shown["total_usd_per_hour"],
        shown["machines"],
    ) == (25.0, 0.0, 0.0, 0)
    absent = {"hours_left", "auto_billing", "warning_mail_at_usd", "prepaid_usd"}
    assert absent.isdisjoint(shown)
    assert [step["tool"] for step in shown["next_steps"]] == ["search_offers"]


async def test_the_burn_rate_counts_running_machines_stopped_disks_and_volumes(
    client: Client, world: World
) -> None:
    """The GPU bills while running, a disk always; so does a volume (docs/vast-api.md C.8, F)."""
    world.looks_per_step = 0
    running, stopped = world.instances[rent(world)], world.instances[rent(world)]
    world.set_state(stopped.id, "stopped")
    volume = make_volume(world)
    shown = await call(client, "show_account")
    parts = {
        "running": running.dph_total,
        "stopped_disks": stopped.dph_total - stopped.price,
        "volumes": volume,
    }
    assert shown["of_which"] == pytest.approx(parts, abs=1e-5)
    assert shown["total_usd_per_hour"] == pytest.approx(sum(parts.values()), abs=1e-4)
    assert shown["hours_left"] == pytest.approx(25 / sum(parts.values()), abs=0.1)
    assert shown["machines"] == 2
    assert [step["tool"] for step in shown["next_steps"]] == ["show_instances", "show_volumes"]
    disks = parts["stopped_disks"] + running.disk_rate
    assert shown["if_all_stopped_usd_per_hour"] == pytest.approx(disks + volume, abs=1e-5)


async def test_a_machine_that_is_starting_is_counted_apart(
    client: Client, world: World, settings: Settings
) -> None:
    """Loading is not charged but for its disk; soon it is, and the hours left would mislead
    (docs/vast-api.md C.4).
    """
    instance = world.instances[rent(world)]
    shown = await call(client, "show_account")
    assert shown["of_which"]["running"] == 0.0
    assert shown["starting_usd_per_hour"] == pytest.approx(instance.price, abs=1e-5)
    world.set_state(instance.id, "stopped")
    # A server of its own: what the first has just read stands for a moment.
    async with served(world, settings) as another:
        assert "starting_usd_per_hour" not in await call(another, "show_account")


async def test_a_volume_in_the_price_of_its_machine_counts_once_and_goes_on_when_all_stop(
    client: Client, world: World
) -> None:
    """A row may have it in its whole price, or not: no source says (docs/spending.md)."""
    world.looks_per_step = 0
    machine = world.instances[rent(world)]
    room = next(iter(world.volumes.rooms.values()))
    volume = world.volumes.rent(room["id"], 30, None, world.clock())
    volume.instances = [machine.id]
    whole = machine.dph_total + volume.usd_per_hour
    world.odd.add("instance", "dph_total", whole)
    shown = await call(client, "show_account")
    assert shown["total_usd_per_hour"] == pytest.approx(whole, abs=1e-5)
    assert shown["of_which"]["volumes"] == 0
    rest = machine.disk_rate + volume.usd_per_hour
    assert shown["if_all_stopped_usd_per_hour"] == pytest.approx(rest, abs=1e-5)


async def test_a_machine_whose_host_is_offline_bills_nothing_meanwhile(
    client: Client, world: World
) -> None:
    """Nor would it, stopped (docs/vast-api.md C.8)."""
    offer = world.offer(disk_space=lambda free: free > 40)
    world.set_fate(offer["id"], ["offline"])
    world.rent(offer["id"], {"image": "x", "disk": 16})
    shown = await call(client, "show_account")
    assert (shown["total_usd_per_hour"], shown["if_all_stopped_usd_per_hour"]) == (0, 0)


async def test_a_card_that_is_charged_by_itself_is_said_beside_the_hours_left(
    client: Client, world: World
) -> None:
    """With it neither credit nor hours are a ceiling (docs/vast-api.md G)."""
    world.looks_per_step = 0
    machine = world.instances[rent(world)]
    world.office.user |= {"autobill_threshold": 5.0, "autobill_amount": 50}
    world.office.user |= {"balance_threshold": 2, "balance_threshold_enabled": True}
    shown = await call(client, "show_account")
    first = round((world.credit - 5) / machine.dph_total, 1)
    assert shown["auto_billing"] == (
        "On: Vast charges the saved card with $50 each time the credit falls to $5, first in about "
        f"{first:g} h at this rate. Neither credit nor hours_left is a ceiling."
    )
    assert shown["hours_left"] > first
    assert shown["warning_mail_at_usd"] == 2


async def test_automatic_billing_that_cannot_be_read_is_not_told_as_off(
    client: Client, world: World
) -> None:
    world.office.user |= {"autobill_threshold": "a lot"}
    assert (await call(client, "show_account"))["auto_billing"].startswith("Not known")


async def test_an_overdrawn_account_has_no_hours_left(client: Client, world: World) -> None:
    """At or under zero machines are stopped (docs/vast-api.md C.8)."""
    world.looks_per_step = 0
    rent(world)
    world.credit = -3.2
    shown = await call(client, "show_account")
    assert (shown["credit_usd"], shown["hours_left"]) == (-3.2, 0.0)


async def test_a_rental_in_doubt_is_counted_with_the_step_that_settles_it(
    world: World, settings: Settings
) -> None:
    """No open intent that no result names (docs/protocol.md)."""
    world.faults.add("create", "drop")
    unhurried = replace(settings, times=replace(settings.times, budget_s=4.0))
    async with served(world, unhurried) as client:
        await call(client, "create_instance", offer_id=world.offer()["id"], disk=16)
        shown = await call(client, "show_account")
    assert shown["open_intents"] == 1
    assert [step["tool"] for step in shown["next_steps"]] == ["show_instances"]
    assert "doubt" in shown["next_steps"][0]["why"]


async def test_volumes_that_cannot_be_read_are_a_warning(client: Client, world: World) -> None:
    """An unknown part is left out and said, never counted as zero in silence."""
    make_volume(world)
    world.faults.add(
        "volumes", "status", times=None, status=403, body={"error": "forbidden", "msg": "no"}
    )
    shown = await call(client, "show_account")
    assert "volumes" not in shown["of_which"]
    assert "forbidden" in shown["warnings"][0]


async def test_machines_that_cannot_be_listed_leave_the_credit(
    client: Client, world: World
) -> None:
    """Half an answer says which half it is; a burn rate of zero would be a lie."""
    rent(world)
    world.faults.add("list", "html503", times=None)
    shown = await call(client, "show_account")
    assert shown["credit_usd"] == 25.0
    assert "total_usd_per_hour" not in shown
    assert "vast_unavailable" in shown["warnings"][0]
    assert [step["tool"] for step in shown["next_steps"]] == ["show_instances"]


async def test_neither_the_email_nor_any_key_is_shown(client: Client, world: World) -> None:
    """The user row holds email, api_key and keys (docs/vast-api.md G)."""
    result = await client.call_tool("show_account", {})
    row = world.user()
    assert {"email", "api_key"} <= row.keys()
    for key, value in row.items():
        if (
            isinstance(value, str) and len(value) > 3 and value != "sandbox"
        ):  # which every answer here says
            assert value not in result.model_dump_json(), key
    assert str(row["id"]) not in result.model_dump_json()


async def test_a_refused_key_is_an_error(client: Client, world: World) -> None:
    """A bad key answers 404 (docs/vast-api.md I)."""
    world.api_keys = {"another"}
    assert (await call(client, "show_account"))["error"]["code"] == "auth_failed"


async def test_what_is_paid_ahead_is_shown_and_pays_its_machine_first(
    client: Client, world: World
) -> None:
    """The credit lasts longer by it (docs/vast-api.md C.8): by what a destroy would give back."""
    world.looks_per_step = 0
    paid, other = world.instances[rent(world)], world.instances[rent(world)]
    for one in (paid, other):
        one.offer |= {"end_date": world.now + 1e8, "credit_discount_max": 0.0}
        world.set_state(one.id, "running")
    money.prepay(world, paid.id, 10.0)
    shown = await call(client, "show_account")
    assert (shown["credit_usd"], shown["prepaid_usd"]) == (15.0, 10.0)
    both = paid.dph_total + other.dph_total
    assert shown["hours_left"] == pytest.approx((15.0 + 9.5) / both, rel=0.02)


async def test_what_is_left_of_a_payment_and_cannot_be_read_is_not_counted(
    client: Client, world: World
) -> None:
    """The credit alone is sure."""
    world.looks_per_step = 0
    machine = world.instances[rent(world)]
    machine.offer |= {"end_date": world.now + 1e8}
    world.set_state(machine.id, "running")
    money.prepay(world, machine.id, 10.0)
    world.faults.add("balance", "status", times=None, status=403, body={"error": "forbidden"})
    shown = await call(client, "show_account")
    assert shown["hours_left"] == pytest.approx(15.0 / machine.dph_total, rel=0.02)
    assert any("could not be read (forbidden)" in one for one in shown["warnings"])


@pytest.mark.parametrize(
    ("usd", "rate", "ahead", "hours"),
    [
        (10.0, 1.0, [], 10.0),
        (10.0, 1.0, [(5.0, 1.0)], 15.0),  # nothing leaves the credit for five hours
        (10.0, 2.0, [(100.0, 1.0)], 10.0),  # what is paid for one machine is none of the other's
        (10.0, 3.0, [(5.0, 1.0), (40.0, 2.0)], 15.0),
        (0.0, 1.0, [(5.0, 1.0)], 5.0),
        (0.0, 2.0, [(5.0, 1.0)], 0.0),
        (10.0, 1.0, [(0.0, 1.0), (5.0, 0.0)], 10.0),
    ],
)
def test_a_payment_ahead_pays_for_its_own_machine_alone(
    usd: float, rate: float, ahead: list[tuple[float, float]], hours: float
) -> None:
    """What is over of one does not help the others."""
    assert lasts_h(usd, rate, ahead) == pytest.approx(hours)
