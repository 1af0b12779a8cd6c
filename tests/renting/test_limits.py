"""What the person allows: one machine, all of them, their number, the credit; counted across
callers and processes.

"Nothing is sent" means that the sandbox saw no PUT to /asks/. Letters name the section of the
API notes.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from house import OURS, allowing, an_offer, call, offers, puts
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE

DISK_GB = 20


def cost(offer: dict[str, Any], disk: float = DISK_GB, base: float | None = None) -> float:
    """The price of an offer with its disk, in $/h (docs/vast-api.md A.6)."""
    return (offer["dph_base"] if base is None else base) + offer["storage_cost"] * disk / 720


async def rent(client: Client, world: World, **arguments: Any) -> dict[str, Any]:
    offer = an_offer(world)
    return await call(
        client, "create_instance", **{"offer_id": offer["id"], "disk": DISK_GB, **arguments}
    )


# ── one machine ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("whose", ["person", "call"])
@pytest.mark.parametrize("kind", ["on demand", "bid"])
async def test_a_machine_over_the_price_is_refused_and_one_at_it_is_rented(
    world: World, settings: Settings, whose: str, kind: str
) -> None:
    """The disk and the bid are in the price; the lower of the person's and the call's limit
    counts.
    """
    offer = an_offer(world)
    bid = {} if kind == "on demand" else {"price": (offer["min_bid"] + offer["dph_base"]) / 2}
    exact = cost(offer, base=bid.get("price"))
    for most, refused in ((exact - 0.001, True), (exact + 0.0001, False)):
        limits = {"max_usd_per_hour": most if whose == "person" else exact + 5}
        asked = {"max_usd_per_hour": most if whose == "call" else exact + 9}
        async with allowing(world, settings, **limits) as client:
            answer = await call(
                client, "create_instance", offer_id=offer["id"], disk=DISK_GB, **bid, **asked
            )
        if refused:
            assert answer["error"]["code"] == "over_limit"
            assert answer["error"]["billing_possible"] is False
            assert answer["error"]["next_steps"][0]["arguments"] == {"max_usd_per_hour": most}
            assert puts(world) == 0
        else:
            assert answer["usd_per_hour"] <= round(most, 4) + 0.0001
            assert len(world.living) == 1


async def test_a_new_volume_counts_in_the_price(world: World, settings: Settings) -> None:
    """What the call makes bill is what the limit is about, and a volume bills on after
    the machine.
    """
    room = next(iter(world.volumes.rooms.values()))
    offer = an_offer(world, machine_id=room["machine_id"])
    volume = {"create_new": True, "volume_id": room["id"], "size": 10, "mount_path": "/workspace"}
    both = cost(offer) + room["storage_cost"] * 10 / 720
    wish = {"offer_id": offer["id"], "disk": DISK_GB, "volume_info": volume}
    async with allowing(world, settings, max_usd_per_hour=both - 0.0001) as client:
        assert (await call(client, "create_instance", **wish))["error"]["code"] == "over_limit"
        gone = await call(
            client, "create_instance", **wish | {"volume_info": volume | {"volume_id": 1}}
        )
        assert gone["error"]["code"] == "price_unknown"
    assert puts(world) == 0
    async with allowing(world, settings, max_usd_per_hour=both + 0.0001) as client:
        assert "instance_id" in await call(client, "create_instance", **wish)


async def test_an_offer_from_nowhere_is_looked_up_before_it_is_judged(
    world: World, settings: Settings
) -> None:
    """By ask_contract_id, whatever its verification; the disk asked for is in the price that Vast
    is asked for (docs/vast-api.md B.2).
    """
    offer = an_offer(world, verified=None, verification="unverified")
    async with allowing(world, settings, max_usd_per_hour=cost(offer) + 0.01) as client:
        assert "instance_id" in await call(
            client, "create_instance", offer_id=offer["id"], disk=DISK_GB
        )
    [look] = world.asked("search")
    assert look.body["ask_contract_id"] == {"eq": offer["id"]}
    assert look.body["allocated_storage"] == DISK_GB
    assert all(
        look.body[name] == {"in": [True, False]}
        for name in ("verified", "external", "rentable", "rented")
    )


async def test_the_templates_disk_is_priced_where_none_is_asked_for(
    world: World, settings: Settings
) -> None:
    """A template's disk holds; without one Vast's own client asks for 10 GB
    (docs/vast-api.md A.10).
    """
    hash_id, template = next(
        (key, row)
        for key, row in world.templates.items()
        if (row["recommended_disk_space"] or 0) > 10
    )
    offer = an_offer(world)
    enough_for_ten = cost(offer, disk=10) + 0.00001
    async with allowing(world, settings, max_usd_per_hour=enough_for_ten) as client:
        wish = {"offer_id": offer["id"], "template_hash_id": hash_id}
        assert (await call(client, "create_instance", **wish))["error"]["code"] == "over_limit"
        assert puts(world) == 0
        assert "instance_id" in await call(client, "create_instance", offer_id=offer["id"])
    assert template["recommended_disk_space"] > 10


@pytest.mark.parametrize("how", ["unlisted", "search fails"])
async def test_a_price_that_cannot_be_learned_is_refused(
    world: World, settings: Settings, how: str
) -> None:
    """Not knowing is not being under the limit."""
    offer_id = 1 if how == "unlisted" else an_offer(world)["id"]
    if how == "search fails":
        world.faults.add("search", "html502", times=None)
    async with allowing(world, settings, max_usd_per_hour=100) as client:
        answer = await call(client, "create_instance", offer_id=offer_id, disk=DISK_GB)
    assert answer["error"]["code"] == "price_unknown"
    assert puts(world) == 0


@pytest.mark.parametrize("no_number", ["NaN", "Infinity", "-Infinity", "1e999", '"NaN"'])
async def test_a_price_that_is_no_number_is_within_no_limit(
    world: World, settings: Settings, no_number: str
) -> None:
    """Python writes such JSON and reads it, and nothing is above NaN."""
    offer = an_offer(world)
    for field in ("dph_base", "storage_cost"):
        row = json.dumps(offer | {field: "?"}, default=str).replace('"?"', no_number)
        text = f'{{"success": true, "offers": [{row}]}}'
        world.faults.add(
            "search", "status", times=None, status=200, text=text, content_type="application/json"
        )
        async with allowing(world, settings, max_usd_per_hour=1000.0) as client:
            assert (await rent(client, world))["error"]["code"] == "price_unknown"
        world.faults.clear()
    text = f'{{"id": 1, "credit": {no_number}}}'
    world.faults.add(
        "user", "status", times=None, status=200, text=text, content_type="application/json"
    )
    async with allowing(world, settings, min_credit_hours=1.0) as client:
        assert (await rent(client, world))["error"]["code"] in {"price_unknown", "unexpected_reply"}
    assert puts(world) == 0


FOUND = {"verified": {"in": [True, False]}}


@pytest.mark.parametrize("market", ["on-demand", "reserved", "bid"])
@pytest.mark.parametrize("disk", [10, DISK_GB])
async def test_a_price_that_a_search_showed_is_looked_up_again(
    world: World, settings: Settings, market: str, disk: int
) -> None:
    """A price counts for the market, the disk and the moment that it was read for. What a bid needs
    stands in the row on demand, with the price that it must not pass (docs/vast-api.md A.6).
    """
    offer = an_offer(world)
    was, true_row = cost(offer), world.offers[offer["id"]]
    async with allowing(world, settings, max_usd_per_hour=was + 0.001) as client:
        filters = FOUND | {"ask_contract_id": {"eq": offer["id"]}}
        look = {"type": market, "min_disk_gb": disk, "filters": filters}
        assert (await call(client, "search_offers", **look))["offers"]
        shown = len(world.asked("search"))
        true_row["dph_base"] += 1
        wish = {"offer_id": offer["id"], "disk": DISK_GB, "price": true_row["dph_base"]}
        if market != "bid":
            wish.pop("price")
        assert (await call(client, "create_instance", **wish))["error"]["code"] == "over_limit"
        assert puts(world) == 0
        true_row["dph_base"] -= 1
        wish["price"] = offer["dph_base"]
        if market != "bid":
            wish.pop("price")
        assert "instance_id" in await call(client, "create_instance", **wish)
    looks = [look.body for look in world.asked("search")[shown:]]
    assert {(one["type"], one["allocated_storage"]) for one in looks} == {("on-demand", DISK_GB)}


async def test_a_price_of_another_market_is_not_told_as_this_ones(
    world: World, settings: Settings
) -> None:
    """Without a limit too: what a search for reserved machines showed is no price on demand."""
    offer = an_offer(world)
    row = world.offers[offer["id"]]
    dear = row["dph_base"]
    row["dph_base"] = dear / 4
    filters = FOUND | {"ask_contract_id": {"eq": offer["id"]}}
    async with allowing(world, settings) as client:
        assert (await call(client, "search_offers", type="reserved", filters=filters))["offers"]
        row["dph_base"] = dear
        made = await call(client, "create_instance", offer_id=offer["id"], disk=DISK_GB)
    assert made["running_usd_per_hour"] == pytest.approx(cost(offer), abs=1e-4)


async def test_a_price_that_rises_while_the_account_is_read_is_the_one_that_counts(
    world: World, settings: Settings
) -> None:
    """The offer is looked at last, behind the lists and the credit."""
    offer = an_offer(world)
    async with allowing(
        world, settings, max_usd_per_hour=cost(offer) + 0.001, min_credit_hours=0.1
    ) as client:
        await call(client, "create_instance", offer_id=offer["id"], disk=DISK_GB, dry_run=True)
        before = len(world.requests)
        assert "instance_id" in await call(
            client, "create_instance", offer_id=offer["id"], disk=DISK_GB
        )
    asked = [request.endpoint for request in world.requests[before:]]
    assert asked[asked.index("create") - 1] == "search"


async def test_a_price_that_grew_old_in_the_queue_is_read_again(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rental may wait for its turn; the price is read again behind that wait, and what is then
    over the limit is not sent for.
    """
    monkeypatch.setattr("vast_mcp.renting.findings.MOMENT_S", -1.0)
    offer = an_offer(world)
    wish = {"offer_id": offer["id"], "disk": DISK_GB}
    dearer = {"success": True, "offers": [offer | {"dph_base": offer["dph_base"] + 1}]}
    async with allowing(world, settings, max_usd_per_hour=cost(offer) + 0.001) as client:
        world.faults.add("search", "status", skip=1, status=200, body=dearer)
        assert (await call(client, "create_instance", **wish))["error"]["code"] == "over_limit"
        assert (puts(world), len(world.asked("search"))) == (0, 2)
        assert "instance_id" in await call(client, "create_instance", **wish)
    assert len(world.asked("search")) == 4


