"""A reply without success that names a machine is a rental: stopped as asked, or unasked
(docs/vast-api.md A.6, A.7, A.11).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import an_offer, call, lenient_world, puts, served
from vast_mcp.environment import load
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

FIRST = 30_000_001  # the id of a world's first machine

# What stands beside `new_contract`, with a status.
BESIDE: list[tuple[int, dict[str, Any]]] = [
    (200, {"success": False}),
    (200, {"success": False, "instance_api_key": "k" * 64}),
    (200, {"success": False, "new_contract": str(FIRST)}),
    (200, {"success": False, "error": "invalid_price", "msg": "bid too low"}),
    (200, {"success": False, "msg": "created in a stopped state"}),
    (400, {"success": False, "error": "invalid_price", "msg": "bid too low"}),
    (404, {"msg": "no_such_ask"}),
    (410, {"success": False, "error": "no_such_ask", "new_contract": f" {FIRST} "}),
    (500, {"success": False, "error": "server_error"}),
]


@pytest.fixture
def world() -> World:
    return lenient_world()


@pytest.fixture
def there(tmp_path: Path) -> Settings:
    """A doubt is settled within the call."""
    made = load({}, home=tmp_path, sandbox=True)
    times = replace(made.times, budget_s=10.0, put_s=0.5, look_s=0.02, seen_apart_s=0.02)
    return replace(made, state_dir=tmp_path / "there", times=times)


def wish(world: World, **more: Any) -> dict[str, Any]:
    chosen: int = vars(world).setdefault("chosen_by_test", an_offer(world)["id"])
    return {"offer_id": chosen, "image": "a/b", "disk": 20, **more}


def answers(world: World, status: int, beside: dict[str, Any]) -> None:
    """The next rent is carried out, and answered so."""
    body = {"new_contract": FIRST, **beside}
    world.faults.add("create", "status", when="after", status=status, body=body)


def is_told_as_stopped(answer: dict[str, Any], instance_id: int) -> bool:
    """Whether it says that the machine rests as asked, what bills, and what leads on."""
    steps = [(one["tool"], one["arguments"]) for one in answer["next_steps"]]
    said = answer["warnings"][0]
    return (
        answer["instance_id"] == instance_id
        and said.startswith("It is stopped, as asked. Its disk bills")
        and "it then bills" in answer["next_steps"][0]["why"]
        and steps
        == [
            ("manage_instance", {"instance_id": instance_id, "action": "start"}),
        ]
    )


async def follow(client: Client, step: dict[str, Any]) -> dict[str, Any]:
    return await call(client, step["tool"], **step["arguments"])


# ── as asked ───────────────────────────────────────────────────────────────────────────────────


async def test_a_machine_that_was_to_be_stopped_is_a_success_and_the_same_every_time(
    client: Client, world: World
) -> None:
    """`success` says whether it started (docs/vast-api.md A.11); the same call finds the same
    machine and says the same, until it is started.
    """
    asked = wish(world, target_state="stopped")
    first = await call(client, "create_instance", **asked)
    again = await call(client, "create_instance", **asked)
    [machine] = world.rentals
    assert is_told_as_stopped(first, machine.id)
    assert is_told_as_stopped(again, machine.id)
    assert again["replayed"] is True
    disk = machine.dph_total - machine.price
    assert f"{disk:.5f} $/h" in first["warnings"][0]
    assert "error" not in await follow(client, first["next_steps"][0])
    started = await call(client, "create_instance", **asked)
    assert (started["replayed"], started["warnings"]) == (True, [])
    assert puts(world) == 1


@pytest.mark.parametrize(("status", "beside"), BESIDE)
async def test_whatever_stands_beside_its_id_a_machine_that_was_to_be_stopped_is_a_success(
    client: Client, world: World, status: int, beside: dict[str, Any]
) -> None:
    """With an error, as numeric text, at a 4xx (docs/vast-api.md A.6, A.11). An error beside it
    is said.
    """
    asked = wish(world, target_state="stopped")
    answers(world, status, beside)
    first = await call(client, "create_instance", **asked)
    again = await call(client, "create_instance", **asked)
    assert is_told_as_stopped(first, FIRST)
    assert is_told_as_stopped(again, FIRST)
    has_words = "error" in beside or "msg" in beside
    assert (f"(HTTP {status})" in " ".join(first["warnings"])) == has_words
    assert puts(world) == 1


async def test_one_whose_reply_was_lost_is_found_by_the_list_and_is_a_success(
    world: World, there: Settings
) -> None:
    """Found stopped as it was asked to be (docs/protocol.md)."""
    asked = wish(world, target_state="stopped")
    world.faults.add("create", "drop", when="after")
    async with served(world, there) as client:
        found = await call(client, "create_instance", **asked)
    async with served(world, there) as client:
        again = await call(client, "create_instance", **asked)
    assert is_told_as_stopped(found, FIRST)
    assert is_told_as_stopped(again, FIRST)
    assert (found["recovered"], again["replayed"], puts(world)) == (True, True, 1)


async def test_one_of_another_computer_is_told_so_as_well(
    world: World, there: Settings, tmp_path: Path
) -> None:
    """The account itself remembers (docs/protocol.md)."""
    asked = wish(world, target_state="stopped")
    async with served(world, there) as client:
        await call(client, "create_instance", **asked)
    elsewhere = replace(there, state_dir=tmp_path / "elsewhere")
    async with served(world, elsewhere) as client:
        found = await call(client, "create_instance", **asked)
    assert found["recovered"] is True
    assert found["instance_id"] == FIRST
    assert any("It is stopped, as asked. Its disk bills" in said for said in found["warnings"])
    assert puts(world) == 1


async def test_one_that_is_said_to_run_is_told_with_the_step_that_stops_it(
    client: Client, world: World
) -> None:
    """`success` true means that the container started (docs/vast-api.md A.11)."""
    answers(world, 200, {"success": True})
    answer = await call(client, "create_instance", **wish(world, target_state="stopped"))
    assert answer["warnings"][0].endswith("then it bills whole.")
    stop = {"instance_id": FIRST, "action": "stop"}
    assert stop in [one["arguments"] for one in answer["next_steps"]]


async def test_a_bid_that_rests_as_asked_has_lost_nothing(client: Client, world: World) -> None:
    """Its row looks like that of a lost bid (docs/vast-api.md C.4), and nobody outbid it."""
    offer = an_offer(world, min_bid=lambda usd: usd > 0.01)
    asked = {"offer_id": offer["id"], "disk": 20, "price": offer["min_bid"]}
    made = await call(client, "create_instance", target_state="stopped", **asked)
    assert "as asked" in made["warnings"][0]
    machine = {"instance_id": made["instance_id"]}
    shown = await call(client, "show_instance", **machine)
    [listed] = (await call(client, "show_instances"))["instances"]
    waited = await call(client, "wait_for_instance", **machine)
    assert (shown["state"], listed["state"], waited["reason"]) == ("stopped",) * 3


# ── unasked ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("status", "beside"), BESIDE)
async def test_a_machine_that_was_to_run_is_told_with_its_id_and_what_leads_on(
    client: Client, world: World, status: int, beside: dict[str, Any]
) -> None:
    """It exists and bills its disk (docs/vast-api.md A.7), and the same call says the same."""
    world.jam(wish(world)["offer_id"])
    asked = wish(world, cancel_unavail=False)
    answers(world, status, beside)
    first = (await call(client, "create_instance", **asked))["error"]
    again = (await call(client, "create_instance", **asked))["error"]
    for error in (first, again):
        assert (error["code"], error["billing_possible"], error["instance_id"]) == (
            "created_stopped",
            True,
            FIRST,
        )
        assert [(one["tool"], one["arguments"]) for one in error["next_steps"]] == [
            ("manage_instance", {"instance_id": FIRST, "action": "start"}),
            ("wait_for_instance", {"instance_id": FIRST}),
            ("destroy_instance", {"instance_ids": [FIRST]}),
        ]
    assert puts(world) == 1


async def test_a_machine_that_could_not_start_on_demand_starts_by_the_first_step(
    client: Client, world: World
) -> None:
    """Two rentals on demand were answered so (docs/vast-api.md A.7)."""
    world.jam(wish(world)["offer_id"])
    asked = wish(world, cancel_unavail=False)
    error = (await call(client, "create_instance", **asked))["error"]
    assert error["code"] == "created_stopped"
    assert "error" not in await follow(client, error["next_steps"][0])
    assert world.rentals[0].intended == "running"
    assert (await call(client, "create_instance", **asked))["replayed"] is True


@pytest.mark.parametrize("form", [True, False], ids=["all stopped", "asked to run"])
@pytest.mark.parametrize("low_bid_error", [False, True])
async def test_a_bid_lost_at_creation_is_told_with_a_better_bid_first(
    client: Client, world: World, low_bid_error: bool, form: bool
) -> None:
    """A bid at the floor can lose as well, so that only the reply tells (docs/vast-api.md A.6)."""
    world.low_bid_error, world.lost_bids_stop = low_bid_error, form
    offer = an_offer(world, min_bid=lambda usd: usd > 0.01)
    bid = offer["min_bid"]
    others = {"min_bid": round(bid * 1.05, 4)}  # since the last look
    world.before_rent = lambda: world.offers[offer["id"]].update(others)
    asked = {"offer_id": offer["id"], "disk": 20, "price": bid}
    error = (await call(client, "create_instance", **asked))["error"]
    assert (error["code"], error["instance_id"]) == ("created_stopped", FIRST)
    better = error["next_steps"][0]["arguments"]
    assert better == {"instance_id": FIRST, "action": "change_bid", "price": better["price"]}
    assert bid < better["price"] < bid * 1.2
    tools = [one["tool"] for one in error["next_steps"]]
    assert tools[1:] == ["manage_instance", "wait_for_instance", "destroy_instance"]
    assert "error" not in await follow(client, error["next_steps"][0])
    assert world.rentals[0].has_gpu
