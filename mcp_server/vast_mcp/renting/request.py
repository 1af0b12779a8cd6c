"""An order as one account's wish: what the journal knows it by, and what it came to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from vast_mcp.account.whose import account_and_warnings
from vast_mcp.errors import NextStep
from vast_mcp.journal.records import Intent, Wish
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

    @property
    def again(self) -> NextStep:
        return self.order.again


async def request_of(call: Call, order: Order) -> tuple[Request, list[str]]:
    """The order as this account's wish, and what to warn of. Raises CannotReconcile."""
    account, warnings = await account_and_warnings(call)
    digest = call.journal.digest(order.wished)
    wish = Wish(
        account=account,
        request_key=order.request_key or derived_key(account, digest),
        digest=digest,
        offer_id=order.offer_id,
        wanted=order.body.get("target_state", "running"),
        derived=order.request_key is None,
        allow_unresolved=order.allow_unresolved,
    )
    return Request(order, wish), warnings


def derived_key(account: str, digest: str) -> str:
    """The key of a wish that was given none: what it asks for, and of which account."""
    return "auto-" + hashlib.sha256(f"{account} {digest}".encode()).hexdigest()[:32]
