"""What the person allows, asked before money moves (settings.Limits).

Two questions. Is this one machine within its limit? That needs its price alone. Does the account allow one more? That
counts what a whole list shows, the machines that the journal knows and no list shows yet, and every attempt that may
still become a machine, each at the most it may cost; and it is asked inside the journal's transaction that announces
the attempt, so that callers at the same time, in several processes, cannot each see room for one.

What others do with the account at the same moment nobody can forbid: it is noticed afterwards and said. Traffic has a
price too and is not capped.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NoReturn

import anyio

from vast_mcp import errors
from vast_mcp.account import account_of, observe
from vast_mcp.confirm import Consent
from vast_mcp.ending import end
from vast_mcp.errors import NextStep
from vast_mcp.journal import Hold, token_of
from vast_mcp.settings import Limits
from vast_mcp.toolspec import Call
from vast_mcp.vast.wire import Instance

ROUNDING = 1e-6  # $/h: prices are sums of floats
MOVED = 1.01  # a price this much over the one it was rented at has moved


@dataclass(frozen=True)
class Price:
    """What a machine costs in $/h while it runs: GPU or bid, its disk, a volume made with it. None is not known."""

    gpu: float | None
    disk: float | None
    volume: float | None = 0.0

    @property
    def total(self) -> float | None:
        parts = (self.gpu, self.disk, self.volume)
        if self.gpu is None or self.disk is None or self.volume is None or any((part or 0.0) < 0 for part in parts):
            return None  # below nothing is no price
        return round(self.gpu + self.disk + self.volume, 6)


@dataclass(frozen=True)
class Standing:
    """What the account holds, as whole answers of Vast say: its machines and, where a limit asks, its credit in $."""

    rows: Sequence[Instance]
    credit: float | None = None


@dataclass(frozen=True)
class Room:
    """What would run and what the limits leave, after one more machine or a dearer one. None: no such limit."""

    machines: int
    usd_per_hour: float | None
    credit_hours: float | None


# ── one machine ──────────────────────────────────────────────────────────────────────────────────────────────────────


def check_machine(
    call: Call, usd_per_hour: float | None, *, asked: float | None = None, why: str = "", **facts: int
) -> None:
    """Raises OverLimit, or PriceUnknown where a limit, or a question to the person, needs the price.

    `asked`: the call's own max_usd_per_hour. `why`: what is known of a price that is not.
    """
    limits = call.settings.limits
    named = [("VAST_MCP_MAX_USD_PER_HOUR, set by the person", limits.max_usd_per_hour), ("max_usd_per_hour", asked)]
    given = [(value, name) for name, value in named if value is not None]
    if usd_per_hour is None and price_wanted(call, asked):
        error = _unknown("what this machine costs", facts)
        if "offer_id" in facts:
            error.message = f"{error.message} {why}".strip()
            error.next_steps = [NextStep("search_offers", {}, "offers with their prices")]
        raise error
    if given and usd_per_hour is not None and usd_per_hour > min(given)[0] + ROUNDING:
        most, name = min(given)
        _over(
            f"this machine costs {usd_per_hour:.4f} $/h with its disk, and at most {most:g} is allowed ({name})",
            [NextStep("search_offers", {"max_usd_per_hour": most}, "offers within it")] if "offer_id" in facts else [],
            facts,
        )


def price_wanted(call: Call, asked: float | None) -> bool:
    """Whether a price must be learned: a limit, a question to the person, or a dearer machine's end depends on it."""
    settings = call.settings
    rests = settings.limits.any_price or settings.confirm_above is not None or settings.on_price_moved == "destroy"
    return asked is not None or rests


# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def standing(call: Call) -> Standing | None:
    """Read what the limits count; None where none of them counts anything. Raises where a whole list cannot be had."""
    limits = call.settings.limits
    if not limits.any_account:
        return None
    listed = await call.vast.list_instances()
    await observe(call, listed)
    credit: float | None = None
    if limits.min_credit_hours is not None:
        credit = (await call.vast.user()).credit
        if credit is None:
            raise _unknown("the account's credit", {})
    return Standing(listed, credit)


