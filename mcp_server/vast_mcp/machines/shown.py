"""A row's words and figures as answers show them, left out where the row is silent."""

from __future__ import annotations

from vast_mcp.machines import costs
from vast_mcp.vast.models import Instance

_WITHOUT_STATUS = "provisioning"  # a row has no status until its host took the machine up


def status_of(row: Instance) -> str:
    """What the container does: provisioning, loading, running, exited, offline …"""
    return row.actual_status or _WITHOUT_STATUS


def intended_of(row: Instance) -> str | None:
    """What was last asked for, where it is not yet so."""
    if row.intended_status == (row.actual_status or _WITHOUT_STATUS):
        return None
    return row.intended_status


def gpus_of(row: Instance) -> str | None:
    """Number and name of its GPUs, "2x RTX 4090"."""
    if not row.gpu_name:
        return None
    return f"{row.num_gpus or 1}x {row.gpu_name}"


def age_hours(row: Instance, now: float) -> float | None:
    """Hours since its start, by the row. `now` in epoch seconds."""
    return costs.rounded(costs.hours(row.start_date, now), 2)


def hours_to_end(row: Instance, now: float) -> float | None:
    """Hours until its contract ends, never below 0. `now` in epoch seconds."""
    if not row.end_date:
        return None
    return costs.rounded(costs.hours(now, row.end_date), 1)


def disk_used_gb(row: Instance) -> float | None:
    """GB that are used of its disk; Vast writes -1 where it does not know."""
    if row.disk_usage is None or row.disk_usage < 0:
        return None
    return round(row.disk_usage, 1)
