"""TODO: one line."""

from __future__ import annotations

from vast_mcp.vast.models import Instance


def rounded(value: float | None, digits: int) -> float | None:
    """Round a figure that may be unknown, for an answer."""
    if value is None:
        return None
    return round(value, digits)


def hours(since: float | None, now: float) -> float | None:
    return max(0.0, now - since) / 3600 if since else None


def cost_so_far(since: float | None, usd_per_hour: float | None, now: float) -> float | None:
    """Hours since birth times the whole rate, in $: an estimate from above, since GPUs bill only
    while running.
    """
    age = hours(since, now)
    return None if age is None or usd_per_hour is None else round(age * usd_per_hour, 4)


def running_usd_per_hour(row: Instance) -> float:
    """What a machine burns as it runs; 0 while it does not (C.8)."""
    return (row.dph_total or 0.0) if row.actual_status == "running" else 0.0


def idle_usd_per_hour(row: Instance) -> float:
    """What a machine that does not run bills for its disk; an offline one bills nothing (C.8)."""
    return 0.0 if row.actual_status in {"running", "offline"} else row.disk_usd_per_hour() or 0.0
