"""The shop window shows invented offers with the keys, units and price ranges of real rows
(docs/vast-api.md B.4).
"""

import functools
import random

from .gpus import ARM64, GPUS, Gpu
from .shapes import Json

Offer = Json

DAY = 86_400
MONTH_HOURS = 720  # what the service divides a month of disk by (A.6)
FIRST_ASK = 20_000_001

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

# Traps by the last digit of an offer's number.
VERIFICATIONS = {3: "unverified", 7: "unverified", 9: "deverified"}
ABOVE_ITS_PRICE = {2: 1.0, 6: 2.2}
CHEAP = 0.62  # what is unverified looks like a bargain


def make_offers(seed: int, count: int, now: float) -> dict[int, Offer]:
    """Invent a window, the same for the same seed and time; every model appears in several sizes,
    places and qualities.
    """
    return {
        ask: offer | {"start_date": now + offer["start_date"], "end_date": now + offer["end_date"]}
        for ask, offer in _invented(seed, count).items()
    }


@functools.cache
def _invented(seed: int, count: int) -> dict[int, Offer]:
    """Invent the window as it is at the time 0, once a process: half of a world's making."""
    dice = random.Random(seed)
    offers: dict[int, Offer] = {}
    ask = FIRST_ASK
    for number in range(count):
        offers[ask] = _offer(dice, number, ask)
        ask += dice.randrange(1, 400)
    return offers


