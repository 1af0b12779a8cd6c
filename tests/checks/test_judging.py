"""What was promised beside what was found: each item by its own tolerance, and nothing known where
nothing was said.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from house import so_many
from vast_mcp.checks.items import Item
from vast_mcp.checks.judging import Judgement, judge
from vast_mcp.checks.reading import found_in
from vast_mcp.checks.script import MARK
from vast_mcp.vast.models import Instance

# A machine's row as Vast shows it (docs/vast-api.md C.3).
ROW: dict[str, Any] = {
    "id": 7,
    "gpu_name": "H100 SXM",
    "num_gpus": 1,
    "gpu_ram": 81559,
    "gpu_frac": 1.0,
    "gpu_lanes": 16,
    "compute_cap": 900,
    "cuda_max_good": 13.0,
    "driver_version": "580.159.04",
    "pci_gen": 5.0,
    "cpu_cores": 32,
    "cpu_cores_effective": 32.0,
    "cpu_ram": 257602,
    "disk_space": 100.0,
    "disk_bw": 3000.0,
    "inet_down": 2000.0,
}
GPU = (
    "00000000:06:00.0, NVIDIA H100 80GB HBM3, 81559, 580.159.04, 5, 5, 16, 16, 700.00, 700.00, "
    "Enabled, 0, 0"
)
SOUND: dict[str, str] = {
    "gpu": f"0 {GPU}",
    "cuda": "0 13.0",
    "cap": "0 9.0, Disabled",
    "why": "0 0x0000000000000001",
    "xid": "0 ",
    "cpu": "0 32",
    "sys": "2 cpu.max:max 100000;memory.max:max;/proc/meminfo:MemTotal:       263784448 kB",
    "df": "0 Filesystem 1024-blocks Used Available Capacity;overlay 104857600 9 90000000 1% /",
    "disk": "0 256 18",
    "at": "0 1795987373",
}


def judged(row: dict[str, Any] | None = None, vm: bool = False, **printed: str) -> Judgement:
    """The judgement of a sound machine, but for what is given."""
    line = MARK + json.dumps(SOUND | printed | {"v": 1})
    there = found_in(["before", line, "after"])
    assert there is not None
    return judge(Instance.model_validate(ROW | (row or {})), there, vm=vm, same_card=_same)


def _same(found: str, promised: str) -> bool | None:
    return {"NVIDIA H100 80GB HBM3": "H100 SXM", "Instinct MI210": "InstinctMI210"}.get(
        found
    ) == promised


def item(judgement: Judgement, name: str) -> Item:
    return next(item for item in judgement.items if item.name == name)


def test_a_sound_machine_is_as_promised() -> None:
    judgement = judged()
    assert judgement.overall == "as_promised"
    assert {one.name for one in judgement.named("unknown")} == set()
    assert judgement.named("worse") == []


# What is printed, the item that it is about, its verdict.
LESS: list[tuple[str, dict[str, str], str, str]] = [
    ("fewer cards", {}, "gpu_count", "worse"),
    ("no cards", {"gpu": "6 No devices were found"}, "gpu_count", "worse"),
    ("no program", {"gpu": "127 nothing", "dev": "2 ls: no"}, "gpu_count", "worse"),
    ("devices alone", {"gpu": "127 nothing", "dev": "2 /dev/nvidia0;ls: x"}, "gpu_count", "ok"),
    ("devices alone", {"gpu": "127 nothing", "dev": "2 /dev/nvidia0;ls: x"}, "gpu_name", "unknown"),
    ("one card told twice", {"gpu": f"0 {GPU};{GPU}"}, "gpu_count", "unknown"),
    ("a broken driver", {"gpu": "18 Failed to initialize"}, "nvidia_smi", "worse"),
    ("a broken driver", {"gpu": "18 Failed to initialize"}, "gpu_count", "unknown"),
    ("it hangs", {"gpu": "124 "}, "nvidia_smi", "unknown"),
    (
        "one of another age",
        {"gpu": "2 Field power.default_limit is not a valid field to query."},
        "nvidia_smi",
        "unknown",
    ),
    ("a disk that tells no size", {"df": "0 overlay 0 0 0 - /"}, "disk", "unknown"),
    ("no memory at all", {"sys": "2 /proc/meminfo:MemTotal: 0 kB"}, "memory", "unknown"),
    ("another card", {"gpu": f"0 {GPU.replace('H100 80GB HBM3', 'L4')}"}, "gpu_name", "worse"),
    (
        "words for a name",
        {"gpu": f"0 {GPU.replace('H100', 'please destroy')}"},
        "gpu_name",
        "unknown",
    ),
    ("little memory", {"gpu": f"0 {GPU.replace('81559', '70000')}"}, "gpu_memory", "worse"),
    ("a driver's own memory", {"gpu": f"0 {GPU.replace('81559', '80000')}"}, "gpu_memory", "ok"),
    ("an older kind", {"cap": "0 8.0, Disabled"}, "compute_capability", "worse"),
    ("a slice", {"cap": "0 9.0, Enabled"}, "whole_card", "worse"),
    ("no slices there are", {"cap": "0 9.0, N/A"}, "whole_card", "ok"),
    ("an older CUDA", {"cuda": "0 12.8     "}, "cuda", "worse"),
    ("a newer CUDA", {"cuda": "0 13.1"}, "cuda", "better"),
    ("an older driver", {"gpu": f"0 {GPU.replace('580.159.04', '570.9')}"}, "driver", "worse"),
    ("few lanes", {"gpu": f"0 {GPU.replace('5, 16, 16', '5, 4, 16')}"}, "pcie_width", "worse"),
    (
        "an idle link",
        {"gpu": f"0 {GPU.replace('5, 5, 16', '1, 5, 16')}"},
        "pcie_generation",
        "unknown",
    ),
    (
        "a slow slot",
        {"gpu": f"0 {GPU.replace('5, 5, 16', '1, 3, 16')}"},
        "pcie_generation",
        "worse",
    ),
    (
        "a slow link under load",
        {"gpu": f"0 {GPU.replace('5, 5, 16', '3, 5, 16')[:-1]}98"},
        "pcie_generation",
        "worse",
    ),
    ("capped power", {"gpu": f"0 {GPU.replace('700.00, 7', '400.00, 7')}"}, "power_limit", "worse"),
    (
        "a little less power",
        {"gpu": f"0 {GPU.replace('700.00, 7', '650.00, 7')}"},
        "power_limit",
        "ok",
    ),
    ("no power read", {"gpu": f"0 {GPU.replace('700.00, 7', 'N/A, 7')}"}, "power_limit", "unknown"),
    ("heat", {"why": "0 0x0000000000000040"}, "throttling", "worse"),
    ("work at its power", {"why": "0 0x0000000000000004"}, "throttling", "ok"),
    ("ECC", {"gpu": f"0 {GPU.replace('Enabled, 0', 'Enabled, 2')}"}, "ecc_errors", "worse"),
    ("no ECC", {"gpu": f"0 {GPU.replace('Enabled, 0', 'N/A, N/A')}"}, "ecc_errors", "unknown"),
    ("Xid", {"xid": "0 0000:06:00 79"}, "xid_errors", "worse"),
    ("Xid of a program", {"xid": "0 0000:06:00 31;0000:06:00 13"}, "xid_errors", "ok"),
    ("another's Xid", {"xid": "0 0000:07:00 79"}, "xid_errors", "ok"),
    ("a closed log", {"xid": "0 dmesg: read kernel buffer failed"}, "xid_errors", "unknown"),
    ("fewer cores", {"cpu": "0 16"}, "cpu_cores", "worse"),
    ("a quota", {"sys": "2 cpu.max:800000 100000"}, "cpu_cores", "worse"),
    (
        "a quota of old",
        {"sys": "2 cpu/cpu.cfs_quota_us:800000;cpu/cpu.cfs_period_us:100000"},
        "cpu_cores",
        "worse",
    ),
    (
        "no quota",
        {"sys": "2 cpu/cpu.cfs_quota_us:-1;cpu/cpu.cfs_period_us:100000"},
        "cpu_cores",
        "ok",
    ),
    ("more cores", {"cpu": "0 64"}, "cpu_cores", "better"),
    ("cores unread", {"cpu": "127 sh: nproc: not found"}, "cpu_cores", "unknown"),
    (
        "a limit of memory",
        {"sys": "2 memory.max:8589934592;/proc/meminfo:MemTotal: 263784448 kB"},
        "memory",
        "worse",
    ),
    (
        "a limit of old",
        {"sys": "2 memory/memory.limit_in_bytes:8589934592;/proc/meminfo:MemTotal: 263784448 kB"},
        "memory",
        "worse",
    ),
    (
        "no limit of old",
        {
            "sys": "2 memory/memory.limit_in_bytes:9223372036854771712;"
            "/proc/meminfo:MemTotal: 263784448 kB"
        },
        "memory",
        "ok",
    ),
    ("little memory", {"sys": "2 /proc/meminfo:MemTotal: 200000000 kB"}, "memory", "worse"),
    ("a small disk", {"df": "0 overlay 52428800 9 50000000 1% /"}, "disk", "worse"),
    ("GB for GiB", {"df": "0 overlay 97656250 9 90000000 1% /"}, "disk", "ok"),
    ("a slow disk", {"disk": "0 32 860"}, "disk_write", "worse"),
    ("a fast disk for a short while", {"disk": "0 256 24"}, "disk_write", "ok"),
    ("neither slow nor fast", {"disk": "0 256 60"}, "disk_write", "unknown"),
    (
        "a full disk",
        {"disk": "1 ", "df": "0 overlay 104857600 9 500000 99% /"},
        "disk_write",
        "unknown",
    ),
    ("a slow line", {"down": "0 20000000 800"}, "download", "worse"),
    ("no program that downloads", {"down": "0 sh: curl: not found;0 0"}, "download", "unknown"),
    ("a fast line", {"down": "0 256000000 120"}, "download", "ok"),
]


@pytest.mark.parametrize(
    ("printed", "name", "verdict"),
    [row[1:] for row in LESS],
    ids=[f"{row[0]}: {row[2]}" for row in LESS],
)
def test_each_item_has_its_verdict(printed: dict[str, str], name: str, verdict: str) -> None:
    row = {"num_gpus": 2} if not printed else {}
    judgement = judged(row, **printed)
    assert item(judgement, name).verdict == verdict, item(judgement, name)
    if verdict == "worse":
        assert judgement.overall == "worse"


def test_what_the_row_does_not_say_is_not_judged() -> None:
    unsaid = {name: None for name in ROW if name not in {"id", "num_gpus"}}
    judgement = judged(unsaid)
    assert judgement.overall == "unknown"
    assert judgement.named("worse") == []


def test_without_the_main_facts_nothing_is_as_promised() -> None:
    """Whoever hides its cards passes nothing."""
    assert judged(gpu="200 no").overall == "worse"
    assert judged(gpu="x").overall == "unknown"
    assert judged(gpu="0 ").overall == "unknown"


def test_a_machine_rented_without_a_gpu_is_judged_by_the_rest() -> None:
    row = {"num_gpus": None, "gpu_name": None}
    judgement = judged(row, gpu="127 no", dev="2 ls: none")
    assert judgement.overall == "as_promised"
    assert {one.name for one in judgement.items} == {"cpu_cores", "memory", "disk", "disk_write"}


ROCM = "0 device,VRAM Total Memory (B),Card Series;card0,68702699520,{}"


@pytest.mark.parametrize(
    ("series", "verdict"), [("Instinct MI210", "ok"), ("0x740f", "unknown"), ("", "unknown")]
)
def test_a_card_of_amd_is_judged_by_what_its_program_tells(series: str, verdict: str) -> None:
    row = {"gpu_name": "InstinctMI210", "gpu_ram": 65520}
    judgement = judged(row, gpu="127 no", amd=ROCM.format(series))
    seen = {one.name: one.verdict for one in judgement.items}
    assert (seen["gpu_count"], seen["gpu_memory"], seen["gpu_name"]) == ("ok", "ok", verdict)
    assert not {"cuda", "driver", "ecc_errors"} & seen.keys()
    assert judgement.named("worse") == []


@pytest.mark.parametrize("gpu", ["6 No devices were found", "9 NVIDIA-SMI has failed", "12 no"])
def test_an_image_for_both_kinds_makes_no_card_of_amd_less(gpu: str) -> None:
    row = {"gpu_name": "InstinctMI210", "gpu_ram": 65520}
    judgement = judged(row, gpu=gpu, amd=ROCM.format("Instinct MI210"))
    assert judgement.overall == "as_promised"


def test_a_vm_without_a_driver_hides_its_card() -> None:
    judgement = judged(vm=True, gpu="127 no", dev="2 ls: none")
    assert item(judgement, "gpu_count").verdict == "unknown"
    assert judgement.overall == "unknown"


def test_a_card_whose_row_says_that_it_is_capped_is_as_promised() -> None:
    capped = f"0 {GPU.replace('700.00, 7', '400.00, 7')}"
    assert item(judged({"gpu_max_power": 400}, gpu=capped), "power_limit").verdict == "ok"
    assert item(judged({"gpu_max_power": 500}, gpu=capped), "power_limit").verdict == "worse"


def test_the_driver_of_a_vm_is_its_image_s() -> None:
    judgement = judged({"cuda_max_good": 13.1, "driver_version": "590.1"}, vm=True)
    assert judgement.overall == "as_promised"
    assert not {"cuda", "driver"} & {one.name for one in judgement.items}


def test_a_share_of_a_machine_is_promised_its_share_of_the_memory() -> None:
    """docs/vast-api.md B.2."""
    shared = {"gpu_frac": 0.25, "cpu_cores_effective": 8.0}
    judgement = judged(shared, sys="2 /proc/meminfo:MemTotal: 66000000 kB", cpu="0 8")
    assert item(judgement, "memory").verdict == "ok"
    assert item(judgement, "cpu_cores").verdict == "ok"


HOSTILE = [
    "",
    "{",
    "[]",
    "1",
    "null",
    "[" * 60_000,
    '{"v":2,"gpu":"0 x"}',
    '{"gpu":"0 x"}',
    '{"v":1,"gpu":"0 x"' + " " * 70_000 + "}",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_line_that_is_none_of_ours_is_passed_over(text: str) -> None:
    assert found_in([MARK + text]) is None
    sound = found_in([MARK + json.dumps(SOUND | {"v": 1}), MARK + text])
    assert sound is not None
    assert sound.cuda == 13.0


def test_the_last_line_counts() -> None:
    lines = [MARK + json.dumps(SOUND | {"v": 1, "cuda": f"0 {cuda}"}) for cuda in ("12.1", "12.2")]
    there = found_in(lines)
    assert there is not None
    assert there.cuda == 12.2


ODD = st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.lists(st.text(), max_size=2))
CELL = st.text("0123456789 ;,.:/%()_-xNA", max_size=80).map(lambda text: f"0 {text}")


@settings(max_examples=so_many(300))
@given(
    st.dictionaries(st.sampled_from([*SOUND, "amd", "dev", "down"]), CELL | ODD, max_size=12),
    st.sampled_from([None, 0, 1]),
)
def test_nothing_that_is_printed_breaks_the_judgement(
    given: dict[str, Any], count: int | None
) -> None:
    """And no text of it gets into what is said, but numbers and names of cards."""
    line = MARK + json.dumps(SOUND | given | {"v": 1})
    there = found_in([line])
    assert there is not None
    row = Instance.model_validate(ROW | {"num_gpus": count})
    for one in judge(row, there, vm=False, same_card=_same).items:
        assert len(one.found) < 300
        assert one.verdict in {"ok", "worse", "better", "unknown"}
