"""Changing a machine that exists, nothing of which deletes anything: start, stop, reboot, label,
bid, lease.

What Vast accepted is looked up again, because accepting is not doing: a start may be queued and
bill days later.
"""

from __future__ import annotations

import contextlib
import shlex
import time
from typing import Annotated, Any, Literal

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.access import access_to
from vast_mcp.account.roll import Roll, check_known, check_ours, roll
from vast_mcp.errors import NextStep, Problem, clean
from vast_mcp.journal.records import token_of
from vast_mcp.leases import labels, lifetimes
from vast_mcp.leases.labels import utc
from vast_mcp.leases.watchdog import FOLDER
from vast_mcp.machines import phases, ways
from vast_mcp.renting import confirm, reserving
from vast_mcp.session import Call
from vast_mcp.settings import LONGEST_LEASE_H
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step
from vast_mcp.vast.models import Instance

LOOKS = 3
LABEL_MAX = (
    1024 - 17 - labels.LABEL_ROOM
)  # Vast takes 1024 here (C.7); "#", the token and a lease need the rest
MAX_USD_PER_GPU = 32  # of a changed bid (A.6)

Action = Literal["start", "stop", "reboot", "label", "change_bid", "extend_lease"]
_LABELS = {"label", "extend_lease"}  # written as a label, and read back as one


class ManageInstance(Arguments):
    instance_id: Annotated[int, Field(ge=1, description="from show_instances")]
    action: Annotated[Action, Field(description="change_bid wants price, extend_lease lease_hours")]
    label: Annotated[
        str | None,
        Field(min_length=1, max_length=LABEL_MAX, description="for action label"),
    ] = None
    price: Annotated[float | None, Field(ge=0.001, description="bid, $/h of the machine")] = None
    lease_hours: Annotated[
        float | None,
        Field(
            gt=0,
            le=LONGEST_LEASE_H,
            description="hours from now until it is destroyed by itself, above 0 to 8760",
        ),
    ] = None
    not_ours: Annotated[bool, Field(description="stop any. Default false")] = False


class ManageInstanceResult(Result):
    instance_id: int
    action: Action
    status: str | None = None
    intended: Annotated[str | None, Field(description="What was last asked for.")] = None
    seen: Annotated[
        bool | None, Field(description="False: accepted, and not yet visible. Absent: a reboot.")
    ] = None
    usd_per_hour: Annotated[float | None, Field(description="While running, disk included.")] = None
    stopped_usd_per_hour: Annotated[
        float | None, Field(description="What the disk bills while stopped.")
    ] = None
    lease_until: Annotated[
        str | None, Field(description="When it is destroyed by itself, UTC; read back.")
    ] = None
    lease_left_hours: float | None = None
    ssh_line: Annotated[
        str | None,
        Field(
            description="Tells the watchdog inside the new time. Needed only where it may not read "
            "its label: its log, "
            "/var/tmp/vast-mcp/watchdog.log and show_logs, says so."
        ),
    ] = None
    untrusted_label: str | None = None
    warnings: list[str] = []
    next_steps: list[Step] = []


async def manage_instance(args: ManageInstance, call: Call) -> ManageInstanceResult:
    """Starts, stops, reboots or labels a machine, changes its bid or moves its lease to later,
    and looks again. A stopped one keeps its disk, which bills, and may lose its GPU. stop wants
    not_ours true for machines not made by vast-mcp. Within 10 minutes of its lease a machine is
    not started.
    """
    _check_arguments(args)
    if args.action in _LABELS:
        # What is read of a label is written back: no other call of this server may move the
        # lease meanwhile.
        async with call.session.lease_lock():
            return await _manage(args, call)
    return await _manage(args, call)


async def _manage(args: ManageInstance, call: Call) -> ManageInstanceResult:
    there = await roll(call)
    check_known([args.instance_id], there, nothing="sent", argument="instance_id")
    if args.action == "stop" and not args.not_ours:
        again = _this(args, "if the person wants that", not_ours=True)
        check_ours(
            [args.instance_id],
            there,
            nothing="stopped",
            loses="a stopped one may lose its GPU",
            again=again,
        )
    before = there.living.get(args.instance_id)
    if args.action == "change_bid":
        _check_price(args, before)
    _check_lease(args, before, call)
    until = _extended(args, there, call) if args.action == "extend_lease" else None
    if until is not None:
        await reserving.check_longer(call, args.instance_id, before)
    label = _label(args, before, until, call) if args.action in _LABELS else None
    runs = args.action in {"start", "reboot", "change_bid"}
    consent = _consent(args, before, call)
    held = (
        await reserving.reserve(call, args.instance_id, before, consent, bid=args.price)
        if runs
        else None
    )
    lost: errors.VastMcpError | None = None
    try:
        await _act(args, label, call)
    except errors.StartQueued as exc:
        reserving.settle(call, held, "maybe")
        raise _queued(args, there, exc) from exc
    except (errors.Unreachable, errors.VastUnavailable) as exc:
        lost = exc
    except errors.VastMcpError:
        consent.give_back()
        reserving.settle(call, held, None)
        raise
    if args.action in {"start", "reboot"}:
        call.session.watches.mark_started(args.instance_id, time.time())
    after = await _look(args, label, call)
    done = after is not None and _shows(after, args, label)
    reserving.settle(call, held, "true" if done else "maybe")
    if not done and lost is not None:
        raise _unsure(args, there, lost)
    if not done and args.action in {"stop", "extend_lease"}:
        raise _unsure(args, there)
    if until is not None and after is not None:
        return await _lease(args, before, after, until, call)
    if done and args.action == "stop":
        reserving.release(call, args.instance_id)
    _remember(args, after, call)
    return _result(args, after, done=done)


