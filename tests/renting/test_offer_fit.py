"""What an offer's row says against an order leads to an offer that fits, or to the same order on
terms that do.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client

from house import an_offer, an_offer_to_bid_on, call, puts, so_many
from vast_mcp import errors
from vast_mcp.renting import bid_rules, image_fit, offer_rules, port_rules
from vast_mcp.renting.image_hints import at_least, hints_of
from vast_mcp.renting.image_names import image_name
from vast_mcp.renting.order import Order
from vast_mcp.renting.port_rules import ports_of
from vast_mcp.sandbox.world import World
from vast_mcp.vast.models import offers_of

quickly = settings(derandomize=True, max_examples=so_many(100), deadline=None, database=None)

# What an offer has, what is asked of it, and what the offer found instead has.
REFUSED: list[tuple[dict[str, Any], dict[str, Any], str, Any]] = [
    ({"direct_port_count": 0}, {"runtype": "ssh_direct"}, "direct_port_count", lambda n: n >= 1),
    ({"direct_port_count": 1}, {"env": "-p 1:1 -p 2:2"}, "direct_port_count", lambda n: n >= 2),
    ({"disk_space": 120.0}, {"disk": 121}, "disk_space", lambda gb: gb >= 121),
    ({"cuda_max_good": 11.8}, {"image": "x/y:cu124"}, "cuda_max_good", lambda cuda: cuda > 12.3),
    ({"cpu_arch": "arm64"}, {"image": "x/y:amd64"}, "cpu_arch", lambda arch: arch == "amd64"),
    ({"gpu_arch": "amd"}, {"image": "x/y:cuda"}, "gpu_arch", lambda arch: arch == "nvidia"),
]


@pytest.mark.parametrize(("has", "wish", "cell", "holds"), REFUSED, ids=[one[2] for one in REFUSED])
async def test_a_refusal_leads_to_an_offer_that_is_not_refused(
    client: Client, world: World, has: Any, wish: Any, cell: str, holds: Any
) -> None:
    """The search that the step asks for finds such offers, and one of them is rented."""
    offer = an_offer(world, gpu_name="RTX 4090", num_gpus=1)
    world.offers[offer["id"]].update(has)
    asked = {"disk": 20, **wish}
    error = (await call(client, "create_instance", offer_id=offer["id"], **asked))["error"]
    assert (error["code"], error["billing_possible"], puts(world)) == ("bad_arguments", False, 0)
    [step] = error["next_steps"]
    found = await call(client, step["tool"], **step["arguments"])
    assert "error" not in found
    ids = [row["offer_id"] for row in found["offers"]]
    assert ids, found
    assert offer["id"] not in ids
    assert all(holds(world.offers[offer_id][cell]) for offer_id in ids)
    assert "instance_id" in await call(client, "create_instance", offer_id=ids[0], **asked)


async def test_a_bid_that_is_too_high_leads_to_the_same_machine_on_demand(
    client: Client, world: World
) -> None:
    """Also where a search for bids had shown it: the price on demand was told by the refusal."""
    offer = an_offer(world)
    world.offers[offer["id"]].update(dph_base=0.01, min_bid=0.02)
    found = await call(client, "search_offers", type="bid", limit=1)
    assert [row["offer_id"] for row in found["offers"]] == [offer["id"]]
    wish = {"offer_id": offer["id"], "disk": 20, "price": 0.02, "dry_run": True}
    error = (await call(client, "create_instance", **wish))["error"]
    step = error["next_steps"][0]
    assert "price" not in step["arguments"]
    made = await call(client, step["tool"], **{**step["arguments"], "dry_run": False})
    assert (made["kind"], puts(world)) == ("on_demand", 1)


async def test_a_known_offer_is_judged_without_another_request(
    client: Client, world: World
) -> None:
    """What a search has shown is enough, for a bid too: an offer's row on demand says both prices
    (docs/performance.md).
    """
    await call(client, "search_offers", limit=50)
    offer = an_offer(world, direct_port_count=0)
    before = len(world.requests)
    for refused in (
        {"price": offer["dph_base"] * 2},
        {"price": offer["min_bid"] / 2},
        {"runtype": "ssh_direct"},
        {"disk": offer["disk_space"] + 1},
        {"image": "x/y:arm64"},
    ):
        answer = await call(
            client, "create_instance", **{"offer_id": offer["id"], "disk": 20, **refused}
        )
        assert "error" in answer, refused
    assert "search" not in {request.endpoint for request in world.requests[before:]}


async def test_a_bid_that_a_search_showed_is_held_against_the_price_on_demand(
    client: Client, world: World
) -> None:
    """The row of a search for bids says no such price, and the least bid may be above it
    (docs/vast-api.md A.6): one look says it, and none where it has been shown.
    """
    offer = an_offer(world)
    world.offers[offer["id"]].update(dph_base=0.01, min_bid=0.02)
    found = await call(client, "search_offers", type="bid", limit=1)
    assert [row["offer_id"] for row in found["offers"]] == [offer["id"]]
    wish = {"offer_id": offer["id"], "disk": 20, "price": 0.02}
    for _ in range(2):
        error = (await call(client, "create_instance", **wish))["error"]
        assert (error["code"], puts(world)) == ("bad_arguments", 0)
    assert len(world.asked("search")) <= 2


async def test_a_bid_is_sent_where_that_look_fails(client: Client, world: World) -> None:
    """What is not known refuses nothing, and is said."""
    world.faults.add("search", "html502", times=None, skip=1)
    found = await call(client, "search_offers", type="bid", limit=1)
    [row] = found["offers"]
    wish = {"offer_id": row["offer_id"], "disk": 20, "price": row["min_bid"]}
    made = await call(client, "create_instance", **wish)
    assert puts(world) == 1
    assert any("on demand is not known" in one for one in made["warnings"])


async def test_an_offer_never_seen_is_looked_up_once(client: Client, world: World) -> None:
    """One search says everything that a bid is judged by."""
    offer = an_offer(world, min_bid=lambda usd: usd > 0.01)
    await call(client, "create_instance", offer_id=offer["id"], disk=20, price=offer["min_bid"])
    assert len(world.asked("search")) == 1


async def test_an_offer_without_room_for_the_disk_is_found_all_the_same(
    client: Client, world: World
) -> None:
    """A search that prices a disk leaves out who lacks the room for it (docs/vast-api.md B.1)."""
    offer = an_offer(world)
    wish = {"offer_id": offer["id"], "disk": offer["disk_space"] + 1, "max_usd_per_hour": 50}
    error = (await call(client, "create_instance", **wish))["error"]
    assert (error["code"], error["problems"][0]["field"]) == ("bad_arguments", "disk")
    assert (len(world.asked("search")), puts(world)) == (2, 0)


# ── what a name says ───────────────────────────────────────────────────────────────────────────

majors, minors = st.integers(9, 14), st.integers(0, 9)
words = st.sampled_from(["", "py3.11-", "2.4.0-", "v0.8.5_", "ubuntu22.04-"])
after = st.sampled_from(["", "-cudnn9", "-devel-ubuntu22.04", "_py310", "-runtime"])


@quickly
@given(major=majors, minor=minors, before=words, behind=after, patch=st.sampled_from(["", ".1"]))
def test_a_version_of_cuda_is_read_in_every_spelling(
    major: int, minor: int, before: str, behind: str, patch: str
) -> None:
    """Tags of pytorch, nvidia/cuda, vastai, rapidsai, runpod."""
    spelt = [f"cuda{major}.{minor}{patch}", f"cuda-{major}.{minor}{patch}", f"cu{major}{minor}"]
    names = [f"x/y:{before}{one}{behind}" for one in spelt]
    names += [f"nvidia/cuda:{major}.{minor}{patch}{behind}", f"x/y-{spelt[0]}:latest"]
    for name in names:
        read = image_name(name)
        assert read is not None
        assert hints_of(read).cuda == (major, minor), name


@quickly
@given(tag=st.from_regex(r"[a-z0-9_][a-z0-9_.-]{0,30}", fullmatch=True))
def test_no_tag_is_a_defect_and_none_without_the_word_names_cuda(tag: str) -> None:
    read = image_name(f"x/y:{tag}")
    assert read is not None
    cuda = hints_of(read).cuda
    assert cuda is None or ("cu" in tag and (5, 0) <= at_least(cuda) <= (19, 99))


@quickly
@given(numbers=st.lists(st.integers(1, 65535), max_size=8), direct=st.booleans())
def test_every_port_inside_counts_once(numbers: list[int], direct: bool) -> None:
    """Several ports outside that lead to one inside are one."""
    env = {f"-p {8000 + at}:{number}": "1" for at, number in enumerate(numbers)}
    body = {"env": env} | ({"runtype": "ssh_direct"} if direct else {})
    assert ports_of(body).least == len({*numbers, *([22] if direct else [])})


async def test_a_raised_bid_above_the_price_on_demand_is_sent_and_said(
    client: Client, world: World
) -> None:
    """The disk of a machine goes nowhere else, so it may be meant."""
    offer = an_offer_to_bid_on(world)
    asked = {"offer_id": offer["id"], "disk": 20, "price": offer["min_bid"]}
    made = (await call(client, "create_instance", **asked))["instance_id"]
    for price, said in ((offer["dph_base"], False), (offer["dph_base"] * 1.5, True)):
        bid = {"instance_id": made, "action": "change_bid", "price": price}
        warnings = (await call(client, "manage_instance", **bid)).get("warnings", [])
        assert any("on demand, less than this bid" in one for one in warnings) == said
        assert world.instances[made].price == price


async def test_a_bid_too_low_leads_to_the_price_on_demand_where_that_is_less(
    client: Client, world: World
) -> None:
    """Whoever is told the price may rent at it."""
    offer = an_offer(world)
    world.offers[offer["id"]].update(dph_base=0.01, min_bid=0.02)
    wish = {"offer_id": offer["id"], "disk": 20}
    error = (await call(client, "create_instance", **wish, price=0.005))["error"]
    assert (error["code"], "on demand at 0.01" in str(error)) == ("bid_too_low", True)
    assert (await call(client, "create_instance", **wish))["kind"] == "on_demand"


# ── what is not known ──────────────────────────────────────────────────────────────────────────

DEMANDING: list[dict[str, Any]] = [
    {"runtype": "jupyter_direct", "env": {"-p 80:80": "1"}},
    {"disk": 5000.0},
    {"image": "nvidia/cuda:13.0.1-base"},
    {"image": "x/y:arm64"},
    {"image": "rocm/pytorch:rocm6"},
    {"price": 90.0},
]
FULL: dict[str, Any] = {
    "direct_port_count": 0,
    "disk_space": 1000.0,
    "cuda_max_good": 11.8,
    "compute_cap": 610,
    "gpu_name": "GTX 1080 Ti",
    "gpu_arch": "nvidia",
    "cpu_arch": "amd64",
    "min_bid": 99.0,
}
DECIDED_BY = ["direct_port_count", "disk_space", "cuda_max_good", "cpu_arch", "gpu_arch", "min_bid"]


def refuses(wish: dict[str, Any], cells: dict[str, Any]) -> bool:
    asked = {"disk": 20.0, **wish}
    order = Order({"offer_id": 1, **asked}, asked)
    [offer] = offers_of([{"ask_contract_id": 1, **cells}])
    try:
        offer_rules.check_disk(order, None, offer)
        port_rules.check_ports(order, None, offer)
        image_fit.check_image(order, None, offer)
        bid_rules.check_bid(order, offer, None)
    except errors.Refused:
        return True
    return False


@pytest.mark.parametrize(("wish", "cell"), [*zip(DEMANDING, DECIDED_BY, strict=True)])
def test_a_cell_that_is_not_known_refuses_nothing(wish: dict[str, Any], cell: str) -> None:
    """Of everything else that a row says, nothing speaks against the order then."""
    assert refuses(wish, FULL)
    for nothing in ({}, {cell: None}, {cell: "many"}, {cell: float("nan")}):
        known = {name: value for name, value in FULL.items() if name != cell}
        assert not refuses(wish, known | nothing), nothing


def test_a_row_of_nothing_refuses_nothing() -> None:
    assert not any(refuses(wish, {}) for wish in DEMANDING)