# ── the account ────────────────────────────────────────────────────────────────────────────────


async def test_machines_are_counted_whoever_made_them(world: World, settings: Settings) -> None:
    """Stopped ones exist and bill too."""
    stranger = an_offer(world)
    world.rent(stranger["id"], {"image": "x", "disk": 8, "target_state": "stopped"})
    async with allowing(world, settings, max_instances=1) as client:
        answer = await rent(client, world)
        assert answer["error"]["code"] == "over_limit"
        assert "1 of 1 allowed machines exist" in answer["error"]["message"]
        assert puts(world) == 0
    async with allowing(world, settings, max_instances=2) as client:
        assert "instance_id" in await rent(client, world)


async def test_the_whole_rate_counts_what_runs_and_the_disk_of_what_is_stopped(
    world: World, settings: Settings
) -> None:
    """A stopped machine bills its disk (docs/vast-api.md C.8)."""
    running = world.rent((offer := an_offer(world))["id"], {"image": "x", "disk": DISK_GB})
    stopped = world.rent(
        (other := an_offer(world))["id"], {"image": "x", "disk": 40, "target_state": "stopped"}
    )
    there = cost(offer) + other["storage_cost"] * 40 / 720
    third = an_offer(world)
    most = there + cost(third)
    assert running.id != stopped.id
    wish = {"offer_id": third["id"], "disk": DISK_GB}
    async with allowing(world, settings, max_total_usd_per_hour=most - 0.001) as client:
        assert (await call(client, "create_instance", **wish))["error"]["code"] == "over_limit"
    async with allowing(world, settings, max_total_usd_per_hour=most + 0.001) as client:
        assert "instance_id" in await call(client, "create_instance", **wish)


