"""The contract: what this code relies on in Vast's replies, once, as data (docs/vast-api.md).

A field that a model of ours reads stands here (a test compares the two). Where the client bears
several readings, this is the recorded one: another is worth telling before it costs somebody.
"""

from __future__ import annotations

from vast_mcp.commands.doctor.contract.kinds import (
    ADDRESS,
    FLAG,
    ID,
    JSON_OBJECT,
    LIST,
    NULL,
    TEXT,
    WHOLE,
    Fact,
    Ports,
    Row,
    Rows,
    Texts,
    number,
    word,
)
from vast_mcp.errors import Json
from vast_mcp.vast import models
from vast_mcp.vast.announced import MAINTENANCES
from vast_mcp.vast.storage import MONTH_H

USD_PER_HOUR = number("$/h", 0, 10_000)
USD_PER_GB_MONTH = number("$ per GB and month", 0, 1_000)
USD_PER_GB = number("$ per GB", 0, 100)
USD = number("$", -1e9, 1e9)
MB = number("MB", 256, 1e8)
GB = number("GB", 0, 1e7)
EPOCH_S = number("seconds since 1970", 1e9, 5e9)
SECONDS = number("seconds", 0, 5e9)
SHARE = number("a share of 1", 0, 1)
PERCENT = number("percent", 0, 1_000)
DEGREES = number("degrees", -50, 200)
MBIT_PER_S = number("Mbit/s", 0, 1e7)
COUNT = number("a count", 0, 1e9)
CUDA = number("a version", 0, 100)
COMPUTE_CAP = number("a version * 100", 0, 10_000)

# docs/vast-api.md C.4
ACTUAL = word(*models.ACTUAL)
INTENDED = word("running", "stopped", "frozen")
CONTRACT = word(*models.CONTRACT)
VERIFICATION = word("verified", "unverified", "deverified")

NEAR = 0.005  # of a price: prices are sums of floats


def figures(row: Json, *names: str) -> list[float] | None:
    """The numbers under these names; None where one is no number."""
    values = [row.get(name) for name in names]
    numbers = [
        float(one) for one in values if isinstance(one, int | float) and not isinstance(one, bool)
    ]
    return numbers if len(numbers) == len(names) else None


def is_near(one: float, other: float) -> bool:
    """Whether two prices are the same but for how sums of floats differ."""
    return abs(one - other) <= max(1e-4, NEAR * max(abs(one), abs(other)))


def _adds_up(row: Json) -> str | None:
    """Whether the whole price is GPU and disk. A machine with a volume or a cover costs more, and
    nobody knows where that stands (docs/vast-api.md A.6, C.12).
    """
    amounts = figures(row, "dph_total", "dph_base", "storage_total_cost")
    if amounts is None or row.get("volume_info") or row.get("target_reliability"):
        return None
    total, base, disk = amounts
    return None if is_near(total, base + disk) else "another sum"


def _disk_is_priced(row: Json) -> str | None:
    amounts = figures(row, "storage_total_cost", "storage_cost", "disk_space")
    if amounts is None:
        return None
    total, month, size = amounts
    return None if is_near(total, month * size / MONTH_H) else "another product"


SUM = Fact("dph_total = dph_base + storage_total_cost", _adds_up)
DISK = Fact("storage_total_cost = storage_cost * disk_space / 720", _disk_is_priced)
SAME_ID = Fact(
    "id = ask_contract_id",
    lambda row: None if row.get("id") == row.get("ask_contract_id") else "two numbers",
)

# ── rows ───────────────────────────────────────────────────────────────────────────────────────

