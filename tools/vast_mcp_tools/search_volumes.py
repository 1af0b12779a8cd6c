"""A volume is a disk that outlives its machine. It lives on one machine, so the search for room
begins at an offer.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

from pydantic import Field

from vast_mcp import errors
from vast_mcp.errors import NextStep, Problem
from vast_mcp.machines.costs import room_usd_per_hour, rounded
from vast_mcp.machines.volumes import rooms_on
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step
from vast_mcp.vast.storage import VolumeOffer

MOUNT = "/workspace"
SHOWN = 10


class SearchVolumes(Arguments):
    told_elsewhere: ClassVar[frozenset[str]] = frozenset({"offer_id"})

    offer_id: Annotated[int | None, Field(ge=1)] = None
    machine_id: Annotated[int | None, Field(ge=1, description="or its machine")] = None
    size_gb: Annotated[int, Field(ge=1, description="1 or more, default 15")] = 15


class VolumeOfferRow(Part):
    volume_offer_id: int
    machine_id: int | None = None
    free_gb: float | None = None
    usd_per_gb_month: float | None = None
    usd_per_hour: Annotated[float | None, Field(description="For size_gb.")] = None


class SearchVolumesResult(Result):
    machine_id: int
    size_gb: int
    volume_offers: list[VolumeOfferRow]
    warnings: list[str] = []
    next_steps: list[Step] = []


async def search_volumes(args: SearchVolumes, call: Call) -> SearchVolumesResult:
    """Finds room on an offer's machine for a volume, which create_instance or create_volume makes
    and which bills until it is deleted.
    """
    machine_id = await _machine(args, call)
    fitting = await rooms_on(call.vast.recent, machine_id, args.size_gb)
    call.session.rooms.update({room.id: machine_id for room in fitting})
    fitting.sort(key=_cheapest_first)
    return SearchVolumesResult(
        machine_id=machine_id,
        size_gb=args.size_gb,
        volume_offers=[_row(offer, args.size_gb) for offer in fitting[:SHOWN]],
        next_steps=_steps(args, machine_id, fitting, call),
    )


async def _machine(args: SearchVolumes, call: Call) -> int:
    """The machine that was named, or that of the offer which was."""
    match args.machine_id, args.offer_id:
        case int(machine_id), None:
            return machine_id
        case None, int(offer_id):
            return await _machine_of(offer_id, call)
        case _:
            problem = Problem("offer_id", "give offer_id or machine_id, one of them")
            raise errors.bad("search_volumes", [problem])


async def _machine_of(offer_id: int, call: Call) -> int:
    """The machine of an offer, as a search has shown it or as Vast lists it. Raises OfferGone."""
    offer = call.session.offers.get(offer_id) or await call.vast.recent.find_offer(offer_id)
    if offer is None or offer.machine_id is None:
        raise errors.OfferGone(
            "Vast lists no offer with this id now, so its machine is not known.",
            offer_id=offer_id,
            next_steps=[NextStep("search_offers", {}, "offers that exist")],
        )
    return offer.machine_id


def _cheapest_first(offer: VolumeOffer) -> tuple[float, int]:
    """By price, those without one last."""
    if offer.storage_cost is None:
        return math.inf, offer.id
    return offer.storage_cost, offer.id


def _row(offer: VolumeOffer, size_gb: int) -> VolumeOfferRow:
    return VolumeOfferRow(
        volume_offer_id=offer.id,
        machine_id=offer.machine_id,
        free_gb=rounded(offer.disk_space, 1),
        usd_per_gb_month=offer.storage_cost,
        usd_per_hour=rounded(room_usd_per_hour(offer, size_gb), 5),
    )


def _steps(
    args: SearchVolumes, machine_id: int, found: list[VolumeOffer], call: Call
) -> list[Step]:
    """How the cheapest room is taken: by renting an offer of its machine, or by itself."""
    if not found:
        return [step("search_offers", "another machine may have room; not every one has")]
    alone = "makes the volume without a machine"
    by_itself = step("create_volume", alone, volume_offer_id=found[0].id, size_gb=args.size_gb)
    offer_id = args.offer_id or _offer_of(machine_id, call)
    if offer_id is None:
        why = "an offer of that machine; search_volumes with it says the rest"
        return [step("search_offers", why, filters=f"machine_id={machine_id}"), by_itself]
    volume = {
        "create_new": True,
        "volume_id": found[0].id,
        "size": args.size_gb,
        "mount_path": MOUNT,
    }
    why = "rents the machine and makes the volume"
    return [step("create_instance", why, offer_id=offer_id, volume_info=volume), by_itself]


def _offer_of(machine_id: int, call: Call) -> int | None:
    """An offer of that machine that a search has shown lately, and that can still be rented."""
    for offer in call.session.offers:
        if offer.machine_id == machine_id and offer.rentable is not False:
            return offer.ask_contract_id
    return None


SPEC = ToolSpec(
    fn=search_volumes,
    arguments=SearchVolumes,
    result=SearchVolumesResult,
    title="Search room for a volume",
    read_only=True,
    destructive=False,
    idempotent=True,
    open_world=True,
)
