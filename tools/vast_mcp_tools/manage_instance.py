"""Changing a machine that exists, nothing of which deletes anything: start, stop, reboot, label,
bid, lease.

What Vast accepted is looked up again, because accepting is not doing: a start may be queued and
bill days later.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.increases import Increase
from vast_mcp.account.reading import Reading, Shown, fill, read_machine
from vast_mcp.account.roll import check_known, check_ours, roll, roll_to_end
from vast_mcp.account.seen import mark_started
from vast_mcp.errors import NextStep, Problem, clean_or_none
from vast_mcp.leases import labels
from vast_mcp.machines import costs
from vast_mcp.machines.phases import State
from vast_mcp.machines.shown import status_of
from vast_mcp.renting.acts import SHOW_INSTANCES, Act, Outcome, ask_first
from vast_mcp.renting.consent import Consent
from vast_mcp.renting.many import One, perform_many
from vast_mcp.renting.prepaying import Reserved
from vast_mcp.renting.target import Target
from vast_mcp.renting.verbs import OF_MANY, VERBS, Action
from vast_mcp.renting.verbs.start import Start
from vast_mcp.renting.verbs.stop import Stop
from vast_mcp.renting.verbs.verb import Said, Verb, Wanted
from vast_mcp.session import Call
from vast_mcp.settings import LONGEST_LEASE_H
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step
from vast_mcp.vast.deeds import may_have_happened
from vast_mcp.vast.models import Instance

# Vast takes 1024 characters (docs/vast-api.md C.7); "#", the token and a lease need the rest.
LABEL_MAX = 1024 - 17 - labels.LABEL_ROOM


class ManageInstance(Arguments):
    told_elsewhere = frozenset({"instance_id", "not_ours", "max_usd_per_hour"})

    instance_id: Annotated[int | None, Field(ge=1)] = None
    instance_ids: Annotated[
        list[Annotated[int, Field(ge=1)]] | None,
        Field(max_length=25, description="instead, 1 to 25: start, stop, label"),
    ] = None
    action: Annotated[
        Action,
        Field(description="change_bid wants price, extend_lease lease_hours, reserve amount_usd"),
    ]
    label: Annotated[
        str | None,
        Field(max_length=LABEL_MAX, description="new label"),
    ] = None
    price: Annotated[
        float | None, Field(ge=0.001, description="bid, $/h of the machine, 0.001 or more")
    ] = None
    lease_hours: Annotated[
        float | None,
        Field(
            gt=0,
            le=LONGEST_LEASE_H,
            description="from now until it ends by itself, above 0 to 8760",
        ),
    ] = None
    amount_usd: Annotated[
        float | None, Field(ge=0.01, description="0.01 or more; a person is asked")
    ] = None
    max_usd_per_hour: Annotated[float | None, Field(gt=0)] = None
    not_ours: bool = False

    @property
    def one(self) -> int:
        """The machine, where it is one."""
        return self.instance_id or 0


class Managed(Part):
    """How the answer begins."""

    instance_id: int | None = None
    action: Action
    state: State | None = None


class OneOfMany(Part):
    instance_id: int
    outcome: Annotated[
        str, Field(description="done (a list shows it), not_seen (yet), or an error's code.")
    ]
    state: State | None = None
    usd_per_hour: float | None = None


class ManageInstanceResult(Result, Shown, Managed):
    results: Annotated[
        list[OneOfMany] | None, Field(description="Of several, each looked up again.")
    ] = None
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
    """Starts, stops, reboots or labels a machine, changes its bid, extends its lease, answers a
    price increase or pays ahead, and looks again. A stopped one keeps its disk, which bills, and
    may lose its GPU.
    """
    _check_arguments(args)
    if args.instance_ids is not None:
        ids = list(dict.fromkeys(args.instance_ids))
        if len(ids) > 1:
            return await _manage_many(args, ids, call)
        args = _of_one(args, ids[0])
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
    if args.max_usd_per_hour is not None and not VERBS[args.action].takes_most:
        problems.append(Problem("max_usd_per_hour", "only for accept_price"))
    problems += _problems_of_ids(args)
    if problems:
        raise errors.bad("manage_instance", problems)


def _problems_of_ids(args: ManageInstance) -> list[Problem]:
    """One machine or several, and these only for what is done to several."""
    if args.instance_ids is None:
        return [] if args.instance_id else [Problem("instance_id", "required")]
    if args.instance_id is not None:
        return [Problem("instance_ids", "instead of instance_id, not beside it")]
    if args.action not in OF_MANY:
        return [Problem("instance_ids", "only for start, stop and label: instance_id, one a call")]
    return [] if args.instance_ids else [Problem("instance_ids", "1 to 25 ids")]


def _of_one(args: ManageInstance, instance_id: int) -> ManageInstance:
    """The same of one machine."""
    return args.model_copy(update={"instance_id": instance_id, "instance_ids": None})


async def _asked_first(args: ManageInstance, call: Call) -> Consent | None:
    """What a person said, where one is to be asked, before the lease's lock is taken."""
    if call.settings.confirm_above is None:
        return None
    return await ask_first(await _verb(args, call))


