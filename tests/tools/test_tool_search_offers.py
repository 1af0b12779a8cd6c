"""search_offers through a client, on the sandbox: what is asked of Vast, what is shown, what
helps when none fits.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from mcp import Client

from house import served, whole_rows
from vast_mcp.host.schema import input_schema
from vast_mcp.machines.figures import MIB_PER_GB
from vast_mcp.sandbox.offers import priced
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import create_instance
from vast_mcp_tools.search_offers import SPEC

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
Search = Callable[..., Any]

EVERYTHING = {"limit": 50}
CATALOGUE = [
    "A100 PCIE",
    "A100 SXM4",
    "H100 NVL",
    "H100 SXM",
    "L40",
    "L40S",
    "Q RTX 8000",
    "RTX 4000Ada",
    "RTX 4070 Ti",
    "RTX 4070S Ti",
    "RTX 4080S",
    "RTX 4090",
    "RTX 4090D",
    "RTX PRO 6000 S",
    "RTX PRO 6000 WS",
    "Tesla V100",
]


@pytest.fixture
async def client(world: World, settings: Settings) -> AsyncIterator[Client]:
    async with served(world, settings, [SPEC, create_instance.SPEC]) as made:
        yield made


@pytest.fixture
def search(client: Client) -> Search:
    async def ask(**arguments: Any) -> Row:
        result = await client.call_tool("search_offers", arguments)
        assert not result.is_error, result.structured_content
        assert result.structured_content is not None
        return result.structured_content

    return ask


@pytest.fixture
def refusal(client: Client) -> Search:
    async def ask(**arguments: Any) -> Row:
        result = await client.call_tool("search_offers", arguments)
        assert result.is_error, result.structured_content
        assert result.structured_content is not None
        return result.structured_content["error"]

    return ask


def sent(world: World) -> Row:
    """The last query that reached the world."""
    return world.asked("search")[-1].body


def rows(world: World, result: Row) -> list[Row]:
    """The world's own rows for the offers shown."""
    return [world.offers[offer["offer_id"]] for offer in result["offers"]]


def on_offer(row: Row) -> bool:
    """What every search asks without being told."""
    return (
        row["verification"] == "verified"
        and row["rentable"]
        and not row["rented"]
        and not row["external"]
    )


def set_catalogue(world: World, names: list[str]) -> None:
    world.faults.add("gpu_names", "status", times=None, status=200, body={"gpu_names": names})


# ── what is asked ──────────────────────────────────────────────────────────────────────────────


async def test_a_search_without_arguments_asks_for_the_cheapest_verified_machines_that_are_free(
    world: World, search: Search
) -> None:
    """A flat body, an int as limit; defaults from the official SDK's table
    (docs/vast-api.md B.1).
    """
    result = await search()
    assert sent(world) == {
        "type": "on-demand",
        "allocated_storage": 10,
        "order": [["dph_total", "asc"]],
        "limit": 11,
        "verified": {"eq": True},
        "external": {"eq": False},
        "rentable": {"eq": True},
        "rented": {"eq": False},
        "disk_space": {"gte": 10},
    }
    assert len(result["offers"]) == 10
    assert all(map(on_offer, rows(world, result)))
    prices = [offer["usd_per_hour"] for offer in result["offers"]]
    assert prices == sorted(prices)


def own_mb(row: Row) -> float:
    """The memory that a rental can count on (docs/vast-api.md B.2)."""
    share = row["cpu_cores_effective"] / row["cpu_cores"]
    return row["cpu_ram"] * min(share, row["gpu_frac"])


# Argument, what a row of the world must then be.
WISHES: list[tuple[Row, Callable[[Row], bool]]] = [
    ({"gpu_name": "RTX 3090"}, lambda row: row["gpu_name"] == "RTX 3090"),
    ({"gpu_name": ["RTX 3090", "H200"]}, lambda row: row["gpu_name"] in {"RTX 3090", "H200"}),
    ({"num_gpus": 4}, lambda row: row["num_gpus"] == 4),
    ({"min_gpu_ram_gb": 48}, lambda row: row["gpu_ram"] >= 46068),
    (
        {"max_usd_per_hour": 0.15},
        lambda row: row["dph_base"] + row["storage_cost"] * 10 / 720 <= 0.15,
    ),
    ({"min_reliability": 0.995}, lambda row: row["reliability"] >= 0.995),
    ({"geolocation": "US"}, lambda row: row["geolocation"].endswith("US")),
    (
        {"geolocation": ["se", "NO", "uk"]},
        lambda row: row["geolocation"][-2:] in {"SE", "NO", "GB"},
    ),
    ({"min_disk_gb": 1500}, lambda row: row["disk_space"] >= 1500),
    ({"min_cuda": 13}, lambda row: row["cuda_max_good"] >= 13),
    ({"min_direct_ports": 300}, lambda row: row["direct_port_count"] >= 300),
    ({"min_hours": 24 * 180}, lambda row: row["end_date"] - row["asked_at"] >= 24 * 180 * 3600),
    ({"min_compute_cap": 8.9}, lambda row: row["compute_cap"] >= 890),
    ({"min_inet_down_mbps": 5000}, lambda row: row["inet_down"] >= 5000),
    (
        {"max_usd_per_tb": 6},
        lambda row: max(row["inet_down_cost"], row["inet_up_cost"]) * 1024 <= 6,
    ),
    ({"min_cpu_ram_gb": 32}, lambda row: own_mb(row) >= 32 * MIB_PER_GB),
    ({"exclude_machine_ids": [10_000, 10_092]}, lambda row: row["machine_id"] != 10_092),
    ({"vm": True}, lambda row: row["vms_enabled"] and row["direct_port_count"] >= 1),
    ({"datacenter_only": True}, lambda row: row["hosting_type"] == 1),
    ({"filters": {"cpu_ram": {"gte": 500_000}}}, lambda row: row["cpu_ram"] >= 500_000),
    ({"filters": {"cpu_ram": {"gte": "500000"}}}, lambda row: row["cpu_ram"] >= 500_000),
    ({"filters": {"gpu_name": {"in": ["H200"]}}}, lambda row: row["gpu_name"] == "H200"),
    ({"filters": {"num_gpus": {"gt": 1, "lt": 8}}}, lambda row: row["num_gpus"] in {2, 4}),
]