# ── before ─────────────────────────────────────────────────────────────────────────────────────


def _check_arguments(args: ManageInstance) -> None:
    problems: list[Problem] = []
    wanted = (
        ("label", "label", args.label),
        ("price", "change_bid", args.price),
        ("lease_hours", "extend_lease", args.lease_hours),
    )
    for name, action, value in wanted:
        if args.action == action and value is None:
            problems.append(Problem(name, f"required for {action}"))
        if args.action != action and value is not None:
            problems.append(Problem(name, f"only for {action}"))
    if problems:
        raise errors.bad("manage_instance", problems)


def _check_lease(args: ManageInstance, before: Instance | None, call: Call) -> None:
    """Nothing boots past its lease; a better bid boots a machine that does not run."""
    boots = args.action in {"start", "reboot"}
    if boots or (args.action == "change_bid" and phases.phase_of(before) != "running"):
        lifetimes.check_time_to_boot(call, args.instance_id, before, then=_this(args, "then"))


def _extended(args: ManageInstance, there: Roll, call: Call) -> float:
    """When the lease is to end, in epoch seconds. A first lease is one, too."""
    if args.instance_id not in there.ours:
        raise errors.NotOurs(
            f"Nothing was sent: vast-mcp did not make machine {args.instance_id}, and gives leases "
            f"to its own only.",
            instance_id=args.instance_id,
        )
    return lifetimes.extended_end(
        call, args.instance_id, there.living.get(args.instance_id), args.lease_hours or 0.0
    )


def _label(args: ManageInstance, before: Instance | None, until: float | None, call: Call) -> str:
    """The new label, with the token that the machine was born with, which says whose it is
    (docs/protocol.md), and with its lease: the one it has, or `until`.
    """
    if until is not None:
        return labels.leased(_marked(args.instance_id, before, call), until)
    present = labels.ends_at(before, lifetimes.in_journal(call).get(args.instance_id))
    named = _named(args, before, call)
    return named if present is None else labels.leased(named, present)


def _born(instance_id: int, call: Call) -> str | None:
    """The label that a machine of ours was rented with."""
    intent = call.session.record_of(instance_id)
    return intent.label if intent else None


def _marked(instance_id: int, before: Instance | None, call: Call) -> str:
    """The label that there is, with its token where somebody took that away: other computers
    know it by that.
    """
    label = before.label if before else _born(instance_id, call)
    token = _journalled(instance_id, call)
    if label is None and token is None:
        raise errors.NoSuchInstance(
            f"Nothing was sent: Vast does not show machine {instance_id}, nor its label, at the "
            f"moment.",
            instance_id=instance_id,
            next_steps=[NextStep("show_instances", {}, "whether it shows")],
        )
    mark = f"#{token}"
    return (
        f"{label or 'vast-mcp'}{mark}"
        if token_of(label) is None and token_of(mark)
        else label or ""
    )


def _consent(args: ManageInstance, before: Instance | None, call: Call) -> confirm.Consent:
    """The person's, to a machine that costs more afterwards."""
    machine = confirm.machine(args.instance_id, before)
    what = f"{args.action.capitalize()} {machine}?"
    if args.action == "change_bid":
        what = f"Raise the bid for {machine} to {args.price:g} $/h?"
    again = _this(args, "the same call")
    return confirm.Consent(call, "manage_instance", args.model_dump(exclude_none=True), what, again)


def _named(args: ManageInstance, before: Instance | None, call: Call) -> str:
    """The name that was asked for, with the token that the machine was born with."""
    wanted = args.label or ""
    if labels.lease_of(wanted) is not None:
        problem = "must not end in lease-until=…: a lease stays as it is, and extend_lease moves it"
        raise errors.bad("manage_instance", [Problem("label", problem)])
    if not wanted.isprintable():
        raise errors.bad("manage_instance", [Problem("label", "printable characters only")])
    token = token_of(before.label) if before else _journalled(args.instance_id, call)
    given = token_of(wanted)
    if given is not None and given != token:
        problem = "must not end in # and 16 hexadecimal digits: vast-mcp marks its own machines so"
        raise errors.bad("manage_instance", [Problem("label", problem)])
    return wanted if token is None or given == token else f"{wanted}#{token}"


