"""Waiting until a rented machine is of use, and knowing when it never will be.

A container that runs is no proof that anybody can enter it, and `exited` is no proof that it
failed: so this looks several times, remembers between calls what it saw, and listens for an SSH
server where that was asked for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated, Literal

import anyio
from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.access import Access, access_to
from vast_mcp.errors import NextStep, clean
from vast_mcp.journal.records import Intent
from vast_mcp.leases import lifetimes
from vast_mcp.machines import costs, phases, reach, ways
from vast_mcp.machines.phases import Patience, Reason
from vast_mcp.machines.watching import LOOKS_TO_FAIL, Watch
from vast_mcp.machines.ways import Address
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step
from vast_mcp.vast.models import Instance

Via = Literal["direct", "proxy_only"]
SLOWER = 1.5
SLOWEST = 5  # times the first pause


class WaitForInstance(Arguments):
    instance_id: Annotated[int, Field(ge=1, description="from show_instances")]
    timeout_s: Annotated[float, Field(ge=1, le=50, description="1 to 50, default 50")] = 50
    until: Annotated[
        Literal["running", "reachable"], Field(description="default reachable: SSH answers")
    ] = "reachable"
    show_jupyter_token: Annotated[bool, Field(description="default false")] = False


class WaitForInstanceResult(Result):
    instance_id: int
    state: Literal["ready", "still_starting", "failed", "running_not_reachable_from_here"]
    reason: Reason | None = None
    message: str
    status: str | None = None
    via: Annotated[Via | None, Field(description="The way SSH answered.")] = None
    access: Access | None = None
    usd_per_hour: float | None = None
    cost_estimate_usd: Annotated[
        float | None, Field(description="At most: hours since birth x the full rate.")
    ] = None
    lease_left_hours: Annotated[
        float | None, Field(description="Until it is destroyed by itself.")
    ] = None
    past_lease: bool | None = None
    untrusted_status: str | None = None
    warnings: list[str] = []
    next_steps: list[Step] = []


@dataclass
class _Wait:
    """One wait: what was asked, what the journal knows, what the last looks showed."""

    args: WaitForInstance
    call: Call
    watch: Watch
    patience: Patience
    record: Intent | None
    began: float
    end: float
    row: Instance | None = None
    looked: bool = False
    trouble: errors.VastMcpError | None = None

    @property
    def left(self) -> float:
        return self.end - anyio.current_time()

    @property
    def born(self) -> float | None:
        """Epoch seconds: when the rent was sent, else what the row says."""
        if self.record is not None:
            return self.record.sent_at or self.record.made_at
        return self.row.start_date if self.row else None

    @property
    def ended(self) -> float | None:
        """Epoch seconds: when our own destroy was seen to have worked."""
        return self.record.gone_at if self.record else None

    @property
    def vm(self) -> bool:
        told = self.record is not None and bool(self.record.facts.get("vm"))
        return told or (self.row is not None and ways.is_vm(self.row))


async def wait_for_instance(args: WaitForInstance, call: Call) -> WaitForInstanceResult:
    """Waits for a machine. Gives state: ready (ssh and rsync lines), still_starting (the same call
    waits on), failed (reason, cost) or running_not_reachable_from_here.
    """
    wait = _begin(args, call)
    pause = call.times.look_s
    while True:
        await _look(wait)
        reason = wait.watch.failure(None if wait.ended else wait.born, wait.patience)
        if reason is not None:
            return _failed(wait, reason)
        if wait.watch.phase == "running":
            done = await _when_running(wait)
            if done is not None:
                return done
        await call.progress(anyio.current_time() - wait.began, args.timeout_s, _doing(wait))
        if wait.left <= pause:
            return _still_starting(wait)
        await anyio.sleep(pause)
        pause = min(pause * SLOWER, call.times.look_s * SLOWEST)


def _begin(args: WaitForInstance, call: Call) -> _Wait:
    now = anyio.current_time()
    to_answer = min(1.0, call.times.budget_s / 10)
    return _Wait(
        args=args,
        call=call,
        watch=call.session.watches.of(args.instance_id),
        patience=Patience.of(call.times),
        record=call.session.record_of(args.instance_id),
        began=now,
        end=min(now + args.timeout_s, call.deadline - to_answer),
    )


async def _look(wait: _Wait) -> None:
    """One look; an answer that does not come tells nothing, unless none ever came.

    Raises NoSuchInstance for an id that nobody here has ever seen.
    """
    call, instance_id = wait.call, wait.args.instance_id
    try:
        row = await call.within(max(wait.left, 0.1)).show_instance(instance_id)
    except errors.VastMcpError as exc:
        if not exc.retryable:
            raise
        wait.trouble = exc
        return
    wait.looked = True
    now = time.time()
    wait.row = row or wait.row
    wait.watch.look(phases.phase_of(row), now, wait.patience)
    if row is not None:
        call.session.instances_seen.add(instance_id)
    known = wait.record is not None or wait.watch.seen or instance_id in call.session.instances_seen
    if not known and wait.watch.looks >= LOOKS_TO_FAIL:
        raise errors.NoSuchInstance(
            f"The account has no machine {instance_id}.",
            next_steps=[NextStep("show_instances", {}, "see what exists")],
        )


async def _when_running(wait: _Wait) -> WaitForInstanceResult | None:
    """The end of the wait for a machine that runs, or None to look again."""
    row = wait.row
    if row is None:  # it ran when an earlier call looked, and this one has no answer yet
        return None
    if wait.args.until == "running" or not ways.takes_ssh(row):
        return await _ready(wait, row, None, None)
    lasted = wait.watch.last - wait.watch.since
    direct, proxy = ways.direct_of(row), ways.proxy_of(row, vm=wait.vm)
    if direct is not None and await _answers(wait, direct):
        return await _ready(wait, row, direct, "direct")
    if (
        proxy is not None
        and (direct is None or lasted >= wait.patience.proxy)
        and await _answers(wait, proxy)
    ):
        return await _ready(wait, row, proxy, "proxy_only")
    return await _not_reachable(wait, row) if lasted >= wait.patience.banner else None


async def _answers(wait: _Wait, to: Address) -> bool:
    within = min(wait.patience.probe, max(wait.left, 0.1))
    return await reach.probe(to, loopback=wait.call.settings.loopback, within_s=within) == "ssh"


def _doing(wait: _Wait) -> str:
    """What the host is doing, in our words."""
    phase = wait.watch.phase or "starting"
    if phase == "running":
        return "its container runs; SSH does not answer yet"
    return phases.DOING[phase]


# ── how it ends ───────────────────────────────────────────────────────────────────────────────────


def _result(
    wait: _Wait,
    state: Literal["ready", "still_starting", "failed", "running_not_reachable_from_here"],
    message: str,
    steps: list[Step],
) -> WaitForInstanceResult:
    row, record = wait.row, wait.record
    left_hours, past = lifetimes.left(wait.call, row, record.lease_until if record else None)
    rate = row.dph_total if row else record.facts.get("usd_per_hour") if record else None
    return WaitForInstanceResult(
        instance_id=wait.args.instance_id,
        state=state,
        message=message,
        status=clean(row.actual_status, 40) if row and row.actual_status else None,
        usd_per_hour=round(rate, 4) if rate is not None else None,
        cost_estimate_usd=costs.cost_so_far(wait.born, rate, wait.ended or time.time()),
        lease_left_hours=left_hours,
        past_lease=past,
        untrusted_status=clean(row.status_msg) if row and row.status_msg else None,
        next_steps=steps,
    )


async def _ready(
    wait: _Wait, row: Instance, through: Address | None, via: Via | None
) -> WaitForInstanceResult:
    message = {
        "direct": "SSH answers.",
        "proxy_only": "SSH answers through Vast's proxy only.",
        None: "It runs.",
    }[via]
    made = _result(
        wait, "ready", message, [_destroy(wait, "ends all billing when the work is done")]
    )
    made.via = via
    return await _with_access(made, wait, row, through)


async def _not_reachable(wait: _Wait, row: Instance) -> WaitForInstanceResult:
    minutes = (wait.watch.last - wait.watch.since) / 60
    message = (
        f"It has run for {minutes:.0f} minutes or more and no SSH server answered from this "
        f"computer. A firewall "
        "between, a host's blocked port, or an image without SSH does that; the machine bills."
    )
    made = _result(
        wait,
        "running_not_reachable_from_here",
        message,
        [
            _logs(wait),
            step(
                "manage_instance", "reboots it", instance_id=wait.args.instance_id, action="reboot"
            ),
            _destroy(wait, "ends all billing"),
        ],
    )
    return await _with_access(made, wait, row, None)


async def _with_access(
    made: WaitForInstanceResult, wait: _Wait, row: Instance, through: Address | None
) -> WaitForInstanceResult:
    made.access, made.warnings = await access_to(
        wait.call, row, vm=wait.vm, jupyter_token=wait.args.show_jupyter_token, through=through
    )
    return made


def _still_starting(wait: _Wait) -> WaitForInstanceResult:
    if wait.trouble is not None and not wait.looked:
        raise wait.trouble
    message = f"Not yet: {_doing(wait)}."
    again = wait.args.model_dump(exclude_unset=True)
    return _result(
        wait, "still_starting", message, [step("wait_for_instance", "waits on", **again)]
    )


def _failed(wait: _Wait, reason: Reason) -> WaitForInstanceResult:
    bid = wait.row is not None and bool(wait.row.is_bid)
    search = step("search_offers", "find another offer", **({"type": "bid"} if bid else {}))
    destroy = _destroy(wait, "ends all billing; its disk goes")
    start = step("manage_instance", "starts it", instance_id=wait.args.instance_id, action="start")
    cancel = step(
        "manage_instance",
        "cancels the queued start",
        instance_id=wait.args.instance_id,
        action="stop",
    )
    steps: dict[Reason, list[Step]] = {
        "image": [destroy, search],
        "oci_error": [_logs(wait, daemon=True), destroy, search],
        "outbid": [destroy, search],
        "offline": [destroy, search],
        "scheduling": [cancel, destroy, search],
        "vanished": [step("show_instances", "see what exists"), search],
        "exited": [_logs(wait), destroy, search],
        "stopped": [start, destroy],
    }
    made = _result(wait, "failed", phases.FAILED[reason], steps[reason])
    made.reason = reason
    return made


def _destroy(wait: _Wait, why: str) -> Step:
    return step("destroy_instance", why, instance_ids=[wait.args.instance_id])


def _logs(wait: _Wait, **more: bool) -> Step:
    return step("show_logs", "what it says of itself", instance_id=wait.args.instance_id, **more)


SPEC = ToolSpec(
    fn=wait_for_instance,
    arguments=WaitForInstance,
    result=WaitForInstanceResult,
    title="Wait for a machine",
    read_only=True,
    destructive=False,
    idempotent=True,
    open_world=True,
)
