"""An offer as it is shown: Vast's row is some 860 tokens, this is what decides."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from vast_mcp.errors import clean_or_none
from vast_mcp.offers import figures
from vast_mcp.offers.filters import reliability_of
from vast_mcp.vast.models import Offer


class OfferRow(BaseModel):
    offer_id: int
    gpu_name: Annotated[str | None, Field(description="Left out where it is no card's name.")] = (
        None
    )
    untrusted_gpu_name: str | None = None
    num_gpus: Annotated[int | None, Field(description="Left out when 1.")] = None
    gpu_ram_gb: Annotated[int | None, Field(description="Per GPU, as the driver reports it.")] = (
        None
    )
    usd_per_hour: Annotated[
        float,
        Field(
            description="Whole machine with disk_gb of disk; for a bid search at the lowest bid."
        ),
    ]
    min_bid: Annotated[
        float | None, Field(description="The lowest price to bid, $/h; disk comes on top.")
    ] = None
    free_disk_gb: int | None = None
    location: str | None = None
    untrusted_location: str | None = None
    reliability: float | None = None
    direct_ports: int | None = None
    cuda_max: float | None = None
    available_hours: Annotated[
        int | None, Field(description="Until the host may take the machine back.")
    ] = None
    vm: Annotated[
        bool | None,
        Field(
            description=(
                "True where VMs run; left out where not, or when all do because vm was asked."
            )
        ),
    ] = None


def row_of(offer: Offer) -> OfferRow:
    """The facts of an offer that decide, whatever was searched for."""
    return OfferRow(
        offer_id=offer.ask_contract_id,
        gpu_name=offer.gpu_name,
        untrusted_gpu_name=_unless(offer.gpu_name, offer.untrusted_gpu_name),
        num_gpus=_several(offer.num_gpus),
        gpu_ram_gb=None if offer.gpu_ram is None else figures.driver_gb(offer.gpu_ram),
        usd_per_hour=figures.at_least(offer.dph_total or 0),
        free_disk_gb=figures.whole(offer.disk_space),
        location=offer.geolocation,
        untrusted_location=_unless(offer.geolocation, offer.untrusted_location),
        reliability=_shown_reliability(offer),
        direct_ports=offer.direct_port_count,
        cuda_max=offer.cuda_max_good,
        available_hours=figures.whole(offer.duration, 3600),
        vm=offer.vms_enabled or None,
    )


def _unless(named: str | None, text: str | None) -> str | None:
    """What was written where a name should stand and does not."""
    if named is not None:
        return None
    return clean_or_none(text, 60)


def _several(num_gpus: int | None) -> int | None:
    if num_gpus == 1:
        return None
    return num_gpus


def _shown_reliability(offer: Offer) -> float | None:
    reliability = reliability_of(offer)
    if reliability is None:
        return None
    return figures.at_most(reliability)
