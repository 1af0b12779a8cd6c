"""Names of GPUs as Vast has them and as others write them: which card is meant, and never another.

No server is asked: `matches` and `resolve` are pure. The same over MCP is in
tests/cases/rows_gpus.py.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from house import so_many
from vast_mcp import errors
from vast_mcp.offers.gpu_matching import matches
from vast_mcp.offers.gpu_names import resolve
from vast_mcp.offers.gpu_words import read

# Vast's own names (docs/vast-api.md B.5).
VAST = """
A10, A10g, A16, A30, A40, A100 PCIE, A100 SXM4, A100 SXM, A100X, A800 PCIE, B200, GH200 SXM,
H100 PCIE, H100 SXM, H100 NVL, H200, H200 NVL, L4, L40, L40S, Tesla K20c, Tesla K80, Tesla
M40, Tesla P4, Tesla P6, Tesla P40, Tesla P100, Tesla T4, Tesla V100, GeForce 970, GTX 750
Ti, GTX 1050, GTX 1050 Ti, GTX 1060, GTX 1070, GTX 1070 Ti, GTX 1080, GTX 1080 Ti, GTX 1650,
GTX 1650 S, GTX 1650 Ti, GTX 1660, GTX 1660 S, GTX 1660 Ti, GTX TITAN X, RTX 2060, RTX
2060S, RTX 2070, RTX 2070S, RTX 2080, RTX 2080S, RTX 2080 Ti, RTX 3050, RTX 3060, RTX 3060
laptop, RTX 3060 Ti, RTX 3070, RTX 3070 laptop, RTX 3070 Ti, RTX 3080, RTX 3080 Ti, RTX
3090, RTX 3090 Ti, RTX 4060, RTX 4060 laptop, RTX 4060 Ti, RTX 4070, RTX 4070 laptop, RTX
4070S, RTX 4070S Ti, RTX 4070 Ti, RTX 4080, RTX 4080 laptop, RTX 4080S, RTX 4090, RTX 4090D,
RTX 4090 Ti, RTX 5060, RTX 5060 Ti, RTX 5070, RTX 5070 Ti, RTX 5080, RTX 5090, RTX 5090 Ti,
Titan RTX, Titan V, TITAN V CEO, Titan X, Titan Xp, Quadro K620, Quadro K2200, Quadro P2000,
Quadro P4000, Quadro P5000, Quadro P6000, Quadro GP100, Quadro GV100, Q RTX 4000, Q RTX
5000, Q RTX 6000, Q RTX 8000, RTX A2000, RTX A4000, RTX A4500, RTX A5000, RTX A6000, RTX
2000Ada, RTX 4000Ada, RTX 4500Ada, RTX 5000Ada, RTX 5880Ada, RTX 6000Ada, RTX PRO 4000, RTX
PRO 4000 Mobile, RTX PRO 4500, RTX PRO 5000, RTX PRO 6000, RTX PRO 6000 S, RTX PRO 6000 WS,
RTX PRO 6000 Max-Q, CMP 50HX, CMP 170HX, P104-100, P106-100, InstinctMI50, InstinctMI100,
InstinctMI210, InstinctMI250X, PRO W6800, PRO W7800, PRO W7900, Pro V620, Radeon VII, Radeon
Pro VII, RX 6800, RX 6800 XT, RX 6900 XT, RX 6950 XT, RX 7600, RX 7700 XT, RX 7800 XT, RX
7900 GRE, RX 7900 XT, RX 7900 XTX, B300, GB10
""".replace("\n", " ").split(", ")
VAST = [name.strip() for name in VAST]

# Vast's name, and every spelling of B.5 that means it alone.
MEANT_ALONE = [
    ("RTX 4090", "NVIDIA GeForce RTX 4090", "RTX4090", "rtx-4090", "4090", "GeForce 4090"),
    ("RTX 4090D", "NVIDIA GeForce RTX 4090 D", "RTX4090D", "4090d", "RTX_4090_D"),
    ("RTX 4080S", "NVIDIA GeForce RTX 4080 SUPER", "RTX4080S", "4080 super", "RTX 4080-Super"),
    ("RTX 4070S Ti", "NVIDIA GeForce RTX 4070 Ti SUPER", "RTX4070STi", "4070 Super Ti"),
    ("RTX 4070S Ti", "RTX4070TiSuper", "4070 tis"),
    ("RTX 4070 Ti", "NVIDIA GeForce RTX 4070 Ti", "RTX4070Ti"),
    ("RTX 4070", "NVIDIA GeForce RTX 4070", "RTX4070"),
    ("RTX 3090 Ti", "NVIDIA GeForce RTX 3090 Ti", "RTX3090Ti", "3090ti"),
    ("GTX 1660 S", "NVIDIA GeForce GTX 1660 SUPER", "GTX1660S", "1660 Super"),
    ("RTX 4070 laptop", "NVIDIA GeForce RTX 4070 Laptop GPU", "RTX4070laptop", "4070 Mobile"),
    ("GeForce 970", "NVIDIA GeForce GTX 970", "GTX 970", "970"),
    ("A100 SXM4", "NVIDIA A100-SXM4-40GB", "NVIDIA A100-SXM4-80GB", "A100 (40 GB SXM4)"),
    ("A100 PCIE", "NVIDIA A100-PCIE-40GB", "NVIDIA A100 80GB PCIe", "A100-80GB-PCIe"),
    ("A100X", "NVIDIA A100X"),
    ("A800 PCIE", "NVIDIA A800 80GB PCIe", "A800", "A800PCIE"),
    ("A10g", "NVIDIA A10G", "A10G"),
    ("A10", "NVIDIA A10", "A10"),
    ("H100 SXM", "NVIDIA H100 80GB HBM3", "H100-SXM", "H100 SXM5", "NVIDIA-H100-80GB-HBM3"),
    ("H100 PCIE", "NVIDIA H100 PCIe", "H100 PCIe 80 GB"),
    ("H100 NVL", "NVIDIA H100 NVL", "H100NVL"),
    ("H200 NVL", "NVIDIA H200 NVL", "H200NVL"),
    ("H200", "NVIDIA H200", "H200", "H200 SXM", "H200-141GB"),
    ("GH200 SXM", "NVIDIA GH200 480GB", "GH200", "GH200SXM"),
    ("B200", "NVIDIA B200", "B200"),
    ("B300", "NVIDIA B300 SXM6 AC", "B300"),
    ("GB10", "NVIDIA GB10", "GB10"),
    ("L40", "NVIDIA L40", "l40"),
    ("L40S", "NVIDIA L40S", "l40s", "L40-S", "NVIDIA L40S 48GB"),
    ("RTX 6000Ada", "NVIDIA RTX 6000 Ada Generation", "RTX6000-Ada", "RTX6000Ada", "6000 Ada"),
    ("RTX A6000", "NVIDIA RTX A6000", "RTXA6000", "A6000", "Quadro RTX A6000", "RTX_A6000_48GB"),
    ("Q RTX 6000", "Quadro RTX 6000", "QRTX6000", "NVIDIA Quadro RTX 6000"),
    ("Q RTX 8000", "Quadro RTX 8000", "RTX8000", "QRTX8000", "RTX 8000"),
    ("Quadro P4000", "NVIDIA Quadro P4000", "P4000"),
    ("Tesla V100", "Tesla V100-SXM2-16GB", "Tesla V100-SXM2-32GB", "V100-PCIE-16GB", "V100"),
    ("Tesla V100", "NVIDIA V100", "nvidia-tesla-v100", "Tesla V100-SXM3-32GB"),
    ("Tesla T4", "Tesla T4", "T4", "NVIDIA-Tesla-T4", "nvidia t4"),
    ("Tesla P40", "Tesla P40", "TeslaP40", "P40"),
    ("Tesla P4", "Tesla P4", "P4"),
    (
        "RTX PRO 6000 WS",
        "NVIDIA RTX PRO 6000 Blackwell Workstation Edition",
        "RTXPRO6000WS",
        "PRO 6000 WS",
    ),
    ("RTX PRO 6000 S", "NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTXPRO6000S"),
    (
        "RTX PRO 6000 Max-Q",
        "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition",
        "RTXPRO6000Max-Q",
        "RTX PRO 6000 MaxQ",
    ),
    ("RTX PRO 4500", "NVIDIA RTX PRO 4500 Blackwell"),
    ("Titan V", "NVIDIA TITAN V", "TitanV"),
    ("Titan Xp", "NVIDIA TITAN Xp"),
    ("Titan X", "NVIDIA TITAN X (Pascal)"),
    ("GTX TITAN X", "NVIDIA GeForce GTX TITAN X"),
    ("GTX TITAN X", "Titan X (Maxwell)"),
    ("Titan RTX", "NVIDIA TITAN RTX", "RTX Titan"),
    ("InstinctMI100", "AMD Instinct MI100", "MI100"),
    ("InstinctMI250X", "AMD Instinct MI250X", "MI250X"),
    ("RX 7900 XTX", "AMD Radeon RX 7900 XTX", "7900 xtx"),
    ("PRO W7900", "AMD Radeon PRO W7900", "W7900"),
]

# A bare word, and all the forms that it means.
FORMS = [
    ("A100", ["A100 PCIE", "A100 SXM4", "A100 SXM", "A100X"]),
    ("nvidia-tesla-a100", ["A100 PCIE", "A100 SXM4", "A100 SXM", "A100X"]),
    ("A100-80GB-SXM", ["A100 SXM4", "A100 SXM"]),
    ("H100", ["H100 PCIE", "H100 SXM", "H100 NVL"]),
    ("nvidia-h100-80gb", ["H100 PCIE", "H100 SXM", "H100 NVL"]),
]

# What names no card of the list, or more than one card.
MEANT_BY_NOBODY = [
    "any", "gpu", "nvidia", "AMD", "rtx", "geforce rtx", "80GB", "Ada", "H800", "B100", "GB200",
    "5990", "RTX 4900", "RTX 409", "MI250", "MI300X", "V100S", "A10s", "L40 Super", "T40",
    "RTX 6000", "rtx6000", "6000", "RTX 5000", "RTX 4000", "RTX 2000", "Quadro 6000", "TITAN",
    "GTX 4090", "RTX 1080", "RX 4090", "RTX 4090 Super", "4090s", "RTX 4080 server", "4070M",
    "RTX 4090 Laptop GPU", "RTX 3080 Max-Q", "NVIDIA RTX A2000 Laptop GPU", "RTX 4090 please",
    "NVIDIA RTX 4000 SFF Ada Generation", "RTX A6000 Ada", "H200 PCIe", "H100 SXM NVL", "P106",
    "NVIDIA A100-SXM4-40GB MIG 1g.5gb", "A100-SXM4-80GB-MIG-1g.10gb", "A100 SXM4 PCIE",
    "g5.xlarge", "p4d.24xlarge", "gpu_1x_a100", "gpu_8x_h100_sxm5", "Standard_NC24ads_A100_v4",
    "a2-highgpu-1g", "gpu-h100x8-640gb", "BM.GPU.A100-v2.8", "1A100.22V", "NC6s_v3",
    "n1-standard-4",
]  # fmt: skip


def _spellings(name: str) -> list[str]:
    cases = [name, name.lower(), name.upper()]
    return [one.replace(" ", mark) for one in cases for mark in (" ", "_", "-", "")]


@pytest.mark.parametrize("name", VAST)
def test_a_name_of_vasts_own_means_itself_alone_however_it_is_written(name: str) -> None:
    """Case, underscores, hyphens or no blanks; and no maker's name before it adds one."""
    assert {spelling: matches(spelling, VAST) for spelling in _spellings(name)} == {
        spelling: [name] for spelling in _spellings(name)
    }