# docs/vast-api.md B.4
OFFER = Row(
    needed={
        "id": ID,
        "ask_contract_id": ID,
        "machine_id": ID,
        "gpu_name": TEXT,
        "num_gpus": COUNT,
        "gpu_ram": MB,
        "dph_base": USD_PER_HOUR,
        "dph_total": USD_PER_HOUR,
        "storage_cost": USD_PER_GB_MONTH,
        "disk_space": GB,
        "reliability2": SHARE,
        "rentable": FLAG,
    },
    nullable={
        "min_bid": USD_PER_HOUR,
        "gpu_frac": SHARE,
        "gpu_arch": word(*models.GPU_ARCH),
        "cpu_cores": COUNT,
        "cpu_cores_effective": COUNT,
        "cpu_arch": word(*models.CPU_ARCH),
        "avail_vol_ask_id": ID,
        "avail_vol_size": GB,
        "cpu_ram": MB,
        "compute_cap": COMPUTE_CAP,
        "inet_down": MBIT_PER_S,
        "inet_down_cost": USD_PER_GB,
        "inet_up": MBIT_PER_S,
        "inet_up_cost": USD_PER_GB,
        "reliability": SHARE,
        "verification": VERIFICATION,
        "direct_port_count": COUNT,
        "cuda_max_good": CUDA,
        "duration": SECONDS,
        "end_date": EPOCH_S,
        "geolocation": TEXT,
        "host_id": WHOLE,
        "vms_enabled": FLAG,
        "hosting_type": WHOLE,
        "rented": FLAG,
    },
    facts=(SAME_ID,),
)

# docs/vast-api.md C.3
INSTANCE = Row(
    needed={
        "id": ID,
        "intended_status": INTENDED,
        "cur_state": CONTRACT,
        "num_gpus": COUNT,
        "gpu_name": TEXT,
        "dph_base": USD_PER_HOUR,
        "dph_total": USD_PER_HOUR,
        "is_bid": FLAG,
        "start_date": EPOCH_S,
        "image_uuid": TEXT,
        "image_runtype": TEXT,
        "machine_id": ID,
        "disk_space": GB,
        "storage_cost": USD_PER_GB_MONTH,
        "storage_total_cost": USD_PER_HOUR,
    },
    nullable={
        "label": TEXT,
        "actual_status": ACTUAL,
        "next_state": CONTRACT,
        "status_msg": TEXT,
        "onstart": TEXT,
        "gpu_util": PERCENT,
        "gpu_temp": DEGREES,
        "cuda_max_good": CUDA,
        "min_bid": USD_PER_HOUR,
        "gpu_ram": MB,
        "gpu_frac": SHARE,
        "gpu_lanes": COUNT,
        "compute_cap": COMPUTE_CAP,
        "driver_version": TEXT,
        "pci_gen": number("a generation", 0, 20),
        "cpu_cores": COUNT,
        "cpu_cores_effective": COUNT,
        "cpu_ram": MB,
        "disk_bw": number("MB/s", 0, 1e6),
        "inet_down": MBIT_PER_S,
        "inet_down_billed": number("KB", 0, 1e12),
        "end_date": EPOCH_S,
        "geolocation": TEXT,
        "inet_down_cost": USD_PER_GB,
        "inet_up_cost": USD_PER_GB,
        "extra_env": LIST,
        "template_hash_id": TEXT,
        "disk_usage": number("GB", -1, 1e7),  # -1 before the first report
        "public_ipaddr": TEXT,
        "ssh_host": TEXT,
        "ssh_port": WHOLE,
        "direct_port_count": COUNT,
        "jupyter_token": TEXT,
    },
    spare={
        "ports": Ports(),
        "volume_info": LIST,
        "credit_balance": USD,
        "gpu_max_power": number("W", 0, 10_000),
    },
    facts=(SUM, DISK),
)

# docs/vast-api.md D
SSH_KEY = Row(needed={"id": ID, "public_key": TEXT}, spare={"deleted_at": EPOCH_S})

# docs/vast-api.md E
TEMPLATE = Row(
    needed={"id": ID, "hash_id": TEXT, "name": TEXT, "image": TEXT},
    nullable={
        "tag": TEXT,
        "runtype": TEXT,
        "ssh_direct": FLAG,
        "jup_direct": FLAG,
        "onstart": TEXT,
        "env": TEXT,
        "desc": TEXT,
        "recommended": FLAG,
        "creator_id": ID,
        "count_created": COUNT,
        "recommended_disk_space": GB,
        "private": FLAG,
        "extra_filters": JSON_OBJECT,
    },
)

