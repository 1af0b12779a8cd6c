"""What a caller wants of a volume by itself, and the wish that it is in the journal."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from vast_mcp.account.whose import account_of, user_id_of
from vast_mcp.errors import Json, NextStep
from vast_mcp.journal.records import WISH_DIGITS, canonical
from vast_mcp.journal.volumes import VolumeWish
from vast_mcp.renting.request import derived_key
from vast_mcp.session import Call

DEFAULT_GB = 15  # as the official client's (docs/vast-api.md F)

# Arguments that say how a wish is carried out, not what is wished for.
_GUARDS = frozenset({"request_key", "max_usd_per_hour", "lease_hours", "dry_run"})


@dataclass(frozen=True)
class VolumeOrder:
    """One call. `size_gb` None: the default, or as large as the volume that is copied."""

    given: Json = field(repr=False)
    room_id: int
    size_gb: int | None = None
    name: str | None = None
    clone_of: int | None = None
    lease_hours: float | None = None
    max_usd_per_hour: float | None = None
    request_key: str | None = None

    @property
    def again(self) -> NextStep:
        """The same call."""
        return NextStep("create_volume", self.given, "the same call, which makes nothing twice")

    @property
    def wished(self) -> Json:
        """What tells two wishes apart."""
        return {name: value for name, value in self.given.items() if name not in _GUARDS}


async def wish_of(call: Call, order: VolumeOrder) -> VolumeWish:
    """The order as this account's wish. Raises CannotReconcile."""
    account = await account_of(call)
    digest = call.journal.digest({"volume": order.wished})
    return VolumeWish(
        account=account,
        key=order.request_key or derived_key(account, digest),
        digest=digest,
        room_id=order.room_id,
        clone_of=order.clone_of,
        digits=_digits(account, order),
        file=call.journal.file,
    )


def _digits(account: str, order: VolumeOrder) -> str:
    """The first digits of its tokens, the same on every computer (docs/protocol.md)."""
    user_id = user_id_of(account)
    if user_id is None:
        return ""
    apart = order.wished if order.request_key is None else {"request_key": order.request_key}
    named = canonical({"user_id": user_id, "volume": apart})
    return hashlib.sha256(named).hexdigest()[:WISH_DIGITS]
