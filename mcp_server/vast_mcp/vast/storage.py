"""Volumes, the room for new ones, and what storage costs."""

from __future__ import annotations

from typing import Any

from pydantic import ValidatorFunctionWrapHandler, field_validator

from vast_mcp.vast import names
from vast_mcp.vast.rows import Row

MONTH_H = 720  # hours in the month that storage is priced by (docs/vast-api.md A.6)


def storage_usd_per_hour(usd_per_gb_month: float | None, size_gb: float | None) -> float | None:
    """$/h of a disk or a volume; None where its price or its size is not known."""
    if usd_per_gb_month is None or size_gb is None:
        return None
    return usd_per_gb_month * size_gb / MONTH_H


class Volume(Row):
    """A volume of the account (docs/vast-api.md F); `disk_space` in GB, lives on one machine."""

    id: int
    label: str | None = None
    status: names.State = None
    machine_id: int | None = None
    disk_space: float | None = None
    storage_cost: float | None = None
    storage_total_cost: float | None = None
    instances: Any = None
    start_date: float | None = None
    end_date: float | None = None

    @field_validator(
        "label",
        "status",
        "machine_id",
        "disk_space",
        "storage_cost",
        "storage_total_cost",
        "start_date",
        "end_date",
        mode="wrap",
    )
    @classmethod
    def _known(cls, value: object, read: ValidatorFunctionWrapHandler) -> object:
        """What cannot be read is unknown; a volume that bills is not left out for it."""
        try:
            return read(value)
        except ValueError:
            return None


class VolumeOffer(Row):
    """Room for a volume on one machine (docs/vast-api.md F)."""

    id: int
    machine_id: int | None = None
    disk_space: float | None = None
    storage_cost: float | None = None
    reliability: float | None = None
    reliability2: float | None = None
