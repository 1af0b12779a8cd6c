"""Changing a machine that exists, nothing of which deletes anything: start, stop, reboot, label,
bid, lease.

What Vast accepted is looked up again, because accepting is not doing: a start may be queued and
bill days later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account import increases
from vast_mcp.account.extending import record_lease, watchdog_line
from vast_mcp.account.increases import Increase
from vast_mcp.account.reading import Reading, Shown, fill, read_machine
from vast_mcp.account.seen import mark_started
from vast_mcp.errors import NextStep, Problem, clean_or_none
from vast_mcp.leases import guards, labels, lifetimes, naming
from vast_mcp.machines import phases
from vast_mcp.machines.increases import Increased, increased
from vast_mcp.machines.phases import State
from vast_mcp.machines.shown import status_of
from vast_mcp.renting import bids, reserving
from vast_mcp.renting.acts import SHOW_INSTANCES, Act, Outcome, ask_first, perform
from vast_mcp.renting.consent import Consent
from vast_mcp.renting.next_calls import calls_for
from vast_mcp.renting.prepaying import FORFEITS, Reserved, Reserving
from vast_mcp.renting.reserving import Change
from vast_mcp.renting.target import Target
from vast_mcp.session import Call
from vast_mcp.settings import LONGEST_LEASE_H
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step
from vast_mcp.vast.announced import PriceIncrease
from vast_mcp.vast.models import Instance

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast  # httpx is loaded by the first call

# Vast takes 1024 characters (docs/vast-api.md C.7); "#", the token and a lease need the rest.
LABEL_MAX = 1024 - 17 - labels.LABEL_ROOM
BID_ROUNDING = 1e-6  # $/h

Action = Literal[
    "start",
    "stop",
    "reboot",
    "label",
    "change_bid",
    "extend_lease",
    "accept_price",
    "reject_price",
    "reserve",
]


class ManageInstance(Arguments):
    instance_id: Annotated[int, Field(ge=1, description="from show_instances")]
    action: Annotated[
        Action,
        Field(description="change_bid wants price, extend_lease lease_hours, reserve amount_usd"),
    ]
    label: Annotated[
        str | None,
        Field(max_length=LABEL_MAX, description="for action label"),
    ] = None
    price: Annotated[
        float | None, Field(ge=0.001, description="bid, $/h of the machine, 0.001 or more")
    ] = None
    lease_hours: Annotated[
        float | None,
        Field(
            gt=0,
            le=LONGEST_LEASE_H,
            description="hours from now until it is destroyed by itself, above 0 to 8760",
        ),
    ] = None
    amount_usd: Annotated[
        float | None, Field(ge=0.01, description="paid ahead, 0.01 or more; a person is asked")
    ] = None
    not_ours: Annotated[
        bool, Field(description="allows one not made by vast-mcp. Default false")
    ] = False


class Managed(Part):
    """How the answer begins."""

    instance_id: int
    action: Action
    state: State | None = None


class ManageInstanceResult(Result, Shown, Managed):
    status: str | None = None
    intended: Annotated[str | None, Field(description="What was last asked for.")] = None
    seen: Annotated[
        bool | None, Field(description="False: accepted, and not yet visible. Absent: a reboot.")
    ] = None
    lease_until: Annotated[
        str | None, Field(description="When it is destroyed by itself, UTC; read back.")
    ] = None
    ssh_line: Annotated[
        str | None,
        Field(
            description="Tells the watchdog inside the new time. Needed only where it may not read "
            "its label: its log, "
            "/var/tmp/vast-mcp/watchdog.log and show_logs, says so."
        ),
    ] = None
    price_increase: Annotated[
        Increase | None, Field(description="The one that was accepted or rejected.")
    ] = None
    reserved: Annotated[Reserved | None, Field(description="What is paid ahead for it.")] = None
    untrusted_label: str | None = None
    warnings: list[str] = []
    next_steps: list[Step] = []


async def manage_instance(args: ManageInstance, call: Call) -> ManageInstanceResult:
    """Starts, stops, reboots or labels a machine, changes its bid, moves its lease to later or
    answers a price increase, and looks again. A stopped one keeps its disk, which bills, and may
    lose its GPU. Within 10 minutes of its lease a machine is not started.
    """
    _check_arguments(args)
    if not VERBS[args.action].writes_label:
        return await _manage(args, call)
    consent = await _asked_first(args, call)
    # What is read of a label is written back: no other call of this server may move the lease
    # meanwhile.
    async with call.session.lease_lock():
        return await _manage(args, call, consent)


def _check_arguments(args: ManageInstance) -> None:
    """Each action takes its own argument and no other's."""
    problems: list[Problem] = []
    for action, verb in VERBS.items():
        name = verb.argument
        if name is None:
            continue
        given = getattr(args, name) is not None
        if args.action == action and not given:
            problems.append(Problem(name, f"required for {action}"))
        if args.action != action and given:
            problems.append(Problem(name, f"only for {action}"))
    if problems:
        raise errors.bad("manage_instance", problems)


