"""What a volume's row says: whose it is at the moment (docs/vast-api.md F)."""

from __future__ import annotations

from typing import cast

from vast_mcp.errors import Json
from vast_mcp.vast.replies import as_object
from vast_mcp.vast.storage import Volume

EITHER = {"in": [True, False]}
BEST_FIRST = [["score", "desc"]]


def room_query(machine_id: int, size_gb: float) -> Json:
    """The search for room on one machine. Whether its host is verified was decided with the
    offer.
    """
    return {
        "machine_id": {"eq": machine_id},
        "disk_space": {"gte": size_gb},
        "verified": EITHER,
        "external": EITHER,
        "order": BEST_FIRST,
        "allocated_storage": size_gb,
    }


def attached_to(volume: Volume) -> list[int]:
    """Ids of the instances that hold it. Their form is not documented: numbers, numeric text and
    objects are read.
    """
    listed: object = volume.instances
    if not isinstance(listed, list):
        return []
    ids = [_id_in(item) for item in cast("list[object]", listed)]
    return [instance_id for instance_id in ids if instance_id is not None]


def _id_in(item: object) -> int | None:
    """The id that one of a volume's instances is written as."""
    row = as_object(item)
    value: object = item
    if row is not None:
        value = row.get("id", row.get("instance_id"))
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return int(value) if str(value).isdecimal() else None
