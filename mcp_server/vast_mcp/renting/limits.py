"""What the person allows, asked before money moves (settings.Limits).

Two questions. Is this one machine within its limit? That needs its price alone. Does the account
allow one more? That counts what a whole list shows, the machines that the journal knows and no list
shows yet, every attempt that may still become a machine, and all volumes, each at the most it may
cost (standing.py). It is asked inside the journal's transaction that announces the attempt, so that
callers at the same time, in several processes, cannot each see room for one.

What others do with the account at the same moment nobody can forbid: it is noticed afterwards and
said. Traffic has a price too and is not capped.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from vast_mcp import errors
from vast_mcp.account.seen import learn_from
from vast_mcp.errors import Json, NextStep
from vast_mcp.machines.costs import hours_of_credit, is_dearer, sum_of_known
from vast_mcp.renting.standing import Standing, prices_of_others, prices_of_volumes
from vast_mcp.session import Call
from vast_mcp.settings import Limits
from vast_mcp.vast.rows import Listing
from vast_mcp.vast.storage import Volume

MAX_USD = "VAST_MCP_MAX_USD_PER_HOUR"
MAX_TOTAL_USD = "VAST_MCP_MAX_TOTAL_USD_PER_HOUR"
MAX_INSTANCES = "VAST_MCP_MAX_INSTANCES"
MIN_CREDIT_HOURS = "VAST_MCP_MIN_CREDIT_HOURS"
CONFIRM = "VAST_MCP_CONFIRM"
NAMED = 5  # of those whose price is not known
_WHAT_BILLS = (
    NextStep("show_instances", {}, "what runs; destroy_instance makes room"),
    NextStep("show_volumes", {}, "what is stored; destroy_volume makes room"),
)
_THE_PERSONS = f"{MAX_USD}, set by the person"


@dataclass(frozen=True)
class Headroom:
    """What would run and what the limits leave, after one more machine or a dearer one. None: no
    such limit.
    """

    machines: int
    usd_per_hour: float | None = None
    credit_hours: float | None = None


# ── one machine ────────────────────────────────────────────────────────────────────────────────


def price_wanted(call: Call, asked: float | None) -> bool:
    """Whether a price must be learned, because a limit or a question to the person rests on it."""
    return bool(_resting_on_price(call, asked))


def _resting_on_price(call: Call, asked: float | None) -> list[str]:
    """The settings and the argument that need a machine's price."""
    limits = call.limits
    resting = [
        (MAX_USD, limits.max_usd_per_hour),
        *_counting_prices(limits),
        (CONFIRM, call.settings.confirm_above),
        ("max_usd_per_hour", asked),
    ]
    return [name for name, value in resting if value is not None]


def _counting_prices(limits: Limits) -> list[tuple[str, float | None]]:
    """The settings that add up the prices of all machines and volumes."""
    return [
        (MAX_TOTAL_USD, limits.max_total_usd_per_hour),
        (MIN_CREDIT_HOURS, limits.min_credit_hours),
    ]


def _adding_up(limits: Limits) -> list[str]:
    """The names of those that are set."""
    return [name for name, value in _counting_prices(limits) if value is not None]


def check_machine(
    call: Call,
    usd_per_hour: float | None,
    *,
    asked: float | None = None,
    why: str = "",
    offer_id: int | None = None,
    instance_id: int | None = None,
) -> None:
    """Raises OverLimit, or PriceUnknown where a limit, or a question to the person, needs the
    price.

    `asked`: the call's own max_usd_per_hour. `why`: what is known of a price that is not.
    """
    if usd_per_hour is None:
        resting = _resting_on_price(call, asked)
        if resting:
            raise _unknown(
                "the machine's price", resting, why, offer_id=offer_id, instance_id=instance_id
            )
        return
    most, whose = _lowest(call.limits.max_usd_per_hour, asked)
    if most is None or not is_dearer(usd_per_hour, most):
        return
    raise errors.OverLimit(
        f"This machine costs {usd_per_hour:.4f} $/h with its disk, and at most "
        f"{most:g} is allowed ({whose}); traffic is extra.",
        offer_id=offer_id,
        instance_id=instance_id,
        next_steps=_search_instead(offer_id, {"max_usd_per_hour": most}, "offers within it"),
    )