@pytest.mark.parametrize(
    ("name", "spelling"), [(name, one) for name, *others in MEANT_ALONE for one in others]
)
def test_a_spelling_of_others_means_exactly_one_name(name: str, spelling: str) -> None:
    """nvidia-smi, SkyPilot, dstack, catalogues and people (docs/vast-api.md B.5)."""
    assert [name] == matches(spelling, VAST)


@pytest.mark.parametrize(("spelling", "names"), FORMS)
def test_a_bare_word_means_all_forms_of_its_card(spelling: str, names: list[str]) -> None:
    """Memory and price tell them apart, and the answer says which were searched."""
    assert names == matches(spelling, VAST)


@pytest.mark.parametrize("spelling", MEANT_BY_NOBODY)
def test_what_names_no_card_or_several_is_not_guessed(spelling: str) -> None:
    """Another card costs another price, and does other work."""
    assert matches(spelling, VAST) == []


def test_a_number_that_several_cards_share_is_refused_naming_them() -> None:
    """SkyPilot's RTX6000 is the Quadro, people's the Ada or the PRO (docs/vast-api.md B.5)."""
    with pytest.raises(errors.BadArguments) as told:
        resolve(["RTX 6000"], VAST)
    [problem] = told.value.problems
    for name in ("Q RTX 6000", "RTX A6000", "RTX 6000Ada", "RTX PRO 6000 WS"):
        assert name in problem.problem


