"""Disks that outlive their machines, and go on billing when everything else is destroyed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vast_mcp.errors import clean
from vast_mcp.machines import costs, volumes
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step
from vast_mcp.vast.models import Volume

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
    attached_to: Annotated[list[int], Field(description="Instance ids.")] = []
    status: str | None = None
    untrusted_label: str | None = None


class ShowVolumesResult(Result):
    count: int
    total_usd_per_hour: Annotated[
        float, Field(description="Of all whose price is known, shown or not.")
    ]
    volumes: list[VolumeRow]
    warnings: list[str] = []
    next_steps: list[Step] = []


async def show_volumes(args: ShowVolumes, call: Call) -> ShowVolumesResult:  # noqa: ARG001  every tool has arguments
    """Lists the account's volumes, those attached to nothing first: size, machine, what each bills
    per hour, and the instances it is attached to. A volume bills until it is deleted, which no tool
    here does.
    """
    listed = await call.vast.list_volumes()
    rows = sorted(
        (_row(volume) for volume in listed), key=lambda row: (bool(row.attached_to), -row.volume_id)
    )
    prices = [costs.volume_usd_per_hour(volume) for volume in listed]
    warnings: list[str] = []
    if None in prices:
        warnings.append(
            f"{prices.count(None)} of {len(prices)} show no price and are not in the total."
        )
    if len(rows) > SHOWN:
        warnings.append(f"{len(rows) - SHOWN} more are not shown.")
    return ShowVolumesResult(
        count=len(rows),
        total_usd_per_hour=round(costs.sum_of_known(prices), 5),
        volumes=rows[:SHOWN],
        warnings=warnings,
        next_steps=_steps(rows),
    )


def _row(volume: Volume) -> VolumeRow:
    price = costs.volume_usd_per_hour(volume)
    return VolumeRow(
        volume_id=volume.id,
        size_gb=volume.disk_space,
        machine_id=volume.machine_id,
        usd_per_hour=costs.rounded(price, 5),
        attached_to=volumes.attached_to(volume),
        status=clean(volume.status, 20) if volume.status else None,
        untrusted_label=clean(volume.label, 64) if volume.label else None,
    )


def _steps(rows: list[VolumeRow]) -> list[Step]:
    """How the newest free one is used again: by renting its machine."""
    free = next((row for row in rows if not row.attached_to and row.machine_id is not None), None)
    if free is None:
        return []
    here = {"machine_id": {"eq": free.machine_id}}
    volume = f'volume_info {{"volume_id": {free.volume_id}, "mount_path": "/workspace"}}'
    return [
        step(
            "search_offers",
            f"an offer of its machine; then create_instance with {volume}",
            filters=here,
        )
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
