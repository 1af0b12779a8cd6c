"""After a rental: did the machine keep the price that it was rented at, and the account its limits?

What is found is said and nothing else: no machine is ended for its price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vast_mcp import errors
from vast_mcp.machines.costs import ROUNDING, Price, price_of_row
from vast_mcp.renting.limits import price_wanted
from vast_mcp.session import Call
from vast_mcp.settings import Limits
from vast_mcp.vast.models import Instance

MOVED = 1.01  # a price this much over the one it was rented at has moved
LOOKS = 2  # one row can be stale, and a new machine's is not always readable at once


@dataclass(frozen=True)
class _ReadBack:
    """The new machine's price as its row has it, and the account's machines where a limit counts
    them.
    """

    usd_per_hour: float | None = None
    rows: Sequence[Instance] = ()


async def check_price_kept(
    call: Call, instance_id: int, price: Price, *, asked: float | None
) -> list[str]:
    """Warnings where the machine is dearer than it was rented at, or the account over its limits.

    Vast is asked only where something rests on the price: a limit or a person's yes. A moved price
    is believed when two looks show it.
    """
    limits = call.limits
    if not (price_wanted(call, asked) or limits.any_account):
        return []
    seen = await _read_back(call, instance_id, price)
    warnings = _beyond(limits, seen.rows)
    if price.total is None:
        return warnings
    if seen.usd_per_hour is None:
        return [*warnings, "Its price could not be read back yet; show_instance shows it."]
    if _is_kept(price, seen.usd_per_hour):
        return warnings
    return [*warnings, _moved(price.total, price.volume or 0.0, seen.usd_per_hour)]


async def _read_back(call: Call, instance_id: int, price: Price) -> _ReadBack:
    """The last look, which is the first where that shows the price that was rented."""
    seen = _ReadBack()
    for attempt in range(LOOKS):
        if attempt and not await call.another_look():
            break
        try:
            seen = await _look(call, instance_id)
        except errors.VastMcpError:
            continue
        if _is_kept(price, seen.usd_per_hour):
            break
    return seen


async def _look(call: Call, instance_id: int) -> _ReadBack:
    if not call.limits.any_account:
        row = await call.vast.show_instance(instance_id)
        return _ReadBack(row and row.dph_total)
    rows = await call.vast.list_instances()
    for row in rows:
        if row.id == instance_id:
            return _ReadBack(row.dph_total, rows)
    return _ReadBack(None, rows)


def _is_kept(price: Price, usd_per_hour: float | None) -> bool:
    """Whether a row's price is the one that the machine was rented at, as far as both are known.

    Vast may or may not count the new volume in a row's price. Both sums are accepted; a price
    between them is not.
    """
    if usd_per_hour is None:
        return False
    if price.total is None:
        return True
    rented, volume = price.total, price.volume or 0.0
    without_volume = usd_per_hour <= (rented - volume) * MOVED
    with_volume = abs(usd_per_hour - rented) <= rented * (MOVED - 1)
    return without_volume or with_volume


def _moved(rented: float, volume: float, usd_per_hour: float) -> str:
    """The warning. A price between the sums with and without the volume is compared with the
    second.
    """
    if usd_per_hour > rented * MOVED:
        return f"price_moved: rented at {rented:.4f} $/h, it costs {usd_per_hour:.4f} $/h."
    machine = rented - volume
    return (
        f"price_moved: rented at {machine:.4f} $/h beside its volume, it costs "
        f"{usd_per_hour:.4f} $/h."
    )


def _beyond(limits: Limits, rows: Sequence[Instance]) -> list[str]:
    """What a list read after an act shows to be over the limits all the same, since others act on
    the account too.
    """
    found: list[str] = []
    total = sum(price_of_row(row) or 0.0 for row in rows)
    if limits.max_instances is not None and len(rows) > limits.max_instances:
        found.append(f"{len(rows)} machines exist now and {limits.max_instances} are allowed")
    most = limits.max_total_usd_per_hour
    if most is not None and total > most + ROUNDING:
        found.append(f"all machines cost {total:.4f} $/h now and {most:g} are allowed")
    return [
        f"{what}: somebody else rents on this account too. Nothing of theirs was touched."
        for what in found
    ]