@pytest.mark.parametrize("name", VAST)
def test_no_name_means_another_edition(name: str) -> None:
    """Where the list lacks a card, what is written as that card finds none of its kin."""
    without = [one for one in VAST if one != name]
    wish = read(name)
    for spelling in _spellings(name):
        for one in matches(spelling, without):  # at most a form that was not said, or otherwise
            card = read(one)
            assert (wish.model, wish.edition - {"x"}) == (card.model, card.edition - EDITIONS), one


EDITIONS = frozenset({"x", "server", "ws"})  # that a bare name leaves open


@settings(max_examples=so_many(200))
@given(st.text(max_size=64))
def test_any_text_can_be_read(text: str) -> None:
    """A name is a caller's text; it is read or it is refused."""
    read(text)
    matches(text, VAST)


@settings(max_examples=so_many(200))
@given(
    st.sampled_from(VAST),
    st.sampled_from(["{n}x{name}", "{n}x {name}", "{name}:{n}", "{name} x{n}", "{name} ({n}x)"]),
    st.integers(1, 16),
)
def test_a_number_before_or_behind_a_name_is_how_many(name: str, form: str, n: int) -> None:
    """SkyPilot's `A100:8`, Lambda's and people's `8x A100`."""
    written = form.format(n=n, name=name)
    found = resolve([written], VAST)
    assert (found.count, [card.name for card in found.cards]) == (n, matches(name, VAST)), written


@settings(max_examples=so_many(200))
@given(
    st.sampled_from([name for name in VAST if not name.startswith("GH200")]),
    st.sampled_from(["{name} {gb}GB", "{name}-{gb}gb", "{name} {gb} GB", "{name}_{gb}G"]),
    st.sampled_from([8, 16, 24, 40, 48, 80, 96, 141]),
)
def test_a_memory_behind_a_name_is_read(name: str, form: str, gb: int) -> None:
    """A100 40 and 80 GB differ in gpu_ram alone (docs/vast-api.md B.5)."""
    found = resolve([form.format(name=name, gb=gb)], VAST)
    assert name in {card.name for card in found.cards}
    assert {card.gb for card in found.cards} == {gb}
