"""The price that an act may make a machine cost, counted and announced before the act is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from vast_mcp.account.whose import account_of
from vast_mcp.journal.records import Reservation
from vast_mcp.machines.costs import (
    beside_gpu,
    highest,
    is_dearer,
    price_of_row,
    reserved_price,
)
from vast_mcp.renting.consent import Consent
from vast_mcp.renting.limits import check_account, check_machine, standing
from vast_mcp.renting.standing import Standing
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.vast.models import Instance


@dataclass(frozen=True)
class Change:
    """A machine at the price that an act gives it, beside everything that the limits count.

    `account`: None where nothing is to be announced. `row`: as the newest list shows the machine.
    `is_dearer`: it may come to cost more than now, so that limits and a person have a say.
    """

    call: Call
    instance_id: int
    row: Instance | None
    usd_per_hour: float | None
    is_dearer: bool
    account: str | None = None
    standing: Standing | None = None

    def check(self, account: str) -> None:
        """Raises OverLimit or PriceUnknown. In the journal's alone() the answer holds until the
        change is announced.
        """
        usd = self.usd_per_hour
        if usd is not None:
            held = _reservations(self.call, account, self.instance_id)
            reserved = reserved_price(held, self.row, self.call.times.young_s)
            usd = highest(usd, reserved, *(one.usd_per_hour for one in held if one.is_agreed))
        check_account(
            self.call, self.standing, account, usd, instance_id=self.instance_id, is_whole=True
        )


# What an act makes a machine of this row cost while it runs; None is not known.
Afterwards = Callable[[Instance | None], float | None]


async def weigh(
    call: Call, instance_id: int, row: Instance | None, afterwards: Afterwards
) -> Change:
    """Read what a machine comes to cost by being started, by a better bid or a higher price.

    `row`: as the list shows it. What costs no more than now is always allowed. Raises OverLimit or
    PriceUnknown.
    """
    usd = afterwards(row)
    change = Change(call, instance_id, row, usd, is_dearer=is_more_than_now(usd, row))
    if not call.limits.any_price:
        return change
    account = await account_of(call)
    change = replace(change, account=account)
    if not change.is_dearer:
        return change
    return await _within_limits(change, account, afterwards)


async def _within_limits(change: Change, account: str, afterwards: Afterwards) -> Change:
    """The change by the newest list. Raises OverLimit or PriceUnknown where it is over a limit."""
    call, usd = change.call, change.usd_per_hour
    check_machine(call, usd, instance_id=change.instance_id)
    seen = await standing(call)
    fresh = _row_of(seen, change.instance_id)
    # Its bid may have been raised meanwhile, or a volume have come into its row.
    usd = highest(usd, afterwards(fresh))
    change = replace(change, standing=seen, row=fresh or change.row, usd_per_hour=usd)
    change.check(account)
    return change


def announce(change: Change, consent: Consent) -> Reservation | None:
    """Spend the person's consent, and announce the price in the same transaction; None where no
    limit asks. Raises OverLimit, PriceUnknown, NeedsConfirmation.
    """
    if change.account is None:
        consent.spend()
        return None
    with change.call.journal.alone():
        held = announced(change, change.account)
        consent.spend()
        return held


def announced(change: Change, account: str) -> Reservation:
    """Announce the price of one change, in the journal's alone(). Raises OverLimit and
    PriceUnknown.
    """
    if change.is_dearer:
        change.check(account)
    usd = change.usd_per_hour or 0.0
    return change.call.journal.reservations.announce(account, change.instance_id, usd)


async def weigh_longer(call: Call, instance_id: int, row: Instance | None) -> Change:
    """Read what a machine costs that is to live longer: more spending, at the rate that there is,
    so that nothing is to be announced. A person is asked at its rate while it runs.

    Raises OverLimit or PriceUnknown.
    """
    running = None if row is None else row.dph_total
    change = Change(call, instance_id, row, running, is_dearer=False)
    if not call.limits.any_price:
        return change
    account = await account_of(call)
    usd = highest(_price_now(row), _reserved(call, account, instance_id, row))
    check_machine(call, usd, instance_id=instance_id)
    seen = await standing(call)
    check_account(call, seen, account, usd, instance_id=instance_id)
    return change


def settle(
    call: Call, held: Reservation | None, state: Literal["maybe", "agreed", "true"] | None
) -> None:
    """Record what became of the act: seen to be so ("true"), perhaps yet to come ("maybe"), sure to
    come ("agreed"), or refused (None). A journal that fails changes nothing: the reservation
    counts on.
    """
    if held is not None:
        with journal_may_fail:
            call.journal.reservations.settle(held, state)


def release(call: Call, instance_id: int) -> None:
    """Forget the reservations of a machine that was seen to be stopped: it costs no more than its
    disk. A journal that fails changes nothing.
    """
    with journal_may_fail:
        account = call.session.journalled_account()
        if account is not None:
            call.journal.reservations.release(account, instance_id)


def at_its_rate(row: Instance | None) -> float | None:
    """What the machine costs once it runs, as it is."""
    return None if row is None else row.dph_total


def at_bid(row: Instance | None, bid: float) -> float | None:
    """The same at this bid. What its rate holds beside the GPU stays with a new bid: its disk, and
    a volume that is in it.
    """
    rest = None if row is None else beside_gpu(row)
    return None if rest is None else bid + rest


def _price_now(row: Instance | None) -> float | None:
    """What a listed machine may cost now; None is not known."""
    if row is None:
        return None
    return price_of_row(row)


def is_more_than_now(usd: float | None, row: Instance | None) -> bool:
    """Whether that is more than the machine may cost now; what is not known counts as more."""
    now = _price_now(row)
    return usd is None or now is None or is_dearer(usd, now)


def _row_of(seen: Standing | None, instance_id: int) -> Instance | None:
    if seen is None:
        return None
    return next((row for row in seen.rows if row.id == instance_id), None)


def _reserved(call: Call, account: str, instance_id: int, row: Instance | None) -> float | None:
    """What acts on this machine announced, where it may still come true."""
    held = _reservations(call, account, instance_id)
    return reserved_price(held, row, call.times.young_s)


def _reservations(call: Call, account: str, instance_id: int) -> list[Reservation]:
    return call.journal.reservations.of(account).get(instance_id, [])
