"""What everything on the account bills: machines, the disks of those that do not run, volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.volumes import held_in_rows, prices_of
from vast_mcp.machines import costs
from vast_mcp.session import Call
from vast_mcp.toolspec import Part
from vast_mcp.vast.models import Instance
from vast_mcp.vast.rows import Listing


class OfWhich(Part):
    """What of the total is which, in $/h, as far as it is known."""

    running: Annotated[float, Field(description="With their disks.")]
    stopped_disks: Annotated[float, Field(description="Of machines that do not run.")]
    volumes: Annotated[float | None, Field(description="Absent: not known.")] = None


@dataclass(frozen=True)
class Burn:
    """What bills now in $/h; traffic is in none of it. `unknown` says what is not counted, since
    its price is not known.
    """

    of_which: OfWhich
    if_all_stopped_usd_per_hour: float | None
    unknown: list[str]

    @property
    def known_usd_per_hour(self) -> float:
        """Everything whose price is known."""
        parts = self.of_which
        return _total([parts.running, parts.stopped_disks, parts.volumes])

    @property
    def total_usd_per_hour(self) -> float | None:
        """Everything that bills now; None where not all of it is known."""
        return None if self.unknown else self.known_usd_per_hour


@dataclass(frozen=True)
class _Volumes:
    """What all volumes bill, as far as it is known, and what of that no machine's price holds."""

    all: float | None
    beside: float | None
    unknown: list[str]


async def burn_of(call: Call, machines: Listing[Instance]) -> Burn:
    """What bills by a whole list of machines, and by the volumes, which are read here. The same in
    every tool.
    """
    volumes = await _volumes(call, machines)
    bills = [(row, costs.bills_of(row)) for row in machines]
    running = [one.now for row, one in bills if costs.bills_gpu(row)]
    idle = [one.now for row, one in bills if not costs.bills_gpu(row)]
    resting = [one.stopped for row, one in bills if not costs.is_away(row)]
    lacking = [*running, *idle].count(None) + machines.nameless
    unpriced = [f"{lacking} of {machines.total} machines show no price and are not counted."]
    unknown = [*(unpriced if lacking else ()), *volumes.unknown]
    return Burn(
        of_which=OfWhich(
            running=_total(running), stopped_disks=_total(idle), volumes=volumes.beside
        ),
        if_all_stopped_usd_per_hour=None if unknown else _total([*resting, volumes.all]),
        unknown=unknown,
    )


def _total(prices: Sequence[float | None]) -> float:
    return round(costs.sum_of_known(prices), costs.DIGITS)


async def _volumes(call: Call, machines: Sequence[Instance]) -> _Volumes:
    try:
        listed = await call.in_passing().recent.list_volumes()
    except errors.VastMcpError as exc:
        unread = f"The volumes could not be read ({exc.code}); what they bill is not counted."
        return _Volumes(None, None, [unread])
    by_id = prices_of(call, listed)
    running = [row for row in machines if costs.bills_gpu(row)]
    held = held_in_rows(running, listed, by_id)
    beside = [usd for volume_id, usd in by_id.items() if volume_id not in held]
    lacking = list(by_id.values()).count(None) + listed.nameless
    unpriced = f"{lacking} of {listed.total} volumes show no price and are not counted."
    return _Volumes(_total(list(by_id.values())), _total(beside), [unpriced] if lacking else [])
