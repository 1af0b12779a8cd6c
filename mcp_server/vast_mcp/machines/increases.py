"""What a host's price increase makes of a machine's price.

Vast names prices per second, and no source says whether the GPU's is for one or for all of them: so
the row's own prices are raised in proportion.
"""

from __future__ import annotations

from dataclasses import dataclass

from vast_mcp.machines import figures
from vast_mcp.machines.costs import beside_gpu
from vast_mcp.vast.announced import PriceIncrease
from vast_mcp.vast.models import Instance


@dataclass(frozen=True)
class Rate:
    """What a machine costs in $/h while it runs and while it is stopped, and its traffic in $/TB;
    None is not known.
    """

    running: float | None
    stopped: float | None
    usd_per_tb: list[float] | None


@dataclass(frozen=True)
class Increased:
    """A machine's prices now and after the increase, which begins with the end of its present
    contract, at `applies_at`; then the contract ends at `until`, in epoch seconds.
    """

    now: Rate
    then: Rate
    applies_at: float | None
    until: float | None


def increased(row: Instance, asked: PriceIncrease) -> Increased:
    """The prices of a machine's row, and what an increase makes of them."""
    disk = row.disk_usd_per_hour()
    now = Rate(row.dph_total, disk, figures.usd_per_tb(row.inet_down_cost, row.inet_up_cost))
    gpu = _raised(row.dph_base, asked.old_gpu_costpersec, asked.new_gpu_costpersec)
    dearer_disk = _raised(disk, asked.old_disk_ram_costpersec, asked.new_disk_ram_costpersec)
    rest = beside_gpu(row)
    if asked.new_platform_fee is not None and asked.new_platform_fee != asked.old_platform_fee:
        gpu = None  # of what the fee is taken, no source says
    running: float | None = None
    if gpu is not None and rest is not None and disk is not None and dearer_disk is not None:
        running = gpu + rest - disk + dearer_disk
    down = row.inet_down_cost if asked.new_bwd_cost is None else asked.new_bwd_cost
    up = row.inet_up_cost if asked.new_bwu_cost is None else asked.new_bwu_cost
    then = Rate(running, dearer_disk, figures.usd_per_tb(down, up))
    ends = row.end_date if asked.contract_end_date is None else asked.contract_end_date
    return Increased(now, then, ends, asked.ask_end_date)


def _raised(usd: float | None, old: float | None, new: float | None) -> float | None:
    """A price as one that was `old` becomes `new`; None where that is not known."""
    if new is None:
        return usd
    if usd is None or not old:
        return None
    return usd * new / old