def check_volume(call: Call, usd_per_hour: float | None, *, asked: float | None) -> None:
    """The same for a new volume by itself: what a machine may cost is the most that it may."""
    if usd_per_hour is None:
        resting = _resting_on_price(call, asked)
        if resting:
            raise _unknown("the volume's price", resting)
        return
    most, whose = _lowest(call.limits.max_usd_per_hour, asked)
    if most is None or not is_dearer(usd_per_hour, most):
        return
    raise errors.OverLimit(
        f"This volume costs {usd_per_hour:.4f} $/h, and at most {most:g} is allowed ({whose}).",
        next_steps=[NextStep("show_volumes", {}, "the volumes that there are")],
    )


def _search_instead(offer_id: int | None, filters: Json, why: str) -> list[NextStep]:
    """A search, where it is an offer that was refused."""
    if offer_id is None:
        return []
    return [NextStep("search_offers", filters, why)]


def most_of_machine(call: Call, asked: float | None) -> float | None:
    """The most that one machine may cost, by the person and the call."""
    most, _ = _lowest(call.limits.max_usd_per_hour, asked)
    return most


def _lowest(persons: float | None, asked: float | None) -> tuple[float | None, str]:
    """The lower of the person's limit and the call's own, and whose it is."""
    if asked is None or (persons is not None and persons <= asked):
        return persons, _THE_PERSONS
    return asked, "max_usd_per_hour"


# ── the account ────────────────────────────────────────────────────────────────────────────────


async def standing(call: Call) -> Standing | None:
    """Read what the limits count; None where none of them counts anything.

    Raises where a whole list cannot be had.
    """
    limits = call.limits
    if not limits.any_account:
        return None
    read_at = time.time()
    listed = await call.vast.list_instances()
    await learn_from(call, listed)
    volumes = await _volumes(call)
    if limits.min_credit_hours is None:
        return Standing(listed, None, volumes, read_at)
    credit = (await call.vast.user()).credit
    if credit is None:
        raise _unknown("the account's credit", [MIN_CREDIT_HOURS])
    return Standing(listed, credit, volumes, read_at)


async def _volumes(call: Call) -> Listing[Volume]:
    """The account's volumes, where a limit adds up prices. Raises PriceUnknown where they cannot be
    read: they bill all the same.
    """
    resting = _adding_up(call.limits)
    if not resting:
        return Listing()
    try:
        return await call.vast.list_volumes()
    except errors.VastMcpError as exc:
        why = f"The list of volumes could not be read ({exc.code})."
        unknown = _unknown("what the account's volumes cost", resting, why)
        unknown.http_status, unknown.vast_message = exc.http_status, exc.vast_message
        raise unknown from exc


def check_account(
    call: Call,
    seen: Standing | None,
    account: str,
    usd_per_hour: float | None,
    *,
    instance_id: int | None = None,
    is_whole: bool = False,
    is_volume: bool = False,
    paid_usd: float = 0.0,
) -> Headroom | None:
    """Whether the account allows a machine at this price beside all there is; what is left, where a
    limit counts.

    `instance_id`: the machine that changes, which counts at the new price instead. `is_whole`:
    that price is of the machine as it runs, with what its row has in it. `is_volume`: it is a new
    volume, and no machine. `paid_usd`: what is about to leave the credit. Reads the journal: in its
    alone() the answer holds until the attempt is announced. Raises OverLimit or PriceUnknown.
    """
    if seen is None:
        return None
    limits = call.limits
    others = prices_of_others(call, seen, account, instance_id)
    machines = len(others) + (not is_volume)
    if instance_id is None and not is_volume:
        _check_number(limits, len(others))
    resting = _adding_up(limits)
    if not resting:
        return Headroom(machines)
    others |= prices_of_volumes(call, seen, account, instance_id if is_whole else None)
    unknown = [name for name, usd in others.items() if usd is None]
    if usd_per_hour is None:
        raise _unknown("the machine's price", resting, instance_id=instance_id)
    total = usd_per_hour + sum_of_known(others.values())
    _check_total(limits, total, instance_id)
    hours = _check_credit(limits, credit_left(call, seen, account, paid_usd), total, instance_id)
    if unknown:
        raise _unknown_others(unknown, resting, instance_id)
    return Headroom(machines, total, hours)


