"""The fields of the API's filters: what each is called, which values it takes, and which it cannot
mean (docs/vast-api.md B.1, B.4).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from vast_mcp.vast.columns import FILTERED, OFFICIAL_NAMES


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text))


TEXTS = _words(
    "cpu_arch cpu_name disk_name geolocation gpu_arch gpu_name hostname logo mobo_name os_version "
    "public_ipaddr resource_type verification webpage"
)
FLAGS = _words(
    "datacenter external gpu_display_active has_avx is_bid is_vm_deverified rentable rented "
    "static_ip verified vms_enabled"
)
# What the API filters by beside its columns, and columns that vast-mcp does not read.
_OTHERS = _words(
    "ask_contract_id avail_vol_ask_id avail_vol_dph avail_vol_size bundle_id bundled_results "
    "cluster_id credit_discount_max end_date geolocode gpu_ids host_id nw_disk_avg_bw "
    "nw_disk_max_bw nw_disk_min_bw platform_fee reliability_mult score start_date "
    "storage_total_cost target_reliability vericode vram_costperhour"
)
KNOWN = (FILTERED | TEXTS | FLAGS | _OTHERS) - {"reliability2"}

# Other names of a field: the official client's, and the server's own.
ALIASES = OFFICIAL_NAMES | {"cuda_version": "cuda_max_good", "reliability2": "reliability"}
# Columns in MB that the server takes in GB too.
IN_GB = {"cpu_ram_GB": "cpu_ram", "gpu_ram_GB": "gpu_ram", "gpu_totalram_GB": "gpu_total_ram"}
# The official client's query string has GB and days where the API has MB and seconds.
UNITS_OF_QUERIES = {
    "cpu_ram": 1000.0,
    "gpu_ram": 1000.0,
    "gpu_total_ram": 1000.0,
    "duration": 86400.0,
}

NOT_FILTERS = {
    "id": "finds nothing; ask_contract_id is the field that holds an offer_id",
    "order": "not a filter: order_by",
    "order_by": "not a filter: order_by is an argument of its own",
    "limit": "not a filter: limit is an argument of its own",
    "type": "not a filter: type is an argument of its own",
    "allocated_storage": "not a filter: min_disk_gb sets it",
    "disable_bundling": "not a filter",
}
# What people call a field.
MEANT = {
    "bandwidth": "inet_down",
    "count": "num_gpus",
    "country": "geolocation",
    "cores": "cpu_cores_effective",
    "cpu": "cpu_cores_effective",
    "cpus": "cpu_cores_effective",
    "cuda": "cuda_max_good",
    "disk": "disk_space",
    "download": "inet_down",
    "driver": "driver_version",
    "gpu": "gpu_name",
    "gpu_count": "num_gpus",
    "gpu_memory": "gpu_ram",
    "gpus": "num_gpus",
    "hours": "duration",
    "location": "geolocation",
    "memory": "cpu_ram",
    "ports": "direct_port_count",
    "price": "dph_total",
    "ram": "cpu_ram",
    "region": "geolocation",
    "storage": "disk_space",
    "upload": "inet_up",
    "vcpus": "cpu_cores_effective",
    "vm": "vms_enabled",
    "vram": "gpu_ram",
}

# Texts of which there are few, and other words for them.
CHOICES = {
    "cpu_arch": ("amd64", "arm64"),
    "gpu_arch": ("nvidia", "amd"),
    "verification": ("verified", "unverified", "deverified"),
}
ALSO = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "x86 64": "amd64",
    "x64": "amd64",
    "aarch64": "arm64",
    "arm": "arm64",
}


@dataclass(frozen=True)
class Sane:
    """What values of a field can mean: 0, or from `least` to `most`, which are in `unit`.

    A value beyond is in another unit: one that is too small is in `other`, and `up` are what makes
    it this one; `down` are what one that is too large is divided by. `query` is the unit that a
    query string has, and how many of this one make one of those.
    """

    unit: str
    least: float = 0
    most: float = math.inf
    up: tuple[float, ...] = ()
    down: tuple[float, ...] = ()
    other: str = ""
    query: tuple[str, float] | None = None

    def problem_with(self, value: float) -> str | None:
        """Why it cannot be meant, and the value that probably is; None where it can."""
        if value == 0 or self.least <= value <= self.most:
            return None
        scaled = [value * by for by in self.up] + [value / by for by in self.down]
        meant = [one for one in scaled if self.least <= one <= self.most and _is_round(one)]
        if value < 0 or not meant:
            return f"is {self.named}, {_plain(self.least)} to {_plain(self.most)}"
        if value > self.most:
            return f"is {self.named}: probably {self._plainly(meant[0])}"
        other = f" {self.other}" if self.other else ""
        return f"is {self.unit}: {_plain(value)}{other} is {_plain(meant[0])}"

    @property
    def named(self) -> str:
        """The unit, and what a query string has in its place."""
        return self.unit if self.query is None else f"{self.unit} (a query string: {self.query[0]})"

    def _plainly(self, value: float) -> str:
        if self.query is None:
            return _plain(value)
        return f"{_plain(value)} ({_plain(value / self.query[1])})"


def _is_round(value: float) -> bool:
    """Whether it is such a number as a person writes."""
    return value == round(value, 4)


def _plain(value: float) -> str:
    return f"{value:.10g}" if abs(value) < 1e10 else f"{value:g}"


_GB = ("GB", 1000.0)
_RAM = Sane("in MB", 1000, 2e7, (1000,), (1000, 2**20), "GB", _GB)
_SHARE = Sane("from 0 to 1", 0, 1, (), (100,))
_NET = Sane("in Mbit/s", 10, 200_000, (1000,), (1e3, 1e6), "Gbit/s")
_TRAFFIC = Sane("in $/GB", 0, 1, (), (1000,))
_PRICE = Sane("in $/h", 0, 10_000)
SANE = {
    "cpu_ram": _RAM,
    "gpu_ram": Sane("in MB", 1000, 1e6, (1000,), (1000, 2**20), "GB", _GB),
    "gpu_total_ram": _RAM,
    "duration": Sane("in seconds", 3600, 1e8, (3600,), (86400,), "hours", ("days", 86400.0)),
    # A Quadro P2000 says 140 (B.2).
    "compute_cap": Sane("in hundredths", 140, 2000, (100, 10), (10,)),
    "reliability": _SHARE,
    "expected_reliability": _SHARE,
    "target_reliability": _SHARE,
    "gpu_frac": _SHARE,
    "inet_down": _NET,
    "inet_up": _NET,
    "inet_down_cost": _TRAFFIC,
    "inet_up_cost": _TRAFFIC,
    "disk_space": Sane("in GB", 5, 200_000, (1000,), (1000,), "TB"),
    "disk_bw": Sane("in MB/s", 20, 1e6, (1000,), (1000,), "GB/s"),
    "storage_cost": Sane("in $/GB/month", 0, 20, (), (1000,)),
    "cuda_max_good": Sane("a version like 12.4", 0, 40, (), (10, 100, 1000)),
    "driver_vers": Sane("a version like 535.86.05", 1e8, 1e10, (1e6,), ()),
    "gpu_mem_bw": Sane("in GB/s", 20, 50_000, (1000,), (1000,), "TB/s"),
    "pcie_bw": Sane("in GB/s", 0, 1000, (), (1000,)),
    "pci_gen": Sane("a generation, 1 to 7", 0, 9),
    "cpu_ghz": Sane("in GHz", 0, 20, (), (1000,)),
    "total_flops": Sane("in TFLOPS", 0, 1e6, (), (1e12, 1e3)),
    "dph_total": _PRICE,
    "dph_base": _PRICE,
    "min_bid": _PRICE,
    "num_gpus": Sane("how many", 0, 1000),
    "direct_port_count": Sane("how many", 0, 65_536),
}
