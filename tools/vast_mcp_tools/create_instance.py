"""Renting: the one act here that starts spending.

The arguments mirror the request body of `PUT /api/v0/asks/{id}/` (the specification), flat, the
path's `id` as `offer_id`; what any machine may be asked to be is in renting/arguments.py. What Vast
would accept and bill for something useless is refused before it is sent; what was sent and not
answered is reported as unknown, never as failed.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.asked import Asked
from vast_mcp.account.reading import read_machine
from vast_mcp.errors import Json
from vast_mcp.leases import guards, labels
from vast_mcp.machines.costs import DIGITS, Price, cost_of, per_day, per_month, rounded
from vast_mcp.machines.failures import Failure
from vast_mcp.renting import arguments, as_made
from vast_mcp.renting.arguments import RentalArguments
from vast_mcp.renting.as_made import Made
from vast_mcp.session import Call
from vast_mcp.settings import LONGEST_LEASE_H
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step

if TYPE_CHECKING:
    from vast_mcp.renting.order import Order
    from vast_mcp.renting.preview import Preview
    from vast_mcp.renting.request import Rental
    from vast_mcp.renting.terms import Terms
    from vast_mcp.vast.models import Instance


class _Offer(Arguments):
    """Which offer: the first of the arguments."""

    offer_id: Annotated[int, Field(ge=1, description="from search_offers")]


class CreateInstance(RentalArguments, _Offer):
    target_state: Annotated[
        Literal["running", "stopped"] | None, Field(description="default running")
    ] = None
    price: Annotated[
        float | None,
        Field(
            ge=0.001,
            le=128,
            description=(
                "bid, $/h for the machine, 0.001 to 128: interruptible. Absent: on demand"
            ),
        ),
    ] = None
    cancel_unavail: Annotated[
        bool | None,
        Field(
            description="cancel if it cannot start at once. Default true on demand and "
            "running, else false: its disk then bills"
        ),
    ] = None
    vm: Annotated[
        bool | None,
        Field(
            description=(
                "default false. Needs a registered SSH key, a direct port, an image as "
                "docker.io/vastai/kvm:ubuntu_terminal"
            )
        ),
    ] = None
    use_jupyter_lab: Annotated[bool | None, Field(description="default false: notebook")] = None
    jupyter_dir: Annotated[str | None, Field(description="where Jupyter starts")] = None
    python_utf8: Annotated[bool | None, Field(description="default false")] = None
    lang_utf8: Annotated[bool | None, Field(description="default false")] = None
    user: Annotated[str | None, Field(description="docker user; breaks some images")] = None
    force: Annotated[
        bool | None,
        Field(description="skip checks when made from an instance. Default false"),
    ] = None
    request_key: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9._:-]{1,64}$",
            description="this rental's name, 1 to 64 of A-Z a-z 0-9 . _ : -. Default: derived from "
            "the arguments",
        ),
    ] = None
    allow_unresolved: Annotated[
        bool | None,
        Field(description=("with request_key: rent though another is in doubt. Default false")),
    ] = None
    max_usd_per_hour: Annotated[
        float | None,
        Field(gt=0, description="most that machine, disk and new volume may cost, $/h, above 0"),
    ] = None
    lease_hours: Annotated[
        float | None,
        Field(
            gt=0,
            le=LONGEST_LEASE_H,
            description=(
                "hours until it ends, above 0 to 8760. While it runs it destroys itself, with "
                "curl, wget or python3 in it; stopped, or with runtype args, a vast-mcp server "
                "that runs then does. Default: the person's, else none"
            ),
        ),
    ] = None
    check: Annotated[
        bool | None, Field(description="for check_machine without SSH. Default false")
    ] = None
    dry_run: Annotated[bool | None, Field(description="check and price only. Default false")] = None


class DryRun(Part):
    said: Annotated[str, Field(description="All of it in words.")]
    would: Annotated[
        Literal["rent", "replay", "settle"],
        Field(
            description=(
                "replay: it has a machine already; settle: an earlier rental is in doubt and comes "
                "first."
            )
        ),
    ]
    request: Annotated[
        Json, Field(description="The body of the request; what may be secret is masked.")
    ]
    gpu_usd_per_hour: Annotated[float | None, Field(description="Or the bid.")] = None
    disk_usd_per_hour: float | None = None
    volume_usd_per_hour: Annotated[
        float | None, Field(description="Of the new volume, which outlives it.")
    ] = None
    usd_per_hour: Annotated[
        float | None, Field(description="All of it while running; absent when not known.")
    ] = None
    usd_per_day: float | None = None
    usd_per_month: Annotated[float | None, Field(description="Of 720 hours.")] = None
    stopped_usd_per_hour: Annotated[float | None, Field(description="Disk and volume.")] = None
    usd_per_tb: Annotated[
        list[float] | None, Field(description="Traffic [down, up], on top of all of these.")
    ] = None
    lease_usd: Annotated[float | None, Field(description="Running all of its lease.")] = None
    credit_usd: Annotated[float | None, Field(description="What can be spent.")] = None
    left: Annotated[
        Json | None, Field(description="What each limit in force leaves after this rental.")
    ] = None


class CreateInstanceResult(Result):
    instance_id: Annotated[
        int | None,
        Field(description="The machine. It bills from now until it is destroyed. Absent: dry_run."),
    ] = None
    offer_id: int
    request_key: Annotated[
        str, Field(description="Names this rental: the same key finds it again.")
    ]
    label: Annotated[
        str | None, Field(description="As Vast has it, with this rental's token after the last #.")
    ] = None
    kind: Literal["on_demand", "interruptible"]
    usd_per_hour: Annotated[
        float | None,
        Field(
            description="What it bills now, traffic is extra; of a dry run, while it would run. "
            "Absent: not known."
        ),
    ] = None
    running_usd_per_hour: Annotated[
        float | None,
        Field(description="What it bills while it runs, with disk, where that is not now's."),
    ] = None
    stopped_usd_per_hour: Annotated[
        float | None, Field(description="What it bills on when stopped.")
    ] = None
    usd_per_tb: Annotated[
        list[float] | None, Field(description="Traffic [down, up], on top of all of these.")
    ] = None
    disk_gb: Annotated[float | None, Field(description="Disk that the prices count, GB.")] = None
    asked: Annotated[Asked | None, Field(description="What runs in it.")] = None
    made: Annotated[Made | None, Field(description="What comes with that.")] = None
    replayed: Annotated[
        bool | None, Field(description="True: an earlier call rented it, nothing was sent.")
    ] = None
    recovered: Annotated[
        bool | None, Field(description="True: an answer was lost and the machine was found.")
    ] = None
    lost_answer: Annotated[str | None, Field(description="Whose that was.")] = None
    failure: Annotated[
        Failure | None,
        Field(description="What the start of one found failed of, when last looked at."),
    ] = None
    lease: Annotated[str | None, Field(description="When it ends, and by whom.")] = None
    dry_run: Annotated[DryRun | None, Field(description="Only for dry_run: nothing was sent.")] = (
        None
    )
    warnings: list[str] = []
    next_steps: list[Step] = []


async def create_instance(args: CreateInstance, call: Call) -> CreateInstanceResult:
    """Rents one offer as a container or VM. Spends money: it bills until destroy_instance, its
    disk even while stopped; traffic is extra. Arguments, offer and a VM's SSH keys are checked
    first. The same call again never rents twice: it gives the machine there is. Returns at once;
    a start needs minutes. After an error with billing_possible true a machine may exist: its
    next_steps settle it.
    """
    from vast_mcp.renting.preview import preview
    from vast_mcp.renting.refusals import told
    from vast_mcp.renting.rent import rent

    order = (await arguments.read(args, call.settings)).order(call.settings)
    try:
        if order.dry_run:
            return _previewed(call, order, await preview(call, order))
        rental = await rent(call, order)
    except errors.VastMcpError as exc:
        raise told(exc, order, call) from exc
    call.session.created.setdefault(rental.instance_id, time.time())
    return _rented(call, order, rental, await _row(call, rental))


async def _row(call: Call, rental: Rental) -> Instance | None:
    """The machine's row, where something is to be told by it: of one that was found, and of one
    whose start script Vast may have dropped. None where it cannot be read.
    """
    from vast_mcp.renting import lease
    from vast_mcp.renting.findings import LOOK_S

    if not (rental.replayed or rental.recovered or lease.has_watchdog(rental.intent)):
        return None
    with contextlib.suppress(errors.VastMcpError):
        return await call.within(LOOK_S).show_instance(rental.instance_id)
    return None


def _rented(call: Call, order: Order, rental: Rental, row: Instance | None) -> CreateInstanceResult:
    """The answer to a rental, found or made."""
    from vast_mcp.renting import lease, next_calls, rental_words

    intent, facts = rental.intent, rental.intent.facts
    reading = None if row is None else read_machine(call, row, intent)
    bills = as_made.bills_at_birth(facts) if reading is None else reading.bills
    ends = lease.sentence_of(intent, now=call.now(), why_outside=guards.why_outside(call, row))
    return CreateInstanceResult(
        instance_id=rental.instance_id,
        offer_id=intent.offer_id,
        request_key=intent.request_key,
        label=intent.label,
        kind=order.kind,
        **bills.shown(),
        disk_gb=facts.get("disk_gb"),
        asked=as_made.asked_in(facts) or (reading and reading.asked),
        made=as_made.made_in(facts),
        replayed=rental.replayed or None,
        recovered=rental.recovered or None,
        lost_answer=rental_words.lost_answer_of(call, rental),
        lease=ends,
        failure=call.session.failing.get(rental.instance_id),
        warnings=rental_words.warnings_of(order, rental),
        next_steps=next_calls.calls_for(reading)
        if reading is not None
        else rental_words.steps_of(rental),
    )


def _previewed(call: Call, order: Order, seen: Preview) -> CreateInstanceResult:
    """The answer to a dry run."""
    answer = CreateInstanceResult(
        offer_id=order.offer_id,
        request_key=seen.request.wish.request_key,
        kind=order.kind,
        warnings=list(dict.fromkeys([*order.notes, *seen.warnings])),
        dry_run=_dry_run(order, seen),
    )
    answer.next_steps = [_after_dry_run(order, seen)]
    found, terms = seen.found, seen.terms
    if found is not None and found.lives:
        answer.instance_id = found.instance_id
    if terms is not None:
        _tell(answer, call, terms)
    return answer


def _after_dry_run(order: Order, seen: Preview) -> Step:
    """What leads on: to the machine where there is one, else to the same call, which is not
    repeated where it may hold secrets.
    """
    if seen.found is not None and seen.found.lives and seen.found.instance_id is not None:
        why = "this call has its machine already"
        return step("wait_for_instance", why, instance_id=seen.found.instance_id)
    why = "rents it" if seen.would == "rent" else "settles the earlier rental first"
    if order.hides:
        return step("show_account", f"what bills already; then this call without dry_run {why}")
    again = {name: value for name, value in order.spoken.items() if name != "dry_run"}
    return step("create_instance", why, **again)


def _tell(answer: CreateInstanceResult, call: Call, terms: Terms) -> None:
    """Put what would be rented into the answer of a dry run."""
    from vast_mcp.renting.lease import NO_END

    facts = terms.facts
    answer.usd_per_hour, answer.disk_gb = terms.usd_per_hour, terms.disk_gb
    answer.asked, answer.made = as_made.asked_in(facts), as_made.made_in(facts)
    answer.lease = NO_END if terms.lease is None else terms.lease.sentence(call.now())
    answer.warnings = list(dict.fromkeys([*as_made.warnings_in(facts), *answer.warnings]))


def _dry_run(order: Order, seen: Preview) -> DryRun:
    """What the call would do, send and cost. Where it rents nothing, no price was read."""
    from vast_mcp.renting.order import masked
    from vast_mcp.renting.rental_words import said_of

    body, price, until = order.body, Price(None, None), None
    if seen.terms is not None:
        body, price, until = seen.terms.body, seen.terms.price, seen.terms.lease_until
    label = f"{labels.leased(order.label, until)}#<token>"
    lease_h = None if until is None else order.lease_hours
    return DryRun(
        said=said_of(order, seen),
        would=seen.would,
        request=masked(body | {"label": label}),
        gpu_usd_per_hour=rounded(price.gpu, DIGITS),
        disk_usd_per_hour=rounded(price.disk, DIGITS),
        volume_usd_per_hour=rounded(price.volume, DIGITS) or None,
        usd_per_hour=rounded(price.total, DIGITS),
        usd_per_day=per_day(price.total),
        usd_per_month=per_month(price.total),
        stopped_usd_per_hour=rounded(price.stopped, DIGITS),
        usd_per_tb=None if seen.terms is None else as_made.per_tb_in(seen.terms.facts),
        lease_usd=cost_of(lease_h, price.total),
        credit_usd=None if seen.credit is None else round(seen.credit.usd, 2),
        left=seen.left or None,
    )


SPEC = ToolSpec(
    fn=create_instance,
    arguments=CreateInstance,
    result=CreateInstanceResult,
    title="Rent a GPU machine",
    read_only=False,
    destructive=True,
    idempotent=False,
    open_world=True,
    sends=("create",),
)
