"""What hosts announced for the account's machines, as far as it was read and told."""

from __future__ import annotations

from dataclasses import dataclass, field

from vast_mcp.vast.announced import Maintenance, PriceIncrease


@dataclass
class Announced:
    """By the last look, at `looked_at` on anyio's clock: increases by machine, and maintenance.
    `increases_unread`, `maintenance_unread`: the code of what kept each from being read.
    """

    looked_at: float | None = None
    increases: dict[int, PriceIncrease] = field(default_factory=dict[int, PriceIncrease])
    maintenances: list[Maintenance] = field(default_factory=list[Maintenance])
    increases_unread: str | None = None
    maintenance_unread: str | None = None
    told: set[tuple[str, int, float]] = field(default_factory=set[tuple[str, int, float]])
