"""Names of GPUs as others write them (docs/vast-api.md B.5): the card, its memory and how many of
it are a filter each, and what means nothing or several cards is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from case import ABSENT, Case, Legal, Seen, Want, answered, first_searched, refused, warned
from house import whole_rows
from vast_mcp.sandbox.world import World

LISTED = [
    "A10", "A100 PCIE", "A100 SXM4", "A100X", "A10g", "B300", "GeForce 970", "GH200 SXM",
    "GTX 1660 S",
    "H100 NVL", "H100 PCIE", "H100 SXM", "H200", "InstinctMI100", "L40", "L40S", "Q RTX 6000",
    "Q RTX 8000", "RTX 3090", "RTX 4070", "RTX 4070 Ti", "RTX 4070 laptop", "RTX 4070S Ti",
    "RTX 4080", "RTX 4080S", "RTX 4090", "RTX 4090D", "RTX 5000Ada", "RTX 6000Ada", "RTX A5000",
    "RTX A6000", "RTX PRO 6000 Max-Q", "RTX PRO 6000 S", "RTX PRO 6000 WS", "Tesla T4",
    "Tesla V100", "Titan V",
]  # fmt: skip


def board(world: World) -> None:
    """Vast lists these names."""
    world.faults.add("gpu_names", "status", times=None, status=200, body={"gpu_names": LISTED})


def half_of_them(name: str, mib: int) -> Callable[[World], None]:
    """Half of the cards of this name have another memory."""

    def change(world: World) -> None:
        board(world)
        rows = [row for row in world.offers.values() if row["gpu_name"].startswith(name)]
        for row in rows[::4] + rows[1::4]:
            row.update(gpu_ram=mib, gpu_total_ram=mib * row["num_gpus"])

    return change


def shown(holds: Callable[[list[Any]], bool], *fields: str) -> Want:
    """Something was found, and these fields of all offers."""

    def check(seen: Seen) -> None:
        assert seen.answer.get("offers"), seen.answer
        for one in fields:
            assert holds([offer.get(one) for offer in whole_rows(seen.answer)]), seen.answer

    return check


def means(spelling: Any, *names: str, **more: Any) -> Case:
    """This spelling is searched as these names of Vast's."""
    asked = {"eq": names[0]} if len(names) == 1 else {"in": list(names)}
    given = {"gpu_name": spelling}
    return Case(
        f"means {spelling}", "search_offers", given, first_searched(gpu_name=asked, **more), board
    )


def still_means(spelling: Any, *names: str) -> Legal:
    """This spelling was always searched as these names."""
    case = means(spelling, *names)
    return Legal(case.name, case.tool, case.given, case.want, case.world)


def means_nothing(spelling: Any, *says: str, never: str = "nearest") -> Case:
    """This spelling is refused, saying so, before a search."""
    want = (refused("gpu_name", *says, never=never), _not_searched)
    return Case(f"no card: {spelling}", "search_offers", {"gpu_name": spelling}, want, board)


def _not_searched(seen: Seen) -> None:
    assert "search" not in [one.endpoint for one in seen.sent]


def memory(gb: int) -> Want:
    """Every row found has this memory."""
    return shown(lambda sizes: all(abs(one - gb) <= 3 for one in sizes), "gpu_ram_gb")


def told_with(words: str) -> Want:
    """The answer says the memory beside the names."""
    return answered(gpu_names_searched=lambda told: all(words in one for one in told))


def _pairs(*pairs: tuple[str, int]) -> Want:
    def check(seen: Seen) -> None:
        found = {(one["gpu_name"], one["gpu_ram_gb"]) for one in whole_rows(seen.answer)}
        assert found
        assert found <= set(pairs), found

    return check


A100_40 = half_of_them("A100", 40960)
V100_16 = half_of_them("Tesla V100", 16384)

