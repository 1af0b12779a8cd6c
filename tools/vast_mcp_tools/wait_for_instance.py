"""A rented machine is waited for until it is of use, or until it is certain that it never will be.

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
from vast_mcp.errors import NextStep, clean_or_none
from vast_mcp.journal.records import Intent
from vast_mcp.leases import guards, lifetimes
from vast_mcp.machines import costs, phases, reach, ways
from vast_mcp.machines.machine import Machine
from vast_mcp.machines.patience import Patience
from vast_mcp.machines.phases import Reason
from vast_mcp.machines.watching import LOOKS_TO_FAIL, Watch
from vast_mcp.machines.ways import Address
from vast_mcp.renting.bids import WHY_REBID, rebid_of
from vast_mcp.renting.over_limit import warning_of
from vast_mcp.renting.replacing import search_instead
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step
from vast_mcp.vast.models import Instance

Via = Literal["direct", "proxy_only"]
Outcome = Literal["ready", "still_starting", "failed", "running_not_reachable_from_here"]
SLOWER = 1.5
SLOWEST = 5  # times the first pause


class WaitForInstance(Arguments):
    instance_id: Annotated[int, Field(ge=1, description="from show_instances")]
    timeout_s: Annotated[float, Field(ge=1, le=50, description="1 to 50, default 50")] = 50
    until: Annotated[
        Literal["reachable", "running"], Field(description="default reachable: SSH answers")
    ] = "reachable"
    show_jupyter_token: Annotated[bool, Field(description="default false")] = False


class WaitForInstanceResult(Result):
    instance_id: int
    state: Outcome
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
    def instance_id(self) -> int:
        return self.args.instance_id

    @property
    def left(self) -> float:
        """Seconds until the answer is due."""
        return self.end - anyio.current_time()

    @property
    def machine(self) -> Machine:
        return Machine(self.row, self.record)

    @property
    def probe_s(self) -> float:
        """Seconds that a probe may take: one begun just before the end has a moment too."""
        return min(self.patience.probe, max(self.left, 0.1))

    @property
    def is_vm(self) -> bool:
        return self.machine.is_vm

    @property
    def loopback(self) -> bool:
        """Whether machines are reached on this computer only, as those of a sandbox are."""
        return self.call.settings.loopback

    @property
    def is_known(self) -> bool:
        """Whether the journal, this process or an earlier look knows the machine."""
        if self.record is not None or self.watch.seen:
            return True
        return self.instance_id in self.call.session.instances_seen

    def failure(self) -> Reason | None:
        """Why it will never be of use, once that is certain."""
        machine = self.machine
        if machine.ended is not None:
            return self.watch.failure(None, self.patience)
        return self.watch.failure(machine.born, self.patience)


async def wait_for_instance(args: WaitForInstance, call: Call) -> WaitForInstanceResult:
    """Waits for a machine. Gives state: ready (ssh and rsync lines), still_starting (the same call
    waits on), failed (reason, cost) or running_not_reachable_from_here.
    """
    wait = _begin(args, call)
    pause = call.times.look_s
    while True:
        await _look(wait)
        done = await _ended(wait)
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
        watch=call.session.watch_of(args.instance_id),
        patience=Patience.of(call.times),
        record=call.session.record_of(args.instance_id),
        began=now,
        end=min(now + args.timeout_s, call.deadline - to_answer),
    )


async def _look(wait: _Wait) -> None:
    """One look; an answer that does not come tells nothing, unless none ever came.

    Raises NoSuchInstance for an id that nobody here has ever seen.
    """
    try:
        row = await wait.call.within(max(wait.left, 0.1)).show_instance(wait.instance_id)
    except errors.VastMcpError as exc:
        if not exc.retryable:
            raise
        wait.trouble = exc
        return
    wait.looked = True
    phase = wait.call.session.watches.judged(phases.sign_of(row), row, wait.record)
    shows, unmoved_since = phases.shown_by(row), phases.unmoved_since(row)
    wait.watch.look(phase, time.time(), wait.patience, shows, unmoved_since)
    if row is not None:
        wait.row = row
        wait.call.session.note_seen(row)
    if wait.watch.looks >= LOOKS_TO_FAIL and not wait.is_known:
        raise errors.NoSuchInstance(
            f"The account has no machine {wait.instance_id}.",
            next_steps=[NextStep("show_instances", {}, "see what exists")],
        )


async def _ended(wait: _Wait) -> WaitForInstanceResult | None:
    """The end of the wait by what the last look showed, or None to look again."""
    reason = wait.failure()
    if reason is not None:
        return await _failed(wait, reason)
    # Without a row it ran when an earlier call looked, and this one has no answer yet.
    if wait.watch.phase != "running" or wait.row is None:
        return None
    return await _when_running(wait, wait.row)


async def _when_running(wait: _Wait, row: Instance) -> WaitForInstanceResult | None:
    """The end of the wait for a machine that runs, or None to look again."""
    if wait.args.until == "running" or not ways.takes_ssh(row):
        return await _ready(wait, row, "It runs.")
    lasted = wait.watch.last - wait.watch.since
    direct = ways.direct_of(row)
    if await _answers(wait, direct):
        return await _ready(wait, row, "SSH answers.", via="direct", through=direct)
    # The proxy answers before the machine does, so the direct way is given time alone.
    if direct is None or lasted >= wait.patience.proxy:
        proxy = ways.proxy_of(row, vm=wait.is_vm)
        if await _answers(wait, proxy):
            message = "SSH answers through Vast's proxy only."
            return await _ready(wait, row, message, via="proxy_only", through=proxy)
    if lasted < wait.patience.banner and not wait.watch.stands_still(wait.patience):
        return None
    return await _not_reachable(wait, row)


async def _answers(wait: _Wait, to: Address | None) -> bool:
    """Whether an SSH server is heard at an address, where there is one."""
    if to is None:
        return False
    heard = await reach.probe(to, loopback=wait.loopback, within_s=wait.probe_s)
    return heard == "ssh"


def _doing(wait: _Wait) -> str:
    """What the host is doing, in our words."""
    phase = wait.watch.phase or "starting"
    if phase == "running":
        return "its container runs; SSH does not answer yet"
    return phases.DOING[phase]


# ── how it ends ───────────────────────────────────────────────────────────────────────────────────


def _result(wait: _Wait, state: Outcome, message: str, steps: list[Step]) -> WaitForInstanceResult:
    """What every end tells: costs, the lease, and the row's own words where there is a row."""
    machine = wait.machine
    usd = machine.usd_per_hour
    result = WaitForInstanceResult(
        instance_id=wait.instance_id,
        state=state,
        message=message,
        usd_per_hour=costs.rounded(usd, 4),
        cost_estimate_usd=costs.cost_so_far(machine.born, usd, machine.ended or time.time()),
        next_steps=steps,
    )
    result.lease_left_hours, result.past_lease = lifetimes.left(
        lifetimes.known(wait.call), wait.instance_id, machine.row
    )
    if machine.row is not None:
        result.warnings += guards.warnings_of(wait.call, machine.row)
        result.status = machine.row.actual_status
        result.untrusted_status = clean_or_none(machine.row.status_msg)
    return result


