"""A rented machine: its life in steps, and the row that reports it (C.3, C.4, C.6)."""

import math
from dataclasses import dataclass, field
from typing import Any

from .account import Key
from .fates import BIRTH, OUTBID, RECYCLE, VANISHED, Course, Fate
from .launch import Launch
from .logs import Log
from .offers import MONTH_HOURS, Offer

Row = dict[str, Any]

DOWN = frozenset({"scheduling", "stopped", "frozen"})  # without its GPU, whatever was asked (C.4)

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
    "geolocode",
    "min_bid",
    "storage_cost",
    "credit_discount_max",
    "reliability2",
    "verification",
    "hosting_type",
    "external",
    "end_date",
    "bundle_id",
    "hostname",
    "logo",
    "rn",
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


@dataclass
class Pace:
    """How an instance moves from one status to the next: after so many looks, or so many seconds,
    or either.
    """

    looks: int | None = 1
    seconds: float | None = None


@dataclass
class Ways:
    """Where SSH is reached, when the world opens doors for it: numbers on loopback."""

    host: str
    proxy: int
    direct: int | None


@dataclass
class Instance:
    """One rental, living or destroyed."""

    id: int
    offer: Offer
    launch: Launch
    label: str | None
    born: float
    secret: str
    pace: Pace
    hidden_looks: int = 0
    lingering_looks: int = 0
    destroyed_at: float | None = None
    intended: str = "running"
    course: Course = BIRTH
    course_began: float = 0.0
    looks: int = 0
    waiting_for_gpu: bool = False
    outbid: bool = False
    fate: Fate = field(default_factory=Fate)
    keys: dict[int, Key] = field(default_factory=dict[int, Key])
    log: Log = field(default_factory=Log)
    last_logged: str | None = None

    @property
    def offer_id(self) -> int:
        return self.offer["id"]

    @property
    def price(self) -> float:
        """$/h of compute: the bid, or the offer's price."""
        return self.launch.price if self.launch.price is not None else self.offer["dph_base"]

    @property
    def alive(self) -> bool:
        return self.destroyed_at is None

    @property
    def kind(self) -> str:
        return "vm" if self.launch.becomes_vm else "container"

    @property
    def dph_total(self) -> float:
        return self.price + self.offer["storage_cost"] * self.launch.disk / MONTH_HOURS

    @property
    def at_most(self) -> float:
        """$/h that it may cost from here on with nobody's doing: the whole where it was asked to
        run, else its disk.
        """
        return self.dph_total if self.intended == "running" else self.dph_total - self.price

    def status(self, now: float) -> str | None:
        """What the container is doing."""
        if self.waiting_for_gpu:
            return "scheduling"
        at = self.course[min(self._step(now), len(self.course) - 1)]
        return "exited" if at in {OUTBID, VANISHED} else at

    def event(self, now: float) -> str | None:
        """What the course has come to that is no status, for the world to act on."""
        at = self.course[min(self._step(now), len(self.course) - 1)]
        return at if at in {OUTBID, VANISHED} and not self.waiting_for_gpu else None

    def _step(self, now: float) -> int:
        by_looks = 0 if not self.pace.looks else self.looks // self.pace.looks
        by_time = (
            0
            if not self.pace.seconds
            else math.floor((now - self.course_began) / self.pace.seconds)
        )
        return len(self.course) if self.pace.looks == 0 else max(by_looks, by_time)

    def set_course(self, course: Course, now: float) -> None:
        self.course, self.course_began, self.looks = course, now, 0

    def stop(self, now: float, status: str = "exited") -> None:
        self.intended, self.waiting_for_gpu = "stopped", False
        self.set_course((status,), now)

    def start(self, now: float) -> None:
        self.intended, self.outbid = "running", False
        self.set_course(self.fate.restart, now)

    def recycle(self, now: float) -> None:
        """A fresh container; what is wrong with the image is still wrong."""
        course = self.fate.course if self.fate.messages else RECYCLE[1:]
        self.set_course((RECYCLE[0], *(step for step in course if step is not None)), now)

    @property
    def speaks_ssh(self) -> bool:
        """With runtype args nothing serves it unless the image does (A.3)."""
        return "ssh" in self.launch.runtype

    def seen(self) -> bool:
        """One look from outside: false while the row is not readable yet, or no longer."""
        if not self.alive:
            self.lingering_looks -= 1
            return self.lingering_looks >= 0
        if self.hidden_looks > 0:
            self.hidden_looks -= 1
            return False
        return True

    def row(self, now: float, *, listed: bool, ways: Ways | None = None) -> Row:
        """The row as it is now; a volume shows only in the list (A.8)."""
        status = self.status(now)
        row = (
            {key: self.offer[key] for key in FROM_OFFER}
            | self._identity()
            | self._state(status, now)
        )
        row |= self._launch_part() | self._reach(status, ways) | self._use(status) | self._money()
        if listed:
            row["volume_info"] = [self.launch.volume_info] if self.launch.volume_info else []
        return row

    def _identity(self) -> Row:
        template = self.launch.template or {}
        return {
            "id": self.id,
            "label": self.label,
            "ask_contract_id": self.offer_id,
            "template_id": template.get("id"),
            "template_hash_id": template.get("hash_id"),
            "template_name": template.get("name"),
            "rentable": False,
            "gpu_totalram": self.offer["gpu_total_ram"],
            "country_code": self.offer["geolocation"][-2:],
        }

    def _state(self, status: str | None, now: float) -> Row:
        held = (
            self.intended == "running"
            and not self.waiting_for_gpu
            and not self.outbid
            and status not in DOWN
        )
        messages = {
            "loading": "Pulling image",
            "running": f"success, running {self.launch.image}\n",
        }
        return {
            "actual_status": status,
            "intended_status": self.intended,
            "cur_state": "running" if held else "stopped",
            "next_state": "stopped"
            if self.outbid or status in {"stopped", "frozen"}
            else self.intended,
            "status_msg": self.says(status) or messages.get(status or ""),
            "start_date": float(self.born),
            "duration": max(0.0, self.offer["end_date"] - now),
            "uptime_mins": round((now - self.course_began) / 60, 2)
            if status == "running"
            else None,
            "time_remaining": "",
            "time_remaining_isbid": "",
            "client_run_time": 1.0,
            "host_run_time": 2_592_000.0,
        }

    def says(self, status: str | None) -> str | None:
        """The host's message, where its fate has one."""
        return self.fate.messages.get(status or "") or self.fate.messages.get("*")

    def _launch_part(self) -> Row:
        return {
            "image_uuid": self.launch.image,
            "image_args": self.launch.args,
            "image_runtype": self.launch.runtype,
            "extra_env": self.launch.extra_env,
            "onstart": self.launch.onstart,
            "disk_space": self.launch.disk,
            "is_bid": self.launch.is_bid,
        }

    def _reach(self, status: str | None, ways: Ways | None) -> Row:
        mapped = self.offer["direct_port_count"] > 0
        first = 40_000 + self.id % 2_000 * 10
        row: Row = {
            # the shape of a real one, which is never named
            "ssh_host": f"ssh{1 + self.id % 9}.vast.invalid",
            "ssh_port": 10_000 + self.id % 20_000,
            "ssh_idx": str(1 + self.id % 9),
            "machine_dir_ssh_port": first,
            "public_ipaddr": f"{self.offer['public_ipaddr']}\n",
            "local_ipaddrs": "192.168.1.20 172.17.0.1 \n",
            "direct_port_start": first if mapped else -1,
            "direct_port_end": first + len(self.launch.ports) if mapped else -1,
            "jupyter_token": f"sandbox-jupyter-{self.secret[-16:]}",
        }
        if status == "running":  # absent before; null would crash the official client (C.3)
            row["ports"] = self._ports(first) if mapped else {}
        if ways is not None:
            row |= {
                "public_ipaddr": f"{ways.host}\n",
                "ssh_host": ways.host,
                "ssh_port": ways.proxy,
            }
            if "22/tcp" in row.get("ports", {}) and ways.direct is not None:
                row["ports"]["22/tcp"] = [{"HostIp": "0.0.0.0", "HostPort": str(ways.direct)}]  # noqa: S104
        return row

    def _ports(self, first: int) -> dict[str, list[dict[str, str]]]:
        outside = {
            port: port.partition("/")[0] if same else str(first + offset)
            for offset, (port, same) in enumerate(self.launch.ports)
        }
        return {
            port: [{"HostIp": "0.0.0.0", "HostPort": number}, {"HostIp": "::", "HostPort": number}]  # noqa: S104
            for port, number in outside.items()
        }

    def _use(self, status: str | None) -> Row:
        live = status == "running"
        return {
            "gpu_util": 0.0 if live else None,
            "gpu_temp": 38.0 if live else None,
            "cpu_util": 0.01 if live else 0.0,
            "mem_usage": 0.6 if live else None,
            "mem_limit": round(self.offer["cpu_ram"] / 1000, 1) if live else None,
            "vmem_usage": 0.0 if live else None,
            "disk_usage": 0.4 if live else -1.0,
            "disk_util": 0.4 if live else -1.0,
        }

    def _money(self) -> Row:
        disk = self.dph_total - self.price
        bill = {
            "gpuCostPerHour": self.price,
            "diskHour": disk,
            "totalHour": self.dph_total,
            "discountTotalHour": 0.0,
            "discountedTotalPerHour": self.dph_total,
        }
        return {
            "dph_base": self.price,
            "dph_total": self.dph_total,
            "storage_total_cost": disk,
            "credit_balance": None,
            "credit_discount": None,
            "search": bill,
            "instance": bill,
        }