@pytest.fixture
def still() -> World:
    """A world whose clock stands still, so that the hours left are exact."""
    return World(clock=lambda: 1_800_000_000.0)


@pytest.mark.parametrize(
    ("arguments", "wanted"), WISHES, ids=[json.dumps(wish) for wish, _ in WISHES]
)
@pytest.mark.parametrize("vast", ["sound", "leaky", "deaf"])
async def test_every_wish_holds_for_every_offer_shown_even_when_vast_lets_others_through(
    still: World, settings: Settings, arguments: Row, wanted: Callable[[Row], bool], vast: str
) -> None:
    """Numeric filters are not always applied, so the rows are checked again
    (docs/vast-api.md B.2).
    """
    still.leaky_filters = vast == "leaky"
    if vast == "deaf":
        world_rows = [
            priced(row, gb=10, bid=False, now=still.clock()) for row in still.offers.values()
        ]
        everything = [
            row for row in world_rows if not row["external"]
        ]  # a row that we keep does not say so
        still.faults.add("search", "status", times=None, status=200, body={"offers": everything})
    async with served(still, settings, [SPEC]) as client:
        result = (
            await client.call_tool("search_offers", {**EVERYTHING, **arguments})
        ).structured_content
    assert result is not None
    shown = rows(still, result)
    fit = {
        row["id"]
        for row in still.offers.values()
        if on_offer(row) and wanted(row | {"asked_at": still.clock()}) and row["disk_space"] >= 10
    }
    assert shown
    assert {row["id"] for row in shown} <= fit
    if vast != "leaky":  # what slips through takes places among the 64 rows
        assert len(shown) == min(50, len(fit))


@pytest.mark.parametrize(
    "wish", [{"min_cuda": 12.4}, {"filters": {"cuda_max_good": {"gte": "12.1"}}}]
)
@pytest.mark.parametrize("card", ["H100 SXM", "H200"])
async def test_a_cuda_filter_does_not_hide_the_newest_cards(
    world: World, search: Search, wish: Row, card: str
) -> None:
    """`cuda_max_good` without `compute_cap` hid H100 and H200 (docs/vast-api.md B.2)."""
    for offer in world.offers.values():
        offer["cuda_max_good"] = 12.8
    assert (await search(gpu_name=card, **wish))["offers"]
    assert (await search(**EVERYTHING, **wish))["offers"]


async def test_the_floor_under_a_cuda_filter_leaves_no_card_out(
    world: World, search: Search
) -> None:
    """A row of a Quadro P2000 says 140 (docs/vast-api.md B.2): the floor lies below all."""
    world.cuda_hides = False
    for offer in world.offers.values():
        offer["cuda_max_good"] = 12.8
        offer["compute_cap"] = 140
    everything = (await search(**EVERYTHING))["offers"]
    assert (await search(**EVERYTHING, min_cuda=12))["offers"] == everything


async def test_a_callers_own_filter_on_compute_capability_stays(
    world: World, search: Search
) -> None:
    """It takes the floor's place, and a search without CUDA has neither."""
    await search(min_cuda=11, filters={"compute_cap": {"lte": 890}})
    assert sent(world)["compute_cap"] == {"lte": 890}
    await search(min_reliability=0.5)
    assert "compute_cap" not in sent(world)


async def test_a_broader_search_for_a_cuda_version_keeps_the_floor(
    world: World, search: Search
) -> None:
    """What only one change away finds is looked for among all cards too."""
    await search(gpu_name="H200", min_cuda=11, max_usd_per_hour=0.01)
    bodies = [request.body for request in world.asked("search")]
    assert len(bodies) == 2
    assert all("compute_cap" in body for body in bodies if "cuda_max_good" in body)


async def test_sizes_and_times_go_out_in_the_units_of_the_api(world: World, search: Search) -> None:
    """GB in, MB out; duration in seconds (docs/vast-api.md B.4)."""
    await search(min_gpu_ram_gb=24, min_hours=1.5, min_disk_gb=50)
    assert sent(world)["gpu_ram"] == {"gte": 22888}
    assert sent(world)["duration"] == {"gte": 5400}
    assert sent(world)["disk_space"] == {"gte": 50}
    assert sent(world)["allocated_storage"] == 50


@pytest.mark.parametrize(
    ("sold_as", "reported"),
    [
        (24, 24564),
        (24, 23028),
        (80, 81559),
        (80, 81920),
        (80, 80994),
        (16, 16376),
        (16, 15360),
        (48, 49140),
        (48, 46068),
        (12, 12288),
        (12, 12282),
        (8, 8188),
        (141, 143771),
    ],
)
def test_a_card_is_found_by_the_size_it_is_sold_as(sold_as: int, reported: int) -> None:
    """A 24 GB card reports 24564 MB (docs/vast-api.md B.4), and less with ECC on."""
    assert sold_as * MIB_PER_GB <= reported


@pytest.mark.parametrize(
    ("sold_as", "reported"), [(12, 11264), (24, 22528), (16, 12288), (48, 40960), (80, 49140)]
)
def test_a_smaller_card_is_not(sold_as: int, reported: int) -> None:
    """The tolerance is the difference of 10**9 and 2**30 and no more."""
    assert sold_as * MIB_PER_GB > reported


