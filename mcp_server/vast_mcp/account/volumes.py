"""What the account's volumes bill: as their rows say, else as the attempts that made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vast_mcp.journal.records import Intent
from vast_mcp.machines import costs, volumes
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.vast.models import Instance
from vast_mcp.vast.storage import Volume


def prices_of(call: Call, listed: Sequence[Volume]) -> dict[int, float | None]:
    """What each volume bills, by its id, in $/h; None is not known. Works without a journal too."""
    return {volume.id: _price(call, volume) for volume in listed}


def held_in_rows(
    rows: Sequence[Instance], listed: Sequence[Volume], prices: Mapping[int, float | None]
) -> set[int]:
    """The volumes whose price is part of these machines' whole prices: they count there."""
    mounted: dict[int, set[int]] = {}
    for volume in listed:
        for machine in volumes.attached_to(volume):
            mounted.setdefault(machine, set()).add(volume.id)
    found: set[int] = set()
    for row in rows:
        held = mounted.get(row.id, set())
        if costs.has_in_it(row, costs.sum_of_known(prices[volume_id] for volume_id in held)):
            found |= held
    return found


def _price(call: Call, volume: Volume) -> float | None:
    usd = costs.volume_usd_per_hour(volume)
    if usd is not None:
        return usd
    made_by = _attempt(call, volumes.token_of(volume))
    return made_by and made_by.allowed.volume


def _attempt(call: Call, token: str | None) -> Intent | None:
    """The attempt that made a volume, where the journal has it and can be read."""
    with journal_may_fail:
        if token is not None and call.journal.exists():
            return call.journal.by_token(token)
    return None