def check_account(
    call: Call, seen: Standing | None, account: str, usd_per_hour: float | None, *, instance_id: int | None = None
) -> Room | None:
    """Whether the account allows a machine at this price beside all there is; what is left, where a limit counts.

    `instance_id`: the machine that changes, which counts at the new price instead. Reads the journal: in its alone()
    the answer holds until the attempt is announced. Raises OverLimit or PriceUnknown.
    """
    if seen is None:
        return None
    limits = call.settings.limits
    facts = {} if instance_id is None else {"instance_id": instance_id}
    prices = _prices(call, seen, account, instance_id)
    machines = len(prices) + 1
    if instance_id is None and limits.max_instances is not None and machines > limits.max_instances:
        _over(
            f"{len(prices)} machines exist or may come to exist, and {limits.max_instances} are allowed "
            "(VAST_MCP_MAX_INSTANCES, set by the person)",
            [NextStep("show_instances", {}, "what there is; destroy_instance makes room")],
            facts,
        )
    if limits.max_total_usd_per_hour is None and limits.min_credit_hours is None:
        return Room(machines, None, None)
    if usd_per_hour is None:
        raise _unknown("what this machine costs", facts)
    if None in prices.values():
        which = ", ".join(name for name, price in prices.items() if price is None)
        raise _unknown(f"what {which} costs", facts)
    total = usd_per_hour + sum(max(price or 0.0, 0.0) for price in prices.values())  # nothing makes room by its price
    if limits.max_total_usd_per_hour is not None and total > limits.max_total_usd_per_hour + ROUNDING:
        _over(
            f"with it all machines would cost {total:.4f} $/h, and {limits.max_total_usd_per_hour:g} are allowed "
            "(VAST_MCP_MAX_TOTAL_USD_PER_HOUR, set by the person; rentals in doubt and queued starts count)",
            [NextStep("show_instances", {}, "what runs; destroy_instance makes room")],
            facts,
        )
    hours = None if seen.credit is None else seen.credit / total if total > 0 else float("inf")
    if limits.min_credit_hours is not None and hours is not None and hours < limits.min_credit_hours:
        _over(
            f"the credit would last {max(hours, 0):.1f} hours at {total:.4f} $/h for all machines, and "
            f"{limits.min_credit_hours:g} are wanted (VAST_MCP_MIN_CREDIT_HOURS, set by the person)",
            [NextStep("show_account", {}, "the credit and what bills")],
            facts,
        )
    return Room(machines, total, hours)


def _prices(call: Call, seen: Standing, account: str, instance_id: int | None) -> dict[str, float | None]:
    """Everything else that bills or may come to, each once, at the most it may cost; None where that is not known."""
    journal, young_s = call.office.journal, call.times.young_s
    held = journal.holds(account)
    living = {intent.instance_id: intent for intent in journal.living(account)}
    found: dict[str, float | None] = {}
    for row in seen.rows:
        if row.id != instance_id:
            found[f"machine {row.id}"] = _most(_of_row(row), _held(held.get(row.id, []), row, young_s))
    listed = {row.id for row in seen.rows}
    for machine, intent in living.items():
        if machine is not None and machine not in listed and machine != instance_id:
            found[f"machine {machine}"] = _most(intent.usd_per_hour, _held(held.get(machine, []), None, young_s))
    tokens = {token_of(row.label) for row in seen.rows}
    for intent in journal.underway(account):
        if intent.token not in tokens:
            found[f"the rental {intent.token} in doubt"] = intent.usd_per_hour
    return found


def _of_row(row: Instance) -> float | None:
    """What a listed machine may cost: the whole where it runs or was asked to, for it may any moment; else its disk."""
    if row.actual_status == "running" or row.intended_status != "stopped":
        return row.dph_total
    return row.disk_usd_per_hour()


