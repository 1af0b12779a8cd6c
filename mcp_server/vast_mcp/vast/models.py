"""Offers and machines, as the rows of Vast's lists show them."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, field_validator

from vast_mcp.errors import Json
from vast_mcp.vast import names
from vast_mcp.vast.replies import as_object, as_objects
from vast_mcp.vast.rows import Row, rows_of
from vast_mcp.vast.storage import storage_usd_per_hour

_OUTSIDE = re.compile("[0-9]{1,5}")


# Columns that filters may be about (docs/vast-api.md B.1, B.4).
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


class Offer(Row):
    """An offer (ask). `gpu_ram`, `cpu_ram` in MB, `disk_space` in GB, prices in $/h, `duration` in
    seconds (docs/vast-api.md B.4).
    """

    ask_contract_id: int
    gpu_name: names.Card = None
    untrusted_gpu_name: names.Text = Field(default=None, validation_alias="gpu_name")
    num_gpus: int = 1
    gpu_ram: float = 0
    cpu_cores_effective: float | None = None
    cpu_ram: float | None = None
    disk_space: float | None = None
    dph_base: float | None = None
    dph_total: float | None = None
    min_bid: float | None = None
    storage_cost: float | None = None  # $/GB/month of 720 h
    inet_down: float | None = None
    inet_down_cost: float | None = None
    reliability2: float | None = None
    reliability: float | None = None
    verification: names.State = None
    direct_port_count: int | None = None
    cuda_max_good: float | None = None
    duration: float | None = None
    end_date: float | None = None
    geolocation: names.Place = None
    untrusted_location: names.Text = Field(default=None, validation_alias="geolocation")
    vms_enabled: bool | None = None
    hosting_type: int | None = None
    machine_id: int | None = None
    rentable: bool | None = None
    rented: bool | None = None
    # The cells that filters may be about, as they stand in the row: to compare, not to show.
    stated: Json = Field(default_factory=dict[str, Any], repr=False)

    def disk_usd_per_hour(self, disk_gb: float) -> float | None:
        """Storage costs $/GB/month, and a month has 720 hours (docs/vast-api.md A.6)."""
        return storage_usd_per_hour(self.storage_cost, disk_gb)


class PortMapping(Row):
    """One way in from outside: `HostPort` is text on the wire."""

    HostPort: str


class Instance(Row):
    """An instance row of the v1 list or the single read (docs/vast-api.md C.3). Prices in $/h,
    times in epoch seconds.
    """

    id: int
    label: str | None = None
    actual_status: names.State = None
    intended_status: names.State = None
    cur_state: names.State = None
    next_state: names.State = None
    status_msg: str | None = None
    gpu_name: names.Card = None
    untrusted_gpu_name: names.Text = Field(default=None, validation_alias="gpu_name")
    num_gpus: int | None = None
    gpu_util: float | None = None
    dph_base: float | None = None
    dph_total: float | None = None
    min_bid: float | None = None
    is_bid: bool | None = None
    start_date: float | None = None
    end_date: float | None = None
    image_uuid: str | None = None
    image_runtype: str | None = None
    machine_id: int | None = None
    cuda_max_good: float | None = None
    geolocation: str | None = None
    disk_space: float | None = None
    disk_usage: float | None = None
    storage_cost: float | None = None  # $/GB/month of 720 h
    storage_total_cost: float | None = None  # $/h
    public_ipaddr: names.Ip = None  # with a newline at its end (docs/vast-api.md C.3)
    ssh_host: names.Host = None
    ssh_port: int | None = None
    direct_port_count: int | None = None
    ports: dict[str, list[PortMapping]] | None = None
    jupyter_token: names.Token = Field(default=None, repr=False)
    onstart: Any = Field(default=None, repr=False)  # as it was stored; null: none (A.10)
    volume_info: Any = None  # only in the list's rows (docs/vast-api.md A.8)

    @field_validator("ports", mode="before")
    @classmethod
    def _mapped_only(cls, value: object) -> object:
        """The object form; anything else (absent until running, a list of numbers in one page) says
        nothing.
        """
        mapped = as_object(value)
        if not mapped:
            return None
        return {
            port: ways for port, ways in mapped.items() if names.port(port) and as_objects(ways)
        }

    def disk_usd_per_hour(self) -> float | None:
        """What the disk bills, running or stopped: the row's own figure, else storage arithmetic
        (docs/vast-api.md C.8).
        """
        if self.storage_total_cost is not None:
            return self.storage_total_cost
        return storage_usd_per_hour(self.storage_cost, self.disk_space)

    def outside_port(self, inside: str) -> int | None:
        """The public port that leads to `inside`, such as "22/tcp"."""
        ways = (self.ports or {}).get(inside)
        if not ways or _OUTSIDE.fullmatch(ways[0].HostPort) is None:
            return None
        return int(ways[0].HostPort)


def offers_of(rows: list[Json]) -> list[Offer]:
    """The rows that have a usable id, under either of its names: an offer that cannot be named
    cannot be rented.
    """
    return rows_of(Offer, [_with_its_own(row) for row in rows])


def _with_its_own(row: Json) -> Json:
    stated = {name: row[name] for name in FILTERED & row.keys()}
    return {"ask_contract_id": row.get("id"), **row, "stated": stated}
