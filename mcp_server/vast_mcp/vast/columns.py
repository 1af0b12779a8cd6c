"""The columns that filters may be about, and how their operators compare (docs/vast-api.md B.1)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

FILTERED = frozenset(
    re.findall(
        r"\w+",
        "bw_nvlink compute_cap cpu_arch cpu_cores cpu_cores_effective cpu_ghz cpu_ram "
        "cuda_max_good direct_port_count disk_bw disk_space dlperf dlperf_per_dphtotal "
        "dph_base dph_total driver_vers duration expected_reliability external "
        "flops_per_dphtotal geolocation gpu_arch gpu_display_active gpu_frac gpu_lanes "
        "gpu_max_power gpu_max_temp gpu_mem_bw gpu_name gpu_ram gpu_total_ram has_avx host_id "
        "hosting_type inet_down inet_down_cost inet_up inet_up_cost machine_id min_bid "
        "num_gpus os_version pci_gen pcie_bw reliability reliability2 static_ip storage_cost "
        "total_flops verification vms_enabled",
    )
)

# What the official client calls some of them.
OFFICIAL_NAMES = {
    "cuda_vers": "cuda_max_good",
    "display_active": "gpu_display_active",
    "dlperf_usd": "dlperf_per_dphtotal",
    "dph": "dph_total",
    "dphtotal": "dph_total",
    "driver_version": "driver_vers",
    "flops_usd": "flops_per_dphtotal",
    "gpu_totalram": "gpu_total_ram",
    "ubuntu_version": "os_version",
}

# Of a fact and what is asked for; "in" and "notin" take a list.
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
LISTED = {"in", "notin"}
