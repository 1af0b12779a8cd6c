"""show_costs where Vast's pages, or what else it reads, cannot be relied on: nothing that was not
read counts as nothing, and what is known is told all the same.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp import Client

from house import OURS, an_offer, call
from vast_mcp.sandbox.world import World

DAY = 86_400.0
A, B, C = "instance-1", "instance-2", "instance-3"


@pytest.fixture(autouse=True)
def at_once(world: World) -> None:
    world.looks_per_step = 0


def row(world: World, source: str, amount: Any, first: int = 0, last: int = 0) -> dict[str, Any]:
    """A charge from a day so many before today to another."""
    today = world.now // DAY * DAY
    days = {"start": today - first * DAY, "end": today - last * DAY}
    return {"source": source, "amount": amount, "items": [], "metadata": {}, **days}


def pages(world: World, *listed: list[dict[str, Any]], kind: str = "charges", **more: Any) -> None:
    """Vast answers with these pages, each once."""
    for number, rows in enumerate(listed, 1):
        token = str(number) if number < len(listed) else None
        body = {"success": True, "results": rows, "next_token": token, **more}
        world.faults.add(kind, "status", status=200, body=body)


def said(told: dict[str, Any]) -> str:
    return " ".join(told["warnings"])


# ── pages ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("total", [{"total": 3}, {}], ids=["as many as it says", "not said"])
async def test_a_page_that_stands_in_the_place_of_another_is_asked_for_anew(
    client: Client, world: World, total: dict[str, int]
) -> None:
    """Their number is right, and their sum is not: it was told as Vast's."""
    one, two, three = [row(world, A, 0.1)], [row(world, B, 0.2)], [row(world, C, 0.3)]
    pages(world, one, one, **total)
    pages(world, one, two, three, **total)
    told = await call(client, "show_costs")
    assert (told["spent_is"], told["spent_usd"]) == ("charges", 0.6)


async def test_pages_that_repeat_and_repeat_are_no_charges(client: Client, world: World) -> None:
    """A row that came in meanwhile pushes the last one over, so that the count fits."""
    one, two = [row(world, A, 0.1), row(world, B, 0.2)], [row(world, B, 0.2), row(world, C, 0.3)]
    pages(world, one, two, total=4)
    pages(world, one, two, total=4)
    told = await call(client, "show_costs")
    assert told["spent_is"] == "estimate"
    assert "incomplete_list" in told["warnings"][0]


async def test_equal_charges_of_one_page_count_each(client: Client, world: World) -> None:
    pages(world, [row(world, A, 0.1), row(world, A, 0.1)], total=2)
    told = await call(client, "show_costs", period="1")
    assert (told["spent_usd"], told["rows"][0]["usd"]) == (0.2, 0.2)


async def test_a_token_that_vast_knows_no_more_shuts_nothing_for_other_tools(
    client: Client, world: World
) -> None:
    """It spoke against one page, and every later answer was an estimate."""
    made = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20, "label": OURS})
    world.age(made.id, 5)
    body = {"success": False, "error": "invalid_token", "msg": "no"}
    world.faults.add("charges", "status", status=400, body=body)
    assert (await call(client, "show_costs"))["spent_is"] == "estimate"
    shown = await call(client, "show_instance", instance_id=made.id)
    assert shown["spent_is"] == "charges"


# ── rows ───────────────────────────────────────────────────────────────────────────────────────


async def test_what_was_given_back_is_taken_off_each_sum(client: Client, world: World) -> None:
    """A credit for an outage, and one that leaves nothing: without a sign."""
    pages(world, [row(world, A, 2.5), row(world, A, -0.75), row(world, B, -0.0004)], total=3)
    told = await call(client, "show_costs", period="1")
    assert told["spent_usd"] == 1.75
    assert [one["usd"] for one in told["rows"]] == [1.75, 0.0]
    assert told["by_day"] == [{"day": told["last_day"], "usd": 1.75}]
    assert "-0.0" not in json.dumps(told)


