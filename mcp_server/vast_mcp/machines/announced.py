"""What hosts announced for the account's machines, as far as it was read and told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio

from vast_mcp.vast.announced import Maintenance, PriceIncrease
from vast_mcp.vast.models import Instance


@dataclass
class Announced:
    """Of the machines of the last whole list, in `rows`, which set `listed`. By the last look, at
    `looked_at` on anyio's clock: increases by machine, and maintenance.
    `increases_unread`, `maintenance_unread`: the code of what kept each from being read.
    """

    rows: Sequence[Instance] = ()
    listed: anyio.Event = field(default_factory=anyio.Event)
    reading: anyio.Lock = field(default_factory=anyio.Lock)
    looked_at: float | None = None
    increases: dict[int, PriceIncrease] = field(default_factory=dict[int, PriceIncrease])
    maintenances: list[Maintenance] = field(default_factory=list[Maintenance])
    increases_unread: str | None = None
    maintenance_unread: str | None = None
    told: set[tuple[str, int, float]] = field(default_factory=set[tuple[str, int, float]])

    def learn(self, rows: Sequence[Instance]) -> None:
        """A whole list was read."""
        self.rows = rows
        if rows:
            self.listed.set()