# docs/vast-api.md F
VOLUME = Row(
    needed={"id": ID, "machine_id": ID, "disk_space": GB},
    nullable={
        "label": TEXT,
        "status": word("created", "in-use"),
        "instances": LIST,
        "start_date": EPOCH_S,
        "end_date": EPOCH_S,
    },
    spare={"storage_cost": USD_PER_GB_MONTH, "storage_total_cost": USD_PER_HOUR},
)
ROOM = Row(
    needed={"id": ID, "machine_id": ID, "disk_space": GB, "storage_cost": USD_PER_GB_MONTH},
    spare={"reliability": SHARE, "reliability2": SHARE},
)

# docs/vast-api.md G
CHARGE_PART = Row(
    needed={"type": TEXT, "amount": USD},
    spare={"description": TEXT},
)
CHARGE = Row(
    needed={"source": TEXT, "start": EPOCH_S, "end": EPOCH_S, "amount": USD},
    spare={"type": TEXT, "items": Rows(CHARGE_PART), "metadata": Row(spare={"label": TEXT})},
)
PAYMENT = Row(needed={"type": TEXT, "amount": USD}, spare={"start": EPOCH_S})

# docs/vast-api.md C.7
USD_PER_SECOND = number("$ per second", 0, 10)
INCREASE = Row(
    needed={"pending_price_increase_id": ID, "contract_id": ID},
    nullable={
        "old_gpu_costpersec": USD_PER_SECOND,
        "new_gpu_costpersec": USD_PER_SECOND,
        "old_disk_ram_costpersec": USD_PER_SECOND,
        "new_disk_ram_costpersec": USD_PER_SECOND,
        "contract_end_date": EPOCH_S,
        "ask_end_date": EPOCH_S,
    },
    spare={
        "old_bwd_cost": USD_PER_GB,
        "new_bwd_cost": USD_PER_GB,
        "old_bwu_cost": USD_PER_GB,
        "new_bwu_cost": USD_PER_GB,
        "old_platform_fee": SHARE,
        "new_platform_fee": SHARE,
    },
)

# docs/vast-api.md C.11
MAINTENANCE = Row(
    needed={
        "id": ID,
        "machine_id": ID,
        "start_time": EPOCH_S,
        "duration_hours": number("hours", 0, 10_000),
        "maintenance_category": word(*MAINTENANCES),
    }
)

# docs/vast-api.md C.10
CLOUD = Row(needed={"id": ID, "cloud_type": TEXT})

# ── replies ────────────────────────────────────────────────────────────────────────────────────

USER = Row(
    needed={"id": ID, "balance": USD, "credit": USD},
    nullable={
        "autobill_threshold": USD,
        "autobill_amount": USD,
        "balance_threshold": USD,
        "balance_threshold_enabled": FLAG,
    },
)
INCREASES = Row(needed={"pending_price_increases": Rows(INCREASE)}, nullable={"truncated": FLAG})
MAINTAINED = Rows(MAINTENANCE)
BALANCE = Row(
    needed={"refundable_deposit": USD},
    spare={"total_discount": USD, "discount_months": number("months", 0, 1_000)},
)
CLOUDS = Rows(CLOUD)
CHARGES = Row(needed={"results": Rows(CHARGE)}, spare={"next_token": TEXT, "total": WHOLE})
PAYMENTS = Row(needed={"results": Rows(PAYMENT)}, spare={"next_token": TEXT, "total": WHOLE})
SPEND_RATE = Row(
    needed={
        "success": FLAG,
        "gpu_cost_per_hour": USD_PER_HOUR,
        "container_storage_cost_per_hour": USD_PER_HOUR,
        "volume_storage_cost_per_hour": USD_PER_HOUR,
    }
)
OFFERS = Row(needed={"offers": Rows(OFFER)})
PAGE = Row(
    needed={"instances": Rows(INSTANCE), "total_instances": WHOLE},
    nullable={"next_token": TEXT},
)
ONE_INSTANCE = Row(needed={"instances": INSTANCE})
NO_INSTANCE = Row(nullable={"instances": NULL})
LOG_PLACE = Row(needed={"result_url": ADDRESS})
GPU_NAMES = Row(needed={"gpu_names": Texts()})
SSH_KEYS = Rows(SSH_KEY)
TEMPLATES = Row(needed={"templates": Rows(TEMPLATE)})
VOLUMES = Row(needed={"volumes": Rows(VOLUME)})
ROOMS = Row(needed={"offers": Rows(ROOM)})