@pytest.mark.parametrize(
    ("order_by", "order"),
    [
        ("usd_per_hour", ["dph_total", "asc"]),
        ("score", ["score", "desc"]),
        ("reliability", ["reliability", "desc"]),
        ("available_hours", ["duration", "desc"]),
    ],
)
async def test_each_order_is_best_first(
    world: World, search: Search, order_by: str, order: list[str]
) -> None:
    """Order is a list of field and direction (docs/vast-api.md B.1)."""
    result = await search(order_by=order_by)
    assert sent(world)["order"] == [order]
    if order_by != "score":
        values = [offer[order_by] for offer in result["offers"]]
        assert values == sorted(values, reverse=order[1] == "desc")


async def test_limit_bounds_the_rows_and_more_says_that_there_are_others(search: Search) -> None:
    """The argument `limit` is 10 by default."""
    assert (len((await search(limit=3))["offers"]), (await search(limit=3))["more"]) == (3, True)
    few = await search(gpu_name="H200", num_gpus=1)
    assert 0 < len(few["offers"]) < 10
    assert "more" not in few


async def test_several_names_may_come_as_one_text_or_as_json_text(
    world: World, search: Search
) -> None:
    """Claude Desktop sends lists as text."""
    for names in ('["RTX 4090", "RTX 3090"]', "RTX 4090, RTX 3090"):
        await search(gpu_name=names)
        assert sent(world)["gpu_name"] == {"in": ["RTX 4090", "RTX 3090"]}


async def test_filters_can_replace_a_default(world: World, search: Search) -> None:
    """Filters in the API's grammar for the rest."""
    result = await search(filters={"verified": {"eq": False}}, limit=50)
    assert sent(world)["verified"] == {"eq": False}
    assert {row["verification"] for row in rows(world, result)} == {"unverified", "deverified"}


# ── names of GPUs ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "spelling",
    ["RTX 4090", "RTX_4090", "rtx 4090", "4090", "rtx4090", "rtx-4090", "NVIDIA GeForce RTX 4090"],
)
async def test_a_gpu_is_found_however_it_is_spelled(
    world: World, search: Search, spelling: str
) -> None:
    """The API matches the spaced display name only, RTX_4090 finds nothing
    (docs/vast-api.md B.2).
    """
    result = await search(gpu_name=spelling)
    assert {offer["gpu_name"] for offer in whole_rows(result)} == {"RTX 4090"}
    assert "gpu_names_searched" not in result


@pytest.mark.parametrize(
    ("spelling", "names"),
    [
        ("4090", ["RTX 4090"]),
        ("4090d", ["RTX 4090D"]),
        ("RTX 4090 D", ["RTX 4090D"]),
        ("a100", ["A100 PCIE", "A100 SXM4"]),
        ("A100 SXM", ["A100 SXM4"]),
        ("h100", ["H100 NVL", "H100 SXM"]),
        ("l40", ["L40"]),
        ("4080 super", ["RTX 4080S"]),
        ("RTX 4070 Ti Super", ["RTX 4070S Ti"]),
        ("4070 ti", ["RTX 4070 Ti"]),
        ("rtx 4000 ada", ["RTX 4000Ada"]),
        ("RTX 8000", ["Q RTX 8000"]),
        ("V100", ["Tesla V100"]),
        ("rtx pro 6000", ["RTX PRO 6000 S", "RTX PRO 6000 WS"]),
    ],
)
async def test_a_short_name_means_the_card_and_all_its_forms_but_no_other_card(
    world: World, search: Search, spelling: str, names: list[str]
) -> None:
    """4090 is not 4090D; a100 is every A100, and the result says which."""
    set_catalogue(world, CATALOGUE)
    result = await search(gpu_name=spelling)
    assert world.asked("search")[0].body["gpu_name"] == (
        {"eq": names[0]} if len(names) == 1 else {"in": names}
    )
    assert result.get("gpu_names_searched", names) == names
    if result["offers"]:
        assert ("gpu_names_searched" in result) == (len(names) > 1)


@pytest.mark.parametrize("spelling", ["4070", "GTX 4090", "H100 SXM 5 Pro", "l40-s-x"])
async def test_an_unknown_gpu_is_refused_with_the_real_names_that_share_its_number(
    world: World, refusal: Search, spelling: str
) -> None:
    """Unknown names suggest real ones. The API answers unknown names with no rows at
    all (docs/vast-api.md B.2).
    """
    set_catalogue(world, CATALOGUE)
    error = await refusal(gpu_name=["H100", spelling])
    assert error["code"] == "bad_arguments"
    [problem] = error["problems"]
    assert problem["field"] == "gpu_name"
    assert problem["problem"].startswith("number 2: Vast knows no such GPU; nearest: ")
    suggested = problem["problem"].rpartition("nearest: ")[2].split(", ")
    assert set(suggested) <= set(CATALOGUE)
    assert not world.asked("search")


@pytest.mark.parametrize("spelling", ["RTX 4900", "H800", "5990", "rtx", "nvidia", "g5.xlarge"])
async def test_what_shares_no_number_with_a_card_is_refused_without_a_guess(
    world: World, refusal: Search, spelling: str
) -> None:
    """A name that is near by letters alone is another card: an H800 is no A800."""
    set_catalogue(world, CATALOGUE)
    error = await refusal(gpu_name=["H100", spelling])
    [problem] = error["problems"]
    assert problem["field"] == "gpu_name"
    assert problem["problem"].startswith("number 2: ")
    assert "nearest" not in problem["problem"]
    assert not world.asked("search")


async def test_the_nearest_name_comes_first_and_the_callers_text_is_not_repeated(
    refusal: Search,
) -> None:
    """Errors hold none of the caller's values."""
    error = await refusal(gpu_name="RTX 4090 please")
    assert error["problems"][0]["problem"].endswith("; nearest: RTX 4090")
    assert "please" not in json.dumps(error)


