"""What a volume's row says: whose it is at the moment and what it bills (vast-api.md section F)."""

from __future__ import annotations

from typing import cast

from vast_mcp.vast.wire import Volume, as_object

MONTH_H = 720  # hours in the month that storage is priced by (A.6)


def usd_per_hour(volume: Volume) -> float | None:
    """$/h, attached or not: the row's own figure, else storage arithmetic."""
    if volume.storage_total_cost is not None:
        return volume.storage_total_cost
    if volume.storage_cost is None or volume.disk_space is None:
        return None
    return volume.storage_cost * volume.disk_space / MONTH_H


def attached_to(volume: Volume) -> list[int]:
    """Ids of the instances that hold it. Their form is not documented: numbers, numeric text and objects are read."""
    listed: object = volume.instances
    if not isinstance(listed, list):
        return []
    found: list[int] = []
    for item in cast("list[object]", listed):
        row = as_object(item)
        value = row.get("id", row.get("instance_id")) if row is not None else item
        if isinstance(value, int | str) and not isinstance(value, bool) and str(value).isdecimal():
            found.append(int(value))
    return found
