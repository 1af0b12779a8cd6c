"""A row reports what an instance is and does (docs/vast-api.md C.3, C.4, C.6)."""

from dataclasses import dataclass

from .instances import Instance
from .offers import bill_of
from .shapes import Json

DOWN = frozenset({"scheduling", "stopped"})  # without its GPU, whatever was asked (C.4)

ANY_IPV4, ANY_IPV6 = "0.0.0.0", "::"  # noqa: S104

FROM_OFFER = (
    "machine_id",
    "host_id",
    "gpu_name",
    "gpu_arch",
    "num_gpus",
    "gpu_frac",
    "gpu_ram",
    "gpu_lanes",
    "gpu_mem_bw",
    "compute_cap",
    "total_flops",
    "dlperf",
    "dlperf_per_dphtotal",
    "flops_per_dphtotal",
    "gpu_display_active",
    "target_reliability",
    "sla_r_claim",
    "sla_sigma_x",
    "cuda_max_good",
    "driver_version",
    "bw_nvlink",
    "pci_gen",
    "pcie_bw",
    "cpu_name",
    "cpu_arch",
    "cpu_cores",
    "cpu_cores_effective",
    "cpu_ram",
    "has_avx",
    "mobo_name",
    "os_version",
    "disk_bw",
    "disk_name",
    "inet_up",
    "inet_down",
    "inet_up_cost",
    "inet_down_cost",
    "internet_up_cost_per_tb",
    "internet_down_cost_per_tb",
    "direct_port_count",
    "static_ip",
    "geolocation",
    "min_bid",
    "storage_cost",
    "credit_discount_max",
    "reliability2",
    "verification",
    "hosting_type",
    "external",
    "end_date",
    "bundle_id",
    "logo",
    "webpage",
    "score",
    "vram_costperhour",
)

# Worked out when asked, so the list cannot filter by them (C.2).
COMPUTED = frozenset(
    {
        "dph_total",
        "dph_base",
        "duration",
        "uptime_mins",
        "time_remaining",
        "time_remaining_isbid",
        "extra_env",
        "ports",
        "search",
        "instance",
        "gpu_util",
        "gpu_temp",
        "cpu_util",
        "mem_usage",
        "mem_limit",
        "vmem_usage",
        "disk_usage",
        "disk_util",
        "credit_balance",
        "storage_total_cost",
        "client_run_time",
        "host_run_time",
        "volume_info",
        "status_msg",
        "vram_costperhour",
    }
)

IDLE: Json = {
    "gpu_util": 0.0,  # the two together are no reading (C.3)
    "gpu_temp": 0.0,
    "cpu_util": 0.0,
    "mem_usage": None,
    "mem_limit": None,
    "vmem_usage": None,
    "disk_usage": -1.0,
    "disk_util": -1.0,
}
LIVE: Json = {
    "gpu_util": 0.0,
    "gpu_temp": 38.0,
    "cpu_util": 0.01,
    "mem_usage": 0.6,
    "vmem_usage": 0.0,
    "disk_usage": 0.4,
    "disk_util": 0.4,
}


@dataclass
class Ways:
    """SSH is reached there when the world opens doors for it: numbers on loopback."""

    host: str
    proxy: int
    ports: dict[str, int]  # by the number inside


def row_of(instance: Instance, now: float, *, listed: bool, ways: Ways | None = None) -> Json:
    """Report an instance as it is now; a volume shows only in the list (A.8)."""
    status = instance.status(now)
    row: Json = {key: instance.offer[key] for key in FROM_OFFER}
    row |= _identity(instance) | _state(instance, status, now) | _times(instance, status, now)
    row |= _launched(instance) | _addresses(instance) | _mapped(instance, status)
    row |= _use(instance, status) | _traffic(instance, status, now) | _money(instance)
    if ways is not None:
        row |= _through(ways, row)
    if listed:
        row["volume_info"] = _volumes(instance)
    return row


def _identity(instance: Instance) -> Json:
    template = instance.launch.template or {}
    return {
        "id": instance.id,
        "label": instance.label,
        "template_id": template.get("id"),
        "template_hash_id": template.get("hash_id"),
        "template_name": template.get("name"),
        "rentable": False,
        "gpu_totalram": instance.offer["gpu_total_ram"],
        "country_code": instance.offer["geolocation"][-2:],
    }


# The four words for one state (C.4)


def _state(instance: Instance, status: str | None, now: float) -> Json:
    return {
        "actual_status": status,
        "intended_status": "frozen" if status == "frozen" else instance.intended,
        "cur_state": _current_state(instance, status),
        "next_state": _next_state(instance, status),
        "status_msg": instance.says_of_a_copy(now)
        or instance.says(status)
        or _usual_message(instance, status),
    }


def _current_state(instance: Instance, status: str | None) -> str:
    if instance.has_gpu and status not in DOWN and not instance.flipped(status):
        return "running"
    return "stopped"


def _next_state(instance: Instance, status: str | None) -> str:
    if instance.outbid or status == "stopped":
        return "stopped"
    if status == "frozen":
        return "frozen"  # paused with its memory, and with its GPU, which is charged (C.4)
    return instance.intended