def _offer(dice: random.Random, number: int, ask: int) -> Offer:
    """Invent one offer. The order of its parts is the order of the dice."""
    gpu = ARM64.get(number, GPUS[number % len(GPUS)])
    gpus = COUNTS[(number // len(GPUS) + number) % len(COUNTS)]
    quality = _quality(dice, number)
    machine = 10_000 + number // 2  # two offers may stand on one machine
    row = _identity_part(ask, machine)
    row |= _driver_part(dice, gpu) | _card_part(dice, gpu, gpus) | _speed_part(dice, gpu, gpus)
    row |= _box_part(dice, gpu, gpus, machine) | _net_part(dice, number, machine)
    row |= _money_part(dice, number, gpu, gpus, quality) | _trust_part(number, quality)
    row |= _time_part(dice, number) | _unused_part(machine)
    return row | _score_part(row)


def _identity_part(ask: int, machine: int) -> Offer:
    return {
        "id": ask,
        "ask_contract_id": ask,
        "machine_id": machine,
        "host_id": 1_000 + machine % 97,
    }


def _quality(dice: random.Random, number: int) -> Json:
    """Choose the traps that an offer carries; every seed has all of them."""
    is_shaky = number % 13 == 5
    bounds = (0.62, 0.9) if is_shaky else (0.962, 0.9997)
    return {
        "verification": VERIFICATIONS.get(number % 10, "verified"),
        "reliability": round(dice.uniform(*bounds), 6),
        "vms": number % 5 == 1,
        "external": number % 29 == 4,
        "rented": number % 17 == 6,
        "hosting_type": int(number % 4 == 0),
    }


def _driver_part(dice: random.Random, gpu: Gpu) -> Offer:
    fitting = DRIVERS if gpu.cap < 1200 else DRIVERS[-2:]
    driver, cuda = dice.choice(fitting)
    return {
        "cuda_max_good": cuda,
        "driver_version": driver,
        "driver_vers": int("".join(part.zfill(3) for part in driver.split("."))),
    }


def _card_part(dice: random.Random, gpu: Gpu, gpus: int) -> Offer:
    return {
        "gpu_name": gpu.name,
        "gpu_arch": "nvidia",
        "num_gpus": gpus,
        "gpu_frac": _share_of_machine(dice, gpus),
        "gpu_ids": list(range(gpus)),
        "gpu_ram": gpu.ram,
        "gpu_total_ram": gpu.ram * gpus,
        "gpu_lanes": 16,
        "gpu_mem_bw": round(gpu.bandwidth * dice.uniform(0.85, 0.95), 1),
        "gpu_max_power": float(gpu.watts),
        "gpu_max_temp": dice.choice((83.0, 90.0)),
        "gpu_display_active": False,
        "compute_cap": gpu.cap,
    }


def _share_of_machine(dice: random.Random, gpus: int) -> float:
    if gpus > 1:
        return 1.0
    return dice.choice((0.125, 0.25, 0.5, 1.0))


def _speed_part(dice: random.Random, gpu: Gpu, gpus: int) -> Offer:
    return {
        "total_flops": round(gpu.tflops * gpus, 2),
        "dlperf": round(gpu.dlperf * gpus * dice.uniform(0.9, 1.05), 3),
        "bw_nvlink": 300.0 if "SXM" in gpu.name else 0.0,
        "pci_gen": dice.choice((3.0, 4.0, 5.0)),
        "pcie_bw": round(dice.uniform(5.5, 52.0), 1),
    }


def _box_part(dice: random.Random, gpu: Gpu, gpus: int, machine: int) -> Offer:
    name, cores, ghz, board = CPUS[machine % len(CPUS)]
    return {
        "cpu_name": name,
        "cpu_arch": "arm64" if gpu in ARM64.values() else "amd64",
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
        "inet_up_cost": round(dice.choice((0.0026, 0.0052, 0.02, 0.039)), 4),
        "inet_down_cost": round(dice.choice((0.0026, 0.0052, 0.0195)), 4),
        "direct_port_count": _open_ports(dice, number),
        "static_ip": number % 3 != 2,
        "public_ipaddr": f"203.0.113.{1 + machine % 250}",
        "geolocation": PLACES[machine % len(PLACES)],
        "geolocode": 1_000_000 + machine % len(PLACES),
        "cluster_id": None,
    }


def _open_ports(dice: random.Random, number: int) -> int:
    if number % 6 == 4:
        return 0
    return dice.choice((2, 16, 99, 249, 499))


def _money_part(dice: random.Random, number: int, gpu: Gpu, gpus: int, quality: Json) -> Offer:
    cheap = 1.0 if quality["verification"] == "verified" else CHEAP
    base = round(gpu.usd * gpus * cheap * dice.uniform(0.8, 1.45), 6)
    return {
        "dph_base": base,
        "min_bid": round(base * _floor(number, dice.uniform(0.35, 0.7)), 6),
        "storage_cost": round(dice.uniform(0.08, 0.3), 3),
        "credit_discount_max": 0.1,
        "discount_rate": 0.0,
        "discounted_hourly": 0.0,
        "reliability_mult": quality["reliability"],
    }


def _trust_part(number: int, quality: Json) -> Offer:
    return {
        "verification": quality["verification"],
        "vericode": int(quality["verification"] == "verified"),
        "reliability": quality["reliability"],
        "reliability2": quality["reliability"],
        "expected_reliability": quality["reliability"],
        "target_reliability": 0.0,  # nobody covers it (C.12)
        "sla_r_claim": 0.0,
        "sla_sigma_x": None,
        "sla_broker_rate": None,
        "hosting_type": quality["hosting_type"],
        "external": _external(number, is_external=quality["external"]),
        "rentable": not quality["rented"],
        "rented": quality["rented"],
        "vms_enabled": quality["vms"],
        "is_vm_deverified": False,
    }


def _floor(number: int, below: float) -> float:
    """Choose the least bid's part of the price on demand, which may lie above that (A.6)."""
    return ABOVE_ITS_PRICE.get(number % 7, below)


def _external(number: int, *, is_external: bool) -> bool | None:
    """Say null for most that are not, as a live row does (B.4)."""
    if is_external:
        return True
    if number % 3 == 0:
        return False
    return None


def _time_part(dice: random.Random, number: int) -> Offer:
    """Contracts end at very different distances, some within a day (K)."""
    left = _seconds_left(dice, number)
    return {"start_date": -dice.uniform(1, 300) * DAY, "end_date": left}


SOON_OVER = (3 * 3600, 20 * 3600)  # s


def _seconds_left(dice: random.Random, number: int) -> float:
    if number % 11 == 8:
        return dice.uniform(*SOON_OVER)
    return dice.uniform(3, 240) * DAY


# A live row has these keys, of which this window says nothing.
UNUSED: Offer = {
    "avail_vol_ask_id": None,
    "avail_vol_dph": None,
    "avail_vol_size": None,
    "bundle_id": None,
    "bundled_results": None,
    "hostname": None,
    "logo": "/static/logos/vastai_small2.png",
    "resource_type": "gpu",
    "rn": 1,
    "webpage": None,
}


def _unused_part(machine: int) -> Offer:
    return UNUSED | {"bundle_id": 500_000 + machine}


def _score_part(row: Offer) -> Offer:
    """Compute what the service computes from the rest of a row."""
    performance, base = row["dlperf"], row["dph_base"]
    return {
        "score": round(performance / base * row["reliability"], 3),
        "dlperf_per_dphtotal": round(performance / base, 3),
        "flops_per_dphtotal": round(row["total_flops"] / base, 3),
        "vram_costperhour": base / row["gpu_total_ram"],
        "internet_up_cost_per_tb": row["inet_up_cost"] * 1024,
        "internet_down_cost_per_tb": row["inet_down_cost"] * 1024,
    }


def priced(offer: Offer, *, gb: float, bid: bool, now: float) -> Offer:
    """Build the row that a search returns: disk priced for so many GB, the bid floor as price in a
    bid search (A.6).
    """
    compute = offer["min_bid"] if bid else offer["dph_base"]
    disk = disk_price(offer, gb)
    total = compute + disk
    return offer | {
        "is_bid": bid,
        "dph_base": compute,
        "dph_total": total,
        "dph_total_adj": total + 2 * offer["inet_down_cost"],
        "discounted_dph_total": total,
        "storage_total_cost": disk,
        "duration": max(0.0, offer["end_date"] - now),
        "time_remaining": "",
        "time_remaining_isbid": "",
        "search": bill_of(compute, disk),
        "instance": bill_of(0.0, disk),
    }


def disk_price(place: Json, gb: float) -> float:
    """Price so many GB on a machine in $/h (A.6)."""
    return place["storage_cost"] * gb / MONTH_HOURS


def bill_of(compute: float, disk: float) -> Json:
    """Spell out the prices of a row in $/h: `search` those of a machine that runs, `instance` those
    of one that is stopped (B.4).
    """
    return {
        "gpuCostPerHour": compute,
        "diskHour": disk,
        "slaPremiumPerHour": 0.0,
        "totalHour": compute + disk,
        "discountTotalHour": 0,
        "discountedTotalPerHour": compute + disk,
    }
