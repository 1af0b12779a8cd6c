"""A volume that was just made, against the limits that it was sent under: what its row says it
costs may be more than its offer said.

One that passes the limit for one, or the total by its own excess over what was expected, is deleted
again: nothing is on it yet, and no answer has named it. What else the account is over is a warning.
"""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import replace

import anyio

from vast_mcp import errors
from vast_mcp.account.volumes import forget_volume, is_gone, lists
from vast_mcp.errors import Json, NextStep
from vast_mcp.journal.records import Notice
from vast_mcp.journal.volumes import MadeVolume
from vast_mcp.machines.costs import is_dearer, sum_of_known, volume_usd_per_hour
from vast_mcp.renting import limits
from vast_mcp.renting.standing import Standing, prices_of_others, prices_of_volumes
from vast_mcp.session import Call, journal_may_fail

LOOKS = 4  # one row can be stale, and a new volume may not be listed at once
MOVED = 1.01  # as of a machine (price_kept.py)
_UNREAD = "Its price could not be read back yet; show_volumes shows it."


async def check_volume(call: Call, made: MadeVolume) -> list[str]:
    """Warnings where a volume that was just made is dearer than expected, or the account over its
    limits. Raises OverLimit where it is over one that it was sent under, and was deleted.

    Vast is asked only where something rests on the price. Begun, it is finished: a caller who goes
    away must not leave what the person forbids.
    """
    rests = made.allowed.is_limited or limits.price_wanted(call, None)
    if not rests and not call.limits.any_account:
        return []
    call = replace(call, deadline=call.deadline + call.times.end_s)
    with anyio.CancelScope(shield=True):
        return await _checked(call, made)
    raise AssertionError("a shielded scope is not cancelled")


async def check_untold_volumes(call: Call, account: str) -> None:
    """Check the prices of volumes of this account that no answer has named, and delete what is over
    its limit: the notices tell of it.
    """
    for made in untold_volumes(call, account):
        with contextlib.suppress(errors.OverLimit):
            if made.over_usd_per_hour is not None:
                await finish(call, made)
            else:
                await _checked(call, made)


def untold_volumes(call: Call, account: str) -> list[MadeVolume]:
    """Volumes that were made under a limit, whose price nobody has compared with it, or whose end
    is not seen yet, and that no answer has named; none where this server may only look.
    """
    if call.limits.read_only:
        return []
    telling = call.session.telling
    telling.look()
    return [
        made
        for made in call.journal.volumes.unannounced(account)
        if made.lives
        and made.allowed.is_limited
        and not made.judged
        and not telling.expects(made.news, -math.inf)
    ]


async def _checked(call: Call, made: MadeVolume) -> list[str]:
    usd, agreed = await _read_back(call, made)
    if usd is None:
        return [_UNREAD]
    over = over_words(made, usd)
    if over is not None:
        sure = await _still_over(call, made, usd)
        if sure and agreed and _may_end(call, made) and _announced(call, made, usd):
            raise ended(await finish(call, replace(made, over_usd_per_hour=usd)))
        if sure is not False:
            return [f"over_limit: {over}. destroy_volume ends it."]
    with journal_may_fail:
        call.journal.volumes.mark_judged(made)
    return [*_moved(made, usd), *await _beyond(call, made)]


async def _read_back(call: Call, made: MadeVolume) -> tuple[float | None, bool]:
    """What its row says, and whether two looks in a row agree; one is enough where it is no more
    than what was expected.
    """
    usd: float | None = None
    async for listed in lists(call, LOOKS):
        seen = {one.id: volume_usd_per_hour(one) for one in listed}
        before, usd = usd, seen.get(made.volume_id or 0, usd)
        if usd is None:
            continue
        if usd == before or over_words(made, usd) is None:
            return usd, usd == before
    return usd, False


def over_words(made: MadeVolume, usd: float) -> str | None:
    """The limit that it passes at this price, by what its attempt says alone."""
    allowed, expected = made.allowed, made.usd_per_hour
    if allowed.machine is not None and is_dearer(usd, allowed.machine):
        return (
            f"it costs {usd:.5f} $/h, and at most {allowed.machine:g} was allowed when it was made "
            "(max_usd_per_hour, the call's or the person's)"
        )
    if allowed.total is None or allowed.counted is None or expected is None:
        return None
    # What others added since is theirs: its own excess counts, over what was counted with it.
    if is_dearer(allowed.counted + usd - expected, allowed.total):
        return (
            f"it costs {usd:.5f} $/h, more than was expected, and so all machines and volumes pass "
            f"the {allowed.total:g} that were allowed (VAST_MCP_MAX_TOTAL_USD_PER_HOUR)"
        )
    return None


