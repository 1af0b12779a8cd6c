"""TODO: one line."""

from __future__ import annotations

import contextlib
from typing import Literal

from vast_mcp import errors
from vast_mcp.account.whose import account_of
from vast_mcp.journal.records import Reservation
from vast_mcp.machines.costs import ROUNDING, highest, price_of_row, reserved_price
from vast_mcp.renting.confirm import Consent
from vast_mcp.renting.limits import check_account, check_machine, standing
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance


async def reserve(
    call: Call,
    instance_id: int,
    row: Instance | None,
    consent: Consent,
    *,
    bid: float | None = None,
) -> Reservation | None:
    """Announce what a machine may come to cost by being started, or by a better bid; None where no
    limit asks.

    `row`: as the list shows it. What costs no more than now is always allowed, and nobody is asked
    about it; else the person's consent comes after the limits and is spent here. Raises OverLimit
    or PriceUnknown, and as confirm.ask.
    """
    now = price_of_row(row) if row else None
    disk = row.disk_usd_per_hour() if row else None
    usd = (row.dph_total if row else None) if bid is None else None if disk is None else bid + disk
    more = usd is None or now is None or usd > now + ROUNDING
    if not call.settings.limits.any_price:
        if more:
            await consent.ask(usd)
            consent.spend()
        return None
    account, _ = await account_of(call)
    journal = call.session.journal
    if usd is not None and not more:
        return journal.reservations.announce(account, instance_id, usd)
    check_machine(call, usd, instance_id=instance_id)
    seen = await standing(call)
    fresh = next((row for row in seen.rows if row.id == instance_id), None) if seen else None
    usd = highest(
        usd, fresh.dph_total if fresh and bid is None else None
    )  # its bid may have been raised meanwhile

    def most() -> float | None:
        held = reserved_price(
            journal.reservations.of(account).get(instance_id, []), fresh or row, call.times.young_s
        )
        return highest(usd, held) if usd is not None else None

    check_account(call, seen, account, most(), instance_id=instance_id)
    await consent.ask(usd)
    with journal.alone():
        check_account(call, seen, account, most(), instance_id=instance_id)
        consent.spend()
        return journal.reservations.announce(account, instance_id, usd or 0.0)


async def check_longer(call: Call, instance_id: int, row: Instance | None) -> None:
    """A longer life is more spending at the rate that there is: what is over a limit gets none.
    Nothing is announced, since the rate stays. Raises OverLimit or PriceUnknown.
    """
    allowed = call.settings.limits
    if not allowed.any_price:
        return
    account, _ = await account_of(call)
    journal = call.session.journal
    held = reserved_price(
        journal.reservations.of(account).get(instance_id, []), row, call.times.young_s
    )
    usd = highest(price_of_row(row) if row else None, held)
    check_machine(call, usd, instance_id=instance_id)
    seen = await standing(call)
    check_account(call, seen, account, usd, instance_id=instance_id)


def settle(call: Call, held: Reservation | None, state: Literal["maybe", "true"] | None) -> None:
    """What became of the act (journal.settle_hold). The journal's failing changes nothing: it
    counts on.
    """
    if held is not None:
        with contextlib.suppress(errors.JournalUnavailable):
            call.session.journal.reservations.settle(held, state)


def release(call: Call, instance_id: int) -> None:
    """A machine that was seen to be stopped costs no more than its disk. The journal's failing
    changes nothing.
    """
    session = call.session
    with contextlib.suppress(errors.JournalUnavailable):
        account = session.journalled_account()
        if account is not None:
            session.journal.reservations.release(account, instance_id)