async def _ready(
    wait: _Wait,
    row: Instance,
    message: str,
    *,
    via: Via | None = None,
    through: Address | None = None,
) -> WaitForInstanceResult:
    destroy = _destroy(wait, "ends all billing when the work is done")
    result = _result(wait, "ready", message, [destroy])
    result.via = via
    return await _with_access(result, wait, row, through)


async def _not_reachable(wait: _Wait, row: Instance) -> WaitForInstanceResult:
    lasted = _span(wait.watch.last - wait.watch.since)
    message = (
        f"It has run for {lasted} or more and no SSH server answered from this "
        "computer. A firewall between, a host's blocked port, or an image without SSH does that; "
        "the machine bills."
    )
    steps = [
        _logs(wait),
        _manage(wait, "reboots it", "reboot"),
        _destroy(wait, "ends all billing"),
    ]
    result = _result(wait, "running_not_reachable_from_here", message, steps)
    return await _with_access(result, wait, row, None)


async def _with_access(
    result: WaitForInstanceResult, wait: _Wait, row: Instance, through: Address | None
) -> WaitForInstanceResult:
    result.access, warnings = await access_to(
        wait.call,
        row,
        vm=wait.is_vm,
        jupyter_token=wait.args.show_jupyter_token,
        through=through,
    )
    result.warnings += [*warnings, *warning_of(row, wait.record)]
    return result