async def test_the_credit_must_last(world: World, settings: Settings) -> None:
    """`credit` is what can be spent; it must last at the new rate of all machines
    together (docs/vast-api.md G).
    """
    offer = an_offer(world)
    world.credit = cost(offer) * 10
    wish = {"offer_id": offer["id"], "disk": DISK_GB}
    async with allowing(world, settings, min_credit_hours=10.5) as client:
        answer = await call(client, "create_instance", **wish)
        assert answer["error"]["code"] == "over_limit"
        assert answer["error"]["next_steps"][0]["tool"] == "show_account"
    async with allowing(world, settings, min_credit_hours=9.5) as client:
        assert "instance_id" in await call(client, "create_instance", **wish)


async def test_a_list_that_is_not_whole_allows_nothing(world: World, settings: Settings) -> None:
    """Half a list counts half the machines."""
    world.faults.add("list", "html502", times=None)
    settings = replace(settings, allow_blind=True)
    async with allowing(world, settings, max_instances=5) as client:
        assert "error" in await rent(client, world)
    assert puts(world) == 0


async def test_a_rental_in_doubt_counts_at_its_worst_price(
    world: World, settings: Settings, state: Path
) -> None:
    """Limits: open intents count, or a lost reply would make room that is not there."""
    offer = an_offer(world)
    world.faults.add("create", "drop", when="after")
    world.visible_after_looks = 1000
    async with allowing(world, settings, state, max_total_usd_per_hour=cost(offer) * 1.2) as client:
        lost = await call(client, "create_instance", offer_id=offer["id"], disk=DISK_GB)
        assert lost["error"]["code"] == "outcome_unknown"
        other = an_offer(world)
        wish = {
            "offer_id": other["id"],
            "disk": DISK_GB,
            "request_key": "another",
            "allow_unresolved": True,
        }
        answer = await call(client, "create_instance", **wish)
        assert answer["error"]["code"] == "over_limit"
    assert puts(world) == 1


