"""Is this what was paid for? Cards, memory and speed are the host's word until somebody looks, and
a machine that is less bills all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from vast_mcp.machines.costs import rounded
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec

if TYPE_CHECKING:
    from vast_mcp.working.checks import Checked, Look

NOT_PUT_THERE = (
    "No check is known to be in it, so whatever writes into its log may have made that line; it is "
    "not remembered of the machine."
)


class CheckMachine(Arguments):
    told_elsewhere = frozenset({"instance_id", "not_ours"})

    instance_id: Annotated[int, Field(ge=1, description="from show_instances")]
    not_ours: Annotated[
        bool, Field(description="allows one not made by vast-mcp. Default false")
    ] = False


class CheckedItem(Part):
    item: str
    promised: str
    found: str
    verdict: Literal["ok", "worse", "better", "unknown"]


class CheckMachineResult(Result):
    instance_id: int
    verdict: Annotated[
        Literal["as_promised", "worse", "unknown"],
        Field(description="Of all items; worse: at least one is."),
    ]
    said: Annotated[str, Field(description="It in words.")]
    items: Annotated[list[CheckedItem], Field(description="Promised by its row, found in it.")]
    seen_by: Literal["ssh", "log"]
    seen_s_ago: Annotated[int | None, Field(description="Of a log.")] = None
    machine_id: int | None = None
    report: Annotated[str | None, Field(description="For a person: vast-mcp reports none.")] = None
    untrusted_gpu: Annotated[
        list[str] | None, Field(description="Found names that are no card's.")
    ] = None
    untrusted_trouble: Annotated[str | None, Field(description="What failed in it said.")] = None
    warnings: list[str] = []
    next_steps: list[Step] = []


async def check_machine(args: CheckMachine, call: Call) -> CheckMachineResult:
    """Compares a machine's GPUs, cores, memory, disk and speeds with what its offer promised. By
    SSH, in up to 45 s: it writes 256 MB for a moment and leaves nothing. Else by what
    create_instance's check left in the log.
    """
    from vast_mcp.working.checks import check

    return _answer(await check(call, args.instance_id, not_ours=args.not_ours))


def _answer(checked: Checked) -> CheckMachineResult:
    row, look = checked.machine.row, checked.look
    cards = (look.found.cards if look.found is not None else None) or ()
    strange = dict.fromkeys(card.untrusted_name for card in cards if card.untrusted_name)
    age = rounded(look.age_s, 0)
    return CheckMachineResult(
        instance_id=row.id,
        verdict=checked.overall,
        said=checked.said,
        items=[
            CheckedItem(item=one.name, promised=one.promised, found=one.found, verdict=one.verdict)
            for one in checked.judgement.items
        ],
        seen_by=look.way,
        seen_s_ago=None if age is None else int(age),
        machine_id=row.machine_id,
        report=checked.report,
        untrusted_gpu=list(strange) or None,
        untrusted_trouble=look.untrusted_trouble,
        warnings=_warnings(look),
        next_steps=checked.next_steps,
    )


def _warnings(look: Look) -> list[str]:
    warnings = [f"Not by SSH: {look.not_by_ssh}"] if look.not_by_ssh else []
    if not look.is_ours:
        warnings.append(NOT_PUT_THERE)
    return warnings


SPEC = ToolSpec(
    fn=check_machine,
    arguments=CheckMachine,
    result=CheckMachineResult,
    title="Check a machine against its offer",
    read_only=False,
    destructive=False,
    idempotent=True,
    open_world=True,
    sends=("command",),
)
