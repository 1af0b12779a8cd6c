"""Volumes of a plan: one that exists is on one machine, and a new one needs room on the machine
that is tried (docs/vast-api.md F).
"""

from __future__ import annotations

from collections.abc import Collection

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.machines import volumes
from vast_mcp.machines.costs import room_usd_per_hour
from vast_mcp.provisioning.requirement import TOOL
from vast_mcp.session import Call
from vast_mcp.vast.storage import VolumeOffer

FIELD = "volume_info.volume_id"


def is_new(volume: Json) -> bool:
    """Whether a volume is made with the machine."""
    return bool(volume.get("create_new"))


async def machine_of(call: Call, volume: Json) -> int:
    """The machine of a volume that exists. Raises BadArguments where the account has none of this
    id, or no row says where it is.
    """
    listed = await call.vast.list_volumes()
    found = next((one for one in listed if one.id == volume.get("volume_id")), None)
    if found is not None and found.machine_id is not None:
        return found.machine_id
    wrong = "the account has no such volume" if found is None else "Vast does not say where it is"
    refused = errors.bad(TOOL, [Problem(FIELD, wrong)])
    refused.next_steps = [NextStep("show_volumes", {}, "the volumes that there are")]
    raise refused


async def rooms_for(
    call: Call, machine_ids: Collection[int], size_gb: float
) -> dict[int, VolumeOffer]:
    """Room for a new volume on these machines, the cheapest of each, by machine."""
    if not machine_ids:
        return {}
    query = volumes.room_query(sorted(machine_ids), size_gb)
    listed = await call.vast.shared.search_volumes({**query, "limit": volumes.MOST})
    found: dict[int, tuple[float, VolumeOffer]] = {}
    for room in listed:
        usd, machine_id = room_usd_per_hour(room, size_gb), room.machine_id
        if usd is None or machine_id is None:
            continue
        if not volumes.is_enough(room, size_gb):
            continue
        if machine_id not in found or usd < found[machine_id][0]:
            found[machine_id] = usd, room
    return {machine_id: room for machine_id, (_, room) in found.items()}