async def test_twenty_callers_in_four_processes_rent_the_one_that_is_allowed(
    world: World, settings: Settings, state: Path
) -> None:
    """Limits: counted in one immediate transaction, so that no two see room for the same one."""
    settings = replace(settings, times=replace(settings.times, budget_s=20.0, pace=0.0))
    answers: list[dict[str, Any]] = []

    async def one(client: Client, offer_id: int) -> None:
        answers.append(await call(client, "create_instance", offer_id=offer_id, disk=DISK_GB))

    async with (
        allowing(world, settings, state, max_instances=1) as a,
        allowing(world, settings, state, max_instances=1) as b,
        allowing(world, settings, state, max_instances=1) as c,
        allowing(world, settings, state, max_instances=1) as d,
        anyio.create_task_group() as tasks,
    ):
        for number, offer in enumerate(offers(world, 20)):
            tasks.start_soon(one, (a, b, c, d)[number % 4], offer["id"])
    assert len(world.rentals) == puts(world) == 1
    assert sum("instance_id" in answer for answer in answers) == 1
    assert {answer["error"]["code"] for answer in answers if "error" in answer} == {"over_limit"}


async def test_what_others_do_at_the_same_moment_is_said_and_left_alone(
    world: World, settings: Settings
) -> None:
    """Limits: another client of the account asks nobody here."""
    stranger = offers(world, 2)[1]["id"]
    async with allowing(world, settings, max_instances=1) as client:
        world.before_rent = lambda: world.rent(stranger, {"image": "x", "disk": 8})
        answer = await rent(client, world)
    assert any(
        "2 machines exist now and 1 are allowed" in warning for warning in answer["warnings"]
    )
    assert len(world.living) == 2


# ── machines that exist ────────────────────────────────────────────────────────────────────────


async def test_a_start_is_held_to_the_limits(world: World, settings: Settings) -> None:
    """Limits: starting a machine costs what renting it did."""
    offer = an_offer(world)
    made = world.rent(
        offer["id"], {"image": "x", "label": OURS, "disk": DISK_GB, "target_state": "stopped"}
    )
    for limits in (
        {"max_usd_per_hour": cost(offer) - 0.001},
        {"max_total_usd_per_hour": cost(offer) - 0.001},
    ):
        async with allowing(world, settings, **limits) as client:
            for action in ("start", "reboot"):
                answer = await call(client, "manage_instance", instance_id=made.id, action=action)
                assert (answer["error"]["code"], answer["error"]["instance_id"]) == (
                    "over_limit",
                    made.id,
                )
            answer = await call(client, "recycle_instance", instance_id=made.id, not_ours=True)
            assert answer["error"]["code"] == "over_limit"
        assert not [*world.asked("start"), *world.asked("reboot"), *world.asked("recycle")]
    async with allowing(world, settings, max_total_usd_per_hour=cost(offer) + 0.001) as client:
        answer = await call(client, "manage_instance", instance_id=made.id, action="start")
        assert answer["intended"] == "running"


async def test_a_better_bid_is_held_to_the_limits_and_a_lower_one_is_not(
    world: World, settings: Settings
) -> None:
    """Limits: the bid and its disk count; what makes a machine cheaper is always allowed."""
    offer = an_offer(world)
    bid = offer["min_bid"] * 2
    made = world.rent(offer["id"], {"image": "x", "label": OURS, "disk": DISK_GB, "price": bid})
    async with allowing(world, settings, max_usd_per_hour=cost(offer, base=bid) - 0.0001) as client:
        higher = await call(
            client, "manage_instance", instance_id=made.id, action="change_bid", price=bid * 1.1
        )
        assert higher["error"]["code"] == "over_limit"
        lower = await call(
            client, "manage_instance", instance_id=made.id, action="change_bid", price=bid * 0.9
        )
        assert "error" not in lower
    async with allowing(world, settings, max_usd_per_hour=cost(offer, base=bid)) as client:
        enough = await call(
            client, "manage_instance", instance_id=made.id, action="change_bid", price=bid * 0.99
        )
        assert "error" not in enough


