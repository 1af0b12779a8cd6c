"""After a rental: did the machine keep the price that it was rented at, and the account its limits?

Dearer than expected is a warning. Dearer than a limit that it was sent under is its end
(over_limit.py), whoever finds it, as long as no answer has named it. A price counts when two looks
agree on it, for one row can be stale.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field, replace

import anyio

from vast_mcp import errors
from vast_mcp.journal.records import Intent
from vast_mcp.machines.costs import ROUNDING, cost_with_volume, is_dearer, price_of_row
from vast_mcp.renting import over_limit
from vast_mcp.renting.limits import price_wanted
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.settings import Limits
from vast_mcp.vast.models import Instance
from vast_mcp.vast.rows import Listing

MOVED = 1.01  # a price this much over the one it was rented at has moved
LOOKS = 4  # one row can be stale, and a new machine's is not always readable at once


@dataclass(frozen=True)
class _Look:
    """The new machine's row, and the account's machines where a limit counts them."""

    row: Instance | None = None
    rows: Listing[Instance] = field(default_factory=Listing[Instance])

    @property
    def usd_per_hour(self) -> float | None:
        return None if self.row is None else price_of_row(self.row)

    def agrees(self, other: _Look) -> bool:
        """Whether both show one price."""
        if self.usd_per_hour is None or other.usd_per_hour is None:
            return False
        return not is_dearer(abs(self.usd_per_hour - other.usd_per_hour), 0.0)


async def check_price(call: Call, intent: Intent, instance_id: int) -> list[str]:
    """Warnings where a machine that was just rented is dearer than that, or the account over its
    limits. Raises OverLimit where it is over a limit that it was sent under, and was ended.

    Vast is asked only where something rests on the price: a limit or a person's yes.
    """
    if not (intent.allowed.is_limited or price_wanted(call, None) or call.limits.any_account):
        return []
    # Begun, it is finished: a caller who goes away, or a request that took the call's whole time,
    # must not leave what the person forbids.
    until = call.deadline + call.times.end_s
    call = replace(call, deadline=until)
    with anyio.CancelScope(shield=True):
        return await _checked(call, intent, instance_id)
    raise AssertionError("a shielded scope is not cancelled")


async def check_untold(call: Call, account: str) -> None:
    """Check the prices of machines of this account that no answer has named, and end what is over
    its limit: the notices tell of it.
    """
    for intent in untold(call, account):
        with contextlib.suppress(errors.OverLimit):
            if intent.over_usd_per_hour is not None:
                await over_limit.finish(call, intent)
            else:
                await _checked(call, intent, intent.instance_id or 0)


def untold(call: Call, account: str) -> list[Intent]:
    """Machines that were rented under a limit, whose price nobody has compared with it, or whose
    end is not seen yet, and that no answer has named; none where this server may only look.
    """
    if call.limits.read_only:
        return []
    telling = call.session.telling
    telling.look()
    return [
        intent
        for intent in call.journal.unannounced(account)
        if _is_to_check(intent) and not telling.expects(intent.news, -math.inf)
    ]


def _is_to_check(intent: Intent) -> bool:
    """Whether its machine lives unjudged, or was ended and its volume is left."""
    if intent.over_usd_per_hour is not None and intent.gone_at is not None:
        return intent.volume_left is not None
    return intent.lives and intent.allowed.is_limited and not intent.judged


async def _checked(call: Call, intent: Intent, instance_id: int) -> list[str]:
    seen, agreed = await _read_back(call, intent, instance_id)
    if seen.row is None or seen.usd_per_hour is None:
        warnings = _beyond(call.limits, seen.rows)
        over_limit.refuse_if_condemned(call, intent)
        if intent.usd_per_hour is None:
            return warnings
        return [*warnings, "Its price could not be read back yet; show_instance shows it."]
    cost = cost_with_volume(seen.row, intent.allowed.volume)
    rented = cost if intent.usd_per_hour is None else intent.usd_per_hour
    warnings = _beyond(call.limits, seen.rows, own=max(0.0, cost - rented))
    over = await over_limit.limit_passed(call, intent, instance_id, cost)
    if over is not None:
        if agreed and over.is_sure:
            await over_limit.end(call, intent, instance_id, over)
        return [*warnings, over.warning]
    with journal_may_fail:
        call.journal.mark_judged(intent)
    if not _is_kept(intent, seen.usd_per_hour):
        warnings.append(_moved(intent, seen.usd_per_hour))
    return warnings


async def _read_back(call: Call, intent: Intent, instance_id: int) -> tuple[_Look, bool]:
    """The last look, and whether the one before agrees with it; the first where that shows the
    price that was rented and no limit passed.
    """
    seen = _Look()
    for attempt in range(LOOKS):
        if attempt and not await call.another_look():
            break
        before = seen
        try:
            seen = await _look(call, instance_id)
        except errors.VastMcpError:
            continue
        if seen.agrees(before):
            return seen, True
        if _is_settled(intent, seen):
            break
    return seen, False


async def _look(call: Call, instance_id: int) -> _Look:
    if not call.limits.any_account:
        return _Look(await call.vast.show_instance(instance_id))
    rows = await call.vast.list_instances()
    for row in rows:
        if row.id == instance_id:
            return _Look(row, rows)
    return _Look(None, rows)


def _is_settled(intent: Intent, seen: _Look) -> bool:
    """Whether one look is enough: the machine costs what it was rented at, and less than each of
    its limits.
    """
    if seen.row is None or seen.usd_per_hour is None:
        return False
    cost = cost_with_volume(seen.row, intent.allowed.volume)
    return _is_kept(intent, seen.usd_per_hour) and not over_limit.may_pass(intent, cost)


def _is_kept(intent: Intent, usd_per_hour: float) -> bool:
    """Whether a row's price is the one that the machine was rented at, as far as that is known.

    Vast may or may not count the new volume in a row's price. Both sums are accepted; a price
    between them is not.
    """
    rented, volume = intent.usd_per_hour, intent.allowed.volume or 0.0
    if rented is None:
        return True
    without_volume = usd_per_hour <= (rented - volume) * MOVED
    with_volume = abs(usd_per_hour - rented) <= rented * (MOVED - 1)
    return without_volume or with_volume


def _moved(intent: Intent, usd_per_hour: float) -> str:
    """The warning. A price between the sums with and without the volume is compared with the
    second.
    """
    rented, volume = intent.usd_per_hour or 0.0, intent.allowed.volume or 0.0
    if usd_per_hour > rented * MOVED:
        return f"price_moved: rented at {rented:.4f} $/h, it costs {usd_per_hour:.4f} $/h."
    machine = rented - volume
    return (
        f"price_moved: rented at {machine:.4f} $/h beside its volume, it costs "
        f"{usd_per_hour:.4f} $/h."
    )


def _beyond(limits: Limits, rows: Listing[Instance], own: float = 0.0) -> list[str]:
    """What a list read after an act shows to be over the limits all the same, since others act on
    the account too. What the new machine itself costs more than expected (`own`) is not theirs.
    """
    found: list[str] = []
    total = sum(price_of_row(row) or 0.0 for row in rows)
    if limits.max_instances is not None and rows.total > limits.max_instances:
        found.append(f"{rows.total} machines exist now and {limits.max_instances} are allowed")
    most = limits.max_total_usd_per_hour
    if most is not None and total - own > most + ROUNDING:
        found.append(f"all machines cost {total:.4f} $/h now and {most:g} are allowed")
    return [
        f"{what}: somebody else rents on this account too. Nothing of theirs was touched."
        for what in found
    ]