def credit_left(call: Call, seen: Standing, account: str, paid_usd: float = 0.0) -> float | None:
    """The credit without what is, or may be, paid ahead and is not off it yet."""
    if seen.credit is None:
        return None
    off = call.journal.deposits.off_credit_usd(account, seen.read_at)
    return seen.credit - paid_usd - off


def _unknown_others(
    names: Sequence[str], resting: Sequence[str], instance_id: int | None
) -> errors.PriceUnknown:
    """The refusal, where something else bills nobody knows how much."""
    shown = ", ".join(names[:NAMED])
    if len(names) > NAMED:
        shown += f" and {len(names) - NAMED} more"
    unknown = _unknown(f"the price of {shown}", resting, instance_id=instance_id)
    unknown.next_steps = _WHAT_BILLS
    return unknown


def _check_number(limits: Limits, machines: int) -> None:
    most = limits.max_instances
    if most is None or machines < most:
        return
    raise errors.OverLimit(
        f"{machines} of {most} allowed machines exist, rentals in doubt included "
        f"({MAX_INSTANCES}, set by the person).",
        next_steps=[
            NextStep("show_instances", {}, "what there is; destroy_instance makes room"),
        ],
    )


def _check_total(limits: Limits, total: float, instance_id: int | None) -> None:
    most = limits.max_total_usd_per_hour
    if most is None or not is_dearer(total, most):
        return
    raise errors.OverLimit(
        f"With it all machines and volumes would cost {total:.4f} $/h, rentals "
        f"in doubt and queued starts included, and {most:g} are allowed ({MAX_TOTAL_USD}, set by "
        "the person); traffic is extra.",
        instance_id=instance_id,
        next_steps=_WHAT_BILLS,
    )


def _check_credit(
    limits: Limits, credit: float | None, total: float, instance_id: int | None
) -> float | None:
    """How many hours the credit lasts at the rate of all machines and volumes; None where no limit
    asks.
    """
    least = limits.min_credit_hours
    if least is None or credit is None:
        return None
    hours = hours_of_credit(credit, total)
    if hours >= least:
        return hours
    raise errors.OverLimit(
        f"The credit would last {max(hours, 0):.1f} hours at {total:.4f} $/h for "
        f"all machines and volumes, and {least:g} are wanted ({MIN_CREDIT_HOURS}, set by the "
        "person); traffic is extra.",
        instance_id=instance_id,
        next_steps=[NextStep("show_account", {}, "the credit and what bills"), *_WHAT_BILLS],
    )


def _unknown(
    what: str,
    resting: Sequence[str],
    why: str = "",
    *,
    offer_id: int | None = None,
    instance_id: int | None = None,
) -> errors.PriceUnknown:
    """The refusal, with what needs the figure that nobody knows."""
    verb = "needs" if len(resting) == 1 else "need"
    return errors.PriceUnknown(
        f"{what} is unknown, and {', '.join(resting)} {verb} it. {why}".rstrip(),
        offer_id=offer_id,
        instance_id=instance_id,
        next_steps=_search_instead(offer_id, {}, "offers with their prices"),
    )