async def test_a_start_whose_answer_was_lost_is_in_doubt_although_asking_again_was_refused(
    world: World, settings: Settings, state: Path
) -> None:
    """A 429 refuses the request that it answers, and not the one before it, which started the
    machine (docs/vast-api.md H).
    """
    offer, other = offers(world, 2)
    made = world.rent(
        offer["id"], {"image": "x", "label": OURS, "disk": DISK_GB, "target_state": "stopped"}
    )
    most = max(cost(offer), cost(other)) + 0.01
    async with allowing(world, settings, state, max_total_usd_per_hour=most) as client:
        world.faults.add("start", "drop", times=1, when="after")
        world.faults.add("start", "too_many_json", times=None)
        world.faults.add("show", "html502", times=None)
        answer = await call(client, "manage_instance", instance_id=made.id, action="start")
        assert (answer["error"]["code"], answer["error"]["billing_possible"]) == (
            "outcome_unknown",
            True,
        )
        world.faults.clear()
        refused = await call(client, "create_instance", offer_id=other["id"], disk=DISK_GB)
        assert refused["error"]["code"] == "over_limit"
        again = await call(client, "manage_instance", instance_id=made.id, action="start")
        assert (again["seen"], again["intended"]) == (True, "running")


@pytest.mark.parametrize("later", ["our own pace", "401"])
async def test_whatever_refuses_a_later_try_a_lost_bid_is_in_doubt(
    world: World, settings: Settings, state: Path, later: str
) -> None:
    """Limits: the first request may have raised it, so it counts, and nobody is told that
    nothing was sent.
    """
    offer = an_offer(world)
    made = world.rent(
        offer["id"], {"image": "x", "label": OURS, "disk": DISK_GB, "price": offer["min_bid"] * 2}
    )
    if later == "our own pace":
        settings = replace(settings, times=replace(settings.times, pace=1.0, budget_s=3.0))
    world.faults.add("bid", "drop", times=1, when="after")
    if later == "401":
        world.faults.add(
            "bid", "status", times=None, status=401, body={"success": False, "error": "auth_error"}
        )
    world.faults.add("show", "html502", times=None)
    bid = {"instance_id": made.id, "action": "change_bid", "price": offer["min_bid"] * 3}
    async with allowing(world, settings, state, max_total_usd_per_hour=5) as client:
        answer = await call(client, "manage_instance", **bid)
    assert (answer["error"]["code"], answer["error"]["billing_possible"]) == (
        "outcome_unknown",
        True,
    )
    with contextlib.closing(sqlite3.connect(state / "journal.db")) as db:
        assert db.execute("SELECT instance_id, state FROM holds").fetchall() == [(made.id, "maybe")]


async def test_what_a_call_that_was_cut_off_held_ends_with_a_stop(
    world: World, settings: Settings, state: Path
) -> None:
    """A process that died while it started a machine must not count for the machine's life."""
    offer, other = offers(world, 2)
    made = world.rent(offer["id"], {"image": "x", "label": OURS, "disk": DISK_GB})
    most = max(cost(offer), cost(other)) + 0.02
    async with allowing(world, settings, state, max_total_usd_per_hour=most) as client:
        await call(client, "manage_instance", instance_id=made.id, action="start")
        with contextlib.closing(sqlite3.connect(state / "journal.db")) as db, db:
            db.execute("UPDATE holds SET state = 'flying', made_at = made_at - 700")
        await call(client, "manage_instance", instance_id=made.id, action="stop", not_ours=True)
        answer = await call(client, "create_instance", offer_id=other["id"], disk=DISK_GB)
    assert "instance_id" in answer


async def test_a_longer_life_is_held_to_the_limits(
    world: World, settings: Settings, state: Path
) -> None:
    """Limits: extending a lease spends more at the rate that there is; nothing of it is sent
    where that is too much.
    """
    offer = an_offer(world)
    async with allowing(world, settings, state) as client:
        made = await rent(client, world, lease_hours=1)
    extend = {"instance_id": made["instance_id"], "action": "extend_lease", "lease_hours": 5}
    for limits in (
        {"max_usd_per_hour": cost(offer) - 0.001},
        {"max_total_usd_per_hour": cost(offer) - 0.001},
        {"min_credit_hours": 1e9},
    ):
        async with allowing(world, settings, state, **limits) as client:
            answer = await call(client, "manage_instance", **extend)
            assert (answer["error"]["code"], answer["error"]["billing_possible"]) == (
                "over_limit",
                False,
            )
    assert not world.asked("label")
    async with allowing(
        world, settings, state, max_total_usd_per_hour=cost(offer) + 0.001
    ) as client:
        assert (await call(client, "manage_instance", **extend))["seen"] is True