async def test_the_catalogue_is_read_once_and_again_for_a_name_it_lacks(
    world: World, search: Search, refusal: Search
) -> None:
    """Servers live long, and new cards come out."""
    await search(gpu_name="4090")
    await search(gpu_name="3090")
    assert len(world.asked("gpu_names")) == 1
    await refusal(gpu_name="RTX 9999")
    assert len(world.asked("gpu_names")) == 2


async def test_without_the_catalogue_names_are_searched_for_as_given_with_a_warning(
    world: World, search: Search
) -> None:
    """A list that cannot be read must not stop a search."""
    world.faults.add("gpu_names", "html503", times=None)
    result = await search(gpu_name="RTX_4090")
    assert sent(world)["gpu_name"] == {"eq": "RTX 4090"}
    assert result["offers"]
    assert result["warnings"] == [
        "Vast's list of GPU names could not be read; gpu_name was searched for as given."
    ]


# ── what is refused ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "field", "problem"),
    [
        ({"filters": {"id": {"eq": 5}}}, "filters.id", "ask_contract_id"),
        ({"filters": {"limit": {"eq": 5}}}, "filters.limit", "limit is an argument"),
        ({"filters": {"order": {"eq": 5}}}, "filters.order", "order_by"),
        ({"filters": {"allocated_storage": {"eq": 5}}}, "filters.allocated_storage", "min_disk_gb"),
        (
            {"filters": {"gpu_ram": {"gte": 1}}, "min_gpu_ram_gb": 8},
            "filters.gpu_ram",
            "min_gpu_ram_gb",
        ),
        (
            {"filters": {"reliability2": {"gte": 0.9}}, "min_reliability": 0.9},
            "filters.reliability2",
            "min_reliability",
        ),
        (
            {"filters": {"gpu_name": {"eq": "H200"}}, "gpu_name": "H200"},
            "filters.gpu_name",
            "gpu_name",
        ),
        (
            {"filters": {"dph_total": {"lt": 1}}, "max_usd_per_hour": 1},
            "filters.dph_total",
            "max_usd_per_hour",
        ),
        ({"filters": {"cpu_ram": {"min": 1}}}, "filters.cpu_ram", "eq neq gt gte lt lte in notin"),
        ({"filters": {"cpu_ram": {}}}, "filters.cpu_ram", "eq neq gt gte lt lte in notin"),
        ({"filters": {"cpu_ram": {"in": 1}}}, "filters.cpu_ram", "in wants a list"),
        ({"filters": {"cpu_ram": {"gte": [1]}}}, "filters.cpu_ram", "gte wants one value"),
        ({"filters": {"cpu ram": {"gte": 1}}}, "filters", "the nearest is cpu_ram"),
        ({"filters": {"gpu_memory": {"gte": 1}}}, "filters.gpu_memory", "the nearest is gpu_ram"),
        ({"geolocation": "Germny"}, "geolocation", "nearest: Germany"),
        ({"min_reliability": 98}, "min_reliability", "less than or equal to 1"),
        ({"min_disk_gb": 5}, "min_disk_gb", "greater than or equal to 8"),
        ({"limit": 51}, "limit", "less than or equal to 50"),
        ({"gpu_name": "["}, "gpu_name", "a text or a list of texts"),
        ({"type": "auction"}, "type", "must be one of"),
        ({"max_price": 0.4}, "max_price", "unknown argument"),
    ],
)
async def test_what_vast_would_answer_with_silence_is_refused_before_it_is_sent(
    world: World, refusal: Search, arguments: Row, field: str, problem: str
) -> None:
    """The filter `id` finds nothing (docs/vast-api.md B.2), and a field given both ways
    has no one meaning.
    """
    error = await refusal(**arguments)
    assert error["code"] == "bad_arguments"
    [told] = error["problems"]
    assert told["field"] == field
    assert problem in told["problem"]
    assert not world.asked("search")


async def test_a_field_that_vast_does_not_know_is_its_own_error(refusal: Search) -> None:
    """Unknown key, 400 (docs/vast-api.md B.2)."""
    error = await refusal(filters={"platform_fee": {"gte": 1}})
    assert error["code"] == "invalid_request"
    assert "platform_fee" in error["untrusted_vast_message"]


async def test_disk_space_may_be_filtered_where_min_disk_gb_was_not_given(
    world: World, search: Search
) -> None:
    """The default is no wish of the caller's."""
    await search(filters={"disk_space": {"gte": 700}})
    assert sent(world)["disk_space"] == {"gte": 700}


# ── what is shown ──────────────────────────────────────────────────────────────────────────────


async def test_a_row_is_what_decides_with_units_in_its_names(world: World, search: Search) -> None:
    """Ids first; cores and memory are one's own share, the lesser of two estimates, and a TB is
    1024 GB (docs/vast-api.md B.2, B.4).
    """
    offer = world.offers[world.offer(vm=True, num_gpus=4)["id"]]
    offer |= {"cpu_ram": 64_295, "gpu_frac": 0.5, "cpu_cores": 64, "cpu_cores_effective": 24.0}
    offer |= {"inet_down": 812.3, "inet_up": 94.0, "direct_port_count": 63, "compute_cap": 860}
    offer |= {"inet_down_cost": 0.0, "inet_up_cost": 0.005208333333333333, "disk_space": 399.9}
    result = await search(
        num_gpus=4, filters={"ask_contract_id": {"eq": offer["id"]}}, min_disk_gb=40
    )
    [row] = result["offers"]
    price = offer["dph_base"] + offer["storage_cost"] * 40 / 720
    assert next(iter(row)) == "offer_id"
    assert row == {
        "offer_id": offer["id"],
        "machine_id": offer["machine_id"],
        "gpu_name": offer["gpu_name"],
        "num_gpus": 4,
        "gpu_ram_gb": round(offer["gpu_ram"] / 1024),
        "compute_cap": 8.6,
        "usd_per_hour": pytest.approx(price, rel=0.01),
        "cpu_cores": 24,
        "cpu_ram_gb": int(64_295 * 24 / 64 / 1024),
        "free_disk_gb": 399,
        "inet_mbps": [812, 94],
        "usd_per_tb": [0, 5.34],
        "location": offer["geolocation"],
        "reliability": pytest.approx(offer["reliability"], abs=0.001),
        "direct_ports": 63,
        "cuda_max": offer["cuda_max_good"],
        "available_hours": pytest.approx((offer["end_date"] - world.clock()) / 3600, abs=1),
        "vm": True,
    }
    assert row["usd_per_hour"] >= round(price, 6)
    assert row["reliability"] <= offer["reliability"]
    assert result["disk_gb"] == 40