ROWS: list[Case] = [
    # nvidia-smi
    means("NVIDIA H100 80GB HBM3", "H100 SXM"),
    means("NVIDIA A100-SXM4-80GB", "A100 SXM4"),
    means("NVIDIA A100 80GB PCIe", "A100 PCIE"),
    means("NVIDIA GH200 480GB", "GH200 SXM", gpu_ram=ABSENT),
    means("Tesla V100-SXM2-32GB", "Tesla V100"),
    means("NVIDIA B300 SXM6 AC", "B300"),
    means("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "RTX PRO 6000 WS"),
    means("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000 S"),
    means("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "RTX PRO 6000 Max-Q"),
    means("NVIDIA RTX 6000 Ada Generation", "RTX 6000Ada"),
    means("NVIDIA GeForce RTX 4070 Laptop GPU", "RTX 4070 laptop"),
    means("NVIDIA GeForce GTX 970", "GeForce 970"),
    still_means("AMD Instinct MI100", "InstinctMI100"),
    # SkyPilot, dstack, catalogues
    still_means("RTX4070STi", "RTX 4070S Ti"),
    still_means("RTX4090D", "RTX 4090D"),
    still_means("RTX6000-Ada", "RTX 6000Ada"),
    means("QRTX6000", "Q RTX 6000"),
    still_means("RTXPRO6000Max-Q", "RTX PRO 6000 Max-Q"),
    still_means("nvidia-tesla-t4", "Tesla T4"),
    means("RTX_A6000_48GB", "RTX A6000"),
    means("geforcertx4090-pcie-24gb", "RTX 4090"),
    means("RTX 4070 laptop GPU", "RTX 4070 laptop"),
    still_means("A100X", "A100X"),
    still_means("GeForce 4090", "RTX 4090"),
    still_means("Quadro RTX A6000", "RTX A6000"),
    means("NVIDIA-H100-80GB-HBM3", "H100 SXM"),
    means("H100 PCIe 80 GB", "H100 PCIE"),
    means("Tesla V100-FHHL-16GB", "Tesla V100"),
    means("H200 SXM", "H200"),
    means("AMD Radeon Instinct MI100", "InstinctMI100"),
    means("TITAN V 12GB", "Titan V"),
    means("A100", "A100 PCIE", "A100 SXM4", "A100X"),
    means("\uff32\uff34\uff38\uff14\uff10\uff19\uff10", "RTX 4090"),
    means("[RTX_4090, RTX_3090]", "RTX 4090", "RTX 3090"),
    # memory in the name is a filter
    *(
        Case(
            f"memory: {name}",
            "search_offers",
            {"gpu_name": name, "limit": 50},
            (memory(gb), told_with(f"{gb}GB")),
            world,
        )
        for name, gb, world in [
            ("A100 40GB", 40, A100_40),
            ("A100-80GB", 80, A100_40),
            ("NVIDIA A100-SXM4-40GB", 40, A100_40),
            ("a100_pcie_80gb", 80, A100_40),
            ("V100 32 GB", 32, V100_16),
            ("Tesla V100-SXM2-16GB", 16, V100_16),
            ("RTX 3090 24GB", 24, board),
        ]
    ),
    Case(
        "each of several names keeps its own memory",
        "search_offers",
        {"gpu_name": ["A100 40GB", "V100 32GB"], "limit": 50},
        _pairs(("A100 PCIE", 40), ("A100 SXM4", 40), ("Tesla V100", 32)),
        half_of_them("A100", 40960),
    ),
    Case(
        "a memory beside a name without one",
        "search_offers",
        {"gpu_name": ["A100 40GB", "H200"], "limit": 50},
        (
            _pairs(("A100 PCIE", 40), ("A100 SXM4", 40), ("H200", 140)),
            first_searched(gpu_name={"in": ["A100 PCIE", "A100 SXM4", "A100X", "H200"]}),
        ),
        half_of_them("A100", 40960),
    ),
    Case(
        "a memory and a floor under it",
        "search_offers",
        {"gpu_name": "A100-80GB", "min_gpu_ram_gb": 80},
        memory(80),
        A100_40,
    ),
    Case(
        "a memory that nobody offers is what to loosen",
        "search_offers",
        {"gpu_name": "8xA100-40GB"},
        answered(
            relax=lambda told: set(told[0]["to"]) == {"A100 PCIE", "A100 SXM4"},
            next_steps=lambda steps: steps[0]["arguments"]["num_gpus"] == 8,
        ),
        board,
    ),
    Case(
        "Vast's list of names cannot be read",
        "search_offers",
        {"gpu_name": "2x NVIDIA A100-SXM4-80GB"},
        (
            first_searched(gpu_name={"eq": "A100 SXM4"}, num_gpus={"eq": 2}),
            warned("could not be read"),
        ),
        lambda world: world.faults.add("gpu_names", "html503", times=None),
    ),
    # how many, in the name
    *(
        Case(
            f"how many: {name}",
            "search_offers",
            {"gpu_name": name},
            first_searched(num_gpus={"eq": count}),
            board,
        )
        for name, count in [("A100:8", 8), ("8xA100", 8), ("2x RTX 4090", 2), ("L40S x4", 4)]
    ),
    Case(
        "how many, said twice alike",
        "search_offers",
        {"gpu_name": "4 x A100-80GB", "num_gpus": 4},
        first_searched(num_gpus={"eq": 4}),
        board,
    ),
    Case(
        "how many, said twice and not alike",
        "search_offers",
        {"gpu_name": "8xA100", "num_gpus": 4},
        (refused("num_gpus", "gpu_name says 8"), _not_searched),
        board,
    ),
    Case(
        "different numbers of several cards",
        "search_offers",
        {"gpu_name": ["8xA100", "4xH100"]},
        (refused("gpu_name", "num_gpus"), _not_searched),
        board,
    ),
    Case(
        "how many, said in filters too",
        "search_offers",
        {"gpu_name": "8xA100", "filters": {"num_gpus": {"gte": 4}}},
        refused("filters.num_gpus", "given twice"),
        board,
    ),
    # several cards, or none
    means_nothing("RTX 6000", "Q RTX 6000", "RTX 6000Ada", "RTX A6000", "RTX PRO 6000 WS"),
    means_nothing("RTX6000", "several cards"),
    means_nothing("6000", "several cards"),
    means_nothing("RTX 5000", "RTX 5000Ada", "RTX A5000"),
    means_nothing("any", "leave gpu_name out"),
    means_nothing("nvidia", "leave gpu_name out", "gpu_arch"),
    means_nothing("GPU", "leave gpu_name out"),
    means_nothing("g5.xlarge", "type of machine"),
    means_nothing("gpu_1x_a100", "type of machine"),
    means_nothing("Standard_NC24ads_A100_v4", "type of machine"),
    means_nothing("H800", "knows no such GPU"),
    means_nothing("5990", "knows no such GPU"),
    means_nothing("RTX 4900", "knows no such GPU"),
    means_nothing("RTX 4080 Ti", "nearest: RTX 4080, RTX 4080S", never="4090"),
    means_nothing("MI300X", "min_gpu_ram_gb", never="MI100"),
    means_nothing("B100", "knows no such GPU"),
    means_nothing("RTX PRO 2000", "knows no such GPU", never="several cards"),
    # an edition in other letters (super, a laptop's) is not left out
    means_nothing("RTX 4080 \u0441\u0443\u043f\u0435\u0440", "nearest: RTX 4080", never="4090"),
    means_nothing("4090 \u7b14\u8bb0\u672c", "nearest: RTX 4090", never="4080"),
    means_nothing("RTX 4090 Super", "nearest: RTX 4090", never="4080"),
    # what was understood stays so
    still_means("RTX_4090", "RTX 4090"),
    Legal(
        "a name alone filters no memory",
        "search_offers",
        {"gpu_name": "A100 SXM4"},
        first_searched(gpu_name={"eq": "A100 SXM4"}, gpu_ram=ABSENT, num_gpus=ABSENT),
        board,
    ),
    Legal(
        "a workstation card by its generation",
        "search_offers",
        {"gpu_name": "RTX 5000 Ada"},
        first_searched(gpu_name={"eq": "RTX 5000Ada"}),
        board,
    ),
    Legal(
        "numbers of a name beside num_gpus",
        "search_offers",
        {"gpu_name": "RTX A5000", "num_gpus": 4},
        first_searched(gpu_name={"eq": "RTX A5000"}, num_gpus={"eq": 4}),
        board,
    ),
    Legal(
        "the nearest of an edition",
        "search_offers",
        {"gpu_name": "RTX 4080 Super"},
        first_searched(gpu_name={"eq": "RTX 4080S"}),
        board,
    ),
]