def _held(holds: Sequence[Hold], row: Instance | None, young_s: float) -> float | None:
    """What acts of ours may still make of a machine. Long after, the row tells; but what Vast queued or never answered
    may come true any day, so it counts for as long as the machine stands still."""
    counting: list[float] = []
    for hold in holds:
        old = time.time() - hold.made_at > young_s
        tells = row is not None and (hold.state == "true" or row.intended_status == "running")
        if not (old and tells):
            counting.append(hold.usd_per_hour)
    return max(counting, default=None)


def _most(price: float | None, held: float | None) -> float | None:
    return price if held is None else held if price is None else max(price, held)


# ── a machine that exists ────────────────────────────────────────────────────────────────────────────────────────────


async def hold(
    call: Call, instance_id: int, row: Instance | None, consent: Consent, *, bid: float | None = None
) -> Hold | None:
    """Announce what a machine may come to cost by being started, or by a better bid; None where no limit asks.

    `row`: as the list shows it. What costs no more than now is always allowed, and nobody is asked about it; else the
    person's consent comes after the limits and is spent here. Raises OverLimit or PriceUnknown, and as confirm.ask.
    """
    now = _of_row(row) if row else None
    disk = row.disk_usd_per_hour() if row else None
    usd = (row.dph_total if row else None) if bid is None else None if disk is None else bid + disk
    more = usd is None or now is None or usd > now + ROUNDING
    if not call.settings.limits.any_price:
        if more:
            await consent.ask(usd)
            consent.spend()
        return None
    account, _ = await account_of(call)
    journal = call.office.journal
    if usd is not None and not more:
        return journal.hold_price(account, instance_id, usd)
    check_machine(call, usd, instance_id=instance_id)
    seen = await standing(call)
    fresh = next((row for row in seen.rows if row.id == instance_id), None) if seen else None
    usd = _most(usd, fresh.dph_total if fresh and bid is None else None)  # its bid may have been raised meanwhile

    def most() -> float | None:
        held = _held(journal.holds(account).get(instance_id, []), fresh or row, call.times.young_s)
        return _most(usd, held) if usd is not None else None

    check_account(call, seen, account, most(), instance_id=instance_id)
    await consent.ask(usd)
    with journal.alone():
        check_account(call, seen, account, most(), instance_id=instance_id)
        consent.spend()
        return journal.hold_price(account, instance_id, usd or 0.0)


async def check_longer(call: Call, instance_id: int, row: Instance | None) -> None:
    """A longer life is more spending at the rate that there is: what is over a limit gets none. Nothing is announced,
    since the rate stays. Raises OverLimit or PriceUnknown."""
    allowed = call.settings.limits
    if not allowed.any_price:
        return
    account, _ = await account_of(call)
    journal = call.office.journal
    held = _held(journal.holds(account).get(instance_id, []), row, call.times.young_s)
    usd = _most(_of_row(row) if row else None, held)
    check_machine(call, usd, instance_id=instance_id)
    seen = await standing(call)
    check_account(call, seen, account, usd, instance_id=instance_id)


def settle(call: Call, held: Hold | None, state: Literal["maybe", "true"] | None) -> None:
    """What became of the act (journal.settle_hold). The journal's failing changes nothing: it counts on."""
    if held is not None:
        with contextlib.suppress(errors.JournalUnavailable):
            call.office.journal.settle_hold(held, state)


def release(call: Call, instance_id: int) -> None:
    """A machine that was seen to be stopped costs no more than its disk. The journal's failing changes nothing."""
    office = call.office
    with contextlib.suppress(errors.JournalUnavailable):
        if office.account is not None and office.journal.exists():
            office.journal.release(office.account, instance_id)


# ── after the rent ───────────────────────────────────────────────────────────────────────────────────────────────────


