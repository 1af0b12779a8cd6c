"""An order as one account's wish: what the journal knows it by, and what it came to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from vast_mcp import errors
from vast_mcp.account.whose import account_and_warnings, user_id_of
from vast_mcp.errors import NextStep, Problem
from vast_mcp.journal.plan_records import OF_A_PLAN
from vast_mcp.journal.records import WISH_DIGITS, Intent, Wish, canonical
from vast_mcp.renting.order import Order
from vast_mcp.session import Call


@dataclass(frozen=True)
class Rental:
    """What a wish came to: the attempt that holds its machine, and how it was found."""

    intent: Intent
    instance_id: int
    replayed: bool = False
    recovered: bool = False
    warnings: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Request:
    """An order, and the wish that it is in the journal."""

    order: Order
    wish: Wish
    file: tuple[int, int] | None = None  # of the journal that it was read against

    @property
    def again(self) -> NextStep:
        return self.order.again


async def request_of(call: Call, order: Order) -> tuple[Request, list[str]]:
    """The order as this account's wish, and what to warn of. Raises CannotReconcile, and
    BadArguments for a request key of a plan's own.
    """
    account, warnings = await account_and_warnings(call)
    if order.try_of is None and (order.request_key or "").startswith(OF_A_PLAN):
        wrong = f"one that begins with {OF_A_PLAN} is of a plan's own rental: choose another"
        raise errors.bad("create_instance", [Problem("request_key", wrong)])
    digest = call.journal.digest(order.wished)
    wish = Wish(
        account=account,
        request_key=order.request_key or derived_key(account, digest),
        digest=digest,
        offer_id=order.offer_id,
        wanted=order.body.get("target_state", "running"),
        derived=order.request_key is None,
        allow_unresolved=order.allow_unresolved,
        digits=wish_digits(account, order),
    )
    return Request(order, wish, call.journal.file), warnings


def wish_digits(account: str, order: Order) -> str:
    """The first digits of every token of this wish, the same on every computer: of Vast's id of
    the user and what tells the wish apart. None where that id could not be read.
    """
    user_id = user_id_of(account)
    if user_id is None:
        return ""
    named = canonical({"user_id": user_id, **order.told_apart_by})
    return hashlib.sha256(named).hexdigest()[:WISH_DIGITS]


def derived_key(account: str, digest: str) -> str:
    """The key of a wish that was given none: what it asks for, and of which account."""
    return "auto-" + hashlib.sha256(f"{account} {digest}".encode()).hexdigest()[:32]
