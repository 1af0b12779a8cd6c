"""What a volume's row says: who made it, and who holds it (docs/vast-api.md F)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vast_mcp.errors import Json
from vast_mcp.vast.storage import Volume, VolumeOffer

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast

FEW, MOST = 10, 64  # rows: a machine has one or two rooms; Vast shows 64 at most
EITHER = {"in": [True, False]}
BEST_FIRST = [["score", "desc"]]

# A volume's name has letters, digits and underscores only (docs/vast-api.md F).
_OURS = re.compile(r"vast_mcp_([0-9a-f]{16})")


def named(body: Json, token: str) -> Json:
    """A request to rent whose new volume, if it makes one, carries the attempt's token."""
    info = body.get("volume_info")
    if not info or not info.get("create_new"):
        return body
    return body | {"volume_info": info | {"name": f"vast_mcp_{token}"}}


def token_of(volume: Volume) -> str | None:
    """The token of the attempt that made the volume; None where vast-mcp did not."""
    match = _OURS.fullmatch(volume.label or "")
    if match is None:
        return None
    return match.group(1)


def is_ours(volume: Volume) -> bool:
    """Whether a vast-mcp made it, this one or another computer's."""
    return token_of(volume) is not None


async def rooms_on(vast: Vast, machine_id: int, size_gb: float) -> list[VolumeOffer]:
    """The room for a volume on one machine. A few rows are asked for, since a day has its quota of
    them (docs/vast-api.md H), and all that there may be where those are of other machines: numeric
    filters are not always applied (B.2).
    """
    fitting: list[VolumeOffer] = []
    for rows in (FEW, MOST):
        found = await vast.search_volumes({**room_query([machine_id], size_gb), "limit": rows})
        fitting = [room for room in found if _has_room(room, machine_id, size_gb)]
        if fitting or found.total < rows:
            break
    return fitting


def _has_room(room: VolumeOffer, machine_id: int, size_gb: float) -> bool:
    return room.machine_id == machine_id and is_enough(room, size_gb)


def is_enough(room: VolumeOffer, size_gb: float) -> bool:
    """Whether it holds so much; where its row is silent Vast has judged."""
    return room.disk_space is None or room.disk_space >= size_gb


def room_query(machine_ids: Sequence[int], size_gb: float) -> Json:
    """The search for room on these machines. Whether their hosts are verified was decided with the
    offers.
    """
    [first, *others] = machine_ids
    return {
        "machine_id": {"in": list(machine_ids)} if others else {"eq": first},
        "disk_space": {"gte": size_gb},
        "verified": EITHER,
        "external": EITHER,
        "order": BEST_FIRST,
        "allocated_storage": size_gb,
    }


def attached_to(volume: Volume) -> list[int]:
    """Ids of the instances that are known to hold it (Volume.hides_holders)."""
    return list(volume.instances or ())
