"""Which offers a plan may try, in which order, and what each may cost at most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from house import an_offer, call, served
from vast_mcp import errors
from vast_mcp.journal.met import Event
from vast_mcp.journal.plan_records import Bounds
from vast_mcp.provisioning.candidates import Candidates, candidates, in_order
from vast_mcp.provisioning.requirement import Requirement
from vast_mcp.sandbox import possessions
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.session import Call, Session
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio

Look = Callable[..., Any]
CARD = {"gpu_name": ["RTX 4090"]}
BIDS = {**CARD, "type": "bid"}
UBUNTU = {"image": "ubuntu:22.04"}


@pytest.fixture
def session(world: World, settings: Settings) -> Session:
    return Session(settings, create_app(world))


@pytest.fixture
def look(session: Session) -> Look:
    """Candidates for a search and a rental, within bounds."""

    async def found(
        search: Any = CARD, rental: Any = UBUNTU, without: Any = (), ports: int = 0, **bounds: Any
    ) -> Candidates:
        wanted = Requirement(search=search, rental=rental, ports=ports)
        call = Call.quiet(session)
        return await candidates(call, wanted, Bounds(**bounds), without_machines=without)

    return found


async def test_every_candidate_is_what_was_asked_for(look: Look) -> None:
    found = await look({**CARD, "min_cuda": 12.4, "max_usd_per_hour": 0.6, "min_disk_gb": 40})
    assert found.offers
    for one in found.offers:
        assert one.offer.gpu_name == "RTX 4090"
        assert one.offer.cuda_max_good >= 12.4
        assert one.usd_per_hour <= 0.6
        assert one.rental == {"offer_id": one.offer.ask_contract_id, "disk": 40}


async def test_the_strictest_price_holds(look: Look) -> None:
    loose = await look({**CARD, "max_usd_per_hour": 0.6})
    most = sorted(one.usd_per_hour for one in loose.offers)[1]
    strict = await look({**CARD, "max_usd_per_hour": 0.6}, max_usd_per_hour=most)
    assert len(strict.offers) == 2


async def test_the_worst_case_is_the_whole_try_and_its_whole_pull(look: Look) -> None:
    [first, *_] = (await look(give_up_s=1200.0, to_end_s=600.0)).offers
    traffic = 0.2 * first.offer.inet_down_cost
    assert first.worst_usd == pytest.approx(first.usd_per_hour / 2 + traffic)


async def test_an_image_that_nobody_knows_may_fill_the_disk(look: Look) -> None:
    [first, *_] = (await look(rental={"image": "some/body", "disk": 30})).offers
    assert first.pull_usd == pytest.approx(30 * first.offer.inet_down_cost)
    assert first.pull_gb < 30


async def test_what_an_image_took_here_is_remembered_and_bounds_nothing(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """A machine may have had a part of it before, so that the disk still bounds its pull."""
    here = replace(settings, state_dir=tmp_path / "state")
    async with served(world, here) as client:
        offer_id = an_offer(world)["id"]
        made = await call(client, "create_instance", offer_id=offer_id, image="some/body", disk=20)
        machine = {"instance_id": made["instance_id"]}
        world.set_logs(made["instance_id"], "It serves\n")
        found = await call(client, "wait_for_instance", **machine, until="log:It serves")
        assert found["state"] == "ready"
    session = Session(here, create_app(world))
    wanted = Requirement(search=CARD, rental={"image": "some/body", "disk": 30})
    [first, *_] = (await candidates(Call.quiet(session), wanted, Bounds())).offers
    assert first.pull_gb == pytest.approx(29_184 / 1024**2, rel=0.1)
    assert first.pull_usd == pytest.approx(30 * first.offer.inet_down_cost)


async def test_a_worst_case_that_no_budget_has_room_for_is_named_apart(look: Look) -> None:
    all_of_them = (await look()).offers
    worst = sorted(one.worst_usd for one in all_of_them)
    found = await look(budget_usd=worst[1])
    assert {one.worst_usd for one in found.offers} == set(worst[:2])
    assert len(found.over_budget) == len(worst) - 2


async def test_a_bid_is_lowered_where_the_budget_has_no_room_for_a_tenth_more(look: Look) -> None:
    """A machine whose worst case fits at its lowest bid is not passed over."""
    [usual, *_] = (await look(BIDS)).offers
    least = usual.offer.min_bid + usual.usd_per_hour - usual.bid
    most = Bounds().worst_usd(least, usual.pull_usd) * 1.05
    assert most < usual.worst_usd
    found = await look(BIDS, budget_usd=most)
    [same] = [
        one for one in found.offers if one.offer.ask_contract_id == usual.offer.ask_contract_id
    ]
    assert usual.offer.min_bid <= same.bid < usual.bid
    assert all(one.worst_usd <= most for one in found.offers)
    below = await look(BIDS, budget_usd=Bounds().worst_usd(least, usual.pull_usd) * 0.99)
    assert usual.offer.ask_contract_id not in {one.offer.ask_contract_id for one in below.offers}


async def test_what_fits_the_budget_is_found_behind_a_page_that_does_not(
    look: Look, world: World
) -> None:
    """Of two pages of offers the dearest alone has no traffic to pay for."""
    every = {"verified_only": False, "include_external": True}
    rental = {"image": "some/body", "disk": 30}
    prices = {one["id"]: one["dph_total"] for one in world.priced_offers(30, bid=False)}
    for offer in world.offers.values():
        offer["inet_down_cost"] = 1.0
    everything = await look(every, rental)
    assert not everything.is_all
    last = max(
        (one for one in world.offers.values() if one["rentable"] and one["num_gpus"] == 1),
        key=lambda one: prices[one["id"]],
    )
    assert prices[last["id"]] > max(one.usd_per_hour for one in everything.offers)
    last["inet_down_cost"] = 0.0
    found = await look({**every, "num_gpus": 1}, rental, budget_usd=prices[last["id"]])
    assert [one.offer.ask_contract_id for one in found.offers] == [last["id"]]
    assert len(found.over_budget) > 64


async def test_two_processes_go_for_what_is_alike_in_different_orders(look: Look) -> None:
    [one, two, *_] = (await look()).offers
    alike = [
        replace(one, expected_usd_per_hour=0.4, offer=each.offer.model_copy())
        for each in (await look()).offers[:6]
    ]
    dearer = replace(two, expected_usd_per_hour=0.5)
    orders = [in_order([dearer, *alike], ours) for ours in "abcdefgh"]
    firsts = {order[0].offer.ask_contract_id for order in orders}
    assert len(firsts) > 1
    assert all(order[-1] is dearer for order in orders)
    assert in_order(alike, "a") == in_order(alike[::-1], "a")


async def test_machines_that_were_tried_are_left_out(look: Look) -> None:
    [first, *_] = (await look()).offers
    left = await look(without=[first.offer.machine_id])
    assert left.offers
    assert first.offer.machine_id not in {one.offer.machine_id for one in left.offers}


async def test_the_host_keeps_the_machine_as_long_as_the_lease_lasts(
    look: Look, world: World
) -> None:
    for number, offer in enumerate(world.offers.values()):
        offer["duration"] = 3600.0 * (1 + number % 48)
    found = await look(lease_hours=24.0)
    assert found.offers
    assert all(one.offer.duration >= 24.5 * 3600 for one in found.offers)


async def test_the_ports_of_env_and_of_direct_ssh_are_there(look: Look) -> None:
    found = await look(rental={**UBUNTU, "runtype": "ssh_direct"}, ports=16)
    assert found.offers
    assert all(one.offer.direct_port_count >= 17 for one in found.offers)


async def test_a_machine_that_failed_here_comes_after_its_like(
    look: Look, session: Session
) -> None:
    [first, second, *_] = (await look()).offers
    machine_id = first.offer.machine_id
    failures = [Event(machine_id, 900 + number, "failed", "no_progress") for number in range(3)]
    session.journal.met.keep(session.service(), failures)
    ranked = [one.offer.ask_contract_id for one in (await look()).offers]
    assert ranked.index(second.offer.ask_contract_id) < ranked.index(first.offer.ask_contract_id)


async def test_a_failure_counts_against_its_hosts_other_machines_alone(
    look: Look, session: Session, world: World
) -> None:
    before = {one.offer.machine_id: one for one in (await look({})).offers}
    failed, alike, *others = before.values()
    for offer in world.offers.values():
        if offer["machine_id"] == alike.offer.machine_id:
            offer["host_id"] = failed.offer.host_id
    event = Event(failed.offer.machine_id, 900, "failed", "no_progress")
    session.journal.met.keep(session.service(), [event])
    after = {one.offer.machine_id: one for one in (await look({})).offers}
    assert after[alike.offer.machine_id].chance < alike.chance
    others = [one for one in others if one.offer.host_id != failed.offer.host_id]
    assert all(after[one.offer.machine_id].chance == one.chance for one in others)


# ── bids ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_bid_lies_over_the_lowest_and_not_over_the_price_on_demand(
    look: Look, world: World
) -> None:
    found = await look({"type": "bid"})
    bids = [one for one in found.offers if one.bid is not None]
    assert bids
    for one in bids:
        row = world.offers[one.offer.ask_contract_id]
        assert row["min_bid"] <= one.bid <= row["dph_base"] + 1e-4
        assert one.rental["price"] == one.bid
        assert one.usd_per_hour == pytest.approx(
            one.bid + one.offer.disk_usd_per_hour(10), abs=1e-6
        )


async def test_where_a_bid_saves_nothing_it_is_rented_on_demand(look: Look, world: World) -> None:
    found = await look({"type": "bid"})
    plain = [one for one in found.offers if one.bid is None]
    assert plain
    for one in plain:
        row = world.offers[one.offer.ask_contract_id]
        assert row["min_bid"] >= row["dph_base"]
        assert "price" not in one.rental
        assert one.usd_per_hour == pytest.approx(
            row["dph_base"] + one.offer.disk_usd_per_hour(10), abs=1e-6
        )


@pytest.mark.parametrize("hair", [0.000_01, 0.000_03, 0.000_06, 0.000_09])
async def test_a_bid_up_to_what_is_allowed_passes_it_by_no_hair(look: Look, hair: float) -> None:
    found = await look({"type": "bid"})
    one = next(one for one in found.offers if one.bid is not None)
    most = one.offer.min_bid + one.offer.disk_usd_per_hour(10) + hair
    near = await look({"type": "bid"}, max_usd_per_hour=most)
    same = next(each for each in near.offers if each.rental["offer_id"] == one.rental["offer_id"])
    assert same.bid >= one.offer.min_bid
    assert same.usd_per_hour <= most + 1e-6


async def test_a_bid_stays_within_the_price_that_is_allowed(look: Look) -> None:
    found = await look({"type": "bid"}, max_usd_per_hour=0.2)
    assert found.offers
    assert max(one.usd_per_hour for one in found.offers) <= 0.2


# ── volumes ────────────────────────────────────────────────────────────────────────────────────


async def test_a_new_volume_gets_room_on_the_machine_that_is_tried(
    look: Look, world: World
) -> None:
    volume = {"create_new": True, "size": 20, "mount_path": "/data"}
    found = await look({}, {**UBUNTU, "volume_info": volume})
    assert found.offers
    for one in found.offers:
        info = one.rental["volume_info"]
        room = world.volumes.rooms[info["volume_id"]]
        assert info == volume | {"volume_id": info["volume_id"]}
        assert room["machine_id"] == one.offer.machine_id
        alone = one.offer.dph_base + one.offer.disk_usd_per_hour(10)
        assert one.usd_per_hour == pytest.approx(alone + room["storage_cost"] * 20 / 720, abs=1e-6)


async def test_a_new_volume_counts_in_the_price_that_is_allowed(look: Look) -> None:
    volume = {"create_new": True, "size": 20, "mount_path": "/data"}
    rental = {**UBUNTU, "volume_info": volume}
    prices = sorted(one.usd_per_hour for one in (await look({}, rental)).offers)
    found = await look({}, rental, max_usd_per_hour=prices[2])
    assert sorted(one.usd_per_hour for one in found.offers) == prices[:3]


async def test_a_volume_that_exists_leaves_its_machine_alone(look: Look, world: World) -> None:
    room = next(
        one
        for one in world.volumes.rooms.values()
        if any(
            offer["machine_id"] == one["machine_id"]
            and offer["verification"] == "verified"
            and offer["rentable"]
            and not offer["external"]
            and offer["disk_space"] > 100
            for offer in world.offers.values()
        )
    )
    made = possessions.rent_volume(world, {"id": room["id"], "size": 10})
    there = {"volume_id": made.id, "mount_path": "/data"}
    found = await look({}, {**UBUNTU, "volume_info": there})
    assert {one.offer.machine_id for one in found.offers} == {room["machine_id"]}


async def test_a_volume_that_is_not_there_is_refused(look: Look) -> None:
    with pytest.raises(errors.BadArguments) as refused:
        await look({}, {**UBUNTU, "volume_info": {"volume_id": 4711, "mount_path": "/data"}})
    assert [one.field for one in refused.value.problems] == ["volume_info.volume_id"]


# ── what image and template need ───────────────────────────────────────────────────────────────


async def test_what_a_template_needs_is_there(look: Look, world: World) -> None:
    template = world.add_template(
        {
            "name": "mine",
            "image": "ubuntu:22.04",
            "recommended_disk_space": 64.0,
            "ssh_direct": True,
            "runtype": "ssh",
            "env": "-p 8000:8000 -p 8001:8001",
            "extra_filters": {"cuda_max_good": {"gte": 12.6}, "geolocation": {"notin": ["SE"]}},
        }
    )
    found = await look({}, {"template_hash_id": template["hash_id"]})
    assert found.offers
    for one in found.offers:
        assert one.offer.cuda_max_good >= 12.6
        assert one.offer.direct_port_count >= 3
        assert one.offer.disk_space >= 64
        assert not one.offer.geolocation.endswith("SE")
        assert one.rental["disk"] == 64
    assert all(one.body["cuda_max_good"] for one in world.asked("search"))


async def test_no_machine_is_tried_whose_driver_cannot_run_the_image(look: Look) -> None:
    geforce = {"gpu_name": ["RTX 4090", "RTX 5090", "RTX 3090"]}
    found = await look(geforce, {"image": "nvidia/cuda:13.0.1-devel-ubuntu24.04"})
    assert found.offers
    assert all(one.offer.cuda_max_good >= 13.0 for one in found.offers)


async def test_a_dear_machine_is_found_where_none_of_the_cheapest_can_run_the_image(
    look: Look, world: World
) -> None:
    """Vast shows 64 rows a search, and no search asks for an image's CUDA."""
    cards = {"gpu_name": ["RTX 4090"]}
    good = [one.offer.ask_contract_id for one in (await look(cards)).offers]
    template = world.offers[good[0]]
    for number in range(100):
        made = {"id": 90_000_000 + number, "ask_contract_id": 90_000_000 + number}
        made |= {"machine_id": 90_000 + number, "cuda_max_good": 12.0}
        world.offers[made["id"]] = template | made | {"dph_base": 0.01 + number / 10_000}
    for offer_id in good:
        world.offers[offer_id]["cuda_max_good"] = 13.0
    found = await look(cards, {"image": "nvidia/cuda:13.0.1-devel-ubuntu24.04"})
    assert {one.offer.ask_contract_id for one in found.offers} == set(good)


async def test_a_machine_for_a_vm_can_run_one(look: Look, world: World) -> None:
    image = {"image": "docker.io/vastai/kvm:ubuntu_terminal", "vm": True}
    found = await look({}, image)
    assert found.offers
    assert all(one.offer.vms_enabled and one.offer.direct_port_count for one in found.offers)
    assert all(one.body["vms_enabled"] for one in world.asked("search"))
