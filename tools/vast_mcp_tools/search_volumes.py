"""Room for a disk that outlives its machine. A volume lives on one machine, so the search
begins at an offer.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from vast_mcp import errors
from vast_mcp.errors import NextStep, Problem
from vast_mcp.machines.costs import room_usd_per_hour, rounded
from vast_mcp.machines.volumes import room_query
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step
from vast_mcp.vast.models import VolumeOffer

MOUNT = "/workspace"
SHOWN = 10


class SearchVolumes(Arguments):
    offer_id: Annotated[
        int | None, Field(ge=1, description="offer whose machine is to hold it")
    ] = None
    machine_id: Annotated[int | None, Field(ge=1, description="or that machine")] = None
    size_gb: Annotated[int, Field(ge=1, description="GB, 1 or more, default 15")] = 15


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
    next_steps: list[Step] = []


async def search_volumes(args: SearchVolumes, call: Call) -> SearchVolumesResult:
    """Finds room for a new volume on the machine of an offer (offer_id or machine_id).
    create_instance makes the volume while renting; it bills until it is deleted, whatever becomes
    of the instance.
    """
    machine_id = await _machine(args, call)
    found = await call.vast.search_volumes(room_query(machine_id, args.size_gb))
    # Numeric filters are not always applied (B.2).
    fitting = [
        o for o in found if o.machine_id == machine_id and (o.disk_space or 0) >= args.size_gb
    ]
    fitting.sort(
        key=lambda offer: (offer.storage_cost is None, offer.storage_cost or 0.0, offer.id)
    )
    return SearchVolumesResult(
        machine_id=machine_id,
        size_gb=args.size_gb,
        volume_offers=[_row(offer, args.size_gb) for offer in fitting[:SHOWN]],
        next_steps=_steps(args, machine_id, fitting, call),
    )


async def _machine(args: SearchVolumes, call: Call) -> int:
    if (args.offer_id is None) == (args.machine_id is None):
        raise errors.bad(
            "search_volumes", [Problem("offer_id", "give offer_id or machine_id, one of them")]
        )
    if args.machine_id is not None:
        return args.machine_id
    offer_id = args.offer_id or 0
    offer = call.session.offers.get(offer_id) or await call.vast.find_offer(offer_id)
    if offer is None or offer.machine_id is None:
        raise errors.OfferGone(
            "Vast lists no offer with this id now, so its machine is not known.",
            offer_id=offer_id,
            next_steps=[NextStep("search_offers", {}, "offers that exist")],
        )
    return offer.machine_id


def _row(offer: VolumeOffer, size_gb: int) -> VolumeOfferRow:
    usd = room_usd_per_hour(offer, size_gb)
    return VolumeOfferRow(
        volume_offer_id=offer.id,
        machine_id=offer.machine_id,
        free_gb=round(offer.disk_space, 1) if offer.disk_space is not None else None,
        usd_per_gb_month=offer.storage_cost,
        usd_per_hour=rounded(usd, 5),
    )


def _steps(
    args: SearchVolumes, machine_id: int, found: list[VolumeOffer], call: Call
) -> list[Step]:
    if not found:
        return [step("search_offers", "another machine may have room; not every one has")]
    offer_id = args.offer_id or _offer_of(machine_id, call)
    if offer_id is None:
        here: dict[str, Any] = {"machine_id": {"eq": machine_id}}
        return [
            step(
                "search_offers",
                "an offer of that machine; search_volumes with it says the rest",
                filters=here,
            )
        ]
    volume = {
        "create_new": True,
        "volume_id": found[0].id,
        "size": args.size_gb,
        "mount_path": MOUNT,
    }
    return [
        step(
            "create_instance",
            "rents the machine and makes the volume",
            offer_id=offer_id,
            volume_info=volume,
        )
    ]


def _offer_of(machine_id: int, call: Call) -> int | None:
    """An offer of that machine that a search has shown lately."""
    shown = call.session.offers.values()
    return next(
        (
            o.ask_contract_id
            for o in shown
            if o.machine_id == machine_id and o.rentable is not False
        ),
        None,
    )


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