async def test_a_price_below_nothing_makes_no_room(world: World, settings: Settings) -> None:
    """A row that cannot be right is no credit."""
    odd, offer = offers(world, 2)
    made = world.rent(odd["id"], {"image": "x", "label": OURS, "disk": DISK_GB})
    world.instances[made.id].offer["dph_base"] = -50
    async with allowing(world, settings, max_total_usd_per_hour=cost(offer) - 0.001) as client:
        answer = await call(client, "create_instance", offer_id=offer["id"], disk=DISK_GB)
    assert answer["error"]["code"] == "over_limit"


@pytest.mark.parametrize("form", ["plain", "error", "success"])
async def test_a_start_that_vast_queued_keeps_its_place_in_the_count(
    world: World, settings: Settings, state: Path, form: str
) -> None:
    """A queued start comes true days later, and the limit must hold then (docs/vast-api.md C.5)."""
    offer, other = offers(world, 2)
    made = world.rent(
        offer["id"], {"image": "x", "label": OURS, "disk": DISK_GB, "target_state": "stopped"}
    )
    world.queued_as = form
    world.stolen_gpus.add(made.id)
    wish = {"offer_id": other["id"], "disk": DISK_GB}
    most = max(cost(offer), cost(other)) + 0.01
    async with allowing(world, settings, state, max_total_usd_per_hour=most) as client:
        queued = await call(client, "manage_instance", instance_id=made.id, action="start")
        assert queued["error"]["code"] == "start_queued"
        assert (await call(client, "create_instance", **wish))["error"]["code"] == "over_limit"
        made.intended = "stopped"  # C.5 does not say whether a row shows what is queued
        # Another start that Vast refuses takes nothing back of the first.
        world.faults.add(
            "start",
            "status",
            status=400,
            body={"success": False, "error": "invalid_args", "msg": "no"},
        )
        refused = await call(client, "manage_instance", instance_id=made.id, action="start")
        assert refused["error"]["code"] == "invalid_request"
        assert (await call(client, "create_instance", **wish))["error"]["code"] == "over_limit"
        await call(client, "manage_instance", instance_id=made.id, action="stop", not_ours=True)
        assert "instance_id" in await call(client, "create_instance", **wish)


async def test_a_journal_that_fails_after_an_act_changes_nothing_of_what_is_said_of_it(
    world: World, settings: Settings, state: Path
) -> None:
    """The machine runs and bills, and an error that nothing was done would be believed."""
    made = world.rent(
        an_offer(world)["id"],
        {"image": "x", "label": OURS, "disk": DISK_GB, "target_state": "stopped"},
    )
    start = {"instance_id": made.id, "action": "start"}
    async with allowing(world, settings, state, max_usd_per_hour=100) as client:
        await call(client, "manage_instance", **start | {"action": "reboot"})  # makes a journal
        with contextlib.closing(sqlite3.connect(state / "journal.db")) as db:
            db.executescript(
                "DELETE FROM holds;"
                "CREATE TRIGGER a BEFORE UPDATE ON holds BEGIN SELECT RAISE(ABORT, 'full'); END;"
                "CREATE TRIGGER b BEFORE DELETE ON holds BEGIN SELECT RAISE(ABORT, 'full'); END"
            )
        world.faults.add(
            "start",
            "status",
            status=400,
            body={"success": False, "error": "invalid_args", "msg": "no"},
        )
        assert (await call(client, "manage_instance", **start))["error"][
            "code"
        ] == "invalid_request"
        assert (await call(client, "manage_instance", **start))["seen"] is True
        with contextlib.closing(sqlite3.connect(state / "journal.db")) as db:
            db.executescript(
                "DROP TRIGGER b; DELETE FROM holds; CREATE TRIGGER b BEFORE DELETE ON holds "
                "BEGIN SELECT RAISE(ABORT, 'full'); END"
            )
        world.faults.add(
            "recycle",
            "status",
            status=400,
            body={"success": False, "error": "invalid_args", "msg": "no"},
        )
        refused = await call(client, "recycle_instance", instance_id=made.id, not_ours=True)
        assert refused["error"]["code"] == "invalid_request"
    assert made.intended == "running"


# ── a price that moved ─────────────────────────────────────────────────────────────────────────