async def _asked_first(args: ManageInstance, call: Call) -> Consent | None:
    """What a person said, where one is to be asked, before the lease's lock is taken."""
    if call.settings.confirm_above is None:
        return None
    return await ask_first(await _verb(args, call))


async def _verb(args: ManageInstance, call: Call) -> Verb:
    """The action on its machine, by a list just read."""
    verb = VERBS[args.action]
    target = await Target.read(call, args.instance_id, to_end=verb is Stop)
    return verb(args, target, call)


async def _manage(
    args: ManageInstance, call: Call, consent: Consent | None = None
) -> ManageInstanceResult:
    verb = await _verb(args, call)
    outcome = await verb.do(consent)
    if _is_started(verb, outcome.row):
        mark_started(call, args.instance_id)
    verb.note(outcome)
    reading = None if outcome.row is None else read_machine(call, outcome.row)
    result = _result(verb, outcome, reading)
    result.next_steps = verb.lead_on(outcome, reading)
    await verb.finish(outcome, result)
    return result


# ── the actions ────────────────────────────────────────────────────────────────────────────────


class Verb(Act):
    """One action: what speaks against it, what it sends, what proves it, what is said afterwards.

    Made from a list just read; making one raises where its arguments cannot be sent.
    """

    argument: ClassVar[str | None] = None  # the one that only this action takes
    loses: ClassVar[str]  # what it means for a machine that somebody else made
    writes_label: ClassVar[bool] = False

    def __init__(self, args: ManageInstance, target: Target, call: Call) -> None:
        given = args.model_dump(exclude_none=True)
        super().__init__(call, target, given, _this(args, "asks again, which is safe"))
        self.args = args

    async def check(self) -> None:
        if not self.args.not_ours:
            again = self.for_others()
            self.target.check_ours(loses=self.loses, again=again)

    async def do(self, consent: Consent | None) -> Outcome:
        """Do it, once. Raises as perform() does."""
        return await perform(self, consent)

    def for_others(self) -> NextStep:
        """What leads on where somebody else made the machine."""
        return _this(self.args, "if the person wants that", not_ours=True)

    def note(self, outcome: Outcome) -> None:
        """Note what the action did to the machine, before it is read."""

    def lead_on(self, outcome: Outcome, reading: Reading | None) -> list[Step]:  # noqa: ARG002
        """What comes next; a machine that is not listed yet is waited for."""
        return [self.wait()] if reading is None else calls_for(reading)

    async def finish(self, outcome: Outcome, result: ManageInstanceResult) -> None:
        """Add to the answer what only this action says."""

    def wait(self) -> Step:
        return step("wait_for_instance", "until it runs", instance_id=self.target.instance_id)