async def _still_over(call: Call, made: MadeVolume, usd: float) -> bool | None:
    """Whether it is over its own limit, or all are over theirs now, since others may have made
    room; None where that cannot be read.
    """
    allowed = made.allowed
    if allowed.machine is not None and is_dearer(usd, allowed.machine):
        return True
    read_at = time.time()
    try:
        rows = await call.vast.list_instances()
        seen = Standing(rows, None, await call.vast.list_volumes(), read_at)
    except errors.VastMcpError:
        return None
    bills = prices_of_others(call, seen, made.account, None)
    bills |= prices_of_volumes(call, seen, made.account)  # itself among them
    return is_dearer(sum_of_known(bills.values()), allowed.total or math.inf)


def _moved(made: MadeVolume, usd: float) -> list[str]:
    expected = made.usd_per_hour
    if expected is None or usd <= expected * MOVED:
        return []
    return [f"price_moved: made at {expected:.5f} $/h, it costs {usd:.5f} $/h."]


async def _beyond(call: Call, made: MadeVolume) -> list[str]:
    """What the account is over with all that there is now, the new volume among it, since others
    act on it too: total and credit.
    """
    try:
        seen = await limits.standing(call)
        limits.check_account(call, seen, made.account, 0.0, is_volume=True)
    except errors.OverLimit as exc:
        return [f"over_limit: {exc.message}"]
    except errors.VastMcpError:
        return []
    return []


# ── its end ────────────────────────────────────────────────────────────────────────────────────


def _may_end(call: Call, made: MadeVolume) -> bool:
    """Whether nobody was told of it, and no one else is to look after it."""
    own = made.token in call.attempts
    if own or call.limits.read_only:
        return own
    try:
        now = call.journal.volumes.by_token(made.token)
    except errors.JournalUnavailable:
        return False
    if now is None or not now.lives or now.announce is Notice.NOTHING:
        return False
    if now.announce is Notice.RENTED and not call.journal.may_settle(now):
        return False
    call.session.telling.look()
    return not call.session.telling.expects(now.news, -math.inf)


def _announced(call: Call, made: MadeVolume, usd: float) -> bool:
    """Write down that it is deleted, before it is; False where it was named just now. A journal
    that fails keeps no volume alive.
    """
    with journal_may_fail:
        now = call.journal.volumes.by_token(made.token)
        if now is not None and now.state == "confirmed":
            return call.journal.volumes.mark_over(made, usd)
    return True


async def finish(call: Call, made: MadeVolume) -> MadeVolume:
    """Delete a volume of which that is written down, and see it gone; the attempt as it is then."""
    volume_id = made.volume_id or 0
    with contextlib.suppress(errors.VastMcpError):  # whether it is gone is seen afterwards
        await call.vast.destroy_volume(volume_id)
    if not await is_gone(call, volume_id, looks=LOOKS):
        return made
    forget_volume(call, volume_id)
    return replace(made, gone_at=time.time())


def ended(made: MadeVolume) -> errors.OverLimit:
    """What became of a volume that was over its limit."""
    gone = made.gone_at is not None
    result: Json = {
        "volume_id": made.volume_id,
        "outcome": "destroyed" if gone else "still_there",
        "usd_per_hour": made.over_usd_per_hour,
        "expected_usd_per_hour": made.usd_per_hour,
    }
    step = NextStep("show_volumes", {}, "which volumes there are")
    if not gone:
        step = NextStep("destroy_volume", {"volume_id": made.volume_id}, "it may still bill")
    error = errors.OverLimit(
        f"Volume {made.volume_id} was made and {sentence_of(made)}",
        request_key=made.wish,
        token=made.token,
        results=[{name: value for name, value in result.items() if value is not None}],
        next_steps=[step],
    )
    error.may_bill = not gone
    return error


def notice_of(made: MadeVolume) -> str:
    """The same for an answer about something else."""
    return f"over_limit: volume {made.volume_id} was made and {sentence_of(made)}"


def sentence_of(made: MadeVolume) -> str:
    """What was found of it, and what is left."""
    usd = made.over_usd_per_hour or 0.0
    found = over_words(made, usd) or f"it costs {usd:.5f} $/h"
    fate = "It is gone." if made.gone_at else "It is not seen to be gone and may still bill."
    return f"deleted again: {found}. {fate}"
