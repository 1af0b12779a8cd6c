"""What an answer tells of a plan, from the journal: first what is true, then what it costs, then
the one next call.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.access import Access, access_to
from vast_mcp.account.reading import read_machine
from vast_mcp.errors import Json
from vast_mcp.journal.plan_records import Plan, Try
from vast_mcp.machines import shown
from vast_mcp.machines.costs import DIGITS, rounded
from vast_mcp.provisioning import handing, words
from vast_mcp.provisioning.words import State
from vast_mcp.session import Call
from vast_mcp.toolspec import Part, Step, step
from vast_mcp.vast.models import Instance

CENTS = 4  # digits of amounts in $
_OF_USE = {"works", "yours"}
LOOK_S = 8.0  # that the rows of machines of use may take of a call


class Machine(Part):
    """One machine of a plan that bills."""

    instance_id: int
    state: Annotated[
        Literal["starting", "works", "yours", "ending"],
        Field(description="works: until it is handed over; yours: with the lease asked for."),
    ]
    usd_per_hour: Annotated[float | None, Field(description="All of it, traffic is extra.")] = None
    gpu: str | None = None
    machine_id: int | None = None
    access: Access | None = None


class Tried(Part):
    """One try of a plan."""

    offer_id: int
    machine_id: int | None = None
    instance_id: int | None = None
    became: str
    cost_usd: Annotated[float, Field(description="At most, so far.")]


class Priced(Part):
    """An offer that would be tried."""

    offer_id: int
    machine_id: int | None = None
    gpu: str | None = None
    usd_per_hour: Annotated[float, Field(description="All of it, traffic is extra.")]
    bid: float | None = None
    to_ready_usd: Annotated[float, Field(description="What it probably costs until it works.")]
    worst_usd: Annotated[float, Field(description="What a try of it costs at most.")]
    why: str | None = None


class Otherwise(Part):
    """One change of a wish that finds offers."""

    change: Annotated[Json, Field(description="Arguments of provision; null leaves one out.")]
    offers: Annotated[int, Field(description="How many more that finds.")]
    usd_per_hour: Annotated[float | None, Field(description="The cheapest of them.")] = None


class PlanTold(Part):
    """How a plan stands, or what it would try."""

    said: Annotated[str, Field(description="All of it in words.")]
    plan: Annotated[str | None, Field(description="Its request_key, which alone follows it.")] = (
        None
    )
    state: Annotated[
        State | None,
        Field(description="seeking goes on by itself; asks waits for the person's yes."),
    ] = None
    machines: list[Machine] | None = None
    tries: Annotated[list[Tried] | None, Field(description="The newest last.")] = None
    offers: Annotated[
        list[Priced] | None, Field(description="Of a dry run: in the order of the tries.")
    ] = None
    waiting_for: str | None = None
    spent_usd: Annotated[
        float | None, Field(description="Of the search, failed tries and traffic included.")
    ] = None
    left_usd: Annotated[
        float | None,
        Field(description="Of budget_usd, beside what running tries may come to at worst."),
    ] = None
    after_end_usd: Annotated[
        float | None, Field(description="Billed after their destroy was accepted; not in spent.")
    ] = None
    instead: Annotated[
        list[Otherwise] | None, Field(description="Too little fits: single changes that find more.")
    ] = None
    warnings: list[str] = []
    next_steps: list[Step] = []


async def told(call: Call, plan: Plan, notes: Sequence[str] = ()) -> PlanTold:
    """A plan as it stands. `notes`: what is said of the call's arguments. Raises
    JournalUnavailable.
    """
    tries, now = call.journal.plans.tries(plan.name), time.time()
    state = words.state_of(plan, tries)
    answer = PlanTold(
        said=_said(call, plan, tries, state),
        plan=plan.wish,
        state=state,
        machines=[_machine(one) for one in tries if one.instance_id and _is_there(one)] or None,
        tries=[_tried(one, now) for one in tries] or None,
        waiting_for=words.waiting_for(plan, tries) if plan.state != "over" else None,
        spent_usd=round(sum(_spent(one, now) for one in tries), CENTS),
        left_usd=_left(plan, tries, now),
        after_end_usd=round(sum(_after_end(one, now) for one in tries), CENTS) or None,
        warnings=list(notes),
    )
    await _add_ways(call, answer)
    answer.next_steps = _steps(plan, answer)
    return answer


def _is_there(one: Try) -> bool:
    return not one.made_nothing and one.gone_at is None


# ── in words ───────────────────────────────────────────────────────────────────────────────────


def _said(call: Call, plan: Plan, tries: Sequence[Try], state: State) -> str:
    """First when machines that are not handed over end by themselves, and what moves that."""
    ends = [handing.ends_sentence(call, plan, one) for one in tries if one.lives]
    said = list(filter(None, ends))
    if state != "ready" or not said:
        said.append(_how_far(plan, tries, state))
    return " ".join(said)


def _how_far(plan: Plan, tries: Sequence[Try], state: State) -> str:
    working = [one for one in tries if one.state in {"ready", "handed"} and one.gone_at is None]
    if plan.state != "open" and plan.outcome != "ready":
        still = "" if plan.state == "over" else " What it rented is being ended."
        return words.ended(plan, working=len(working)) + still
    if state == "ready":
        named = " and ".join(str(one.instance_id) for one in working)
        many = len(working) > 1
        return f"Machine{'s' if many else ''} {named} {'work' if many else 'works'}."
    if state == "asks":
        return "Nothing more is rented before the person says yes."
    return words.sought(plan, tries)


# ── its parts ──────────────────────────────────────────────────────────────────────────────────


def _machine(one: Try) -> Machine:
    states: dict[str, Literal["starting", "works", "yours"]] = {
        "begun": "starting",
        "ready": "works",
        "handed": "yours",
    }
    return Machine(
        instance_id=one.instance_id or 0,
        state=states.get(one.state, "ending"),
        usd_per_hour=rounded(one.usd_per_hour, DIGITS),
        machine_id=one.machine_id,
    )


def _tried(one: Try, now: float) -> Tried:
    return Tried(
        offer_id=one.offer_id,
        machine_id=one.machine_id,
        instance_id=one.instance_id,
        became=words.became(one),
        cost_usd=round(_spent(one, now), CENTS),
    )


def _spent(one: Try, now: float) -> float:
    """What a try cost of the search: until it was handed over, or its end was accepted."""
    ends = [at for at in (one.ending_at, one.gone_at) if at is not None]
    if one.state == "handed" and one.ready_at is not None:
        ends.append(one.ready_at)
    return one.spent_usd(min([now, *ends]))


def _after_end(one: Try, now: float) -> float:
    """What it cost after its first accepted DELETE."""
    if one.ending_at is None or one.made_nothing:
        return 0.0
    return max(0.0, one.spent_usd(now) - one.spent_usd(one.ending_at))


def _left(plan: Plan, tries: Sequence[Try], now: float) -> float | None:
    if plan.bounds.budget_usd is None:
        return None
    counted = sum(one.counted_usd(now) for one in tries)
    return round(max(0.0, plan.bounds.budget_usd - counted), CENTS)


async def _add_ways(call: Call, answer: PlanTold) -> None:
    """The ways into machines of use, and what they are, as far as a look shows it."""
    rows = {one.instance_id: one for one in answer.machines or [] if one.state in _OF_USE}
    with contextlib.suppress(errors.VastMcpError):
        vast = call.within(LOOK_S)
        for instance_id, machine in rows.items():
            row = await vast.show_instance(instance_id)
            if row is not None:
                await _fill(call, answer, machine, row)


async def _fill(call: Call, answer: PlanTold, machine: Machine, row: Instance) -> None:
    reading = read_machine(call, row)
    machine.gpu = shown.gpus_of(row)
    machine.usd_per_hour = rounded(reading.bills.now, DIGITS) or machine.usd_per_hour
    machine.access, warnings = await access_to(
        call, row, vm=reading.machine.is_vm, jupyter_token=False
    )
    answer.warnings += warnings


# ── what leads on ──────────────────────────────────────────────────────────────────────────────


def _steps(plan: Plan, answer: PlanTold) -> list[Step]:
    again = step("provision", _why_again(answer), request_key=plan.wish)
    working = [one.instance_id for one in answer.machines or [] if one.state in _OF_USE]
    if answer.state == "ready" and working:
        use = step("show_instance", "ways in, and what it bills", instance_id=working[0])
        return [use] if plan.state == "over" else [again, use]
    if answer.state == "over":
        return [step("search_offers", "what the market has now")]
    return [again]


def _why_again(answer: PlanTold) -> str:
    if answer.state == "ready":
        return "follows until it has the lease that was asked for"
    return "follows it; rents nothing twice"
