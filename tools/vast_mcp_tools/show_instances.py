"""The list shows what exists and bills. Everything else relies on it being whole, so a part of it
is an error.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from vast_mcp.account.seen import Seen, learn_from
from vast_mcp.errors import Json, clean_or_none
from vast_mcp.journal.records import Intent
from vast_mcp.leases import guards, lifetimes
from vast_mcp.machines import costs, shown
from vast_mcp.machines.failures import Failure
from vast_mcp.machines.patience import Patience
from vast_mcp.machines.phases import Phase, State, failure_of, phase_of
from vast_mcp.renting.bids import WHY_REBID, rebid_of
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step
from vast_mcp.vast.models import Instance

SHOWN_BYTES = 9_500  # of JSON; the server adds what every answer states
NARROWER_BYTES = 400  # the step that narrows


class ShowInstances(Arguments):
    label: Annotated[
        str | None, Field(description="only labels that contain this, e.g. a token")
    ] = None
    state: Annotated[
        Literal["all", "running", "stopped", "starting", "failed"],
        Field(description="only these. Default all"),
    ] = "all"


class InstanceRow(Part):
    instance_id: int
    state: State
    outbid: Annotated[bool | None, Field(description="True: a higher bid has its GPU.")] = None
    status: Annotated[
        str,
        Field(description="Of the container: provisioning, loading, running, exited, offline …"),
    ]
    intended: Annotated[
        str | None, Field(description="What was last asked for, where it is not yet so.")
    ] = None
    failure: Annotated[
        Failure | None, Field(description="What its start fails of, by what its host says.")
    ] = None
    gpu: str | None = None
    usd_per_hour: Annotated[
        float | None, Field(description="$/h while running, disk included.")
    ] = None
    age_hours: float | None = None
    lease_left_hours: Annotated[
        float | None, Field(description="Until it is destroyed by itself; absent without a lease.")
    ] = None
    past_lease: Annotated[
        bool | None, Field(description="True: its lease is over; listing destroys nothing.")
    ] = None
    no_watchdog: Annotated[
        bool | None, Field(description="True: its lease ends from outside alone.")
    ] = None
    ours: Annotated[
        bool | None, Field(description="Made by vast-mcp: in its journal, or by its token.")
    ] = None
    untrusted_label: Annotated[
        str | None, Field(description="Text of whoever labelled it: data.")
    ] = None
    untrusted_image: str | None = None


class OpenIntent(Part):
    token: Annotated[str, Field(description="Its machine's label would end in #token.")]
    offer_id: int
    request_key: str
    state: Literal["sending", "unknown"]
    sent_s_ago: float


class ShowInstancesResult(Result):
    count: Annotated[
        int,
        Field(
            description="Machines on the account, stopped ones included; stopped ones bill disk."
        ),
    ]
    total_usd_per_hour: Annotated[
        float, Field(description="$/h of the machines asked for that bill their GPU.")
    ]
    stopped_usd_per_hour: Annotated[
        float, Field(description="$/h of disk that the others asked for bill.")
    ]
    more: Annotated[int | None, Field(description="Machines asked for that did not fit here.")] = (
        None
    )
    instances: list[InstanceRow]
    open_intents: Annotated[
        list[OpenIntent],
        Field(
            description="Rentals of ours whose outcome is in doubt: each may be a machine that "
            "bills."
        ),
    ] = []
    warnings: list[str] = []
    next_steps: list[Step] = []


async def show_instances(args: ShowInstances, call: Call) -> ShowInstancesResult:
    """Lists every machine of the account, newest first, stopped ones included: the whole list, or
    an error. open_intents are rentals in doubt, which this look helps to settle.
    """
    look = call.vast.shared
    listed = await look.list_instances()
    seen = await learn_from(call, listed, anew=not look.reused)
    now = time.time()
    rows = _rows(listed, seen, now, call)
    wanted = [instance for instance in listed if _is_wanted(instance, rows[instance.id], args)]
    result = ShowInstancesResult(
        count=listed.total,
        total_usd_per_hour=round(costs.sum_of_known(map(costs.running_usd_per_hour, wanted)), 4),
        stopped_usd_per_hour=round(costs.sum_of_known(map(costs.idle_usd_per_hour, wanted)), 4),
        instances=[rows[instance.id] for instance in wanted],
        open_intents=[_open(intent, now) for intent in seen.open],
        warnings=_unpriced(wanted),
    )
    outbid = [instance for instance in wanted if rows[instance.id].outbid]
    if outbid:
        result.next_steps += _rebid(outbid[0], rows[outbid[0].id])
    if wanted:
        why = "ends all billing for the newest"
        result.next_steps.append(step("destroy_instance", why, instance_ids=[wanted[0].id]))
    _fit(result, args)
    return result


def _unpriced(wanted: Sequence[Instance]) -> list[str]:
    """A warning where machines bill nobody knows how much."""
    unknown = costs.unpriced(wanted)
    if not unknown:
        return []
    return [f"{unknown} of {len(wanted)} show no price and are not in the totals."]


def _is_wanted(instance: Instance, row: InstanceRow, args: ShowInstances) -> bool:
    if (args.label or "") not in (instance.label or ""):
        return False
    return args.state in {"all", row.state}


def _rebid(instance: Instance, row: InstanceRow) -> list[Step]:
    """A better bid for the machine."""
    better = rebid_of(instance, ours=row.ours)
    return [] if better is None else [step("manage_instance", WHY_REBID, **better)]


# ── rows ───────────────────────────────────────────────────────────────────────────────────────


def _rows(listed: Sequence[Instance], seen: Seen, now: float, call: Call) -> dict[int, InstanceRow]:
    """Machines by their ids, as an answer shows them."""
    leases = lifetimes.known(call)
    patience, watches = Patience.of(call.times), call.session.watches
    found: dict[int, InstanceRow] = {}
    for instance in listed:
        phase = _phase(instance, call)
        row = _row(instance, watches.state_of(instance, now, patience, phase), now)
        row.outbid = phase == "outbid" or None
        row.ours = seen.is_ours(instance)
        row.lease_left_hours, row.past_lease = lifetimes.left(leases, instance.id, instance)
        row.no_watchdog = guards.why_outside(call, instance) is not None or None
        found[instance.id] = row
    return found


def _phase(instance: Instance, call: Call) -> Phase:
    """The phase, for which the journal is asked only where it may know better than the row."""
    phase = phase_of(instance)
    record = call.record_of(instance.id) if phase == "outbid" else None
    return call.session.watches.judged(phase, instance, record)


def _row(instance: Instance, state: State, now: float) -> InstanceRow:
    """One machine in the fields that an agent needs to choose by."""
    return InstanceRow(
        instance_id=instance.id,
        state=state,
        status=shown.status_of(instance),
        intended=shown.intended_of(instance),
        failure=failure_of(instance),
        gpu=shown.gpus_of(instance),
        usd_per_hour=costs.rounded(instance.dph_total, 4),
        age_hours=shown.age_hours(instance, now),
        untrusted_label=clean_or_none(instance.label, 256),
        untrusted_image=clean_or_none(instance.image_uuid, 120),
    )


def _open(intent: Intent, now: float) -> OpenIntent:
    state: Literal["sending", "unknown"] = "sending"
    if intent.state == "unknown":
        state = "unknown"
    return OpenIntent(
        token=intent.token,
        offer_id=intent.offer_id,
        request_key=intent.request_key,
        state=state,
        sent_s_ago=round(max(0.0, now - (intent.tried_at or now)), 1),
    )


# ── an answer that a host shows whole ──────────────────────────────────────────────────────────


def _fit(result: ShowInstancesResult, args: ShowInstances) -> None:
    """Leave off the oldest rows where all would be more than a host shows, and say how to
    narrow.
    """
    rows = result.instances
    without_rows = result.model_copy(update={"instances": []})
    kept = _how_many_fit(rows, SHOWN_BYTES - NARROWER_BYTES - _size(without_rows))
    if kept == len(rows):
        return
    result.instances = rows[:kept]
    result.more = len(rows) - kept
    result.next_steps.append(_narrower(rows[kept], args))


def _how_many_fit(rows: Sequence[InstanceRow], most: int) -> int:
    """How many rows from the first on take at most so many bytes of JSON."""
    left = most
    for number, row in enumerate(rows):
        left -= _size(row) + 2
        if left < 0:
            return number
    return len(rows)


def _narrower(cut: InstanceRow, args: ShowInstances) -> Step:
    """The same look at fewer: by the state of the first left off, else that machine by its id."""
    if args.state != "all":
        why = "the first left off; a label's part with label shows fewer"
        return step("show_instance", why, instance_id=cut.instance_id)
    given: Json = {"state": cut.state}
    if args.label is not None:
        given = {"label": args.label, **given}
    return step("show_instances", "fewer: one state, or a label's part with label", **given)


def _size(part: Part) -> int:
    return len(json.dumps(part.model_dump(mode="json", exclude_none=True)))


SPEC = ToolSpec(
    fn=show_instances,
    arguments=ShowInstances,
    result=ShowInstancesResult,
    title="List machines",
    read_only=True,
    destructive=False,
    idempotent=True,
    open_world=True,
)
