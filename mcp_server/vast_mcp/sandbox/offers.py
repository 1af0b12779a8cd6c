"""The shop window: invented offers with the keys, units and price ranges of real rows (B.4)."""

import random
from typing import Any, NamedTuple

Offer = dict[str, Any]

DAY = 86_400
MONTH_HOURS = 720  # what the service divides a month of disk by (A.6)
FIRST_ASK = 20_000_001


class Gpu(NamedTuple):
    """One model: display name, MB of memory, a usual price, compute capability, TFLOPS, DLPerf,
    memory GB/s, watts.
    """

    name: str
    ram: int
    usd: float
    cap: int
    tflops: float
    dlperf: float
    bandwidth: float
    watts: int


GPUS = (
    Gpu("RTX 4090", 24564, 0.38, 890, 82.6, 92.0, 1008.0, 450),
    Gpu("RTX 3090", 24576, 0.19, 860, 35.6, 41.0, 936.0, 350),
    Gpu("RTX 5090", 32607, 0.55, 1200, 104.8, 128.0, 1790.0, 575),
    Gpu("RTX 4080", 16376, 0.22, 890, 48.7, 56.0, 716.0, 320),
    Gpu("RTX 4070 Ti", 12282, 0.14, 890, 40.1, 43.0, 504.0, 285),
    Gpu("RTX 4060 Ti", 16380, 0.10, 890, 22.1, 25.0, 288.0, 165),
    Gpu("RTX 3090 Ti", 24564, 0.22, 860, 40.0, 45.0, 1008.0, 450),
    Gpu("RTX 3080", 10240, 0.11, 860, 29.8, 33.0, 760.0, 320),
    Gpu("RTX 3060", 12288, 0.06, 860, 12.7, 14.0, 360.0, 170),
    Gpu("GTX 1080 Ti", 11264, 0.07, 610, 11.3, 9.0, 484.0, 250),
    Gpu("RTX A4000", 16376, 0.12, 860, 19.2, 24.0, 448.0, 140),
    Gpu("RTX A5000", 24564, 0.20, 860, 27.8, 34.0, 768.0, 230),
    Gpu("RTX A6000", 49140, 0.44, 860, 38.7, 45.0, 768.0, 300),
    Gpu("RTX 4000Ada", 20475, 0.24, 890, 26.7, 33.0, 360.0, 130),
    Gpu("RTX 6000Ada", 49140, 0.66, 890, 91.1, 84.0, 960.0, 300),
    Gpu("Tesla V100", 32768, 0.26, 700, 15.7, 26.0, 900.0, 300),
    Gpu("L40S", 46068, 0.62, 890, 91.6, 80.0, 864.0, 350),
    Gpu("A100 PCIE", 81920, 0.75, 800, 19.5, 72.0, 1935.0, 300),
    Gpu("A100 SXM4", 81920, 0.88, 800, 19.5, 78.0, 2039.0, 400),
    Gpu("H100 PCIE", 81559, 1.65, 900, 51.2, 130.0, 2039.0, 350),
    Gpu("H100 SXM", 81559, 1.95, 900, 66.9, 160.0, 3350.0, 700),
    Gpu("H200", 143771, 2.45, 900, 66.9, 185.0, 4800.0, 700),
)

GPU_NAMES = sorted(gpu.name for gpu in GPUS)

PLACES = (
    "California, US",
    "Texas, US",
    "Washington, US",
    "Quebec, CA",
    "Sweden, SE",
    "Norway, NO",
    "Germany, DE",
    "Netherlands, NL",
    "Poland, PL",
    "Czechia, CZ",
    "France, FR",
    "Spain, ES",
    "United Kingdom, GB",
    "Bulgaria, BG",
    "Japan, JP",
    "South Korea, KR",
    "Taiwan, TW",
    "India, IN",
    "Australia, AU",
    "Brazil, BR",
)

CPUS = (
    ("AMD EPYC 7402 24-Core Processor", 48, 2.8, "ROMED8-2T"),
    ("AMD EPYC 7B12 64-Core Processor", 128, 2.3, "MZ72-HB0"),
    ("AMD Ryzen 9 5950X 16-Core Processor", 32, 3.4, "X570 AORUS"),
    ("Intel Xeon E5-2680 v4", 56, 2.4, "X10DRG"),
    ("Intel Xeon Gold 6330", 112, 2.0, "C621A"),
)

