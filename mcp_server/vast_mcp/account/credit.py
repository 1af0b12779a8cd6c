"""How long the credit lasts, and whether a card is charged by itself: the same in every tool."""

from __future__ import annotations

from collections.abc import Sequence

from vast_mcp.account.ahead import lasts_h
from vast_mcp.vast.account import User

_CARD = frozenset({"autobill_threshold", "autobill_amount"})


# What is left of payments ahead, and of the rate what each of them pays (ahead.py).
PaidAhead = Sequence[tuple[float, float]]


def hours_left(
    credit: float | None, usd_per_hour: float | None, ahead: PaidAhead = ()
) -> float | None:
    """Hours that the credit lasts at a rate, after what is paid ahead; None where nothing bills, or
    one of the two is not known.
    """
    if credit is None or usd_per_hour is None or usd_per_hour <= 0:
        return None
    return round(lasts_h(max(0.0, credit), usd_per_hour, ahead), 1)


def auto_billing(user: User, usd_per_hour: float | None, ahead: PaidAhead = ()) -> str | None:
    """A sentence about the card that is charged by itself, when first at this rate; None where
    none is (docs/vast-api.md G).
    """
    at, amount = user.autobill_threshold, user.autobill_amount
    if _CARD & user.unread:
        return "Not known: whether a card is charged by itself could not be read."
    if at is None and amount is None:
        return None
    much = "the saved card" if amount is None else f"the saved card with ${amount:g}"
    when = "as the credit runs out" if at is None else f"each time the credit falls to ${at:g}"
    above = None if user.credit is None else user.credit - (at or 0.0)
    first = hours_left(above, usd_per_hour, ahead)
    soon = "" if first is None else f", first in about {first:g} h at this rate"
    return f"On: Vast charges {much} {when}{soon}. Neither credit nor hours_left is a ceiling."


def warning_mail(user: User) -> float | None:
    """The credit at which Vast writes to the person, where that is switched on."""
    return user.balance_threshold if user.balance_threshold_enabled else None
