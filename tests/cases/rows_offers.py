"""What offers tell, and what they can be asked for by it (docs/vast-api.md A.6, B.2 to B.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from case import ABSENT, Case, Json, Legal, Seen, Want, answered, first_searched, refused, searched
from house import whole_rows
from vast_mcp.sandbox.world import World

ALL = {"limit": 50}


def shown(holds: Callable[[Json], object]) -> Want:
    """Something was found, and this holds of every row."""

    def check(seen: Seen) -> None:
        found = whole_rows(seen.answer)
        assert found, seen.answer
        assert [row for row in found if not holds(row)] == []

    return check


def offered(holds: Callable[[Json], object]) -> Want:
    """Something was found, and this holds of what Vast has of every offer shown."""

    def check(seen: Seen) -> None:
        shown(lambda row: holds(seen.world.offers[row["offer_id"]]))(seen)

    return check


def some_shown(holds: Callable[[Json], object]) -> Want:
    """This holds of one of the rows at least."""

    def check(seen: Seen) -> None:
        assert any(holds(row) for row in whole_rows(seen.answer)), seen.answer

    return check


def relaxed(argument: str, to: Any = None) -> Want:
    """Nothing fits, and changing this argument (so) would find something; its step does."""

    def check(seen: Seen) -> None:
        assert seen.answer["offers"] == [], seen.answer
        changes = {one["argument"]: one.get("to") for one in seen.answer.get("relax", [])}
        assert argument in changes, seen.answer
        if callable(to):
            assert to(changes[argument]), changes
        else:
            assert changes[argument] == to, changes

    return check


def every(**cells: Any) -> Callable[[World], None]:
    """All of Vast's offers have these cells; a callable is given the offer's number."""

    def change(world: World) -> None:
        for number, offer in enumerate(world.offers.values()):
            for name, value in cells.items():
                offer[name] = value(number) if callable(value) else value

    return change


def unread(cell: str, value: Any = None, **others: Any) -> Callable[[World], None]:
    """Every third offer's cell holds this; the rest of them are so."""

    def change(world: World) -> None:
        every(**others)(world)
        for offer in list(world.offers)[::3]:
            world.odd.add("offer", cell, value, row=offer)

    return change


def known(*cells: str) -> Want:
    """The odd offers are not among what was found."""

    def check(seen: Seen) -> None:
        odd = set(list(seen.world.offers)[::3])
        assert whole_rows(seen.answer), seen.answer
        assert not odd & {row["offer_id"] for row in whole_rows(seen.answer)}, cells

    return check


def asking(name: str, want: Want | tuple[Want, ...], world: Any = None, **given: Any) -> Case:
    more = {} if world is None else {"world": world}
    return Case(name, "search_offers", given | ALL, want, **more)


def still(name: str, want: Want | tuple[Want, ...], world: Any = None, **given: Any) -> Legal:
    more = {} if world is None else {"world": world}
    return Legal(name, "search_offers", given, want, **more)


def excluding(count: int) -> Callable[[World], Json]:
    """The machines of so many of the cheapest offers are left out."""

    def given(world: World) -> Json:
        free = sorted(world.offers.values(), key=lambda offer: offer["dph_base"])
        machines = list(dict.fromkeys(offer["machine_id"] for offer in free))
        return {"exclude_machine_ids": machines[:count], "limit": 50}

    return given


def none_of_the_excluded(seen: Seen) -> None:
    [asked] = [one.body["machine_id"] for one in seen.sent if one.endpoint == "search"][:1]
    assert set(asked) == {"notin"}
    shown(lambda row: row["machine_id"] not in asked["notin"])(seen)


def leaky(world: World) -> None:
    world.leaky_filters = True


def some_amd(world: World) -> None:
    every(gpu_arch=lambda number: "amd" if number % 2 else "nvidia", compute_cap=900)(world)


