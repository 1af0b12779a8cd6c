"""What a volume's row says: whose it is at the moment (docs/vast-api.md F)."""

from __future__ import annotations

from typing import cast

from vast_mcp.vast.models import Volume
from vast_mcp.vast.replies import Json, as_object


def room_query(machine_id: int, size_gb: float) -> Json:
    """The search for room on one machine. Whether its host is verified was decided with the
    offer.
    """
    anything = {"in": [True, False]}
    return {
        "machine_id": {"eq": machine_id},
        "disk_space": {"gte": size_gb},
        "verified": anything,
        "external": anything,
        "order": [["score", "desc"]],
        "allocated_storage": size_gb,
    }


def attached_to(volume: Volume) -> list[int]:
    """Ids of the instances that hold it. Their form is not documented: numbers, numeric text and
    objects are read.
    """
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
