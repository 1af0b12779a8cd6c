"""show_costs: what was spent, exactly, and until when the rest lasts.

Hours pass by making machines older, so that where midnight lies is the clock's: whatever it is, the
world's meters are the oracle.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from mcp import Client

from house import OURS, an_offer, call, served, so_many
from vast_mcp.account.bill import bill_of
from vast_mcp.account.periods import days_back, month_of
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp.vast.charges import Charge
from vast_mcp.vast.rows import rows_of

DAY = 86_400.0
SHUT: dict[str, Any] = {"status": 403, "body": {"error": "forbidden", "msg": "no"}}


@pytest.fixture(autouse=True)
def at_once(world: World) -> None:
    """Machines do at once what is asked of them."""
    world.looks_per_step = 0


@pytest.fixture
def live_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Set the computer's time zone, which C reads once."""

    def live(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield live
    monkeypatch.undo()
    time.tzset()


def ran(world: World, hours: float, label: str = OURS) -> int:
    """A machine that ran for so many hours, and still does."""
    made = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20, "label": label})
    world.age(made.id, hours)
    return made.id


def kept(world: World, hours: float, gb: float = 30) -> Any:
    """A volume that exists for so many hours."""
    room = next(iter(world.volumes.rooms.values()))
    return world.volumes.rent(room["id"], gb, None, world.now - hours * 3600)


def billed(world: World, machine: int, kind: str | None = None) -> float:
    """What the world's meter has entered for a machine."""
    instance = world.instances[machine]
    instance.tick(world.now)
    return sum(span.usd for span in instance.meter.spans if kind in (None, span.kind))


def answering(world: World, rows: list[dict[str, Any]], **more: Any) -> None:
    """Vast's charges are these, whatever is asked."""
    body = {"success": True, "results": rows, "next_token": None, **more}
    world.faults.add("charges", "status", times=None, status=200, body=body)


def charge(world: World, source: str, amount: Any, back: int = 0, **more: Any) -> dict[str, Any]:
    """A row of one day, so many before today."""
    day = world.now // DAY * DAY - back * DAY
    row = {"source": source, "start": day, "end": day, "amount": amount, "items": []}
    return {**row, **more}


# ── by Vast's charges ──────────────────────────────────────────────────────────────────────────


async def test_a_week_is_told_by_machine_day_and_kind(client: Client, world: World) -> None:
    """As the ledger has it, to Vast's third digit a row (docs/vast-api.md G)."""
    machines, volume = [ran(world, 6), ran(world, 100)], kept(world, 50)
    world.move_traffic(machines[0], down_gb=400, up_gb=10)
    told = await call(client, "show_costs")
    assert told["spent_is"] == "charges"
    traffic = sum(one.usd for one in world.instances[machines[0]].traffic)
    disk = volume.usd_per_hour * 50
    expected = {
        "gpu_usd": sum(billed(world, one, "gpu") for one in machines),
        "disk_usd": sum(billed(world, one, "disk") for one in machines),
        "traffic_usd": traffic,
        "volume_usd": disk,
    }
    kinds = {kind: told["of_which"][kind] for kind in expected}
    assert kinds == pytest.approx(expected, abs=0.003)
    assert told["spent_usd"] == pytest.approx(sum(expected.values()), abs=0.003)
    assert sum(day["usd"] for day in told["by_day"]) == pytest.approx(told["spent_usd"], abs=0.02)
    rows = {row.get("instance_id", row.get("volume_id")): row for row in told["rows"]}
    assert rows.keys() == {*machines, volume.id}
    for machine, moved in zip(machines, (traffic, 0.0), strict=True):
        usd = billed(world, machine) + moved
        assert rows[machine]["usd"] == pytest.approx(usd, abs=0.001)
    assert rows[machines[0]]["untrusted_label"] == OURS
    assert [row["usd"] for row in told["rows"]] == sorted(
        (row["usd"] for row in told["rows"]), reverse=True
    )