async def check_moved(call: Call, instance_id: int, price: Price, *, asked: float | None) -> list[str]:
    """Whether Vast made it at the price it was rented for, as warnings; read only where something rests on the price:
    a limit, a person's yes, or what the person wants done then.

    One row can be stale, so a moved price is believed when two looks show it. Raises PriceMoved where the person wants
    such a machine destroyed, and DestroyUnverified where that was not seen to work.
    """
    allowed, expected = call.settings.limits, price.total
    if not (price_wanted(call, asked) or allowed.any_account):
        return []
    warnings: list[str] = []
    moved: list[float] = []
    for attempt in range(2):
        if attempt and not await call.another_look():
            break
        try:
            usd, warnings = await _price_now(instance_id, call)
        except errors.VastMcpError:
            continue
        if expected is None or (usd is not None and _as_expected(usd, expected, price.volume or 0.0)):
            return warnings
        if usd is not None:
            moved.append(usd)
    if not moved or expected is None:
        return [*warnings, "Its price could not be read back yet; show_instance shows it."]
    surely = min(moved) > expected * MOVED
    rented = expected if surely else expected - (price.volume or 0.0)
    beside = "" if surely else " beside its volume"
    said = f"price_moved: rented at {rented:.4f} $/h{beside}, it costs {moved[-1]:.4f} $/h"
    if len(moved) < 2 or not surely or call.settings.on_price_moved != "destroy":
        return [*warnings, f"{said}."]
    await _undo(instance_id, said, call)
    raise errors.PriceMoved(
        f"Machine {instance_id} was destroyed again, as the person set it (VAST_MCP_ON_PRICE_MOVED): {said}.",
        instance_id=instance_id,
        next_steps=[NextStep("search_offers", {}, "find another offer")],
    )


def _as_expected(usd: float, total: float, volume: float) -> bool:
    """Whether a row's price is the one it was rented at. Whether it counts a volume made with the machine is not known:
    what lies between the two is neither, and may be a dearer machine in the volume's share, or a cheaper one."""
    return usd <= (total - volume) * MOVED or abs(usd - total) <= total * (MOVED - 1)


async def _undo(instance_id: int, said: str, call: Call) -> None:
    """Raises DestroyUnverified unless the machine was seen to be gone."""
    cause: errors.VastMcpError | None = None
    try:
        # Begun, it is finished: a caller who went away must not leave the machine that the person does not want.
        with anyio.CancelScope(shield=True):
            if await end(instance_id, call):
                return
    except errors.VastMcpError as exc:
        cause = exc
    raise errors.DestroyUnverified(
        f"{said[0].upper()}{said[1:]}; it was to be destroyed for that and is not seen to be gone. It may still bill.",
        http_status=cause.http_status if cause else None,
        instance_id=instance_id,
        next_steps=[NextStep("destroy_instance", {"instance_ids": [instance_id]}, "tries again")],
    ) from cause


async def _price_now(instance_id: int, call: Call) -> tuple[float | None, list[str]]:
    """What the new machine costs and, where a limit counts the account, what others made of it meanwhile."""
    allowed = call.settings.limits
    if not allowed.any_account:
        row = await call.vast.show_instance(instance_id)
        return (row.dph_total if row else None), []
    listed = await call.vast.list_instances()
    price = next((row.dph_total for row in listed if row.id == instance_id), None)
    return price, _beyond(allowed, listed)


def _beyond(limits: Limits, rows: Sequence[Instance]) -> list[str]:
    """What a list read after an act shows to be over the limits all the same: others act on the account too."""
    said: list[str] = []
    total = sum(_of_row(row) or 0.0 for row in rows)
    if limits.max_instances is not None and len(rows) > limits.max_instances:
        said.append(f"{len(rows)} machines exist now and {limits.max_instances} are allowed")
    if limits.max_total_usd_per_hour is not None and total > limits.max_total_usd_per_hour + ROUNDING:
        said.append(f"all machines cost {total:.4f} $/h now and {limits.max_total_usd_per_hour:g} are allowed")
    return [f"{what}: somebody else rents on this account too. Nothing of theirs was touched." for what in said]


def _unknown(what: str, facts: dict[str, int]) -> errors.PriceUnknown:
    return errors.PriceUnknown(
        f"Nothing was sent: {what} cannot be learned, and a limit or a question to the person rests on it.",
        **facts,  # pyright: ignore[reportArgumentType]
    )


def _over(why: str, steps: list[NextStep], facts: dict[str, int]) -> NoReturn:
    raise errors.OverLimit(f"Nothing was sent: {why}.", next_steps=steps, **facts)  # pyright: ignore[reportArgumentType]