async def _verb(args: ManageInstance, call: Call) -> Verb:
    """The action on its machine, by a list just read."""
    verb = VERBS[args.action]
    target = await Target.read(call, args.one, to_end=verb is Stop)
    return verb(_wanted(args), target, call)


async def _manage(
    args: ManageInstance, call: Call, consent: Consent | None = None
) -> ManageInstanceResult:
    verb = await _verb(args, call)
    outcome = await verb.do(consent)
    if _is_started(verb, outcome.row):
        mark_started(call, args.one)
    verb.note(outcome)
    reading = None if outcome.row is None else read_machine(call, outcome.row)
    result = _result(args, verb, outcome, reading)
    result.next_steps = verb.lead_on(outcome, reading)
    _add(result, await verb.finish(outcome, reading))
    return result


# ── several machines ───────────────────────────────────────────────────────────────────────────


async def _manage_many(args: ManageInstance, ids: list[int], call: Call) -> ManageInstanceResult:
    """The same to each of several: together, and looked up one by one."""
    verb = VERBS[args.action]
    if not verb.writes_label:
        return _told_of_many(args, await perform_many(await _acts(args, ids, call), _together))
    async with call.session.lease_lock():
        return _told_of_many(args, await perform_many(await _acts(args, ids, call), _each))


async def _acts(args: ManageInstance, ids: list[int], call: Call) -> list[Verb]:
    """The act on each, by a list just read. Raises where one of them is none of the account's, or
    none of ours.
    """
    verb = VERBS[args.action]
    there = await (roll_to_end(call, ids) if verb is Stop else roll(call))
    check_known(ids, there, argument="instance_ids")
    if not args.not_ours:
        check_ours(ids, there, loses=verb.loses, again=lambda _: [_for_others(args)])
    return [verb(_wanted(_of_one(args, one)), Target(one, there), call) for one in ids]


def _for_others(args: ManageInstance) -> NextStep:
    if args.label is not None:
        return SHOW_INSTANCES  # an answer repeats no label, and so not the call
    return _this(args, "if the person wants that", not_ours=True)


async def _together(acts: Sequence[Act]) -> dict[int, errors.VastMcpError]:
    """One request for all: the state is the same for each."""
    state = "running" if isinstance(acts[0], Start) else "stopped"
    ids = [act.target.instance_id for act in acts]
    await acts[0].call.vast.change_instances(ids, {"state": state})
    return {}


async def _each(acts: Sequence[Act]) -> dict[int, errors.VastMcpError]:
    """A request for each: every label keeps its machine's own token and lease."""
    failed: dict[int, errors.VastMcpError] = {}
    for act in acts:
        try:
            await act.send(act.call.vast)
        except errors.VastMcpError as exc:
            failed[act.target.instance_id] = exc
    return failed


