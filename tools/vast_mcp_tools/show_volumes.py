"""Volumes outlive their machines, and go on billing when everything else is destroyed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vast_mcp.account.volumes import learn_from_volumes, lease_ends, prices_of
from vast_mcp.errors import clean_or_none
from vast_mcp.leases.labels import utc
from vast_mcp.machines import costs, volumes
from vast_mcp.renting.volume_words import mounting
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step
from vast_mcp.vast.storage import Volume

SHOWN = 20


class ShowVolumes(Arguments):
    pass


class VolumeRow(Part):
    volume_id: int
    size_gb: float | None = None
    machine_id: Annotated[
        int | None, Field(description="It can be mounted on this machine only.")
    ] = None
    usd_per_hour: float | None = None
    attached_to: Annotated[
        list[int] | None, Field(description="Instance ids. Absent: not known.")
    ] = None
    lease_until: Annotated[
        str | None, Field(description="When it is deleted, by manage_volume.")
    ] = None
    status: str | None = None
    untrusted_label: str | None = None


class ShowVolumesResult(Result):
    count: int
    volumes_usd_per_hour: Annotated[
        float, Field(description="Of all whose price is known, shown or not.")
    ]
    volumes: list[VolumeRow]
    warnings: list[str] = []
    next_steps: list[Step] = []


async def show_volumes(_: ShowVolumes, call: Call) -> ShowVolumesResult:
    """Lists the account's volumes, free ones first: size, machine, price per hour, lease, instances
    that hold it.
    """
    look = call.vast.recent
    listed = await look.list_volumes()
    if not look.reused:
        await learn_from_volumes(call, listed)
    ends = lease_ends(call)
    known = prices_of(call, listed)
    rows = [_row(volume, known[volume.id], ends.get(volume.id)) for volume in listed]
    rows.sort(key=lambda row: (row.attached_to != [], -row.volume_id))
    prices = [known[volume.id] for volume in listed]
    return ShowVolumesResult(
        count=listed.total,
        volumes_usd_per_hour=round(costs.sum_of_known(prices), 5),
        volumes=rows[:SHOWN],
        warnings=_warnings(prices),
        next_steps=_steps(rows),
    )


def _row(volume: Volume, usd_per_hour: float | None, until: float | None) -> VolumeRow:
    return VolumeRow(
        volume_id=volume.id,
        size_gb=volume.disk_space,
        machine_id=volume.machine_id,
        usd_per_hour=costs.rounded(usd_per_hour, 5),
        attached_to=_holders(volume),
        lease_until=None if until is None else utc(until),
        status=volume.status,
        untrusted_label=clean_or_none(volume.label, 64),
    )


def _holders(volume: Volume) -> list[int] | None:
    """The instances that hold it; None where none is known and there may be some."""
    return volumes.attached_to(volume) or (None if volume.hides_holders else [])


def _warnings(prices: list[float | None]) -> list[str]:
    found: list[str] = []
    unknown = prices.count(None)
    if unknown:
        found.append(f"{unknown} of {len(prices)} show no price and are not in the sum.")
    left_off = len(prices) - SHOWN
    if left_off > 0:
        found.append(f"{left_off} more are not shown.")
    return found


def _steps(rows: list[VolumeRow]) -> list[Step]:
    """How the newest free one is used again, by renting its machine, or ended."""
    free = [row for row in rows if row.attached_to == [] and row.machine_id is not None]
    if not free:
        holders = [holder for row in rows for holder in row.attached_to or ()]
        why = "a machine that holds one"
        return [step("show_instance", why, instance_id=one) for one in holders[:1]]
    here = f"machine_id={free[0].machine_id}"
    why = mounting(free[0].volume_id)
    return [
        step("search_offers", why, filters=here),
        step("destroy_volume", "if nobody wants its data", volume_id=free[0].volume_id),
    ]


SPEC = ToolSpec(
    fn=show_volumes,
    arguments=ShowVolumes,
    result=ShowVolumesResult,
    title="List volumes",
    read_only=True,
    destructive=False,
    idempotent=True,
    open_world=True,
)
