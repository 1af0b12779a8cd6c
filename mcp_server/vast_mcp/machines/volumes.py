"""What a volume's row says: who made it, and who holds it (docs/vast-api.md F)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vast_mcp.errors import Json
from vast_mcp.journal.records import TOKEN_DIGITS, VOLUME_MARK, volume_token_of
from vast_mcp.vast.storage import Volume, VolumeOffer

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast

FEW, MOST = 10, 64  # rows: a machine has one or two rooms; Vast shows 64 at most
EITHER = {"in": [True, False]}
BEST_FIRST = [["score", "desc"]]

# A volume's name has letters, digits and underscores only, 64 at most (docs/vast-api.md F).
NAME_ROOM = 64 - TOKEN_DIGITS - len(VOLUME_MARK) - 1  # characters of a name of one's own


def named(body: Json, token: str) -> Json:
    """A request to rent whose new volume, if it makes one, carries the attempt's token."""
    info = body.get("volume_info")
    if not info or not info.get("create_new"):
        return body
    return body | {"volume_info": info | {"name": name_of(token)}}


def name_of(token: str, name: str | None = None) -> str:
    """The name of a volume that the attempt with this token makes; `name`: the caller's part."""
    return f"{name}_{VOLUME_MARK}{token}" if name else f"{VOLUME_MARK}{token}"


def token_of(volume: Volume) -> str | None:
    """The token of the attempt that made the volume; None where vast-mcp did not."""
    return volume_token_of(volume.label)


def is_ours(volume: Volume) -> bool:
    """Whether a vast-mcp made it, this one or another computer's."""
    return token_of(volume) is not None


async def room_of(
    vast: Vast, room_id: int, machine_id: int | None, size_gb: float
) -> VolumeOffer | None:
    """A volume offer now, with room for so much, at its price; None where Vast lists none.

    `machine_id`: where a search has shown it. Else it is searched by its id, as an offer is: a
    filter on `id` finds nothing there (docs/vast-api.md B.2).
    """
    if machine_id is not None:
        found = await rooms_on(vast, machine_id, size_gb)
    else:
        query: Json = {
            "ask_contract_id": {"eq": room_id},
            "disk_space": {"gte": size_gb},
            "verified": EITHER,
            "external": EITHER,
            "allocated_storage": size_gb,
            "limit": FEW,
        }
        found = list(await vast.search_volumes(query))
    return next((one for one in found if one.id == room_id and is_enough(one, size_gb)), None)


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