def _told_of_many(args: ManageInstance, done: list[One]) -> ManageInstanceResult:
    """What became of each. Raises OutcomeUnknown where one that was not seen may bill unseen."""
    results = [_one_of_many(one) for one in done]
    unsure = [one.act.target.instance_id for one in done if _is_unsure(one)]
    if unsure:
        raise _unsure_of(args, unsure, results)
    result = ManageInstanceResult(action=args.action, results=results)
    left = [one.instance_id for one in results if one.outcome != "done"]
    if left:
        names = ", ".join(map(str, left))
        result.warnings.append(f"Not seen to be done, of {len(results)}: {names}.")
        if args.action == "start":
            result.warnings.append("Limits count them as running: a start may be queued, and bill.")
        if args.label is None:
            again = _this(_of_one(args, left[0]), "by itself, whose answer says what keeps it")
            result.next_steps.append(step(again.tool, again.why, **again.arguments))
    if args.action == "stop":
        result.warnings.append("Their disks go on billing until they are destroyed.")
        result.next_steps.append(step("show_account", "what still bills, disks among it"))
    elif not left or args.action == "label":
        result.next_steps.append(step("show_instances", "their state and what they bill"))
    return result


def _one_of_many(one: One) -> OneOfMany:
    row, call, instance_id = one.outcome.row, one.act.call, one.act.target.instance_id
    outcome = "done" if one.outcome.done else "not_seen" if one.error is None else one.error.code
    told = OneOfMany(instance_id=instance_id, outcome=outcome)
    if isinstance(one.act, Start) or (row and row.intended_status == row.cur_state == "running"):
        mark_started(call, instance_id)
    if isinstance(one.act, Verb) and one.outcome.done:
        one.act.note(one.outcome)
    if row is not None:
        reading = read_machine(call, row)
        told.state = reading.state
        told.usd_per_hour = costs.rounded(reading.bills.now, costs.DIGITS)
    return told


def _is_unsure(one: One) -> bool:
    """Whether nobody can tell if it happened, of an act that must be seen, or had no answer."""
    if one.outcome.done:
        return False
    lost = one.error is not None and may_have_happened(one.error)
    return lost or one.act.must_be_seen


def _unsure_of(
    args: ManageInstance, unsure: list[int], results: list[OneOfMany]
) -> errors.OutcomeUnknown:
    names = ", ".join(map(str, unsure))
    again = _this(args.model_copy(update={"instance_ids": unsure}), "asks again, which is safe")
    return errors.OutcomeUnknown(
        f"{args.action}: not seen of {names}, which bill by their state; results has each one's.",
        results=[one.model_dump(mode="json", exclude_none=True) for one in results],
        next_steps=[again, SHOW_INSTANCES] if args.label is None else [SHOW_INSTANCES],
    )


# ── answers ────────────────────────────────────────────────────────────────────────────────────


def _result(
    args: ManageInstance, verb: Verb, outcome: Outcome, reading: Reading | None
) -> ManageInstanceResult:
    """What every action says: the machine as it was last seen, and whether it shows the act."""
    row = outcome.row
    result = ManageInstanceResult(instance_id=args.one, action=args.action)
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


def _add(result: ManageInstanceResult, said: Said) -> None:
    """Add what only this action says."""
    result.warnings += said.warnings
    result.lease_until, result.ssh_line = said.lease_until, said.ssh_line
    if said.lease_left_hours is not None:
        result.lease_left_hours = said.lease_left_hours
    result.price_increase, result.reserved = said.price_increase, said.reserved


def _is_started(verb: Verb, row: Instance | None) -> bool:
    """A start counts as soon as it is accepted, anything else where the row shows it running."""
    if isinstance(verb, Start):
        return True
    return row is not None and row.intended_status == row.cur_state == "running"


def _wanted(args: ManageInstance) -> Wanted:
    """What the actions read of a call about one machine."""
    return Wanted(
        given=args.model_dump(exclude_none=True),
        this=partial(_this, args),
        label=args.label,
        price=args.price,
        lease_hours=args.lease_hours,
        amount_usd=args.amount_usd,
        max_usd_per_hour=args.max_usd_per_hour,
        not_ours=args.not_ours,
    )


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
    sends=("manage", "manage_many", "bid", "decide", "prepay"),
)