def _journalled(instance_id: int, call: Call) -> str | None:
    """The token of a machine of ours that is too young to be listed."""
    intent = call.session.record_of(instance_id)
    return intent.token if intent else None


def _check_price(args: ManageInstance, before: Instance | None) -> None:
    """What Vast would refuse, or take and stop the machine for (A.6). A figure that the row
    lacks is not judged.
    """
    if before is None or args.price is None:
        return
    if before.is_bid is False:
        raise errors.bad(
            "manage_instance",
            [Problem("action", "this machine is rented on demand and has no bid")],
        )
    highest = MAX_USD_PER_GPU * (before.num_gpus or 1)
    if args.price > highest:
        raise errors.bad(
            "manage_instance", [Problem("price", f"at most {highest} $/h for this machine")]
        )
    if before.min_bid is not None and args.price < before.min_bid:
        raise errors.BidTooLow(
            f"Nothing was sent: {args.price:g} $/h is under this machine's minimum of "
            f"{before.min_bid:g}; it would be "
            "stopped and bill its disk.",
            instance_id=args.instance_id,
            problems=[Problem("price", f"at least {before.min_bid:g}")],
            next_steps=[_this(args, "the lowest bid there is", price=before.min_bid)],
        )


# ── the act ────────────────────────────────────────────────────────────────────────────────────


async def _act(args: ManageInstance, label: str | None, call: Call) -> None:
    vast, instance_id = call.vast, args.instance_id
    if args.action == "reboot":
        await vast.reboot_instance(instance_id)
    elif args.action == "change_bid":
        await vast.change_bid(instance_id, args.price or 0.0)
    elif args.action in _LABELS:
        await vast.change_instance(instance_id, {"label": label})
    else:
        await vast.change_instance(
            instance_id, {"state": "running" if args.action == "start" else "stopped"}
        )


async def _look(args: ManageInstance, label: str | None, call: Call) -> Instance | None:
    """The machine as it is shown afterwards: a few looks, until they show what was asked for."""
    row: Instance | None = None
    for attempt in range(LOOKS):
        if attempt and not await call.another_look():
            break
        try:
            row = await call.vast.show_instance(args.instance_id) or row
        except errors.VastMcpError:
            continue
        if row is not None and (args.action == "reboot" or _shows(row, args, label)):
            break
    return row


def _shows(row: Instance, args: ManageInstance, label: str | None) -> bool:
    """Whether a row proves the act. Nothing proves a reboot: it may be over before anybody
    looks.
    """
    if args.action == "start":
        return row.intended_status == "running" and row.cur_state != "stopped"
    if args.action == "stop":
        return row.intended_status == "stopped"
    if args.action in _LABELS:
        return row.label == label
    return (
        args.action == "change_bid"
        and row.dph_base is not None
        and abs(row.dph_base - (args.price or 0)) < 1e-6
    )


def _remember(args: ManageInstance, after: Instance | None, call: Call) -> None:
    """A machine that was born stopped and runs now is what was wished for: its create call
    answers so from here on.

    A start that was accepted counts; a better bid does where the row shows it. The journal's
    failing changes nothing.
    """
    intent = call.session.record_of(args.instance_id)
    runs = after is not None and after.intended_status == "running" and after.cur_state == "running"
    if intent is not None and intent.stopped and (args.action == "start" or runs):
        with contextlib.suppress(errors.JournalUnavailable):
            call.session.journal.mark_started(args.instance_id)


async def _lease(
    args: ManageInstance, before: Instance | None, after: Instance, until: float, call: Call
) -> ManageInstanceResult:
    """The label was read back: now the journal, and the line for a watchdog that may not read
    labels.
    """
    session = call.session
    made = _result(args, after, done=True)
    made.lease_until, made.lease_left_hours = (
        utc(until),
        lifetimes.left_hours(until, session.link.now()),
    )
    try:
        account = session.journalled_account()
        if account is not None:
            session.journal.set_lease(account, args.instance_id, until)
    except errors.JournalUnavailable:
        made.warnings.append("The journal could not be written; the label alone carries the lease.")
    first = _born(args.instance_id, call) or (before.label if before else None)
    if labels.lease_of(first) is None:
        made.warnings.append(
            "It was rented without a lease and has no watchdog inside: only a running vast-mcp "
            "server, or vast-mcp "
            "sweep, destroys it in time."
        )
        return made
    access, warnings = await access_to(call, after, vm=ways.is_vm(after), jupyter_token=False)
    if access.ssh is None:
        made.warnings.append(
            "It has no SSH: a watchdog that may not read its label keeps to the earlier time."
        )
    else:
        inside = f"mkdir -p {FOLDER} && echo {int(until)} >{labels.file_of(args.instance_id)}"
        made.ssh_line = f"{access.ssh} {shlex.quote(inside)}"
        made.warnings += warnings
        if after.actual_status != "running":
            made.warnings.append(
                "It does not run, so ssh_line works later only; a watchdog that may not read its "
                "label deletes it when "
                "it boots after the earlier time."
            )
    return made


