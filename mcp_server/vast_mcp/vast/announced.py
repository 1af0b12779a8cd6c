"""What hosts announce for machines that are rented: higher prices, and maintenance."""

from __future__ import annotations

from typing import ClassVar

from vast_mcp.vast import cells
from vast_mcp.vast.rows import Row

MAINTENANCES = ("power", "internet", "disk", "gpu", "software", "other")  # docs/vast-api.md C.11


class PriceIncrease(Row):
    """A higher price that a host asks for (docs/vast-api.md C.7). A new cell that is null leaves
    the price as it is. Prices of GPU and disk per second, of traffic in $/GB; times in epoch
    seconds.
    """

    what: ClassVar[str] = "Price increase"
    named_by: ClassVar[str] = "pending_price_increase_id"
    never_null: ClassVar[frozenset[str]] = frozenset({"contract_id"})

    pending_price_increase_id: cells.Id
    contract_id: cells.Whole = None
    old_gpu_costpersec: cells.Amount = None
    new_gpu_costpersec: cells.Amount = None
    old_disk_ram_costpersec: cells.Amount = None
    new_disk_ram_costpersec: cells.Amount = None
    old_bwd_cost: cells.Amount = None
    new_bwd_cost: cells.Amount = None
    old_bwu_cost: cells.Amount = None
    new_bwu_cost: cells.Amount = None
    old_platform_fee: cells.Amount = None
    new_platform_fee: cells.Amount = None
    contract_end_date: cells.Moment = None
    ask_end_date: cells.Moment = None


class Maintenance(Row):
    """A time in which a host works on a machine (docs/vast-api.md C.11), in epoch seconds."""

    what: ClassVar[str] = "Maintenance"

    id: cells.Id
    machine_id: cells.Whole = None
    start_time: cells.Moment = None
    duration_hours: cells.Amount = None
    maintenance_category: cells.State = None

    @property
    def category(self) -> str | None:
        """What is worked on, in one of Vast's words; None for any other."""
        word = self.maintenance_category
        return word if word in MAINTENANCES else None
