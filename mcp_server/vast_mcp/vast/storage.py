"""Volumes, the room for new ones, and what storage costs."""

from __future__ import annotations

from typing import Annotated, ClassVar, cast

from pydantic import PlainValidator, ValidationInfo

from vast_mcp.vast import cells
from vast_mcp.vast.replies import as_object
from vast_mcp.vast.rows import Row

MONTH_H = 720  # hours in the month that storage is priced by (docs/vast-api.md A.6)


def storage_usd_per_hour(usd_per_gb_month: float | None, size_gb: float | None) -> float | None:
    """$/h of a disk or a volume; None where its price or its size is not known."""
    if usd_per_gb_month is None or size_gb is None:
        return None
    return usd_per_gb_month * size_gb / MONTH_H


def _holders(value: object, info: ValidationInfo) -> tuple[int, ...] | None:
    """The ids of the instances that hold a volume. Their form is not documented: numbers, numeric
    text and objects are read.
    """
    if value is None:
        return None
    if not isinstance(value, list):
        raise ValueError("no list")
    found: list[int] = []
    for item in cast("list[object]", value):
        row = as_object(item)
        value = item if row is None else row.get("id", row.get("instance_id"))
        try:
            found.append(cells.an_id(value))
        except ValueError:
            cells.note(info, "instances")
    return tuple(found)


class Volume(Row):
    """A volume of the account (docs/vast-api.md F); `disk_space` in GB, lives on one machine."""

    what: ClassVar[str] = "Volume"
    never_null: ClassVar[frozenset[str]] = frozenset({"instances"})

    id: cells.Id
    label: cells.Text = None
    status: cells.State = None
    machine_id: cells.Whole = None
    disk_space: cells.Amount = None
    storage_cost: cells.Amount = None
    storage_total_cost: cells.Amount = None
    instances: Annotated[tuple[int, ...] | None, PlainValidator(_holders)] = None
    start_date: cells.Moment = None
    end_date: cells.Moment = None

    @property
    def hides_holders(self) -> bool:
        """Whether more instances may hold it than `instances` has."""
        return "instances" in self.unread


class VolumeOffer(Row):
    """Room for a volume on one machine (docs/vast-api.md F)."""

    what: ClassVar[str] = "Volume offer"

    id: cells.Id
    machine_id: cells.Whole = None
    disk_space: cells.Amount = None
    storage_cost: cells.Amount = None
    reliability: cells.Number = None
    reliability2: cells.Number = None