class Start(Verb):
    name = "start"
    loses = "a started one bills"
    may_cost = True
    restarts = True
    may_start = True

    async def check(self) -> None:
        await super().check()
        self.check_time_to_boot()

    async def send(self, vast: Vast) -> None:
        await vast.change_instance(self.target.instance_id, {"state": "running"})

    def shows(self, row: Instance) -> bool:
        return row.intended_status == "running" and row.cur_state != "stopped"

    def steps_if_unsure(self) -> list[NextStep]:
        return [*super().steps_if_unsure(), self.target.stop("if it is not to run after all")]

    def lead_on(self, outcome: Outcome, reading: Reading | None) -> list[Step]:  # noqa: ARG002
        return [self.wait()]


class Stop(Verb):
    name = "stop"
    loses = "a stopped one may lose its GPU"
    must_be_seen = True  # a machine believed stopped that runs is the bill nobody expects

    async def send(self, vast: Vast) -> None:
        await vast.change_instance(self.target.instance_id, {"state": "stopped"})

    def shows(self, row: Instance) -> bool:
        return row.intended_status == "stopped"

    def note(self, outcome: Outcome) -> None:  # noqa: ARG002
        reserving.release(self.call, self.target.instance_id)
        self.call.session.mark_stopped(self.target.instance_id)

    def lead_on(self, outcome: Outcome, reading: Reading | None) -> list[Step]:  # noqa: ARG002
        return [step("show_account", "what still bills, disks of stopped machines among it")]

    async def finish(self, outcome: Outcome, result: ManageInstanceResult) -> None:
        rate = "at a rate not known"
        if result.stopped_usd_per_hour:
            disk = f"about {result.stopped_usd_per_hour:.5f} $/h"
            rate = f"{disk}, and a host may charge more for a stopped one"
        result.warnings.append(f"The disk goes on billing until the machine is destroyed: {rate}.")
        result.warnings += guards.warnings_of(self.call, outcome.row)


class Reboot(Verb):
    """No row proves a reboot: it may be over before anybody looks."""

    name = "reboot"
    loses = "what runs on it is interrupted"
    may_cost = True
    restarts = True
    may_start = True
    provable = False

    async def check(self) -> None:
        await super().check()
        self.check_time_to_boot()

    async def send(self, vast: Vast) -> None:
        await vast.reboot_instance(self.target.instance_id)

    def shows(self, row: Instance) -> bool:  # noqa: ARG002
        return False

    def lead_on(self, outcome: Outcome, reading: Reading | None) -> list[Step]:  # noqa: ARG002
        return [self.wait()]


class ChangeBid(Verb):
    name = "change_bid"
    argument = "price"
    loses = "its bid is what it costs, and whether it runs"
    may_cost = True
    may_start = True

    @property
    def bid(self) -> float:
        return self.args.price or 0.0

    def afterwards(self, row: Instance | None) -> float | None:
        return reserving.at_bid(row, self.bid)

    @property
    def question(self) -> str:
        return f"Bid {self.bid:g} $/h for {self.target.named}?"

    async def check(self) -> None:
        await super().check()
        row = self.target.row
        if row is not None:
            bids.check_bid(row, self.bid, self.again)
        if phases.phase_of(row) != "running":
            self.check_time_to_boot()  # a better bid boots it

    async def send(self, vast: Vast) -> None:
        await vast.change_bid(self.target.instance_id, self.bid)

    def shows(self, row: Instance) -> bool:
        return row.dph_base is not None and abs(row.dph_base - self.bid) < BID_ROUNDING

    def lead_on(self, outcome: Outcome, reading: Reading | None) -> list[Step]:
        if outcome.row is None or phases.is_under_way(outcome.row):
            return super().lead_on(outcome, reading)
        start = self.target.start("where the bid does not start it by itself")
        return [self.wait(), step(start.tool, start.why, **start.arguments)]

    async def finish(self, outcome: Outcome, result: ManageInstanceResult) -> None:  # noqa: ARG002
        seen = self.call.session.offers
        result.warnings += bids.warnings_of(self.target.row, self.bid, seen)


