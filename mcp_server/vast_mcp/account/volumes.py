"""The account's volumes: which are ours, what a list of them teaches, and what they bill: as their
rows say, else as the attempts that made them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from vast_mcp import errors
from vast_mcp.account.settling import log
from vast_mcp.account.whose import account_if_journalled
from vast_mcp.journal.records import Intent
from vast_mcp.journal.volumes import MadeVolume
from vast_mcp.machines import costs, volumes
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.vast.models import Instance
from vast_mcp.vast.rows import Listing
from vast_mcp.vast.storage import Volume


async def learn_from_volumes(
    call: Call, listed: Listing[Volume], *, mine: str | None = None
) -> None:
    """Learn from a list of volumes that some tool has read for itself. Works without a journal too:
    reading never depends on it. `mine`: the token that the caller itself will report.
    """
    call.session.volumes_seen.update(volume.id for volume in listed)
    try:
        account = await account_if_journalled(call)
        if account is not None:
            call.session.volume_doubts.learn_from(listed, account, mine=mine)
    except errors.VastMcpError as exc:
        log.info("a list of volumes taught nothing: %s", exc.code)


def record_of_volume(call: Call, volume_id: int) -> MadeVolume | None:
    """What the journal has of a volume; None where it has nothing or cannot be read."""
    with journal_may_fail:
        if call.journal.exists():
            return call.journal.volumes.by_id(volume_id, call.session.account)
    return None


def is_ours(call: Call, volume: Volume) -> bool:
    """Whether a vast-mcp made it, by its name or, of a copy, by this journal."""
    if volumes.is_ours(volume):
        return True
    made = record_of_volume(call, volume.id)
    return made is not None and made.room_id > 0


def lease_ends(call: Call) -> dict[int, float]:
    """When the leases of volumes end, in epoch seconds, as far as the journal can be read."""
    with journal_may_fail:
        account = call.session.journalled_account()
        if account is not None:
            return call.journal.volumes.lease_ends(account)
    return {}


def volumes_in_doubt(call: Call) -> list[MadeVolume]:
    """Attempts to make a volume without a verdict, as far as the journal can be read."""
    with journal_may_fail:
        account = call.session.journalled_account()
        if account is not None:
            return call.journal.volumes.in_doubt(account)
    return []


def doubt_words(made: MadeVolume) -> str:
    """What there is to say of a volume in doubt."""
    usd = "" if made.usd_per_hour is None else f", {made.usd_per_hour:.5f} $/h"
    return (
        f"A volume in doubt (token {made.token}{usd}) may exist and bill, and is not counted; "
        "show_volumes shows it where it does."
    )


def forget_volume(call: Call, volume_id: int) -> None:
    """Record that a volume is gone. A journal that fails changes nothing."""
    with journal_may_fail:
        account = call.session.journalled_account()
        if account is not None:
            call.journal.volumes.mark_gone(account, volume_id)


async def is_gone(call: Call, volume_id: int, *, looks: int) -> bool:
    """Whether a whole list lacks a volume, after looking so many times. Never raises what keeps a
    list from being read.
    """
    async for listed in lists(call, looks):
        if listed.is_whole and all(volume.id != volume_id for volume in listed):
            return True
    return False


async def lists(call: Call, looks: int) -> AsyncIterator[Listing[Volume]]:
    """Look at the list of volumes so many times, as the call has time; what keeps it from being
    read is passed over.
    """
    for attempt in range(looks):
        if attempt and not await call.another_look():
            return
        try:
            listed = await call.vast.list_volumes()
        except errors.VastMcpError:
            continue
        yield listed


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
    if made_by is not None:
        return made_by.allowed.volume
    alone = record_of_volume(call, volume.id)
    return alone and alone.usd_per_hour


def _attempt(call: Call, token: str | None) -> Intent | None:
    """The attempt that made a volume, where the journal has it and can be read."""
    with journal_may_fail:
        if token is not None and call.journal.exists():
            return call.journal.by_token(token)
    return None