def _usual_message(instance: Instance, status: str | None) -> str | None:
    if status == "loading":
        return "Pulling image"
    if status == "running":
        image = instance.launch.image.replace(":", "_")
        return f"success, running {image}/{instance.launch.runtype.partition('_')[0]}\n"
    if status == "scheduling":
        return "Attempting to schedule your instance. Your GPU is currently in use."
    return None


RUN_TIMES: Json = {
    "time_remaining": "",
    "time_remaining_isbid": "",
    "client_run_time": 1.0,
    "host_run_time": 2_592_000.0,
}


def _times(instance: Instance, status: str | None, now: float) -> Json:
    return {
        "start_date": float(instance.born),
        "duration": instance.seconds_left(now),
        "uptime_mins": _uptime_minutes(instance, status, now),
        **RUN_TIMES,
    }


# KB of 1024 B: what an image takes to be pulled, and what trickles by the second (C.8).
PULLED: Json = {"inet_down_billed": 29_184.0, "inet_up_billed": 327.0}
TRICKLE = 0.5


def _traffic(instance: Instance, status: str | None, now: float) -> Json:
    """Count every byte that is billed, up and down: the counters only rise (C.3, C.8)."""
    if status is None:
        return dict.fromkeys(PULLED, 0.0)
    trickled = round(TRICKLE * max(0.0, now - instance.born), 1)
    return {name: pulled + trickled for name, pulled in PULLED.items()}


def _uptime_minutes(instance: Instance, status: str | None, now: float) -> float | None:
    if status != "running":
        return None
    return round((now - instance.course_began) / 60, 2)


def _launched(instance: Instance) -> Json:
    launch = instance.launch
    return {
        "image_uuid": launch.image,
        "image_args": launch.args,
        "image_runtype": launch.runtype,
        "extra_env": launch.extra_env,
        "onstart": launch.onstart,
        "disk_space": launch.disk,
        "is_bid": launch.is_bid,
    }


# Where it is reached (C.6)


def _addresses(instance: Instance) -> Json:
    """Invent addresses in the shape of real ones, which are never named."""
    number = instance.id
    return {
        "ssh_host": f"ssh{1 + number % 9}.vast.invalid",
        "ssh_port": 10_000 + number % 20_000,
        "ssh_idx": str(1 + number % 9),
        "machine_dir_ssh_port": _first_port(instance),
        "public_ipaddr": f"{instance.offer['public_ipaddr']}\n",
        "local_ipaddrs": "192.168.1.20 172.17.0.1 \n",
        "jupyter_token": f"sandbox-jupyter-{instance.secret[-16:]}",
    }


def _first_port(instance: Instance) -> int:
    return 40_000 + instance.id % 2_000 * 10


def _mapped(instance: Instance, status: str | None) -> Json:
    """Map the ports. `ports` is absent until the machine runs: null would crash the official client
    (C.3).
    """
    if instance.offer["direct_port_count"] > 0:
        first = _first_port(instance)
        ends, ports = (first, first + len(instance.launch.ports)), _ports(instance, first)
    else:
        ends, ports = (-1, -1), {}
    reach: Json = {"direct_port_start": ends[0], "direct_port_end": ends[1]}
    if status == "running":
        reach["ports"] = ports
    return reach


def _ports(instance: Instance, first: int) -> Json:
    ports: Json = {}
    for offset, (port, is_identity) in enumerate(instance.launch.ports):
        number = str(first + offset)
        if is_identity:
            number = port.partition("/")[0]
        ports[port] = [
            {"HostIp": ANY_IPV4, "HostPort": number},
            {"HostIp": ANY_IPV6, "HostPort": number},
        ]
    return ports


def _through(ways: Ways, row: Json) -> Json:
    """Lead through the world's doors, in place of what the row has."""
    reach: Json = {"public_ipaddr": f"{ways.host}\n", "ssh_host": ways.host, "ssh_port": ways.proxy}
    if "ports" in row:
        reach["ports"] = row["ports"] | {
            inside: [{"HostIp": ANY_IPV4, "HostPort": str(number)}]
            for inside, number in ways.ports.items()
            if inside in row["ports"]
        }
    return reach


# What it uses, what it costs


def _use(instance: Instance, status: str | None) -> Json:
    if status != "running":
        return IDLE
    return LIVE | {"mem_limit": round(instance.offer["cpu_ram"] / 1000, 1)}


def _money(instance: Instance) -> Json:
    disk = instance.dph_total - instance.price
    return {
        "dph_base": instance.price,
        "dph_total": instance.dph_total,
        "storage_total_cost": disk,
        "credit_balance": instance.deposit.usd if instance.deposit else None,
        "credit_discount": instance.deposit.rate if instance.deposit else None,
        "search": bill_of(instance.price, disk),
        "instance": bill_of(0.0, disk),
    }


def _volumes(instance: Instance) -> list[Json]:
    if not instance.launch.volume_info:
        return []
    return [instance.launch.volume_info]