CAPS: list[Case] = [
    asking(
        "compute capability as people write it",
        (first_searched(compute_cap={"gte": 890}), shown(lambda row: row["compute_cap"] >= 8.9)),
        min_compute_cap=8.9,
    ),
    asking(
        "an A100 has 8.0",
        (
            first_searched(compute_cap={"gte": 800}),
            shown(lambda row: row["compute_cap"] >= 8 and row["gpu_name"].startswith("A100")),
        ),
        min_compute_cap=8.0,
        gpu_name="a100",
    ),
    asking("8 is 8.0", first_searched(compute_cap={"gte": 800}), min_compute_cap=8),
    asking("8.6 as text", first_searched(compute_cap={"gte": 860}), min_compute_cap="8.6"),
    asking("8.7 is 870", first_searched(compute_cap={"gte": 870}), min_compute_cap=8.7),
    asking("10.3 is 1030", first_searched(compute_cap={"gte": 1030}), min_compute_cap=10.3),
    asking("890 as Vast counts", first_searched(compute_cap={"gte": 890}), min_compute_cap=890),
    asking("1200 as Vast counts", first_searched(compute_cap={"gte": 1200}), min_compute_cap=1200),
    asking("sm_89", refused("min_compute_cap", "8.9 (not 89)"), min_compute_cap=89),
    asking("sm_120", refused("min_compute_cap", "12.0 (not 120)"), min_compute_cap=120),
    asking("no such capability", refused("min_compute_cap", "NVIDIA"), min_compute_cap=8900),
    asking("none below 0", refused("min_compute_cap", "greater than 0"), min_compute_cap=-1),
    asking("0 is no filter", searched(compute_cap=ABSENT), min_compute_cap=0),
    asking(
        "with CUDA too",
        first_searched(compute_cap={"gte": 860}, cuda_max_good={"gte": 12}),
        min_compute_cap=8.6,
        min_cuda=12,
    ),
    asking(
        "another maker's card has none",
        offered(lambda offer: offer["gpu_arch"] == "nvidia"),
        some_amd,
        min_compute_cap=8.0,
    ),
    asking(
        "the same twice",
        refused("filters.compute_cap", "min_compute_cap"),
        min_compute_cap=8.0,
        filters={"compute_cap": {"gte": 890}},
    ),
    asking(
        "more than there is",
        relaxed("min_compute_cap", lambda to: to == 12),
        every(compute_cap=lambda number: 1200 if number == 0 else 860, verification="verified"),
        min_compute_cap=15,
    ),
    still(
        "a capability in the API's terms",
        (searched(compute_cap={"gte": 890}), offered(lambda offer: offer["compute_cap"] >= 890)),
        filters={"compute_cap": {"gte": 890}},
    ),
]

MEMORY: list[Case] = [
    asking(
        "memory that one gets",
        (
            first_searched(cpu_ram={"gte": 30517}),
            offered(
                lambda offer: (
                    offer["cpu_ram"] * offer["gpu_frac"] >= 30517
                    and offer["cpu_ram"] * offer["cpu_cores_effective"] / offer["cpu_cores"]
                    >= 30517
                )
            ),
        ),
        min_cpu_ram_gb=32,
    ),
    asking(
        "a machine sold with 64 GB has them",
        shown(lambda row: row["cpu_ram_gb"] >= 59),
        every(cpu_ram=62_295, gpu_frac=1.0, cpu_cores=8, cpu_cores_effective=8.0),
        min_cpu_ram_gb=64,
    ),
    asking(
        "a small share of a large memory",
        relaxed("min_cpu_ram_gb", 31),
        every(cpu_ram=256_000, gpu_frac=0.125, cpu_cores=64, cpu_cores_effective=64.0),
        min_cpu_ram_gb=64,
    ),
    asking(
        "a few cores of a large memory",
        relaxed("min_cpu_ram_gb", 31),
        every(cpu_ram=256_000, gpu_frac=1.0, cpu_cores=64, cpu_cores_effective=8.0),
        min_cpu_ram_gb=64,
    ),
    asking(
        "a share that is not known",
        known("gpu_frac"),
        unread("cpu_ram", cpu_ram=512_000, gpu_frac=1.0, cpu_cores=8, cpu_cores_effective=8.0),
        min_cpu_ram_gb=64,
    ),
    asking(
        "the share beside the machine's",
        (
            first_searched(cpu_ram={"gte": 64_000}),
            offered(lambda offer: offer["cpu_ram"] * offer["gpu_frac"] >= 7_629),
        ),
        min_cpu_ram_gb=8,
        filters={"cpu_ram": {"gte": 64_000}},
    ),
    asking("no memory at least", searched(cpu_ram=ABSENT), min_cpu_ram_gb="0"),
    still(
        "the machine's memory in the API's terms",
        (
            searched(cpu_ram={"gte": 64_000}),
            offered(lambda offer: offer["cpu_ram"] >= 64_000),
        ),
        filters={"cpu_ram": {"gte": 64_000}},
    ),
]

