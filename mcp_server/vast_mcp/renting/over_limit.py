"""The end of a machine that turned out to cost more than a limit that it was sent under.

What counts are the limits written with the attempt, never those of whoever finds the machine. Ended
is what passes the limit for one machine, or the total by its own excess over what was expected of
it; and only as long as no answer has named it: from then on it is somebody's, and a warning says
what ends it.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from vast_mcp import errors
from vast_mcp.account.ending import LOOKS, still_there
from vast_mcp.account.seen import forget_destroyed, learn_from
from vast_mcp.errors import Json, NextStep
from vast_mcp.journal.records import Intent, Notice, Wish
from vast_mcp.machines import volumes
from vast_mcp.machines.costs import cost_with_volume, is_dearer, sum_of_known
from vast_mcp.renting.standing import Standing, prices_of_others, prices_of_volumes
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.vast.models import Instance

SOME_VOLUME = -1  # as volume_left: the machine's new volume, whose id is not known


@dataclass(frozen=True)
class Over:
    """A limit that a machine passes: what it costs, and the most that was allowed, in $/h."""

    usd_per_hour: float
    most: float
    of_all: bool  # the limit is that of all machines
    is_sure: bool = True  # False: whether others made room since could not be read

    @property
    def sentence(self) -> str:
        if self.of_all:
            return (
                f"it costs {self.usd_per_hour:.4f} $/h before traffic, more than was expected, and "
                f"so all machines pass the {self.most:g} that were allowed when it was rented "
                "(VAST_MCP_MAX_TOTAL_USD_PER_HOUR)"
            )
        return (
            f"it costs {self.usd_per_hour:.4f} $/h before traffic, and at most {self.most:g} was "
            "allowed when it was rented (max_usd_per_hour, the call's or the person's)"
        )

    @property
    def warning(self) -> str:
        return f"over_limit: {self.sentence}. destroy_instance ends it."


# ── does it pass a limit? ──────────────────────────────────────────────────────────────────────


def may_pass(intent: Intent, usd_per_hour: float) -> Over | None:
    """The limit that a machine at this price passes by what its attempt says alone."""
    allowed, expected = intent.allowed, intent.usd_per_hour
    if allowed.machine is not None and is_dearer(usd_per_hour, allowed.machine):
        return Over(usd_per_hour, allowed.machine, of_all=False)
    if allowed.total is None or allowed.counted is None or expected is None:
        return None
    # What others added since is theirs: its own excess counts, over what was counted with it.
    if is_dearer(allowed.counted + usd_per_hour - expected, allowed.total):
        return Over(usd_per_hour, allowed.total, of_all=True)
    return None


async def limit_passed(
    call: Call, intent: Intent, instance_id: int, usd_per_hour: float
) -> Over | None:
    """The limit that a machine at this price passes now: of a total, others may have made room
    since. Where that cannot be read it is not sure.
    """
    over = may_pass(intent, usd_per_hour)
    if over is None or not over.of_all:
        return over
    read_at = time.time()
    try:
        listed = await call.vast.list_instances()
        await learn_from(call, listed)
        seen = Standing(listed, None, await call.vast.list_volumes(), read_at)
    except errors.VastMcpError:
        return replace(over, is_sure=False)
    bills = prices_of_others(call, seen, intent.account, instance_id)
    bills |= prices_of_volumes(call, seen, intent.account)  # its own new one is among them
    own = seen.prices.get(instance_id, usd_per_hour)
    if own is None:
        return replace(over, is_sure=False)
    if is_dearer(own + sum_of_known(bills.values()), over.most):
        return over
    return None


def warning_of(row: Instance, record: Intent | None) -> list[str]:
    """What a look at a machine is to warn of: it costs more than was allowed for it."""
    if record is None or not record.lives:
        return []
    over = may_pass(record, cost_with_volume(row, record.allowed.volume))
    if over is None or over.of_all:
        return []
    return [over.warning]


# ── its end ────────────────────────────────────────────────────────────────────────────────────


async def end(call: Call, intent: Intent, instance_id: int, over: Over) -> None:
    """End the machine, and raise OverLimit, which says what became of it. Nothing is done where
    an answer has named it, another process is about to, or this one may only look.
    """
    if not _may_end(call, intent):
        return
    left = None if intent.allowed.volume is None else SOME_VOLUME
    if not _announce(call, intent, over.usd_per_hour, left):
        return
    condemned = replace(
        intent,
        instance_id=instance_id,
        over_usd_per_hour=over.usd_per_hour,
        volume_left=left,
    )
    raise ended(await finish(call, condemned))


async def finish(call: Call, condemned: Intent) -> Intent:
    """End a machine of which that is written down, and the volume that was made with it; the
    attempt as it is then.
    """
    gone_at, left = condemned.gone_at, condemned.volume_left
    if gone_at is None and await _destroyed(call, condemned.instance_id or 0):
        gone_at = time.time()
    if gone_at is not None and left is not None:
        left = await _volume_left(call, condemned)
    return replace(condemned, gone_at=gone_at, volume_left=left)


async def _volume_left(call: Call, condemned: Intent) -> int | None:
    """Delete the machine's new volume, which has the attempt's token in its name; its id where it
    was not seen to be gone. One that was never seen is not gone because a list lacks it, and none
    because a list that is not whole does.
    """
    left = condemned.volume_left
    for attempt in range(LOOKS):
        if attempt and not await call.another_look():
            break
        try:
            listed = await call.vast.list_volumes()
            names = {one.id: volumes.token_of(one) for one in listed}
            made = [one for one, name in names.items() if name == condemned.token or one == left]
            if not made and left != SOME_VOLUME and listed.is_whole:
                with journal_may_fail:
                    call.journal.mark_volume_gone(condemned)
                return None
            if not made and attempt:
                break
            for left in made:
                await call.vast.destroy_volume(left)  # refused while the machine lets go of it
        except errors.VastMcpError:
            continue
    if left != condemned.volume_left:  # from here on a list that lacks it shows that it is gone
        _announce(call, condemned, condemned.over_usd_per_hour or 0.0, left)
    return left


def _may_end(call: Call, intent: Intent) -> bool:
    """Whether nobody was told of the machine, and no one else is to look after it."""
    own = intent.token in call.attempts
    if call.limits.read_only:
        return False
    try:
        now = call.journal.by_token(intent.token)
    except errors.JournalUnavailable:
        return own
    if now is None or now.state != "confirmed":
        return own  # its verdict could not be written
    if now.gone_at is not None or now.announce is Notice.NOTHING:
        return False
    if own:
        return True
    if now.announce is Notice.RENTED and not call.journal.may_settle(now):
        return False
    telling = call.session.telling
    telling.look()
    return not telling.expects(now.news, -math.inf)


def _announce(call: Call, intent: Intent, usd_per_hour: float, volume_left: int | None) -> bool:
    """Write down that it is ended, before it is; False where it was named just now. A journal that
    fails keeps no machine alive.
    """
    with journal_may_fail:
        now = call.journal.by_token(intent.token)
        if now is not None and now.state == "confirmed":
            return call.journal.mark_over(intent, usd_per_hour, volume_left)
    return True


async def _destroyed(call: Call, instance_id: int) -> bool:
    """Destroy it; whether it was seen to be gone."""
    try:
        if await call.vast.destroy_instance(instance_id):
            call.session.ending.add(instance_id)
    except errors.VastMcpError:
        pass  # whether it is gone is seen afterwards
    if await still_there([instance_id], call):
        return False
    forget_destroyed(call, [instance_id])
    return True


# ── what is said of it ─────────────────────────────────────────────────────────────────────────


def refuse_if_ended(call: Call, wish: Wish) -> None:
    """Raises OverLimit once for a machine of this wish that was ended and that nobody was told of:
    the same call again is a new wish.
    """
    for intent in call.journal.ended_of(wish):
        is_news = intent.announce is Notice.ENDED
        if is_news and not call.session.telling.expects(intent.news, call.began):
            raise ended(intent)


def refuse_if_condemned(call: Call, intent: Intent) -> None:
    """Raises OverLimit where another caller ends this machine just now."""
    with journal_may_fail:
        now = call.journal.by_token(intent.token)
        if now is not None and now.over_usd_per_hour is not None:
            raise ended(now)


def ended(intent: Intent) -> errors.OverLimit:
    """What became of a machine that was over its limit."""
    instance_id = intent.instance_id or 0
    error = errors.OverLimit(
        f"Machine {instance_id} was rented and {sentence_of(intent)}",
        instance_id=instance_id,
        offer_id=intent.offer_id,
        request_key=intent.request_key,
        token=intent.token,
        results=_results_of(intent),
        next_steps=_steps_after(intent),
    )
    error.may_bill = _may_bill(intent)
    return error


def notice_of(intent: Intent) -> str:
    """The same for an answer about something else."""
    return f"over_limit: machine {intent.instance_id} was rented and {sentence_of(intent)}"


def sentence_of(intent: Intent) -> str:
    """What was found of it, and what is left."""
    usd = intent.over_usd_per_hour or 0.0
    over = may_pass(intent, usd)
    found = f"it costs {usd:.4f} $/h" if over is None else over.sentence
    if intent.gone_at is None:
        fate = "It is not seen to be gone and may still bill."
    else:
        fate = f"It is gone; it cost at most {_cost_of(intent):.4f} $, traffic not counted."
    return f"ended again: {found}. {fate}{_fate_of_volume(intent)}"


def _fate_of_volume(intent: Intent) -> str:
    if intent.volume_left is not None:
        return " The volume that was made with it was not seen to be gone and may bill on."
    if intent.allowed.volume is not None:
        return " The volume that was made with it is gone too."
    return ""


def _may_bill(intent: Intent) -> bool:
    return intent.gone_at is None or intent.volume_left is not None


def _cost_of(intent: Intent) -> float:
    """Hours from sending to the end at the whole rate, in $: an estimate from above."""
    since, until = intent.tried_at, intent.gone_at or time.time()
    hours = 0.0 if since is None else max(0.0, until - since) / 3600
    return hours * (intent.over_usd_per_hour or 0.0)


def _results_of(intent: Intent) -> list[Json]:
    """The machine, and its volume where that may bill on."""
    left = intent.volume_left
    if left is None or left == SOME_VOLUME:
        return [_result_of(intent)]
    return [_result_of(intent), {"volume_id": left, "outcome": "still_there"}]


def _result_of(intent: Intent) -> Json:
    allowed = intent.allowed
    result: Json = {
        "instance_id": intent.instance_id,
        "outcome": "still_there" if intent.gone_at is None else "destroyed",
        "usd_per_hour": intent.over_usd_per_hour,
        "expected_usd_per_hour": intent.usd_per_hour,
        "max_usd_per_hour": allowed.machine,
        "max_total_usd_per_hour": allowed.total,
        "spent_usd": round(_cost_of(intent), 4),
        "spent_is": "at_most",
    }
    return {name: value for name, value in result.items() if value is not None}


def _steps_after(intent: Intent) -> list[NextStep]:
    steps: list[NextStep] = []
    if intent.gone_at is None:
        ids = {"instance_ids": [intent.instance_id]}
        steps.append(NextStep("destroy_instance", ids, "it may still bill"))
    left = intent.volume_left
    if left == SOME_VOLUME:
        steps.append(NextStep("show_volumes", {}, "whether its volume bills on"))
    elif left is not None:
        steps.append(NextStep("destroy_volume", {"volume_id": left}, "it bills until it is gone"))
    if intent.allowed.machine is None:
        return [*steps, NextStep("search_offers", {}, "another offer")]
    within = {"max_usd_per_hour": intent.allowed.machine}
    return [*steps, NextStep("search_offers", within, "another offer within the limit")]