def dearer(world: World, factor: float) -> None:
    """Whatever is rented next costs this much more than its offer said."""

    def move() -> None:
        for offer in world.offers.values():
            offer["dph_base"] *= factor

    world.before_rent = move


async def test_a_price_that_moved_is_a_warning_and_one_within_a_percent_is_none(
    world: World, settings: Settings
) -> None:
    """Limits: the price is read back after the rent."""
    for factor, warned in ((1.005, False), (1.2, True)):
        dearer(world, factor)
        async with allowing(world, settings, max_usd_per_hour=100) as client:
            answer = await rent(client, world)
        assert any("price_moved" in warning for warning in answer["warnings"]) == warned
    assert len(world.living) == 2


async def test_one_stale_row_is_no_moved_price(world: World, settings: Settings) -> None:
    """A moved price is believed when two looks show it: an agent may end the machine over it."""

    def stale() -> None:
        [machine] = world.living
        machine.price *= 2
        world.before_show = lambda: setattr(machine, "price", machine.price / 2)

    world.before_show = stale
    async with allowing(world, settings, max_usd_per_hour=100) as client:
        answer = await rent(client, world)
    assert not any("price_moved" in warning for warning in answer["warnings"])
    assert len(world.asked("show")) == 2


async def test_a_machine_found_by_the_call_that_sent_for_it_is_that_calls_too(
    world: World, settings: Settings
) -> None:
    """Limits: its reply was lost, and it is dearer all the same."""
    dearer(world, 1.2)
    world.faults.add("create", "drop", when="after")
    async with allowing(world, settings, max_usd_per_hour=100) as client:
        answer = await rent(client, world)
    assert any("price_moved" in warning for warning in answer["warnings"])
    assert [row.id for row in world.living] == [answer["instance_id"]]


@pytest.mark.parametrize("moved", [False, True])
async def test_a_volume_made_with_it_hides_no_dearer_machine(
    world: World, settings: Settings, moved: bool
) -> None:
    """A row may or may not count the volume; a price between the two is neither."""
    room = next(iter(world.volumes.rooms.values()))
    offer = an_offer(world, machine_id=room["machine_id"])
    volume = {
        "create_new": True,
        "volume_id": room["id"],
        "size": int(room["disk_space"]),
        "mount_path": "/workspace",
    }
    if moved:
        dearer(world, 1 + 0.9 * room["storage_cost"] * volume["size"] / 720 / offer["dph_base"])
    async with allowing(world, settings, max_usd_per_hour=100) as client:
        answer = await call(
            client, "create_instance", offer_id=offer["id"], disk=DISK_GB, volume_info=volume
        )
    assert any("price_moved" in warning for warning in answer["warnings"]) == moved


# ── looking only ───────────────────────────────────────────────────────────────────────────────


async def test_a_server_that_may_only_look_acts_in_nothing(
    world: World, settings: Settings
) -> None:
    """VAST_MCP_READ_ONLY: every tool that is not read-only by its own annotation is refused
    before it runs.
    """
    made = world.rent(an_offer(world)["id"], {"image": "x", "disk": 8})
    arguments: dict[str, dict[str, Any]] = {
        "create_instance": {"offer_id": an_offer(world)["id"], "dry_run": True},
        "provision": {"max_usd_per_hour": 1.0},
        "manage_instance": {"instance_id": made.id, "action": "stop", "not_ours": True},
        "check_machine": {"instance_id": made.id, "not_ours": True},
        "recycle_instance": {"instance_id": made.id, "not_ours": True},
        "update_instance": {"instance_id": made.id, "image": "a/b", "not_ours": True},
        "copy_data": {
            "source": f"{made.id}:/a",
            "destination": f"{made.id}:/b",
            "not_ours": True,
        },
        "run_command": {"instance_id": made.id, "command": "true", "not_ours": True},
        "destroy_instance": {"instance_ids": [made.id], "not_ours": True},
        "destroy_volume": {"volume_id": 1, "not_ours": True},
        "create_volume": {"volume_offer_id": min(world.volumes.rooms)},
        "manage_volume": {"volume_id": 1, "lease_hours": 1},
        "copy_files": {
            "instance_id": made.id,
            "direction": "up",
            "local": "/x",
            "remote": "x",
            "not_ours": True,
        },
        "create_ssh_key": {"public_key": "~/.ssh/id_ed25519.pub"},
        "attach_ssh_key": {"instance_id": made.id, "key_id": 1},
        "detach_ssh_key": {"instance_id": made.id, "key_id": 1, "not_ours": True},
        "delete_ssh_key": {"key_id": 1},
        "create_template": {"from_instance_id": made.id},
        "delete_template": {"template_hash_id": "0" * 32},
    }
    assert arguments.keys() == {spec.name for spec in CATALOGUE if not spec.read_only}
    async with allowing(world, settings, read_only=True) as client:
        for tool, given in arguments.items():
            answer = await call(client, tool, **given)
            assert answer["error"]["code"] == "read_only", tool
        assert (await call(client, "show_instances"))["count"] == 1
    asks = [one for one in world.requests if one.endpoint != "maintenances"]  # a POST that asks
    assert all(request.method == "GET" for request in asks)


