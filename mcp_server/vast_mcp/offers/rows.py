"""An offer as it is shown: Vast's row is some 860 tokens, this is what decides.

Of what one rents, and not of the whole machine: cores and memory are a rental's share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field, PlainSerializer, WithJsonSchema

from vast_mcp.errors import Json, clean_or_none
from vast_mcp.machines import figures
from vast_mcp.offers.filters import compute_cap_of, reliability_of
from vast_mcp.vast.models import CPU_ARCH, GPU_ARCH, Offer

# A number that is written without its `.0`.
Figure = Annotated[
    float, PlainSerializer(figures.tidy, return_type=Any), WithJsonSchema({"type": "number"})
]


class OfferRow(BaseModel):
    offer_id: int
    machine_id: Annotated[
        int | None, Field(description="Other offers may be on it; exclude_machine_ids takes it.")
    ] = None
    gpu_name: Annotated[str | None, Field(description="Left out where it is no card's name.")] = (
        None
    )
    untrusted_gpu_name: str | None = None
    num_gpus: Annotated[int | None, Field(description="Left out when 1.")] = None
    gpu_ram_gb: Annotated[int | None, Field(description="Per GPU, as the driver reports it.")] = (
        None
    )
    compute_cap: Annotated[
        Figure | None, Field(description="CUDA compute capability: 8.9 for an RTX 4090.")
    ] = None
    gpu_vendor: Annotated[str | None, Field(description="Left out when nvidia.")] = None
    usd_per_hour: Annotated[
        Figure,
        Field(
            description="Whole machine with disk_gb of disk; for a bid search at the lowest bid."
        ),
    ]
    min_bid: Annotated[
        Figure | None, Field(description="The lowest price to bid, $/h; disk comes on top.")
    ] = None
    disk_usd_per_hour: Annotated[
        Figure | None,
        Field(description="Beside a bid: the disk, which bills on while a higher bid stops it."),
    ] = None
    on_demand_usd_per_hour: Annotated[
        Figure | None,
        Field(
            description="Beside a bid: the same on demand, which nobody can outbid. Left out where "
            "it is not to be had so, or that is not known."
        ),
    ] = None
    bid_saves_nothing: Annotated[
        bool | None, Field(description="True where on demand costs no more than the lowest bid.")
    ] = None
    cpu_cores: Annotated[Figure | None, Field(description="That you get.")] = None
    cpu_ram_gb: Annotated[
        int | None,
        Field(
            description="That you get, estimated low: your share by GPUs or by cores, whichever "
            "is less. May burst above."
        ),
    ] = None
    cpu_arch: Annotated[str | None, Field(description="Left out when amd64.")] = None
    free_disk_gb: Annotated[
        int | None, Field(description="Left out where it is ten times disk_gb or more.")
    ] = None
    inet_mbps: Annotated[
        list[Figure] | None,
        Field(description="Internet speed, Mbit/s: [down, up]. Left out unless both are known."),
    ] = None
    usd_per_tb: Annotated[
        list[Figure] | None,
        Field(
            description="What traffic costs on top, image pulls included: [down, up], or one "
            "number where both are the same. Left out unless both are known. A TB is 1024 GB, "
            "as Vast counts."
        ),
    ] = None
    location: str | None = None
    untrusted_location: str | None = None
    reliability: Figure | None = None
    before: Annotated[
        str | None, Field(description="What became of rentals of its machine from here.")
    ] = None
    direct_ports: Annotated[
        int | None, Field(description="Left out when 64 or more: a rental opens at most 64.")
    ] = None
    cuda_max: Figure | None = None
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

    unknown: Annotated[
        list[str] | None, Field(description="Not told by Vast, and therefore left out.")
    ] = None


PORTS = 64  # that an instance opens at most (docs/vast-api.md A.4)
AMPLE_DISK = 10  # times the disk that was asked for

# What one names and weighs an offer by stands in its row, whatever the others say. The rest is said
# once where so many have it alike.
_ITS_OWN = {
    *("offer_id", "machine_id", "gpu_name", "num_gpus", "usd_per_hour", "min_bid"),
    *(
        "disk_usd_per_hour",
        "on_demand_usd_per_hour",
        "bid_saves_nothing",
        "location",
        "reliability",
    ),
    *("before", "available_hours", "unknown"),
}
_MANY = 0.3


def row_of(offer: Offer, disk_gb: float) -> OfferRow:
    """The facts of an offer that decide, whatever was searched for; `disk_gb` is the disk that its
    price includes.
    """
    return OfferRow(
        offer_id=offer.ask_contract_id,
        machine_id=offer.machine_id,
        gpu_name=offer.gpu_name,
        untrusted_gpu_name=_unless(offer.gpu_name, offer.untrusted_gpu_name),
        num_gpus=_several(offer.num_gpus),
        gpu_ram_gb=None if offer.gpu_ram is None else figures.driver_gb(offer.gpu_ram),
        compute_cap=figures.compute_cap(compute_cap_of(offer)),
        gpu_vendor=_unusual(offer.gpu_arch, GPU_ARCH[0]),
        usd_per_hour=figures.at_least(offer.dph_total or 0),
        cpu_cores=_at_most(offer.cpu_cores_effective),
        cpu_ram_gb=figures.whole(offer.own_cpu_ram, 1024),
        cpu_arch=_unusual(offer.cpu_arch, CPU_ARCH[0]),
        free_disk_gb=_below(figures.whole(offer.disk_space), AMPLE_DISK * disk_gb),
        inet_mbps=_pair(_at_most(offer.inet_down), _at_most(offer.inet_up)),
        usd_per_tb=figures.usd_per_tb(offer.inet_down_cost, offer.inet_up_cost),
        location=offer.geolocation,
        untrusted_location=_unless(offer.geolocation, offer.untrusted_location),
        reliability=_at_most(reliability_of(offer)),
        direct_ports=_below(offer.direct_port_count, PORTS),
        cuda_max=offer.cuda_max_good,
        available_hours=figures.whole(offer.duration, 3600),
        vm=offer.vms_enabled or None,
        unknown=_unknown(offer) or None,
    )


def _unknown(offer: Offer) -> list[str]:
    """What is not known, of those facts whose absence from a row has a meaning."""
    facts = {
        "num_gpus": offer.num_gpus,
        "gpu_vendor": offer.gpu_arch,
        "cpu_arch": offer.cpu_arch,
        "free_disk_gb": offer.disk_space,
        "direct_ports": offer.direct_port_count,
        "vm": offer.vms_enabled,
    }
    return [name for name, fact in facts.items() if fact is None]


def told_once(rows: Sequence[OfferRow]) -> tuple[Json, list[OfferRow]]:
    """The facts that every row has and many have alike, and the rows without those.

    `{**usual, **row}` is the whole row: a fact that some row lacks is not among them.
    """
    told = [row.model_dump(mode="json", exclude_none=True) for row in rows]
    usual: Json = {}
    for name in OfferRow.model_fields:
        values = [row[name] for row in told if name in row]
        if name in _ITS_OWN or len(values) < max(2, len(rows)):
            continue
        commonest = max(values, key=values.count)
        if values.count(commonest) >= max(2, _MANY * len(rows)):
            usual[name] = commonest
    return usual, [
        row.model_copy(update={name: None for name in usual if facts[name] == usual[name]})
        for row, facts in zip(rows, told, strict=True)
    ]


def _unless(named: str | None, text: str | None) -> str | None:
    """What was written where a name should stand and does not."""
    if named is not None:
        return None
    return clean_or_none(text, 60)


def _several(num_gpus: int | None) -> int | None:
    if num_gpus == 1:
        return None
    return num_gpus


def _unusual(value: str | None, usual: str) -> str | None:
    if value == usual:
        return None
    return value


def _below(value: int | None, ample: float) -> int | None:
    """A number that may be too small for somebody."""
    if value is None or value >= ample:
        return None
    return value


def _at_most(value: float | None) -> float | None:
    return None if value is None else figures.at_most(value)


def _pair(down: float | None, up: float | None) -> list[float] | None:
    """Both ways, or nothing where one is not known."""
    if down is None or up is None:
        return None
    return [down, up]