async def test_each_day_is_what_was_billed_between_its_midnights_of_utc(
    client: Client, world: World, live_in: Callable[[str], None]
) -> None:
    """Whatever the computer's time zone is; today's part too."""
    live_in("Pacific/Kiritimati")
    machine = ran(world, 60)
    told = await call(client, "show_costs", period="30")
    now, rate = world.now, world.instances[machine].dph_total
    today = now // DAY * DAY
    days = [(max(now - 60 * 3600, today - back * DAY), today - back * DAY) for back in range(4)]
    ends = [now, *(begin for _, begin in days[:-1])]
    hours = [(end - start) / 3600 for (start, _), end in zip(days, ends, strict=True)]
    expected = [round(rate * one, 3) for one in hours if one > 0.001]
    assert [day["usd"] for day in told["by_day"]] == pytest.approx(expected, abs=0.003)
    assert told["first_day"] < told["by_day"][-1]["day"] < told["by_day"][0]["day"]
    assert told["by_day"][0]["day"] == told["last_day"]


async def test_thousands_of_charges_add_up_to_the_cent_in_a_small_answer(
    client: Client, world: World
) -> None:
    """What is not shown is summed up in one line."""
    count = so_many(10_000)
    rows = [
        charge(world, f"instance-{number}", number % 997 / 1000 + 0.001, back=number % 7)
        for number in range(1, count + 1)
    ]
    answering(world, rows, total=count)
    exact = sum((Decimal(number % 997 + 1) for number in range(1, count + 1)), Decimal(0)) / 1000
    result = await client.call_tool("show_costs", {"limit": 3})
    told = result.structured_content
    assert told is not None
    assert Decimal(str(told["spent_usd"])) == exact
    assert told["not_shown"]["count"] == count - 3
    shown = sum(Decimal(str(row["usd"])) for row in told["rows"])
    assert shown + Decimal(str(told["not_shown"]["usd"])) == exact
    assert sum(Decimal(str(day["usd"])) for day in told["by_day"]) == exact
    assert len(json.dumps(told)) < 2_500


def test_no_sum_goes_through_floats() -> None:
    """To the last digit, in all, by machine and by day; amounts may be text."""
    rows = [
        {"source": f"instance-{number % 40 + 1}", "amount": usd if number % 2 else str(usd)}
        | {"start": 1_793_491_200, "end": 1_793_491_200}
        for number in range(10_000)
        for usd in [round(number % 997 / 1000 + 0.1, 3)]
    ]
    exact = sum((Decimal(number % 997 + 100) for number in range(10_000)), Decimal(0)) / 1000
    bill = bill_of(rows_of(Charge, rows))
    assert bill.amounts.total == sum(bill.by_day.values()) == exact
    assert sum((line.amounts.total for line in bill.dearest()), Decimal(0)) == exact


async def test_charges_of_several_pages_are_read_to_the_end(client: Client, world: World) -> None:
    """500 a reply; half a list is no sum."""
    first = {"results": [charge(world, "instance-1", 0.1)], "next_token": "a", "total": 2}
    last = {"results": [charge(world, "instance-2", 0.2)], "next_token": None, "total": 2}
    for page in (first, last):
        body = {"success": True, **page}
        world.faults.add("charges", "status", status=200, body=body)
    told = await call(client, "show_costs")
    assert (told["spent_usd"], len(told["rows"])) == (0.3, 2)
    asked = world.asked("charges")
    assert [one.query.get("after_token") for one in asked] == [None, "a"]
    assert asked[0].query["limit"] == "500"


@pytest.mark.parametrize(
    "page",
    [{"next_token": "a"}, {"next_token": 7}, {"total": 3}],
    ids=["a circle", "no token", "fewer than it says"],
)
async def test_pages_that_do_not_hang_together_are_no_charges(
    client: Client, world: World, page: dict[str, Any]
) -> None:
    answering(world, [charge(world, "instance-1", 0.1)], **page)
    told = await call(client, "show_costs")
    assert told["spent_is"] == "estimate"
    assert "incomplete_list" in told["warnings"][0]


