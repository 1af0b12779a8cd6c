"""What the person allows, asked before money moves (settings.Limits).

Two questions. Is this one machine within its limit? That needs its price alone. Does the account
allow one more? That counts what a whole list shows, the machines that the journal knows and no list
shows yet, and every attempt that may still become a machine, each at the most it may cost; and it
is asked inside the journal's transaction that announces the attempt, so that callers at the same
time, in several processes, cannot each see room for one.

What others do with the account at the same moment nobody can forbid: it is noticed afterwards and
said. Traffic has a price too and is not capped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from vast_mcp import errors
from vast_mcp.account.seen import learn_from
from vast_mcp.errors import NextStep
from vast_mcp.journal.records import token_of
from vast_mcp.machines.costs import ROUNDING, highest, price_of_row, reserved_price
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance


@dataclass(frozen=True)
class Standing:
    """What the account holds, as whole answers of Vast say: its machines and, where a limit asks,
    its credit in $.
    """

    rows: Sequence[Instance]
    credit: float | None = None


@dataclass(frozen=True)
class Headroom:
    """What would run and what the limits leave, after one more machine or a highest one. None: no
    such limit.
    """

    machines: int
    usd_per_hour: float | None
    credit_hours: float | None


# ── one machine ───────────────────────────────────────────────────────────────────────────────────


def check_machine(
    call: Call,
    usd_per_hour: float | None,
    *,
    asked: float | None = None,
    why: str = "",
    **facts: int,
) -> None:
    """Raises OverLimit, or PriceUnknown where a limit, or a question to the person, needs the
    price.

    `asked`: the call's own max_usd_per_hour. `why`: what is known of a price that is not.
    """
    limits = call.settings.limits
    named = [
        ("VAST_MCP_MAX_USD_PER_HOUR, set by the person", limits.max_usd_per_hour),
        ("max_usd_per_hour", asked),
    ]
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
            f"this machine costs {usd_per_hour:.4f} $/h with its disk, and at most {most:g} is "
            f"allowed ({name})",
            [NextStep("search_offers", {"max_usd_per_hour": most}, "offers within it")]
            if "offer_id" in facts
            else [],
            facts,
        )


def price_wanted(call: Call, asked: float | None) -> bool:
    """Whether a price must be learned, because a limit or a question to the person rests on it."""
    settings = call.settings
    return asked is not None or settings.limits.any_price or settings.confirm_above is not None


# ── the account ───────────────────────────────────────────────────────────────────────────────────


async def standing(call: Call) -> Standing | None:
    """Read what the limits count; None where none of them counts anything. Raises where a whole
    list cannot be had.
    """
    limits = call.settings.limits
    if not limits.any_account:
        return None
    listed = await call.vast.list_instances()
    await learn_from(call, listed)
    credit: float | None = None
    if limits.min_credit_hours is not None:
        credit = (await call.vast.user()).credit
        if credit is None:
            raise _unknown("the account's credit", {})
    return Standing(listed, credit)


def check_account(
    call: Call,
    seen: Standing | None,
    account: str,
    usd_per_hour: float | None,
    *,
    instance_id: int | None = None,
) -> Headroom | None:
    """Whether the account allows a machine at this price beside all there is; what is left, where a
    limit counts.

    `instance_id`: the machine that changes, which counts at the new price instead. Reads the
    journal: in its alone() the answer holds until the attempt is announced. Raises OverLimit or
    PriceUnknown.
    """
    if seen is None:
        return None
    limits = call.settings.limits
    facts = {} if instance_id is None else {"instance_id": instance_id}
    prices = _prices(call, seen, account, instance_id)
    machines = len(prices) + 1
    if instance_id is None and limits.max_instances is not None and machines > limits.max_instances:
        _over(
            f"{len(prices)} machines exist or may come to exist, and {limits.max_instances} are "
            f"allowed "
            "(VAST_MCP_MAX_INSTANCES, set by the person)",
            [NextStep("show_instances", {}, "what there is; destroy_instance makes room")],
            facts,
        )
    if limits.max_total_usd_per_hour is None and limits.min_credit_hours is None:
        return Headroom(machines, None, None)
    if usd_per_hour is None:
        raise _unknown("what this machine costs", facts)
    if None in prices.values():
        which = ", ".join(name for name, price in prices.items() if price is None)
        raise _unknown(f"what {which} costs", facts)
    total = usd_per_hour + sum(
        max(price or 0.0, 0.0) for price in prices.values()
    )  # nothing makes room by its price
    if (
        limits.max_total_usd_per_hour is not None
        and total > limits.max_total_usd_per_hour + ROUNDING
    ):
        _over(
            f"with it all machines would cost {total:.4f} $/h, and "
            f"{limits.max_total_usd_per_hour:g} are allowed "
            "(VAST_MCP_MAX_TOTAL_USD_PER_HOUR, set by the person; rentals in doubt and queued "
            "starts count)",
            [NextStep("show_instances", {}, "what runs; destroy_instance makes room")],
            facts,
        )
    hours = None if seen.credit is None else seen.credit / total if total > 0 else float("inf")
    if (
        limits.min_credit_hours is not None
        and hours is not None
        and hours < limits.min_credit_hours
    ):
        _over(
            f"the credit would last {max(hours, 0):.1f} hours at {total:.4f} $/h for all machines, "
            f"and "
            f"{limits.min_credit_hours:g} are wanted (VAST_MCP_MIN_CREDIT_HOURS, set by the "
            f"person)",
            [NextStep("show_account", {}, "the credit and what bills")],
            facts,
        )
    return Headroom(machines, total, hours)


def _prices(
    call: Call, seen: Standing, account: str, instance_id: int | None
) -> dict[str, float | None]:
    """Everything else that bills or may come to, each once, at the most it may cost; None where
    that is not known.
    """
    journal, young_s = call.session.journal, call.times.young_s
    held = journal.reservations.of(account)
    living = {intent.instance_id: intent for intent in journal.living(account)}
    found: dict[str, float | None] = {}
    for row in seen.rows:
        if row.id != instance_id:
            found[f"machine {row.id}"] = highest(
                price_of_row(row), reserved_price(held.get(row.id, []), row, young_s)
            )
    listed = {row.id for row in seen.rows}
    for machine, intent in living.items():
        if machine is not None and machine not in listed and machine != instance_id:
            found[f"machine {machine}"] = highest(
                intent.usd_per_hour, reserved_price(held.get(machine, []), None, young_s)
            )
    tokens = {token_of(row.label) for row in seen.rows}
    for intent in journal.underway(account):
        if intent.token not in tokens:
            found[f"the rental {intent.token} in doubt"] = intent.usd_per_hour
    return found


def _unknown(what: str, facts: dict[str, int]) -> errors.PriceUnknown:
    return errors.PriceUnknown(
        f"Nothing was sent: {what} cannot be learned, and a limit or a question to the person "
        f"rests on it.",
        **facts,  # pyright: ignore[reportArgumentType]
    )


def _over(why: str, steps: list[NextStep], facts: dict[str, int]) -> NoReturn:
    raise errors.OverLimit(f"Nothing was sent: {why}.", next_steps=steps, **facts)  # pyright: ignore[reportArgumentType]