DRIVERS = (
    ("535.86.05", 12.2),
    ("550.127.05", 12.4),
    ("560.35.03", 12.6),
    ("570.133.07", 12.8),
    ("580.65.06", 13.0),
)
COUNTS = (1, 1, 1, 2, 1, 4, 1, 8)


def make_offers(seed: int, count: int, now: float) -> dict[int, Offer]:
    """The same seed and time give the same window; every model appears in several sizes, places and
    qualities.
    """
    dice = random.Random(seed)
    offers: dict[int, Offer] = {}
    ask = FIRST_ASK
    for number in range(count):
        offers[ask] = _offer(dice, number, ask, now)
        ask += dice.randrange(1, 400)
    return offers


def _offer(dice: random.Random, number: int, ask: int, now: float) -> Offer:
    gpu = GPUS[number % len(GPUS)]
    gpus = COUNTS[(number // len(GPUS) + number) % len(COUNTS)]
    quality = _quality(dice, number)
    machine = 10_000 + number // 2  # two offers may stand on one machine
    row: Offer = {
        "id": ask,
        "ask_contract_id": ask,
        "machine_id": machine,
        "host_id": 1_000 + machine % 97,
    }
    row |= _gpu_part(dice, gpu, gpus)
    row |= _box_part(dice, gpus, machine)
    row |= _net_part(dice, number, machine)
    row |= _money_part(dice, gpu, gpus, quality)
    row |= _trust_part(quality)
    row |= _time_part(dice, number, now)
    row |= _unused_part(machine)
    row["score"] = round(row["dlperf"] / row["dph_base"] * row["reliability"], 3)
    row["dlperf_per_dphtotal"] = round(row["dlperf"] / row["dph_base"], 3)
    row["flops_per_dphtotal"] = round(row["total_flops"] / row["dph_base"], 3)
    row["vram_costperhour"] = row["dph_base"] / row["gpu_total_ram"]
    return row


def _quality(dice: random.Random, number: int) -> dict[str, Any]:
    """Which traps an offer carries, spread over the numbers so that every seed has all of them."""
    verification = {3: "unverified", 7: "unverified", 9: "deverified"}.get(number % 10, "verified")
    shaky = number % 13 == 5
    return {
        "verification": verification,
        "reliability": round(dice.uniform(0.62, 0.9) if shaky else dice.uniform(0.962, 0.9997), 6),
        "vms": number % 5 == 1,
        "external": number % 29 == 4,
        "rented": number % 17 == 6,
        "hosting_type": 1 if number % 4 == 0 else 0,
    }


def _gpu_part(dice: random.Random, gpu: Gpu, gpus: int) -> Offer:
    driver, cuda = dice.choice(DRIVERS if gpu.cap < 1200 else DRIVERS[-2:])
    return {
        "gpu_name": gpu.name,
        "gpu_arch": "nvidia",
        "num_gpus": gpus,
        "gpu_frac": 1.0 if gpus > 1 else dice.choice((0.125, 0.25, 0.5, 1.0)),
        "gpu_ids": list(range(gpus)),
        "gpu_ram": gpu.ram,
        "gpu_total_ram": gpu.ram * gpus,
        "gpu_lanes": 16,
        "gpu_mem_bw": round(gpu.bandwidth * dice.uniform(0.85, 0.95), 1),
        "gpu_max_power": float(gpu.watts),
        "gpu_max_temp": dice.choice((83.0, 90.0)),
        "gpu_display_active": False,
        "compute_cap": gpu.cap,
        "total_flops": round(gpu.tflops * gpus, 2),
        "dlperf": round(gpu.dlperf * gpus * dice.uniform(0.9, 1.05), 3),
        "cuda_max_good": cuda,
        "driver_version": driver,
        "driver_vers": int("".join(part.zfill(3) for part in driver.split("."))),
        "bw_nvlink": 300.0 if "SXM" in gpu.name else 0.0,
        "pci_gen": dice.choice((3.0, 4.0, 5.0)),
        "pcie_bw": round(dice.uniform(5.5, 52.0), 1),
    }


def _box_part(dice: random.Random, gpus: int, machine: int) -> Offer:
    name, cores, ghz, board = CPUS[machine % len(CPUS)]
    return {
        "cpu_name": name,
        "cpu_arch": "amd64",
        "cpu_cores": cores,
        "cpu_cores_effective": float(min(cores, 8 * gpus)),
        "cpu_ghz": ghz,
        "cpu_ram": dice.choice((32_000, 64_295, 128_740, 257_602, 515_847)) * max(1, gpus // 2),
        "has_avx": 1,
        "mobo_name": board,
        "os_version": dice.choice(("20.04", "22.04", "24.04")),
        "disk_space": round(dice.uniform(60, 1_800), 1),
        "disk_bw": round(dice.uniform(400, 7_000), 1),
        "disk_name": dice.choice(("nvme", "Samsung SSD 990 PRO", "WD_BLACK SN850X")),
        "nw_disk_min_bw": None,
        "nw_disk_max_bw": None,
        "nw_disk_avg_bw": None,
    }


def _net_part(dice: random.Random, number: int, machine: int) -> Offer:
    return {
        "inet_up": round(dice.uniform(60, 3_000), 1),
        "inet_down": round(dice.uniform(90, 8_000), 1),
        "inet_up_cost": round(dice.choice((0.0, 0.002, 0.01, 0.02)), 4),
        "inet_down_cost": round(dice.choice((0.0, 0.002, 0.005)), 4),
        "internet_up_cost_per_tb": 2.0,
        "internet_down_cost_per_tb": 2.0,
        "direct_port_count": 0 if number % 6 == 4 else dice.choice((2, 16, 99, 249, 499)),
        "static_ip": number % 3 != 2,
        "public_ipaddr": f"203.0.113.{1 + machine % 250}",
        "geolocation": PLACES[machine % len(PLACES)],
        "geolocode": 1_000_000 + machine % len(PLACES),
        "cluster_id": None,
    }


def _money_part(dice: random.Random, gpu: Gpu, gpus: int, quality: dict[str, Any]) -> Offer:
    cheap = (
        0.62 if quality["verification"] != "verified" else 1.0
    )  # the trap: what is unverified looks like a bargain
    base = round(gpu.usd * gpus * cheap * dice.uniform(0.8, 1.45), 6)
    return {
        "dph_base": base,
        "min_bid": round(base * dice.uniform(0.35, 0.7), 4),
        "storage_cost": round(dice.uniform(0.08, 0.3), 3),
        "credit_discount_max": 0.1,
        "discount_rate": 0.0,
        "discounted_hourly": 0.0,
        "reliability_mult": quality["reliability"],
    }


def _trust_part(quality: dict[str, Any]) -> Offer:
    return {
        "verification": quality["verification"],
        "vericode": int(quality["verification"] == "verified"),
        "reliability": quality["reliability"],
        "reliability2": quality["reliability"],
        "expected_reliability": quality["reliability"],
        "target_reliability": 0.98,
        "hosting_type": quality["hosting_type"],
        "external": quality["external"],
        "rentable": not quality["rented"],
        "rented": quality["rented"],
        "vms_enabled": quality["vms"],
        "is_vm_deverified": False,
    }


def _time_part(dice: random.Random, number: int, now: float) -> Offer:
    """Contracts end at very different distances; some within a day (K)."""
    left = dice.uniform(3 * 3600, 20 * 3600) if number % 11 == 8 else dice.uniform(3, 240) * DAY
    return {"start_date": now - dice.uniform(1, 300) * DAY, "end_date": now + left}


def _unused_part(machine: int) -> Offer:
    """Keys a live row has and this window says nothing about."""
    return {
        "avail_vol_ask_id": None,
        "avail_vol_dph": None,
        "avail_vol_size": None,
        "bundle_id": 500_000 + machine,
        "bundled_results": None,
        "hostname": None,
        "logo": "/static/logos/vastai_small2.png",
        "resource_type": "gpu",
        "rn": 1,
        "sla_bandwidth": None,
        "webpage": None,
    }


def priced(offer: Offer, *, gb: float, bid: bool, now: float) -> Offer:
    """The row a search returns: disk priced for so many GB, the bid floor as price in a bid search
    (A.6).
    """
    compute = offer["min_bid"] if bid else offer["dph_base"]
    disk = offer["storage_cost"] * gb / MONTH_HOURS
    total, left = compute + disk, max(0.0, offer["end_date"] - now)
    bill = {
        "gpuCostPerHour": compute,
        "diskHour": disk,
        "totalHour": total,
        "discountTotalHour": 0.0,
        "discountedTotalPerHour": total,
    }
    return offer | {
        "is_bid": bid,
        "dph_total": total,
        "dph_total_adj": total,
        "discounted_dph_total": total,
        "storage_total_cost": disk,
        "duration": left,
        "time_remaining": "",
        "time_remaining_isbid": "",
        "search": bill,
        "instance": bill,
    }