class Decide(Verb):
    """An answer to a higher price that the host asks for. What proves it is that no list has it
    waiting any more: no row of the machine changes before its contract ends.
    """

    provable = False
    accepts: ClassVar[bool]
    increase: PriceIncrease | None = None

    async def check(self) -> None:
        await super().check()
        self.increase = await increases.waiting_for(self.call, self.target.instance_id)

    @property
    def prices(self) -> Increased | None:
        """What it makes of the price; None where the machine is not listed."""
        row, asked = self.target.row, self.increase
        return None if row is None or asked is None else increased(row, asked)

    async def send(self, vast: Vast) -> None:
        await increases.decide(vast, self.increase, accept=self.accepts)

    def shows(self, row: Instance) -> bool:  # noqa: ARG002
        return False

    async def finish(self, outcome: Outcome, result: ManageInstanceResult) -> None:  # noqa: ARG002
        result.price_increase = None if self.prices is None else increases.shown(self.prices)


class AcceptPrice(Decide):
    name = "accept_price"
    loses = "it costs more then"
    accepts = True
    may_cost = True

    def afterwards(self, row: Instance | None) -> float | None:
        asked = self.increase
        return None if row is None or asked is None else increased(row, asked).then.running

    @property
    def question(self) -> str:
        prices = "" if self.prices is None else f" {increases.in_words(self.prices)}"
        return f"Accept the higher price that the host asks for {self.target.named}:{prices}?"


class RejectPrice(Decide):
    name = "reject_price"
    loses = "its contract may end sooner"
    accepts = False

    async def finish(self, outcome: Outcome, result: ManageInstanceResult) -> None:
        await super().finish(outcome, result)
        ends = result.price_increase and result.price_increase.applies_at
        result.warnings.append(
            f"The price stays. The contract ends at {ends or 'its present end'}: then the machine "
            "cannot start, and Vast may delete it with its disk 48 h later."
        )


class Reserve(Verb):
    """Money is paid ahead: never by the rules of the others, since no row proves it, a person is
    asked in any case, and a second one is paid as well.
    """

    name = "reserve"
    argument = "amount_usd"
    loses = "money is paid for it"
    provable = False
    reserved: Reserved | None = None

    async def do(self, consent: Consent | None) -> Outcome:  # noqa: ARG002
        await self.check()
        usd = self.args.amount_usd or 0.0
        paying = Reserving(self.call, self.target, usd, self.given, self.again)
        self.reserved = await paying.run()
        return Outcome(paying.target.row, done=True)

    async def send(self, vast: Vast) -> None:  # noqa: ARG002
        raise AssertionError("it is paid by Reserving")

    def shows(self, row: Instance) -> bool:  # noqa: ARG002
        return False

    def lead_on(self, outcome: Outcome, reading: Reading | None) -> list[Step]:  # noqa: ARG002
        return [step("show_account", "the credit that is left")]

    async def finish(self, outcome: Outcome, result: ManageInstanceResult) -> None:  # noqa: ARG002
        result.reserved = self.reserved
        result.warnings.append(FORFEITS)


class Relabel(Verb):
    """An action that is written as a label, and read back as one."""

    writes_label = True
    label: str  # the whole of it

    async def send(self, vast: Vast) -> None:
        await vast.change_instance(self.target.instance_id, {"label": self.label})

    def shows(self, row: Instance) -> bool:
        return row.label == self.label


class Label(Relabel):
    name = "label"
    argument = "label"
    loses = "its label may be how they know it"

    def __init__(self, args: ManageInstance, target: Target, call: Call) -> None:
        super().__init__(args, target, call)
        self.label = naming.renamed(call, target.instance_id, target.row, args.label or "")

    def for_others(self) -> NextStep:
        return SHOW_INSTANCES  # an answer repeats no label, and so not the call

    def steps_if_unsure(self) -> list[NextStep]:
        return [SHOW_INSTANCES]