async def test_what_has_no_id_or_no_amount_is_said(client: Client, world: World) -> None:
    """It is in no sum, and not in silence; other services are told by Vast's word."""
    rows = [charge(world, "instance-1", 0.5), charge(world, "instance-2", "a lot")]
    rows += [charge(world, "endpoint-7", 0.25), charge(world, "", 4)]
    answering(world, rows)
    told = await call(client, "show_costs")
    assert told["spent_usd"] == 0.75
    assert {"source": "endpoint-7", "usd": 0.25}.items() <= told["rows"][1].items()
    said = " ".join(told["warnings"])
    assert "names no machine" in said
    assert "`amount`" in said


async def test_what_a_charge_does_not_split_is_told_as_other(client: Client, world: World) -> None:
    """A kind that nobody knows, and what no part accounts for."""
    parts = [{"type": "gpu", "amount": 1.0}, {"type": "moon", "amount": "0.5"}, {"type": "disk"}]
    answering(world, [charge(world, "instance-1", 2, items=parts)])
    told = await call(client, "show_costs")
    assert told["of_which"] == {"gpu_usd": 1.0, "other_usd": 1.0}
    assert any("`items`" in warning for warning in told["warnings"])


# ── which days ─────────────────────────────────────────────────────────────────────────────────

# The last second of October, UTC; the first of November; the end of February in a leap year.
MOMENTS = {
    "a month's last second": (1_793_491_199.0, "2026-10", "2026-10-01", "2026-10-31"),
    "a month's first second": (1_793_491_200.0, "2026-11", "2026-11-01", "2026-11-01"),
    "the month before": (1_793_491_200.0, "2026-10", "2026-10-01", "2026-10-31"),
    "a leap day": (1_835_395_200.0, "2028-02", "2028-02-01", "2028-02-29"),
    "a week over a month's end": (1_793_577_600.0, "7", "2026-10-27", "2026-11-02"),
    "a day": (1_793_577_600.0, "1", "2026-11-02", "2026-11-02"),
    "a year": (1_793_577_600.0, "366", "2025-11-02", "2026-11-02"),
}


@pytest.mark.parametrize("case", MOMENTS)
@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Pacific/Kiritimati"])
def test_days_and_months_are_those_of_utc(
    case: str, zone: str, live_in: Callable[[str], None]
) -> None:
    live_in(zone)
    now, asked, first, last = MOMENTS[case]
    period = month_of(asked, now) or days_back(int(asked), now)
    assert (str(period.first), str(period.last)) == (first, last)
    assert period.since % DAY == 0
    assert (period.until + 1) % DAY == 0
    assert len(period.days) == (period.until + 1 - period.since) / DAY


@pytest.mark.parametrize("asked", ["0", "367", "2026-13", "2100-01", "a week", "-3", "٣", "7.5"])
async def test_other_periods_are_refused_with_what_there_is(client: Client, asked: str) -> None:
    error = (await call(client, "show_costs", period=asked))["error"]
    assert (error["code"], error["problems"][0]["field"]) == ("bad_arguments", "period")


async def test_a_year_is_a_sum_and_says_how_days_are_had(client: Client, world: World) -> None:
    """One request: a year of days would be hundreds."""
    ran(world, 100)
    told = await call(client, "show_costs", period="366")
    assert told["by_day"] == []
    assert "ask for a month" in told["warnings"][0]
    assert len(world.asked("charges")) == 1


async def test_days_that_there_is_no_time_for_are_in_the_sum_and_named(
    world: World, settings: Settings
) -> None:
    ran(world, 100)
    times = replace(settings.times, budget_s=0.5)
    async with served(world, replace(settings, times=times)) as client:
        world.faults.add("charges", "html503", skip=1, times=None)
        told = await call(client, "show_costs")
    assert told["spent_is"] == "charges"
    assert told["by_day"] == []
    assert "not told one by one" in told["warnings"][0]


