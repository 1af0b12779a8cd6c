"""Offers and machines, as the rows of Vast's lists show them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from vast_mcp.errors import Json
from vast_mcp.vast import cells, names
from vast_mcp.vast.columns import FILTERED
from vast_mcp.vast.replies import NO_NUMBER, as_object
from vast_mcp.vast.rows import Listing, Row, rows_of
from vast_mcp.vast.storage import storage_usd_per_hour

# The words of a container's status, and of a contract's state (docs/vast-api.md C.4).
ACTUAL = (
    *("created", "loading", "running", "exited", "stopped", "frozen", "rebooting", "restarting"),
    *("recycling", "scheduling", "unknown", "offline"),
)
CONTRACT = ("running", "stopped", "frozen", "unloaded")

CPU_ARCH = ("amd64", "arm64")
GPU_ARCH = ("nvidia", "amd")

_ACTUAL, _ASKED = cells.word_of(*ACTUAL), cells.word_of(*CONTRACT)
_CPU_ARCH, _GPU_ARCH = cells.word_of(*CPU_ARCH), cells.word_of(*GPU_ARCH)


def _own_cpu_ram(row: Offer | Instance) -> float | None:
    """A rental's share of its machine's memory, in MB. By one source it is in proportion to the
    GPUs, by another to the cores (docs/vast-api.md B.2), so it is the smaller; a container may
    burst above it.
    """
    by_cores = None
    if row.cpu_cores and row.cpu_cores_effective is not None:
        by_cores = row.cpu_cores_effective / row.cpu_cores
    shares = [share for share in (row.gpu_frac, by_cores) if share]
    if row.cpu_ram is None or not shares:
        return None
    return row.cpu_ram * min(1.0, *shares)


class Offer(Row):
    """An offer (ask). `gpu_ram`, `cpu_ram` in MB, `disk_space` in GB, prices in $/h, of traffic in
    $/GB, speeds in Mbit/s, `duration` in seconds, `compute_cap` * 100 (docs/vast-api.md B.4).
    """

    what: ClassVar[str] = "Offer"
    named_by: ClassVar[str] = "ask_contract_id"

    ask_contract_id: cells.Id
    gpu_name: cells.Card = None
    untrusted_gpu_name: cells.Text = Field(default=None, validation_alias="gpu_name")
    num_gpus: cells.Count = None
    gpu_ram: cells.Amount = None
    gpu_frac: cells.Amount = None
    gpu_arch: Annotated[str | None, _GPU_ARCH] = None
    compute_cap: cells.Amount = None
    cpu_cores: cells.Amount = None
    cpu_cores_effective: cells.Amount = None
    cpu_ram: cells.Amount = None
    cpu_arch: Annotated[str | None, _CPU_ARCH] = None
    disk_space: cells.Amount = None
    dph_base: cells.Price = None
    dph_total: cells.Price = None
    min_bid: cells.Amount = None
    storage_cost: cells.Amount = None  # $/GB/month of 720 h
    inet_down: cells.Amount = None
    inet_down_cost: cells.Amount = None
    inet_up: cells.Amount = None
    inet_up_cost: cells.Amount = None
    reliability2: cells.Number = None
    reliability: cells.Number = None
    verification: cells.State = None
    direct_port_count: cells.Whole = None
    cuda_max_good: cells.Number = None
    duration: cells.Number = None
    end_date: cells.Number = None
    geolocation: cells.Place = None
    untrusted_location: cells.Text = Field(default=None, validation_alias="geolocation")
    vms_enabled: cells.Flag = None
    avail_vol_ask_id: cells.Whole = None  # the room for a new volume on its machine (B.4)
    avail_vol_size: cells.Amount = None  # GB
    hosting_type: cells.Whole = None
    machine_id: cells.Whole = None
    host_id: cells.Whole = None
    rentable: cells.Flag = None
    rented: cells.Flag = None
    # The cells that filters may be about, as they stand in the row: to compare, not to show.
    stated: Json = Field(default_factory=dict[str, Any], repr=False)

    def disk_usd_per_hour(self, disk_gb: float) -> float | None:
        """Storage costs $/GB/month, and a month has 720 hours (docs/vast-api.md A.6)."""
        return storage_usd_per_hour(self.storage_cost, disk_gb)

    @property
    def own_cpu_ram(self) -> float | None:
        """MB of the machine's memory that a rental can count on; None where that is not known."""
        return _own_cpu_ram(self)

    @property
    def dearer_traffic(self) -> float | None:
        """$/GB of traffic, in the dearer of its two ways; None where one of them is not known."""
        if self.inet_down_cost is None or self.inet_up_cost is None:
            return None
        return max(self.inet_down_cost, self.inet_up_cost)