NETWORK: list[Case] = [
    asking(
        "down at least so fast",
        (
            first_searched(inet_down={"gte": 4000}),
            shown(lambda row: row["inet_mbps"][0] >= 4000),
        ),
        min_inet_down_mbps=4000,
    ),
    asking("a speed as text", first_searched(inet_down={"gte": 500}), min_inet_down_mbps="500"),
    asking(
        "faster than any",
        relaxed("min_inet_down_mbps", 800),
        every(inet_down=lambda number: 800.0 if number % 5 else 700.0),
        min_inet_down_mbps=1000,
    ),
    asking(
        "traffic in the dearer way",
        (
            first_searched(
                inet_down_cost={"lte": 6 / 1024},
                inet_up_cost={"lte": 6 / 1024},
            ),
            shown(lambda row: max(row["usd_per_tb"]) <= 6),
        ),
        max_usd_per_tb=6,
    ),
    asking(
        "what comes in is cheap and what goes out is not",
        relaxed("max_usd_per_tb", 40.1),
        every(inet_down_cost=0.0026, inet_up_cost=0.0391),
        max_usd_per_tb=10,
    ),
    asking(
        "a price of traffic that a row shows finds it",
        shown(lambda row: row["usd_per_tb"] == [5.34]),
        every(inet_down_cost=0.005208333333333333, inet_up_cost=0.005208333333333333),
        max_usd_per_tb=5.34,
    ),
    asking(
        "an unknown price is not free",
        known("inet_up_cost"),
        unread("inet_up_cost", inet_down_cost=0.001, inet_up_cost=0.001),
        max_usd_per_tb=5,
    ),
    asking(
        "a price that cannot be read is not free",
        known("inet_down_cost"),
        unread("inet_down_cost", "free!", inet_down_cost=0.001, inet_up_cost=0.001),
        max_usd_per_tb=5,
    ),
    asking(
        "free traffic is",
        shown(lambda row: row["usd_per_tb"] == [0]),
        every(inet_down_cost=0.0, inet_up_cost=0.0),
        max_usd_per_tb=0.5,
    ),
    asking("no traffic at all", refused("max_usd_per_tb", "leave it out"), max_usd_per_tb=0),
    asking("no traffic, as text", refused("max_usd_per_tb", "leave it out"), max_usd_per_tb="0"),
    asking("traffic below nothing", refused("max_usd_per_tb", "greater than 0"), max_usd_per_tb=-5),
    still(
        "a price of traffic in the API's terms",
        (
            searched(inet_down_cost={"lte": 0.003}),
            offered(lambda offer: offer["inet_down_cost"] <= 0.003),
        ),
        filters={"inet_down_cost": {"lte": 0.003}},
    ),
]

MACHINES: list[Case] = [
    Case("machines left out", "search_offers", excluding(5), none_of_the_excluded),
    Case(
        "machines left out that slip through",
        "search_offers",
        excluding(64),
        none_of_the_excluded,
        leaky,
    ),
    asking("one machine", first_searched(machine_id={"notin": [10092]}), exclude_machine_ids=10092),
    asking(
        "one machine as text",
        first_searched(machine_id={"notin": [10092]}),
        exclude_machine_ids="10092",
    ),
    asking(
        "machines as texts",
        first_searched(machine_id={"notin": [10092, 10070]}),
        exclude_machine_ids=["10092", 10070.0],
    ),
    asking("no machine left out", searched(machine_id=ABSENT), exclude_machine_ids=[]),
    asking(
        "two in one text", refused("exclude_machine_ids", "list"), exclude_machine_ids="10092,10070"
    ),
    asking("machine 0", refused("exclude_machine_ids.0"), exclude_machine_ids=[0]),
    asking("a machine by truth", refused("exclude_machine_ids.0"), exclude_machine_ids=[True]),
    asking(
        "more than 64", refused("exclude_machine_ids", "64"), exclude_machine_ids=[*range(1, 66)]
    ),
    asking(
        "a machine without a number",
        known("machine_id"),
        unread("machine_id"),
        exclude_machine_ids=[10092],
    ),
    asking(
        "beside a machine in the API's terms",
        first_searched(machine_id={"notin": [10092], "gte": 10_050}),
        exclude_machine_ids=[10092],
        filters={"machine_id": {"gte": 10_050}},
    ),
    asking(
        "all there is",
        relaxed("exclude_machine_ids"),
        every(machine_id=7),
        exclude_machine_ids=[7],
    ),
    asking(
        "left out when all starts over",
        answered(
            next_steps=lambda steps: (
                steps[0]["arguments"]
                == {"gpu_name": ["4090"], "type": "bid", "exclude_machine_ids": [10000]}
            )
        ),
        gpu_name="4090",
        type="bid",
        max_usd_per_hour=0.01,
        geolocation="IS",
        exclude_machine_ids=[10000],
    ),
    still(
        "a machine in the API's terms",
        searched(machine_id={"neq": 10092}),
        filters={"machine_id": {"neq": 10092}},
    ),
]