class ExtendLease(Relabel):
    """A lease, a first one too, counts when it is read back."""

    name = "extend_lease"
    argument = "lease_hours"
    loses = "it has no lease of ours"
    may_cost = True
    must_be_seen = True  # a lease believed longer than it is loses somebody's work

    def __init__(self, args: ManageInstance, target: Target, call: Call) -> None:
        super().__init__(args, target, call)
        instance_id, row = target.instance_id, target.row
        if not target.ours:
            raise errors.NotOurs(
                f"vast-mcp did not make machine {instance_id}, and gives leases to its own only.",
                instance_id=instance_id,
            )
        self.until = lifetimes.extended_end(call, instance_id, row, args.lease_hours or 0.0)
        self.label = naming.with_lease(call, instance_id, row, self.until)

    @property
    def question(self) -> str:
        so_far = lifetimes.end_of(self.call, self.target.instance_id, self.target.row)
        ends = "" if so_far is None else f" It ends at {labels.utc(so_far)} so far."
        hours = f"{self.args.lease_hours:g} hours from when this is done"
        return f"Let {self.target.named} live for {hours}?{ends}"

    async def weigh(self) -> Change:
        target = self.target
        return await reserving.weigh_longer(self.call, target.instance_id, target.row)

    def wants_yes(self, change: Change) -> bool:
        """A lease moves past what the person agreed to; a first one only shortens a life."""
        return lifetimes.end_of(self.call, change.instance_id, change.row) is not None

    async def finish(self, outcome: Outcome, result: ManageInstanceResult) -> None:
        session, instance_id, before = self.call.session, self.target.instance_id, self.target.row
        result.lease_until = labels.utc(self.until)
        result.lease_left_hours = lifetimes.left_hours(self.until, session.link.now())
        result.warnings += record_lease(session, instance_id, self.until)
        born_as = naming.born_as(session, instance_id)
        if born_as is None and before is not None:
            born_as = before.label
        if outcome.row is not None:
            result.ssh_line, warnings = await watchdog_line(
                self.call, outcome.row, self.until, born_as=born_as
            )
            result.warnings += warnings


VERBS: dict[Action, type[Verb]] = {
    "start": Start,
    "stop": Stop,
    "reboot": Reboot,
    "label": Label,
    "change_bid": ChangeBid,
    "extend_lease": ExtendLease,
    "accept_price": AcceptPrice,
    "reject_price": RejectPrice,
    "reserve": Reserve,
}


# ── answers ────────────────────────────────────────────────────────────────────────────────────


def _result(verb: Verb, outcome: Outcome, reading: Reading | None) -> ManageInstanceResult:
    """What every action says: the machine as it was last seen, and whether it shows the act."""
    args, row = verb.args, outcome.row
    result = ManageInstanceResult(instance_id=args.instance_id, action=args.action)
    if verb.provable:
        result.seen = outcome.done
    if result.seen is False:
        result.warnings.append("Vast accepted this and does not show it yet.")
    if row is None or reading is None:
        return result
    fill(result, reading)
    result.asked = None  # nothing here changes that; show_instance has it
    result.state = reading.state
    result.status = status_of(row)
    result.intended = row.intended_status
    result.untrusted_label = clean_or_none(row.label, 256)
    return result


def _is_started(verb: Verb, row: Instance | None) -> bool:
    """A start counts as soon as it is accepted, anything else where the row shows it running."""
    if isinstance(verb, Start):
        return True
    return row is not None and row.intended_status == row.cur_state == "running"


def _this(args: ManageInstance, why: str, **changed: Any) -> NextStep:
    """The same call; without the label, which an error does not repeat."""
    arguments = {**args.model_dump(exclude_defaults=True, exclude={"label"}), **changed}
    return NextStep("manage_instance", arguments, why)


SPEC = ToolSpec(
    fn=manage_instance,
    arguments=ManageInstance,
    result=ManageInstanceResult,
    title="Start, stop, reboot, label, rebid or extend a machine",
    read_only=False,
    destructive=False,
    idempotent=False,
    open_world=True,
    sends=("manage", "bid", "decide", "prepay"),
)