USUAL = {"num_gpus", "vm", "min_bid", "cpu_arch", "gpu_vendor"}


async def test_what_is_usual_is_left_out(search: Search) -> None:
    """One GPU, of nvidia, in an amd64 machine that runs no VMs."""
    result = await search(num_gpus=1, filters={"vms_enabled": {"eq": False}})
    assert all(USUAL.isdisjoint(offer) for offer in whole_rows(result))


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"cpu_arch": "arm64"}, {"cpu_arch": "arm64"}),
        ({"gpu_arch": "amd", "compute_cap": 900}, {"gpu_vendor": "amd", "compute_cap": None}),
        ({"compute_cap": 1200}, {"compute_cap": 12}),
        ({"compute_cap": 0}, {"compute_cap": None}),
        ({"compute_cap": None}, {"compute_cap": None}),
        ({"gpu_frac": 0.125, "cpu_ram": 512 * 1024}, {"cpu_ram_gb": 64}),
        ({"gpu_frac": None, "cpu_ram": 64 * 1024}, {"cpu_ram_gb": 32}),
        ({"gpu_frac": 1.0, "cpu_cores": None, "cpu_ram": 64 * 1024}, {"cpu_ram_gb": 64}),
        ({"gpu_frac": 9.0, "cpu_cores": 8, "cpu_ram": 64 * 1024}, {"cpu_ram_gb": 64}),
        ({"gpu_frac": None, "cpu_cores": None}, {"cpu_ram_gb": None}),
        ({"cpu_ram": None}, {"cpu_ram_gb": None}),
        ({"cpu_cores_effective": None}, {"cpu_cores": None}),
        ({"cpu_cores_effective": 6.4}, {"cpu_cores": 6.4}),
        ({"inet_down": None}, {"inet_mbps": None}),
        ({"inet_up": 8.26}, {"inet_mbps": [900, 8.26]}),
        ({"inet_down_cost": None}, {"usd_per_tb": None}),
        ({"inet_down_cost": 0.02}, {"usd_per_tb": [20.5]}),
        ({"inet_down_cost": 0.0, "inet_up_cost": 0.0}, {"usd_per_tb": [0]}),
        ({"inet_up_cost": None}, {"usd_per_tb": None}),
        ({"inet_down_cost": -1}, {"usd_per_tb": None}),
        ({"machine_id": None}, {"machine_id": None}),
        ({"direct_port_count": 0}, {"direct_ports": 0}),
        ({"direct_port_count": 64}, {"direct_ports": None}),
        ({"disk_space": 99.0}, {"free_disk_gb": 99}),
        ({"disk_space": 100.0}, {"free_disk_gb": None}),
    ],
    ids=json.dumps,
)
async def test_a_fact_is_told_where_it_is_known_and_not_the_usual(
    world: World, search: Search, cells: Row, told: Row
) -> None:
    """What is not known is left out, never 0; a price of 0 is one (docs/vast-api.md B.2, B.4)."""
    offer = world.offers[world.offer(num_gpus=1)["id"]]
    offer |= {"cpu_cores": 16, "cpu_cores_effective": 8.0, "gpu_frac": 0.5}
    offer |= {"inet_down": 900.0, "inet_up": 900.0, "inet_down_cost": 0.001, "inet_up_cost": 0.02}
    for cell, value in cells.items():
        world.odd.add("offer", cell, value, row=offer["id"])
    [row] = (await search(filters={"ask_contract_id": {"eq": offer["id"]}}))["offers"]
    assert {name: row.get(name) for name in told} == told


@pytest.mark.parametrize("wish", [{}, {"gpu_name": "4090"}, {"limit": 2}, {"limit": 50}])
async def test_what_several_offers_have_alike_is_said_once_and_no_row_loses_or_gains_by_it(
    world: World, settings: Settings, wish: Row
) -> None:
    """A whole row is what is said once and what it says itself: as when it is the only one. A fact
    that some row lacks is not said of all.
    """
    for number, offer in enumerate(world.offers.values()):
        offer["cpu_cores_effective"] = None if number % 3 else 8.0
        offer["inet_up_cost"] = 0.01
    async with served(world, settings, [SPEC]) as client:

        async def found(**arguments: Any) -> Row:
            return (await client.call_tool("search_offers", arguments)).structured_content or {}

        several = await found(**wish)
        assert several["usual"]
        assert {"offer_id", "gpu_name", "num_gpus", "usd_per_hour"}.isdisjoint(several["usual"])
        for row in whole_rows(several)[:12]:
            alone = await found(filters={"ask_contract_id": {"eq": row["offer_id"]}})
            assert "usual" not in alone
            assert [row] == alone["offers"]