# ── answers ────────────────────────────────────────────────────────────────────────────────────


def _result(args: ManageInstance, row: Instance | None, *, done: bool) -> ManageInstanceResult:
    running = row.dph_total if row else None
    disk = row.disk_usd_per_hour() if row else None
    return ManageInstanceResult(
        instance_id=args.instance_id,
        action=args.action,
        status=clean((row.actual_status or "provisioning"), 40) if row else None,
        intended=clean(row.intended_status, 40) if row and row.intended_status else None,
        seen=None if args.action == "reboot" else done,
        usd_per_hour=None if running is None else round(running, 4),
        stopped_usd_per_hour=None if disk is None else round(disk, 5),
        untrusted_label=clean(row.label, 256) if row and row.label else None,
        warnings=_warnings(args, disk, done=done),
        next_steps=_steps(args),
    )


def _warnings(args: ManageInstance, disk: float | None, *, done: bool) -> list[str]:
    found: list[str] = []
    if not done and args.action != "reboot":
        found.append("Vast accepted this and does not show it yet.")
    if args.action == "stop":
        rate = (
            f"about {disk:.5f} $/h, and a host may charge more for a stopped one"
            if disk
            else "at a rate not known"
        )
        found.append(f"The disk goes on billing until the machine is destroyed: {rate}.")
    return found


def _steps(args: ManageInstance) -> list[Step]:
    instance_id = args.instance_id
    if args.action in {"start", "reboot"}:
        return [step("wait_for_instance", "until it runs", instance_id=instance_id)]
    if args.action == "stop":
        return [step("destroy_instance", "ends the disk's billing too", instance_ids=[instance_id])]
    return []


def _this(args: ManageInstance, why: str, **changed: Any) -> NextStep:
    """The same call; without the label, which an error does not repeat."""
    arguments = {**args.model_dump(exclude_defaults=True, exclude={"label"}), **changed}
    return NextStep("manage_instance", arguments, why)


def _stop(args: ManageInstance, there: Roll, why: str) -> NextStep:
    """The call that stops this machine, whoever made it."""
    arguments: dict[str, Any] = {"instance_id": args.instance_id, "action": "stop"}
    if args.instance_id not in there.ours:
        arguments["not_ours"] = True
    return NextStep("manage_instance", arguments, why)


def _queued(args: ManageInstance, there: Roll, exc: errors.StartQueued) -> errors.StartQueued:
    """Vast keeps the wish and grants it when the GPU becomes free, days later perhaps
    (docs/vast-api.md C.5).
    """
    return errors.StartQueued(
        f"Machine {args.instance_id} did not start: somebody else holds its GPU. Vast queued the "
        f"start: it runs, and "
        "bills, whenever the GPU becomes free. Until then its disk bills.",
        http_status=exc.http_status,
        vast_message=exc.vast_message,
        instance_id=args.instance_id,
        next_steps=[
            _stop(args, there, "cancels the queued start"),
            NextStep("show_instances", {}, "whether it has started"),
        ],
    )


def _unsure(
    args: ManageInstance, there: Roll, lost: errors.VastMcpError | None = None
) -> errors.VastMcpError:
    """Sent, and neither answered nor seen; or a stop that was accepted and not seen."""
    said = "no answer came" if lost else "Vast accepted it"
    steps = [NextStep("show_instances", {}, "its state")]
    if args.action != "label":
        steps.insert(0, _this(args, "asks again, which is safe"))
    if args.action == "start":
        steps.append(_stop(args, there, "if it is not to run after all"))
    return errors.OutcomeUnknown(
        f"{args.action} of machine {args.instance_id}: {said}, and a look afterwards does not show "
        f"it. It may have "
        "happened, or happen yet; the machine bills by its state.",
        http_status=lost.http_status if lost else None,
        vast_message=lost.vast_message if lost else None,
        instance_id=args.instance_id,
        next_steps=steps,
    )


SPEC = ToolSpec(
    fn=manage_instance,
    arguments=ManageInstance,
    result=ManageInstanceResult,
    title="Start, stop, reboot, label, rebid or extend a machine",
    read_only=False,
    destructive=False,
    idempotent=False,
    open_world=True,
)