def _still_starting(wait: _Wait) -> WaitForInstanceResult:
    if wait.trouble is not None and not wait.looked:
        raise wait.trouble
    wait.call.session.keep_watch(wait.instance_id)
    again = step("wait_for_instance", "waits on", **wait.args.model_dump(exclude_unset=True))
    message = f"Not yet: {_doing(wait)}."
    still = wait.watch.still(wait.watch.last)
    if wait.watch.phase != "running" and still >= wait.patience.sick:
        message += (
            f" Nothing has moved for {_span(still)}; after {_span(wait.patience.stuck)} this fails."
        )
    return _result(wait, "still_starting", message, [again])


def _span(seconds: float) -> str:
    """A time in words: seconds below two minutes."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"


async def _failed(wait: _Wait, reason: Reason) -> WaitForInstanceResult:
    row = wait.row
    message = phases.FAILED[reason]
    if reason == "no_progress":
        message = f"{message} So for {_span(wait.watch.still(wait.watch.last))}."
    if row is not None and reason in phases.FAILURES:
        message = f"{message} {_bills(row)}"
    result = _result(wait, "failed", message, _after(wait, reason))
    result.reason = reason
    if row is not None and row.actual_status == "running":
        return await _with_access(result, wait, row, None)
    return result


def _bills(row: Instance) -> str:
    """What a machine that failed bills, and what a start would come to."""
    if row.actual_status == "running":
        return "Its container runs and bills; `nvidia-smi` inside says whether it is still so."
    if row.intended_status == "stopped":
        return "It is stopped, its disk bills on, and a start runs into the same."
    return "It bills on until it is destroyed."


# ── what leads on ─────────────────────────────────────────────────────────────────────────────────


def _after(wait: _Wait, reason: Reason) -> list[Step]:
    """What to do about a failure, the likeliest first."""
    replace = [_destroy(wait, "ends all billing; its disk goes"), _search(wait, reason)]
    match reason:
        case "outbid":
            return [*_rebid(wait), *replace]
        case "oci_error":
            return [_logs(wait, daemon=True), *replace]
        case "exited":
            return [_logs(wait), *replace]
        case "volume":
            return [step("show_volumes", "which volumes there are, and where"), *replace]
        case "scheduling":
            return [_manage(wait, "cancels what is queued", "stop"), *replace]
        case "secrets":
            return [_manage(wait, "one more try", "start"), *replace]
        case "frozen":
            why = "ends the GPU's charge; its disk bills on"
            return [_manage(wait, why, "stop"), replace[0]]
        case "stopped":
            return [_manage(wait, "starts it", "start"), replace[0]]
        case "vanished":
            return [step("show_instances", "see what exists"), replace[1]]
        case _:
            return replace


def _rebid(wait: _Wait) -> list[Step]:
    """A better bid, where the row tells what one is."""
    row = wait.row
    better = None if row is None else rebid_of(row, ours=wait.machine.is_ours)
    return [] if better is None else [step("manage_instance", WHY_REBID, **better)]


def _search(wait: _Wait, reason: Reason) -> Step:
    return search_instead(wait.machine, reason)


def _destroy(wait: _Wait, why: str) -> Step:
    return step("destroy_instance", why, instance_ids=[wait.instance_id])


def _manage(wait: _Wait, why: str, action: str) -> Step:
    return step("manage_instance", why, instance_id=wait.instance_id, action=action)


def _logs(wait: _Wait, **more: bool) -> Step:
    return step("show_logs", "what it says of itself", instance_id=wait.instance_id, **more)


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