async def test_a_row_names_what_is_not_known_where_its_absence_would_say_something(
    world: World, search: Search
) -> None:
    """One GPU, amd64, nvidia, room and ports in plenty, and no VMs are left out; so is what Vast
    did not tell, and that is said.
    """
    odd = world.offer(gpu_name="RTX 4090", num_gpus=1)
    by_column = {
        "num_gpus": "num_gpus",
        "gpu_vendor": "gpu_arch",
        "cpu_arch": "cpu_arch",
        "free_disk_gb": "disk_space",
        "direct_ports": "direct_port_count",
        "vm": "vms_enabled",
    }
    for column in by_column.values():
        world.odd.add("offer", column, None, row=odd["id"])
    found = await search(gpu_name="4090", limit=50)
    shown = {offer["offer_id"]: offer for offer in found["offers"]}
    assert shown.pop(odd["id"])["unknown"] == list(by_column)
    assert shown
    assert not any("unknown" in offer for offer in shown.values())


async def test_a_larger_disk_costs_more_and_the_ceiling_counts_it(
    world: World, search: Search
) -> None:
    """Prices include the disk; docs/vast-api.md A.6 for the arithmetic."""
    small = await search(gpu_name="4090", num_gpus=1)
    ceiling = small["offers"][0]["usd_per_hour"]
    assert (await search(gpu_name="4090", num_gpus=1, max_usd_per_hour=ceiling))["offers"]
    assert not (
        await search(gpu_name="4090", num_gpus=1, max_usd_per_hour=ceiling, min_disk_gb=60)
    )["offers"]


# Characters of compact JSON per token: 2.75 to 2.85 measured with o200k_base on these replies.
PER_TOKEN = 2.7


@pytest.mark.parametrize("arguments", [{}, {"gpu_name": "4090"}, {"gpu_name": "a100"}])
async def test_ten_offers_fit_into_1000_tokens(search: Search, arguments: Row) -> None:
    """The API's own rows would be some 8,600."""
    result = await search(**arguments)
    assert len(result["offers"]) == 10
    characters = len(json.dumps(result, separators=(",", ":"), ensure_ascii=False))
    assert characters / PER_TOKEN <= 1_000


def test_the_schema_of_the_arguments_stays_small_and_says_its_bounds_in_words() -> None:
    """2,750 characters are enough; some hosts strip default, minimum and maximum
    (docs/hosts.md).
    """
    schema = input_schema(SPEC)
    assert len(json.dumps(schema, separators=(",", ":"), ensure_ascii=False)) <= 2750
    assert "$ref" not in json.dumps(schema)
    for name, prop in schema["properties"].items():
        if "default" in prop:
            assert "efault" in prop["description"], name
    assert "1 to 50" in schema["properties"]["limit"]["description"]


# ── what comes next ────────────────────────────────────────────────────────────────────────────


async def rent_first(client: Client, result: Row) -> Row:
    [step] = result["next_steps"]
    assert step["tool"] == "create_instance"
    made = await client.call_tool("create_instance", step["arguments"])
    assert not made.is_error, made.structured_content
    assert made.structured_content is not None
    return made.structured_content


async def test_the_next_step_rents_the_first_offer_and_looks_it_up_no_second_time(
    world: World, client: Client, search: Search
) -> None:
    """Arguments are ready, and what the search showed is remembered."""
    result = await search(gpu_name="4090", min_disk_gb=32)
    assert result["next_steps"][0]["arguments"] == {
        "offer_id": result["offers"][0]["offer_id"],
        "disk": 32,
    }
    made = await rent_first(client, result)
    assert made["running_usd_per_hour"] == pytest.approx(
        result["offers"][0]["usd_per_hour"], rel=0.01
    )
    assert [rental.offer_id for rental in world.rentals] == [result["offers"][0]["offer_id"]]
    assert len(world.asked("search")) == 1


async def test_the_price_that_a_search_was_held_to_holds_for_the_rental_that_it_leads_to(
    search: Search,
) -> None:
    capped = await search(gpu_name="RTX 4090", max_usd_per_hour=0.6)
    assert capped["next_steps"][0]["arguments"]["max_usd_per_hour"] == 0.6
    free = await search(gpu_name="RTX 4090")
    assert "max_usd_per_hour" not in free["next_steps"][0]["arguments"]


async def test_a_bid_search_shows_the_floor_and_its_next_step_bids_it(
    world: World, client: Client, search: Search
) -> None:
    """Without price it would be billed on demand; under the floor it is born stopped
    (docs/vast-api.md A.6).
    """
    result = await search(type="bid", gpu_name="4090", min_disk_gb=20)
    first = result["offers"][0]
    offer = world.offers[first["offer_id"]]
    assert [one.body["type"] for one in world.asked("search")] == ["bid", "on-demand"]
    assert offer["min_bid"] <= first["min_bid"] == pytest.approx(offer["min_bid"], rel=0.01)
    assert first["usd_per_hour"] == pytest.approx(
        offer["min_bid"] + offer["storage_cost"] * 20 / 720, rel=0.01
    )
    assert first["disk_usd_per_hour"] == pytest.approx(offer["storage_cost"] * 20 / 720, rel=0.01)
    assert "a higher one stops it" in result["next_steps"][0]["why"]
    assert result["next_steps"][0]["arguments"]["price"] == first["min_bid"]
    assert "Without price" in result["next_steps"][0]["why"]
    await rent_first(client, result)
    [rental] = world.living
    assert (rental.launch.is_bid, rental.intended) == (True, "running")


