"""costs: what a machine bills by its row."""

from __future__ import annotations

from typing import Any

import pytest

from vast_mcp.machines.costs import Bills, bills_of
from vast_mcp.vast.models import Instance

DISK, GPU = 0.002, 0.4


def row(**fields: Any) -> Instance:
    figures = {"dph_base": GPU, "dph_total": GPU + DISK, "storage_total_cost": DISK}
    return Instance.model_validate({"id": 1, "intended_status": "running", **figures, **fields})


@pytest.mark.parametrize(
    ("status", "now"),
    [
        *((status, GPU + DISK) for status in ("running", "frozen", "rebooting", "recycling")),
        *((status, GPU + DISK) for status in ("restarting", "unknown", "a word of tomorrow", 7)),
        *((status, DISK) for status in (None, "created", "loading", "scheduling")),
        *((status, DISK) for status in ("exited", "stopped")),
        ("offline", 0.0),
    ],
)
def test_what_bills_now_is_told_by_the_container(status: Any, now: float) -> None:
    """The GPU bills while it runs or is frozen, the disk as long as the host is there; what is not
    known bills (docs/vast-api.md C.8).
    """
    bills = bills_of(row(actual_status=status))
    assert (bills.now, bills.running, bills.stopped) == pytest.approx((now, GPU + DISK, DISK))
    assert (bills.running_if_other is None) == (now == GPU + DISK)
    assert bills.on_start == pytest.approx(GPU + DISK - now)


def test_a_volume_in_the_whole_price_bills_with_a_machine_that_runs() -> None:
    """It is in the row's price, or beside it: no source says which (docs/spending.md)."""
    bills = bills_of(row(actual_status="running", dph_total=GPU + DISK + 0.01))
    assert bills.shown()["usd_per_hour"] == 0.412
    assert bills.shown()["stopped_usd_per_hour"] == DISK


def test_a_price_that_is_not_known_is_none_and_not_nothing() -> None:
    bills = bills_of(Instance.model_validate({"id": 1, "actual_status": "running"}))
    assert bills == Bills(None, None, None)
    assert set(bills.shown().values()) == {None}


def test_the_disk_is_worked_out_where_the_row_does_not_say_it() -> None:
    """$/GB/month, of 720 hours (docs/vast-api.md A.6)."""
    figures = {"storage_total_cost": None, "storage_cost": 0.1, "disk_space": 72}
    assert bills_of(row(actual_status="exited", **figures)).now == pytest.approx(0.01)


def test_traffic_is_told_as_offers_tell_it() -> None:
    """By the TB of 1024 GB, one number where both ways cost the same (docs/vast-api.md B.4)."""
    both = bills_of(row(inet_down_cost=0.002, inet_up_cost=0.01))
    assert both.shown()["usd_per_tb"] == [2.05, 10.3]
    assert bills_of(row(inet_down_cost=0.002, inet_up_cost=0.002)).usd_per_tb == [2.05]
    assert bills_of(row(inet_down_cost=0.002)).usd_per_tb is None
