"""TODO: one line."""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from vast_mcp import errors
from vast_mcp.account.ending import end
from vast_mcp.errors import NextStep
from vast_mcp.renting.limits import price_wanted
from vast_mcp.renting.prices import ROUNDING, Price, price_of_row
from vast_mcp.session import Call
from vast_mcp.settings import Limits
from vast_mcp.vast.models import Instance

MOVED = 1.01  # a price this much over the one it was rented at has moved


async def check_moved(
    call: Call, instance_id: int, price: Price, *, asked: float | None
) -> list[str]:
    """Whether Vast made it at the price it was rented for, as warnings; read only where something
    rests on the price: a limit, a person's yes, or what the person wants done then.

    One row can be stale, so a moved price is believed when two looks show it. Raises PriceMoved
    where the person wants such a machine destroyed, and DestroyUnverified where that was not seen
    to work.
    """
    allowed, expected = call.settings.limits, price.total
    if not (price_wanted(call, asked) or allowed.any_account):
        return []
    warnings: list[str] = []
    moved: list[float] = []
    for attempt in range(2):
        if attempt and not await call.another_look():
            break
        try:
            usd, warnings = await _price_now(instance_id, call)
        except errors.VastMcpError:
            continue
        if expected is None or (
            usd is not None and _as_expected(usd, expected, price.volume or 0.0)
        ):
            return warnings
        if usd is not None:
            moved.append(usd)
    if not moved or expected is None:
        return [*warnings, "Its price could not be read back yet; show_instance shows it."]
    surely = min(moved) > expected * MOVED
    rented = expected if surely else expected - (price.volume or 0.0)
    beside = "" if surely else " beside its volume"
    said = f"price_moved: rented at {rented:.4f} $/h{beside}, it costs {moved[-1]:.4f} $/h"
    if len(moved) < 2 or not surely or call.settings.on_price_moved != "destroy":
        return [*warnings, f"{said}."]
    await _undo(instance_id, said, call)
    raise errors.PriceMoved(
        f"Machine {instance_id} was destroyed again, as the person set it "
        f"(VAST_MCP_ON_PRICE_MOVED): {said}.",
        instance_id=instance_id,
        next_steps=[NextStep("search_offers", {}, "find another offer")],
    )


def _as_expected(usd: float, total: float, volume: float) -> bool:
    """Whether a row's price is the one it was rented at. Whether it counts a volume made with the
    machine is not known: what lies between the two is neither, and may be a dearer machine in the
    volume's share, or a cheaper one.
    """
    return usd <= (total - volume) * MOVED or abs(usd - total) <= total * (MOVED - 1)


async def _undo(instance_id: int, said: str, call: Call) -> None:
    """Raises DestroyUnverified unless the machine was seen to be gone."""
    cause: errors.VastMcpError | None = None
    try:
        # Begun, it is finished: a caller who went away must not leave the machine that the person
        # does not want.
        with anyio.CancelScope(shield=True):
            if await end(instance_id, call):
                return
    except errors.VastMcpError as exc:
        cause = exc
    raise errors.DestroyUnverified(
        f"{said[0].upper()}{said[1:]}; it was to be destroyed for that and is not seen to be gone. "
        f"It may still bill.",
        http_status=cause.http_status if cause else None,
        instance_id=instance_id,
        next_steps=[NextStep("destroy_instance", {"instance_ids": [instance_id]}, "tries again")],
    ) from cause


async def _price_now(instance_id: int, call: Call) -> tuple[float | None, list[str]]:
    """What the new machine costs and, where a limit counts the account, what others made of it
    meanwhile.
    """
    allowed = call.settings.limits
    if not allowed.any_account:
        row = await call.vast.show_instance(instance_id)
        return (row.dph_total if row else None), []
    listed = await call.vast.list_instances()
    price = next((row.dph_total for row in listed if row.id == instance_id), None)
    return price, _beyond(allowed, listed)


def _beyond(limits: Limits, rows: Sequence[Instance]) -> list[str]:
    """What a list read after an act shows to be over the limits all the same: others act on the
    account too.
    """
    said: list[str] = []
    total = sum(price_of_row(row) or 0.0 for row in rows)
    if limits.max_instances is not None and len(rows) > limits.max_instances:
        said.append(f"{len(rows)} machines exist now and {limits.max_instances} are allowed")
    if (
        limits.max_total_usd_per_hour is not None
        and total > limits.max_total_usd_per_hour + ROUNDING
    ):
        said.append(
            f"all machines cost {total:.4f} $/h now and {limits.max_total_usd_per_hour:g} are "
            f"allowed"
        )
    return [
        f"{what}: somebody else rents on this account too. Nothing of theirs was touched."
        for what in said
    ]