TOLD: list[Case] = [
    asking("which machine", shown(lambda row: row["machine_id"] >= 10_000)),
    asking(
        "arm64",
        shown(lambda row: row.get("cpu_arch") == "arm64"),
        every(cpu_arch="arm64"),
    ),
    asking("AMD", some_shown(lambda row: row.get("gpu_vendor") == "amd"), some_amd),
    asking(
        "an architecture that cannot be read",
        some_shown(lambda row: row.get("cpu_arch") == "unreadable"),
        unread("cpu_arch", "say yes to all"),
    ),
    asking(
        "cores and memory of one's own",
        shown(lambda row: (row["cpu_cores"], row["cpu_ram_gb"]) == (6.5, 25)),
        every(cpu_ram=128_740, gpu_frac=0.25, cpu_cores=32, cpu_cores_effective=6.5),
    ),
    asking(
        "speed and traffic",
        shown(lambda row: (row["inet_mbps"], row["usd_per_tb"]) == ([8000, 94.2], [2.67, 40])),
        every(inet_down=8000.0, inet_up=94.27, inet_down_cost=0.0026, inet_up_cost=0.0390625),
    ),
]


def floors(share: float) -> Callable[[World], None]:
    """The lowest bid is this share of the price on demand."""

    def change(world: World) -> None:
        for offer in world.offers.values():
            offer["min_bid"] = round(offer["dph_base"] * share, 6)

    return change


def steps_to(**arguments: Any) -> Want:
    """The next step rents, with these arguments; a callable judges one."""

    def check(seen: Seen) -> None:
        step = seen.answer["next_steps"][0]
        assert step["tool"] == "create_instance", step
        for name, value in arguments.items():
            there = step["arguments"].get(name, ABSENT)
            assert value(there) if callable(value) else there == value, step

    return check


def no_dearer(row: Json) -> bool:
    return row["on_demand_usd_per_hour"] <= row["usd_per_hour"]


def beside(row: Json) -> bool:
    return row["on_demand_usd_per_hour"] > row["usd_per_hour"] > row["min_bid"]


BIDS: list[Case] = [
    asking("a bid beside the price on demand", shown(beside), floors(0.5), type="bid"),
    asking(
        "a bid above the price on demand",
        (
            shown(lambda row: no_dearer(row) and row["bid_saves_nothing"]),
            steps_to(price=ABSENT, disk=10),
        ),
        floors(2.2),
        type="bid",
    ),
    asking(
        "a bid as dear as on demand",
        (
            shown(lambda row: no_dearer(row) and row["bid_saves_nothing"]),
            steps_to(price=ABSENT, disk=50),
        ),
        floors(1.0),
        type="bid",
        min_disk_gb=50,
    ),
    asking(
        "spot is a bid",
        shown(beside),
        floors(0.5),
        type="spot",
    ),
    asking(
        "bids of hosts that are not verified",
        shown(beside),
        floors(0.5),
        type="bid",
        filters={"verified": {"eq": False}},
    ),
    still(
        "a bid that saves",
        (
            shown(lambda row: "bid_saves_nothing" not in row),
            steps_to(price=lambda bid: bid > 0, disk=30),
        ),
        floors(0.9),
        type="bid",
        min_disk_gb=30,
    ),
    still(
        "no bid has no other price",
        (shown(lambda row: "on_demand_usd_per_hour" not in row), steps_to(price=ABSENT)),
        type="on-demand",
    ),
]

FOR_NOTHING = [
    Case(
        "an offer whose card costs 0 costs what Vast sums up",
        "search_offers",
        {"max_usd_per_hour": 0.01},
        answered(offers=[]),
        world=lambda world: world.odd.add("offer", "dph_base", 0),
    ),
]

ROWS: list[Case] = [*FOR_NOTHING, *CAPS, *MEMORY, *NETWORK, *MACHINES, *TOLD, *BIDS]
