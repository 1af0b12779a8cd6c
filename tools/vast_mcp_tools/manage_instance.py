"""Changing a machine that exists, nothing of which deletes anything: start, stop, reboot, label, bid.

What Vast accepted is looked up again, because accepting is not doing: a start may be queued and bill days later.
"""

from __future__ import annotations

import contextlib
import time
from typing import Annotated, Any, Literal

import anyio
from pydantic import Field

from vast_mcp import errors, machines
from vast_mcp.errors import NextStep, Problem, clean
from vast_mcp.journal import token_of
from vast_mcp.ownership import Roll, check_known, check_ours, roll
from vast_mcp.toolspec import Arguments, Call, Result, Step, ToolSpec, step
from vast_mcp.vast.wire import Instance

LOOKS = 3
LABEL_MAX = 1007  # Vast takes 1024 here (C.7); "#" and the token need the rest
MAX_USD_PER_GPU = 32  # of a changed bid (A.6)

Action = Literal["start", "stop", "reboot", "label", "change_bid"]


class ManageInstance(Arguments):
    instance_id: Annotated[int, Field(ge=1, description="from show_instances")]
    action: Annotated[Action, Field(description="change_bid wants price")]
    label: Annotated[
        str | None,
        Field(min_length=1, max_length=LABEL_MAX, description="for action label"),
    ] = None
    price: Annotated[float | None, Field(ge=0.001, description="bid, $/h of the machine")] = None
    not_ours: Annotated[bool, Field(description="stop any. Default false")] = False


class ManageInstanceResult(Result):
    instance_id: int
    action: Action
    status: str | None = None
    intended: Annotated[str | None, Field(description="What was last asked for.")] = None
    seen: Annotated[bool | None, Field(description="False: accepted, and not yet visible. Absent: a reboot.")] = None
    usd_per_hour: Annotated[float | None, Field(description="While running, disk included.")] = None
    stopped_usd_per_hour: Annotated[float | None, Field(description="What the disk bills while stopped.")] = None
    untrusted_label: str | None = None
    warnings: list[str] = []
    next_steps: list[Step] = []


async def manage_instance(args: ManageInstance, call: Call) -> ManageInstanceResult:
    """Starts, stops, reboots or labels a machine or changes its bid, and looks again. A stopped one keeps its disk,
    which bills, and may lose its GPU. stop wants not_ours true for machines not made by vast-mcp."""
    _check_arguments(args)
    there = await roll(call)
    check_known([args.instance_id], there, nothing="sent", argument="instance_id")
    if args.action == "stop" and not args.not_ours:
        again = _this(args, "if the person wants that", not_ours=True)
        check_ours([args.instance_id], there, nothing="stopped", loses="a stopped one may lose its GPU", again=again)
    before = there.living.get(args.instance_id)
    if args.action == "change_bid":
        _check_price(args, before)
    label = _label(args, before, call) if args.action == "label" else None
    lost: errors.VastMcpError | None = None
    try:
        await _act(args, label, call)
    except errors.StartQueued as exc:
        raise _queued(args, there, exc) from exc
    except (errors.Unreachable, errors.VastUnavailable) as exc:
        lost = exc
    if args.action in {"start", "reboot"}:
        machines.started(call.office, args.instance_id, time.time())
    after = await _look(args, label, call)
    done = after is not None and _shows(after, args, label)
    if not done and lost is not None:
        raise _unsure(args, there, lost)
    if not done and args.action == "stop":
        raise _unsure(args, there)
    _remember(args, after, call)
    return _result(args, after, done=done)


# ── before ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _check_arguments(args: ManageInstance) -> None:
    problems: list[Problem] = []
    for name, action, value in (("label", "label", args.label), ("price", "change_bid", args.price)):
        if args.action == action and value is None:
            problems.append(Problem(name, f"required for {action}"))
        if args.action != action and value is not None:
            problems.append(Problem(name, f"only for {action}"))
    if problems:
        raise errors.bad("manage_instance", problems)


def _label(args: ManageInstance, before: Instance | None, call: Call) -> str:
    """The new label, with the token that the machine was born with: it says whose it is (renting.md)."""
    wanted = args.label or ""
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
    intent = machines.record_of(call.office.journal, instance_id)
    return intent.token if intent else None