async def test_charges_that_hold_other_days_too_are_said_to(client: Client, world: World) -> None:
    """Nobody knows how much of them was in these days."""
    pages(world, [row(world, A, 3.0, 9, 1), row(world, B, 0.5)], total=2)
    told = await call(client, "show_costs", period="2")
    assert told["spent_usd"] == 3.5
    assert f"1 of Vast's charges also hold days before {told['first_day']}" in said(told)


async def test_a_charge_that_ends_at_the_midnight_after_is_of_these_days(
    client: Client, world: World
) -> None:
    pages(world, [row(world, A, 3.0, 0, -1)], total=1)
    assert "also hold" not in said(await call(client, "show_costs"))


# ── what else is read ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("list", "machines could not be read (vast_unavailable): each is in it up to the last"),
        ("volumes", "volumes could not be read (vast_unavailable) and are not in it"),
    ],
)
async def test_an_estimate_names_what_it_could_not_read(
    client: Client, world: World, kind: str, words: str
) -> None:
    """They were left out, and the sum looked whole."""
    world.missing_permissions.add("billing_read")
    world.faults.add(kind, "html503", times=None)
    told = await call(client, "show_costs")
    assert words in said(told)
    assert not {"spent_usd", "spent_is"} & told.keys()  # nothing seen is not nothing spent


async def test_an_estimate_of_what_was_seen_stands_beside_what_was_not(
    client: Client, world: World
) -> None:
    made = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20, "label": OURS})
    world.age(made.id, 5)
    world.missing_permissions.add("billing_read")
    world.faults.add("volumes", "html503", times=None)
    told = await call(client, "show_costs")
    assert "volumes could not be read" in said(told)
    assert (told["spent_is"], told["rows"][0]["instance_id"]) == ("estimate", made.id)


async def test_an_estimate_names_what_shows_no_price(client: Client, world: World) -> None:
    world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20, "label": OURS})
    world.missing_permissions.add("billing_read")
    world.odd.add("instance", "start_date", None)
    told = await call(client, "show_costs")
    assert "1 of 1 machines show no price or no birth" in said(told)


@pytest.mark.parametrize("lost", ["user_read", "an outage"])
async def test_what_was_spent_is_told_where_the_credit_cannot_be_read(
    client: Client, world: World, lost: str
) -> None:
    """The key may read charges, and the whole answer was an error about the account."""
    made = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20, "label": OURS})
    world.age(made.id, 5)
    if lost == "user_read":
        world.missing_permissions.add("user_read")
    else:
        world.faults.add("user", "html503", times=None)
    told = await call(client, "show_costs")
    assert (told["spent_is"], told["rows"][0]["instance_id"]) == ("charges", made.id)
    assert not {"credit_usd", "hours_left", "auto_billing"} & told.keys()
    assert "The credit could not be read" in said(told)
    assert told["total_usd_per_hour"] == pytest.approx(made.dph_total, abs=1e-5)


async def test_a_wrong_key_is_an_error(client: Client, world: World) -> None:
    world.faults.add("user", "status", times=None, status=401, body={"error": "auth_error"})
    assert (await call(client, "show_costs"))["error"]["code"] == "auth_failed"


async def test_payments_that_say_no_amount_are_in_no_sum_and_not_in_silence(
    client: Client, world: World
) -> None:
    paid = {"type": "credit", "start": world.now, "amount": None, "source": "x"}
    pages(world, [paid, {**paid, "amount": -5}], kind="invoices", total=2)
    told = await call(client, "show_costs")
    assert told["payments"] == [{"kind": "credit", "usd": 5.0}]
    assert "A payment that could not be read is in no sum." in told["warnings"]


async def test_where_nothing_at_all_can_be_read_it_is_an_error(
    client: Client, world: World
) -> None:
    world.faults.add("*", "html503", times=None)
    assert (await call(client, "show_costs"))["error"]["code"] == "vast_unavailable"