# ── trying without renting ─────────────────────────────────────────────────────────────────────


async def test_a_dry_run_says_what_it_would_cost_and_send_and_sends_nothing(
    world: World, settings: Settings
) -> None:
    """dry_run: every check, the masked body, prices, and what is left under each limit."""
    offer = an_offer(world)
    world.credit = cost(offer) * 100
    limits = {
        "max_usd_per_hour": cost(offer) + 1,
        "max_total_usd_per_hour": cost(offer) + 2,
        "max_instances": 3,
        "min_credit_hours": 1,
        "max_lease_hours": 10,
    }
    wish = {
        "offer_id": offer["id"],
        "disk": DISK_GB,
        "image": "ghcr.io/owner/image:1",
        "env": {"TOKEN": "planted-secret"},
        "onstart": "echo planted-x",
        "image_login": "-u planted-user -p planted-pass ghcr.io",
        "lease_hours": 4,
    }
    async with allowing(world, settings, **limits) as client:
        answer = await call(client, "create_instance", **wish, dry_run=True)
        dry = answer["dry_run"]
        assert dry["would"] == "rent"
        assert dry["usd_per_hour"] == pytest.approx(cost(offer), abs=1e-4)
        assert dry["usd_per_day"] == pytest.approx(cost(offer) * 24, abs=0.01)
        assert dry["usd_per_month"] == pytest.approx(cost(offer) * 720, abs=0.01)
        assert (
            dry["disk_usd_per_hour"]
            == dry["stopped_usd_per_hour"]
            == pytest.approx(offer["storage_cost"] * DISK_GB / 720, abs=1e-5)
        )
        assert dry["left"] == {
            "max_usd_per_hour": pytest.approx(1, abs=1e-4),
            "max_total_usd_per_hour": pytest.approx(2, abs=1e-4),
            "max_instances": 2,
            "credit_hours": pytest.approx(100, abs=0.1),
            "max_lease_hours": 6,
        }
        assert dry["request"]["env"] == {"TOKEN": "***"}
        assert "instance_id" not in answer
        assert "planted" not in str(answer)
        assert puts(world) == 0
        assert "instance_id" in await call(client, "create_instance", **wish)
        assert (await call(client, "create_instance", **wish, dry_run=True))["dry_run"][
            "would"
        ] == "replay"
    assert len(world.rentals) == 1


async def test_a_dry_run_is_refused_by_whatever_refuses_the_rent(
    world: World, settings: Settings
) -> None:
    """dry_run: every check."""
    offer = an_offer(world)
    async with allowing(world, settings, max_usd_per_hour=0.0001) as client:
        answer = await call(
            client, "create_instance", offer_id=offer["id"], disk=DISK_GB, dry_run=True
        )
        assert answer["error"]["code"] == "over_limit"
        vm = await call(
            client, "create_instance", offer_id=offer["id"], vm=True, disk=DISK_GB, dry_run=True
        )
        assert "error" in vm
    assert puts(world) == 0


# ── what it costs in calls ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, ["create"]),
        ({"max_usd_per_hour": 100}, ["search", "create", "show"]),
        ({"max_instances": 9}, ["list", "create", "list"]),
        ({"max_total_usd_per_hour": 100}, ["list", "volumes", "search", "create", "list"]),
        ({"min_credit_hours": 0.1}, ["list", "volumes", "user", "search", "create", "list"]),
    ],
)
async def test_a_known_offer_costs_no_more_calls_than_its_limits_need(
    world: World, settings: Settings, limits: dict[str, Any], expected: list[str]
) -> None:
    """Every call waits for Vast's pace, so none is made that no limit asks for."""
    async with allowing(world, settings, **limits) as client:
        await rent(client, world)  # the account, its keys
        offer = an_offer(world)
        filters = {"ask_contract_id": {"eq": offer["id"]}, "verified": {"in": [True, False]}}
        assert (await call(client, "search_offers", filters=filters))["offers"]
        before = len(world.requests)
        await call(client, "create_instance", offer_id=offer["id"], disk=DISK_GB)
    assert [
        request.endpoint for request in world.requests[before:] if request.endpoint != "keys"
    ] == expected