def _check_price(args: ManageInstance, before: Instance | None) -> None:
    """What Vast would refuse, or take and stop the machine for (A.6). A figure that the row lacks is not judged."""
    if before is None or args.price is None:
        return
    if before.is_bid is False:
        raise errors.bad("manage_instance", [Problem("action", "this machine is rented on demand and has no bid")])
    highest = MAX_USD_PER_GPU * (before.num_gpus or 1)
    if args.price > highest:
        raise errors.bad("manage_instance", [Problem("price", f"at most {highest} $/h for this machine")])
    if before.min_bid is not None and args.price < before.min_bid:
        raise errors.BidTooLow(
            f"Nothing was sent: {args.price:g} $/h is under this machine's minimum of {before.min_bid:g}; it would be "
            "stopped and bill its disk.",
            instance_id=args.instance_id,
            problems=[Problem("price", f"at least {before.min_bid:g}")],
            next_steps=[_this(args, "the lowest bid there is", price=before.min_bid)],
        )


# ── the act ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _act(args: ManageInstance, label: str | None, call: Call) -> None:
    vast, instance_id = call.vast, args.instance_id
    if args.action == "reboot":
        await vast.reboot_instance(instance_id)
    elif args.action == "change_bid":
        await vast.change_bid(instance_id, args.price or 0.0)
    elif args.action == "label":
        await vast.change_instance(instance_id, {"label": label})
    else:
        await vast.change_instance(instance_id, {"state": "running" if args.action == "start" else "stopped"})


async def _look(args: ManageInstance, label: str | None, call: Call) -> Instance | None:
    """The machine as it is shown afterwards: a few looks, until they show what was asked for."""
    row: Instance | None = None
    for attempt in range(LOOKS):
        if attempt:
            if anyio.current_time() + call.times.verify_s > call.deadline:
                break
            await anyio.sleep(call.times.verify_s)
        try:
            row = await call.vast.show_instance(args.instance_id) or row
        except errors.VastMcpError:
            continue
        if row is not None and (args.action == "reboot" or _shows(row, args, label)):
            break
    return row


def _shows(row: Instance, args: ManageInstance, label: str | None) -> bool:
    """Whether a row proves the act. Nothing proves a reboot: it may be over before anybody looks."""
    if args.action == "start":
        return row.intended_status == "running" and row.cur_state != "stopped"
    if args.action == "stop":
        return row.intended_status == "stopped"
    if args.action == "label":
        return row.label == label
    return args.action == "change_bid" and row.dph_base is not None and abs(row.dph_base - (args.price or 0)) < 1e-6


def _remember(args: ManageInstance, after: Instance | None, call: Call) -> None:
    """A machine that was born stopped and runs now is what was wished for: its create call answers so from here on.

    A start that was accepted counts; a better bid does where the row shows it. The journal's failing changes nothing.
    """
    intent = machines.record_of(call.office.journal, args.instance_id)
    runs = after is not None and after.intended_status == "running" and after.cur_state == "running"
    if intent is not None and intent.stopped and (args.action == "start" or runs):
        with contextlib.suppress(errors.JournalUnavailable):
            call.office.journal.started(args.instance_id)


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


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
        rate = f"about {disk:.5f} $/h, and a host may charge more for a stopped one" if disk else "at a rate not known"
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
    """C.5: Vast keeps the wish and grants it when the GPU becomes free, days later perhaps."""
    return errors.StartQueued(
        f"Machine {args.instance_id} did not start: somebody else holds its GPU. Vast queued the start: it runs, and "
        "bills, whenever the GPU becomes free. Until then its disk bills.",
        http_status=exc.http_status,
        vast_message=exc.vast_message,
        instance_id=args.instance_id,
        next_steps=[
            _stop(args, there, "cancels the queued start"),
            NextStep("show_instances", {}, "whether it has started"),
        ],
    )


def _unsure(args: ManageInstance, there: Roll, lost: errors.VastMcpError | None = None) -> errors.VastMcpError:
    """Sent, and neither answered nor seen; or a stop that was accepted and not seen."""
    said = "no answer came" if lost else "Vast accepted it"
    steps = [NextStep("show_instances", {}, "its state")]
    if args.action != "label":
        steps.insert(0, _this(args, "asks again, which is safe"))
    if args.action == "start":
        steps.append(_stop(args, there, "if it is not to run after all"))
    return errors.OutcomeUnknown(
        f"{args.action} of machine {args.instance_id}: {said}, and a look afterwards does not show it. It may have "
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
    title="Start, stop, reboot, label or rebid a machine",
    read_only=False,
    destructive=False,
    idempotent=False,
    open_world=True,
)