async def test_a_bid_is_shown_beside_the_price_on_demand_and_flagged_where_it_saves_nothing(
    world: World, search: Search
) -> None:
    """The lowest bid may lie above it (docs/vast-api.md A.6): dearer, and interruptible."""
    result = await search(type="bid", limit=50, min_disk_gb=20)
    assert len(world.asked("search")) == 2
    flags = set()
    for row in whole_rows(result):
        offer = world.offers[row["offer_id"]]
        disk = offer["storage_cost"] * 20 / 720
        assert row["on_demand_usd_per_hour"] >= round(offer["dph_base"] + disk, 6)
        assert row["on_demand_usd_per_hour"] == pytest.approx(offer["dph_base"] + disk, rel=0.01)
        assert row.get("bid_saves_nothing", False) == (offer["min_bid"] >= offer["dph_base"])
        flags.add(row.get("bid_saves_nothing"))
    assert flags == {True, None}


async def test_an_offer_whose_bid_saves_nothing_is_rented_on_demand_by_the_next_step(
    world: World, client: Client, search: Search
) -> None:
    """It costs no more so, and nobody takes it away."""
    for offer in world.offers.values():
        offer["min_bid"] = offer["dph_base"] * 1.01
    result = await search(type="bid", gpu_name="4090", max_usd_per_hour=3)
    [step] = result["next_steps"]
    assert "price" not in step["arguments"]
    assert "on demand, which costs no more" in step["why"]
    made = await rent_first(client, result)
    assert made["usd_per_hour"] <= result["offers"][0]["usd_per_hour"]
    assert [rental.launch.is_bid for rental in world.living] == [False]


@pytest.mark.parametrize("fault", ["html503", "too_many_quota", "drop"])
async def test_where_the_price_on_demand_cannot_be_looked_up_bids_are_shown_without_it(
    world: World, search: Search, fault: str
) -> None:
    """The look costs the search nothing, and is said once."""
    world.faults.add("search", fault, times=None, skip=1)
    result = await search(type="bid", gpu_name="4090")
    assert len(result["offers"]) == 10
    assert not [row for row in whole_rows(result) if "on_demand_usd_per_hour" in row]
    [warning] = result["warnings"]
    assert warning.startswith("What these offers cost on demand could not be looked up")
    assert "price" in result["next_steps"][0]["arguments"]


async def test_a_search_that_is_none_for_bids_looks_at_one_market(
    world: World, search: Search
) -> None:
    """A day has its quota of rows (docs/vast-api.md H)."""
    for market in ("on-demand", "reserved"):
        result = await search(type=market)
        assert not [row for row in whole_rows(result) if "on_demand_usd_per_hour" in row]
    assert len(world.asked("search")) == 2


async def test_a_bid_search_measures_the_ceiling_against_the_bid(search: Search) -> None:
    """max_usd_per_hour is what would be paid."""
    on_demand = (await search(gpu_name="4090", num_gpus=1))["offers"][0]["usd_per_hour"]
    result = await search(gpu_name="4090", num_gpus=1, max_usd_per_hour=on_demand * 0.6, type="bid")
    assert result["offers"]
    assert not (await search(gpu_name="4090", num_gpus=1, max_usd_per_hour=on_demand * 0.6))[
        "offers"
    ]


async def test_a_vm_search_leads_to_a_vm(world: World, client: Client, search: Search) -> None:
    """The image needs its registry host, or Vast makes a container (docs/vast-api.md A.5)."""
    world.set_keys(
        ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0d test"]
    )
    await rent_first(client, await search(vm=True))
    assert [rental.kind for rental in world.living] == ["vm"]


# ── nothing found ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "to_blame"),
    [
        ({"gpu_name": "h100", "max_usd_per_hour": 0.5}, "max_usd_per_hour"),
        ({"gpu_name": "4090", "max_usd_per_hour": 0.05, "min_disk_gb": 100}, "max_usd_per_hour"),
        ({"min_gpu_ram_gb": 80, "max_usd_per_hour": 0.3}, "max_usd_per_hour"),
        ({"gpu_name": "4090", "geolocation": "IS"}, "geolocation"),
        ({"gpu_name": "4090", "min_reliability": 1}, "min_reliability"),
        ({"gpu_name": "4090", "num_gpus": 3}, "num_gpus"),
        ({"gpu_name": "4090", "num_gpus": 8, "vm": True}, "vm"),
        ({"gpu_name": "4090", "min_disk_gb": 5000}, "min_disk_gb"),
        ({"gpu_name": "4090", "min_cuda": 99}, "min_cuda"),
        ({"min_compute_cap": 15}, "min_compute_cap"),
        ({"gpu_name": "4090", "min_compute_cap": 15, "min_cuda": 11}, "min_compute_cap"),
        ({"gpu_name": "4090", "min_inet_down_mbps": 99_999}, "min_inet_down_mbps"),
        ({"min_cpu_ram_gb": 9_000}, "min_cpu_ram_gb"),
        ({"gpu_name": "4090", "num_gpus": 1, "max_usd_per_tb": 0.1}, "max_usd_per_tb"),
        ({"max_usd_per_tb": 0.1}, "max_usd_per_tb"),
        ({"gpu_name": "4090", "min_direct_ports": 9999}, "min_direct_ports"),
        ({"gpu_name": "4090", "min_hours": 99999}, "min_hours"),
        ({"min_gpu_ram_gb": 500}, "min_gpu_ram_gb"),
        ({"num_gpus": 64}, "num_gpus"),
        ({"max_usd_per_hour": 0.001}, "max_usd_per_hour"),
        ({"gpu_name": "4090", "filters": {"cpu_ram": {"gt": 9_000_000}}}, "filters.cpu_ram"),
        ({"gpu_name": "4090", "filters": {"machine_id": {"eq": 1}}}, "filters.machine_id"),
    ],
    ids=json.dumps,
)
async def test_when_nothing_fits_one_broader_query_tells_what_to_relax_and_doing_so_finds_it(
    world: World, search: Search, arguments: Row, to_blame: str
) -> None:
    """At most one broader query, and from its rows which filter to relax."""
    result = await search(**arguments)
    assert result["offers"] == []
    assert len(world.asked("search")) == 2
    assert to_blame in [change["argument"] for change in result["relax"]]
    for change, step in zip(result["relax"], result["next_steps"], strict=False):
        assert step["tool"] == "search_offers"
        again = await search(**{**step["arguments"], "limit": 50})
        assert len(again["offers"]) >= change["offers"] > 0