class Instance(Row):
    """An instance row of the v1 list or the single read (docs/vast-api.md C.3). Prices in $/h,
    times in epoch seconds.
    """

    what: ClassVar[str] = "Machine"
    never_null: ClassVar[frozenset[str]] = frozenset({"dph_total", "intended_status", "start_date"})
    never_absent: ClassVar[frozenset[str]] = frozenset({"actual_status", "label"})

    id: cells.Id
    label: cells.Text = None
    actual_status: Annotated[str | None, _ACTUAL] = names.UNREADABLE
    intended_status: Annotated[str | None, _ASKED] = None
    cur_state: Annotated[str | None, _ASKED] = None
    next_state: Annotated[str | None, _ASKED] = None
    status_msg: cells.Text = None
    gpu_name: cells.Card = None
    untrusted_gpu_name: cells.Text = Field(default=None, validation_alias="gpu_name")
    num_gpus: cells.Count = None
    gpu_ram: cells.Amount = None  # MB, of one
    gpu_frac: cells.Amount = None
    gpu_lanes: cells.Amount = None
    gpu_max_power: cells.Amount = None  # watts
    compute_cap: cells.Amount = None  # * 100
    driver_version: cells.Text = None
    pci_gen: cells.Amount = None
    cpu_cores: cells.Amount = None  # the machine's; its own are the next
    cpu_cores_effective: cells.Amount = None
    cpu_ram: cells.Amount = None  # MB, the machine's
    disk_bw: cells.Amount = None  # MB/s
    inet_down: cells.Amount = None  # Mbit/s
    gpu_util: cells.Number = None
    gpu_temp: cells.Number = None
    dph_base: cells.Amount = None
    dph_total: cells.Amount = None
    min_bid: cells.Amount = None
    is_bid: cells.Flag = None
    credit_balance: cells.Number = None  # $, paid ahead
    start_date: cells.Moment = None
    end_date: cells.Moment = None
    image_uuid: cells.Text = None
    image_runtype: cells.Text = None
    machine_id: cells.Whole = None
    cuda_max_good: cells.Number = None
    geolocation: cells.Text = None
    disk_space: cells.Amount = None
    disk_usage: cells.Number = None
    storage_cost: cells.Amount = None  # $/GB/month of 720 h
    storage_total_cost: cells.Amount = None  # $/h
    inet_down_cost: cells.Amount = None  # $/GB
    inet_up_cost: cells.Amount = None
    inet_down_billed: cells.Amount = None  # KB of 1024 B, since it was made
    public_ipaddr: cells.Ip = None  # with a newline at its end (docs/vast-api.md C.3)
    ssh_host: cells.Host = None
    ssh_port: cells.Whole = None
    direct_port_count: cells.Whole = None
    ports: cells.Ports = None
    jupyter_token: cells.Token = Field(default=None, repr=False)
    onstart: Any = Field(default=None, repr=False)  # as it was stored; null: none (A.10)
    extra_env: cells.PairNames = Field(default=None, repr=False)  # names alone
    template_hash_id: cells.Token = None
    volume_info: Any = None  # only in the list's rows (docs/vast-api.md A.8)

    @property
    def own_cpu_ram(self) -> float | None:
        """MB of its machine's memory that it can count on; None where that is not known."""
        return _own_cpu_ram(self)

    @property
    def hides_label(self) -> bool:
        """Whether its label could not be read: that may end in anybody's token."""
        return "label" in self.unread

    @property
    def gpu_use(self) -> float | None:
        """How busy the GPU is, in percent. 0 of a card without a temperature is no reading, and not
        an idle one (docs/vast-api.md C.3).
        """
        if self.gpu_util == 0 and not self.gpu_temp:
            return None
        return self.gpu_util

    def disk_usd_per_hour(self) -> float | None:
        """What the disk bills, running or stopped: the row's own figure, else storage arithmetic
        (docs/vast-api.md C.8).
        """
        if self.storage_total_cost is not None:
            return self.storage_total_cost
        return storage_usd_per_hour(self.storage_cost, self.disk_space)

    def outside_port(self, inside: str) -> int | None:
        """The public port that leads to `inside`, such as "22/tcp"."""
        return (self.ports or {}).get(inside)


def shows_every_label(listed: Listing[Instance]) -> bool:
    """Whether a list of machines proves that none carries a label that it does not show."""
    return listed.is_whole and not any(row.hides_label for row in listed)


def offers_of(rows: list[object]) -> Listing[Offer]:
    """The rows by their id, under either of its names: an offer that cannot be named cannot be
    rented.
    """
    return rows_of(Offer, map(_with_its_own, rows))


def _with_its_own(row: object) -> object:
    offer = as_object(row)
    if offer is None:
        return row
    stated = {name: offer[name] for name in FILTERED & offer.keys() if offer[name] is not NO_NUMBER}
    named = offer.get("ask_contract_id")
    return {
        **offer,
        "ask_contract_id": offer.get("id") if named is None else named,
        "stated": stated,
    }