# ── without charges ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("shut", "said"),
    [
        (lambda world: world.missing_permissions.add("billing_read"), "needs billing_read"),
        (lambda world: world.faults.add("charges", "html503", times=None), "vast_unavailable"),
    ],
    ids=["no permission", "no answer"],
)
async def test_without_charges_it_is_an_estimate_that_says_so(
    client: Client, world: World, shut: Callable[[World], Any], said: str
) -> None:
    """Machines by what looks showed, volumes by their price, nothing of traffic."""
    machine, volume = ran(world, 30), kept(world, 10)
    shut(world)
    told = await call(client, "show_costs")
    assert told["spent_is"] == "estimate"
    assert said in told["warnings"][0]
    assert "without traffic" in told["warnings"][0]
    usd = billed(world, machine) + volume.usd_per_hour * 10
    assert told["spent_usd"] == pytest.approx(usd, abs=0.01)
    assert sum(day["usd"] for day in told["by_day"]) == pytest.approx(usd, abs=0.01)
    assert "of_which" not in told
    assert told["payments"] == []


async def test_a_machine_that_is_gone_counts_up_to_its_end(client: Client, world: World) -> None:
    """Not on, as if it were still there."""
    machine = ran(world, 5)
    world.missing_permissions = {"billing_read"}
    await call(client, "show_instance", instance_id=machine)
    await call(client, "destroy_instance", instance_ids=[machine])
    world.clock = lambda now=world.now: now + 3600
    told = await call(client, "show_costs")
    assert told["spent_usd"] == pytest.approx(billed(world, machine), abs=0.01)


# ── what was paid, and what is left ────────────────────────────────────────────────────────────


async def test_what_was_paid_has_its_sign_by_where_it_went(client: Client, world: World) -> None:
    """A card's row is below nothing, a transfer's above (docs/vast-api.md G)."""
    world.top_up(19.99)
    world.office.payments.append(
        {"type": "transfer", "start": world.now, "end": None, "amount": 35.5, "metadata": {}}
        | {"source": "x", "description": "", "items": []}
    )
    told = await call(client, "show_costs")
    assert told["payments"] == [{"kind": "credit", "usd": 19.99}, {"kind": "transfer", "usd": 35.5}]


async def test_payments_that_cannot_be_read_are_a_warning(client: Client, world: World) -> None:
    world.faults.add("invoices", "status", times=None, **SHUT)
    told = await call(client, "show_costs")
    assert told["payments"] == []
    assert "Payments could not be read (forbidden)." in told["warnings"]


async def test_the_credit_lasts_by_the_present_rate_and_with_all_stopped(
    client: Client, world: World
) -> None:
    """The same as show_account tells, and the card that is charged by itself beside it."""
    machine, volume = world.instances[ran(world, 1)], kept(world, 1)
    world.office.user |= {"autobill_threshold": 5.0, "autobill_amount": 50}
    told = await call(client, "show_costs")
    account = await call(client, "show_account")
    same = ("credit_usd", "total_usd_per_hour", "hours_left", "auto_billing")
    assert {name: told[name] for name in same} == {name: account[name] for name in same}
    rest = machine.disk_rate + volume.usd_per_hour
    assert told["if_all_stopped_usd_per_hour"] == account["if_all_stopped_usd_per_hour"]
    assert told["hours_left_if_all_stopped"] == pytest.approx(world.credit / rest, rel=1e-3)


async def test_what_bills_and_no_list_shows_is_warned_of(client: Client, world: World) -> None:
    """Vast's spend-rate knows of other services too (docs/vast-api.md G)."""
    body = {"gpu_cost_per_hour": 2.5, "container_storage_cost_per_hour": 0.0}
    body |= {"volume_storage_cost_per_hour": 0.0, "success": True, "has_active_resources": True}
    world.faults.add("spend_rate", "status", times=None, status=200, body=body)
    told = await call(client, "show_costs")
    assert any("$2.5/h" in warning for warning in told["warnings"])


async def test_where_nothing_can_be_listed_vasts_own_rate_is_told(
    client: Client, world: World
) -> None:
    machine = world.instances[ran(world, 1)]
    world.faults.add("list", "html503", times=None)
    told = await call(client, "show_costs")
    assert told["total_usd_per_hour"] == pytest.approx(machine.dph_total, abs=1e-5)
    world.faults.add("spend_rate", "html503", times=None)
    assert "total_usd_per_hour" not in await call(client, "show_costs")