async def test_the_relaxed_price_is_that_of_the_cheapest(world: World, search: Search) -> None:
    """The nearest value, not any value."""
    result = await search(gpu_name="4090", num_gpus=1, max_usd_per_hour=0.05)
    [change] = [change for change in result["relax"] if change["argument"] == "max_usd_per_hour"]
    cheapest = (await search(gpu_name="4090", num_gpus=1))["offers"][0]["usd_per_hour"]
    assert change["to"] == cheapest


async def test_raising_the_price_is_the_last_proposal(search: Search) -> None:
    """What costs nothing comes first."""
    cheapest = (await search(gpu_name="4090"))["offers"][0]
    result = await search(
        gpu_name="4090", max_usd_per_hour=cheapest["usd_per_hour"], min_reliability=0.98
    )
    assert [change["argument"] for change in result["relax"]] == [
        "min_reliability",
        "max_usd_per_hour",
    ]


async def test_a_lone_wish_is_answered_with_the_nearest_there_is_at_all(
    world: World, search: Search
) -> None:
    """64 rows must be the telling ones, here those with the most memory."""
    result = await search(min_gpu_ram_gb=500)
    assert sent(world)["order"] == [["gpu_ram", "desc"]]
    assert result["relax"][0]["to"] == max(
        round(row["gpu_ram"] / 1024) for row in world.offers.values()
    )


async def test_a_gpu_that_nobody_offers_leads_to_its_likes(world: World, search: Search) -> None:
    """Where gpu_name is the only wish, it is what to change."""
    for offer in world.offers.values():
        if offer["gpu_name"] == "RTX 4090":
            world.take(offer["id"])
    result = await search(gpu_name="4090")
    [change] = result["relax"]
    assert change["argument"] == "gpu_name"
    assert "RTX 4090" not in change["to"]
    assert (await search(**result["next_steps"][0]["arguments"]))["offers"]


async def test_a_gpu_that_nobody_offers_is_said_to_be_what_is_missing(
    world: World, search: Search
) -> None:
    """With other wishes given, those stay and the GPU goes."""
    for offer in world.offers.values():
        if offer["gpu_name"] == "H200":
            world.take(offer["id"])
    result = await search(gpu_name="h200", max_usd_per_hour=3, num_gpus=1)
    assert "relax" not in result
    assert result["warnings"] == [
        "Vast lists nothing of the kind by this gpu_name now, whatever the other filters."
    ]
    assert result["next_steps"][0]["arguments"] == {"max_usd_per_hour": 3, "num_gpus": 1}


async def test_when_no_single_filter_is_to_blame_it_says_so(search: Search) -> None:
    """Two impossible wishes have no single cure."""
    result = await search(gpu_name="4090", max_usd_per_hour=0.01, geolocation="IS")
    assert "relax" not in result
    assert result["warnings"] == [
        "No single filter is to blame: only several changes together find something."
    ]
    assert result["next_steps"][0]["arguments"] == {"gpu_name": ["4090"]}


async def test_a_failing_broader_query_leaves_an_empty_result_and_not_an_error(
    world: World, search: Search
) -> None:
    """The first answer stands."""
    world.faults.add("search", "html503", times=None, skip=1)
    result = await search(gpu_name="4090", max_usd_per_hour=0.01)
    assert result["offers"] == []
    assert result["warnings"] == [
        "Nothing fits; what would could not be looked up (vast_unavailable)."
    ]


async def test_what_only_vast_can_judge_stays_in_the_broader_query(
    world: World, search: Search
) -> None:
    """From rows that do not show a fact nothing can be learnt about it."""
    result = await search(gpu_name="4090", max_usd_per_hour=0.01, filters={"cpu_ghz": {"gte": 2.5}})
    assert sent(world)["cpu_ghz"] == {"gte": 2.5}
    assert "dph_total" not in sent(world)
    assert [change["argument"] for change in result["relax"]] == ["max_usd_per_hour"]


async def test_a_bound_on_a_text_that_finds_nothing_is_left_out_and_no_defect(
    search: Search,
) -> None:
    """A text has an order (docs/vast-api.md B.2), and no nearest value to move a bound onto."""
    result = await search(filters={"gpu_name": {"gte": "ZZZ"}})
    assert result["offers"] == []
    assert [(change["argument"], change.get("to")) for change in result["relax"]] == [
        ("filters.gpu_name", None)
    ]


async def test_a_lone_filter_orders_the_broader_search_by_its_own_field(
    world: World, search: Search
) -> None:
    """Vast answers with 64 rows, so the rows nearest to the bound come first."""
    await search(min_cuda=99.0)
    assert world.asked("search")[-1].body["order"] == [["cuda_max_good", "desc"]]


async def test_rows_that_slipped_through_count_as_nothing_found(
    still: World, settings: Settings
) -> None:
    """Numeric filters leak (docs/vast-api.md B.2)."""
    still.leaky_filters = True
    async with served(still, settings, [SPEC]) as client:
        result = (
            await client.call_tool("search_offers", {"max_usd_per_hour": 0.001})
        ).structured_content
    assert result is not None
    assert result["offers"] == []
    assert result["relax"][0]["argument"] == "max_usd_per_hour"


def test_it_only_reads() -> None:
    """Read tools say so (docs/hosts.md)."""
    assert (SPEC.read_only, SPEC.destructive, SPEC.idempotent, SPEC.open_world) == (
        True,
        False,
        True,
        True,
    )
