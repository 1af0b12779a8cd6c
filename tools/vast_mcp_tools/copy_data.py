"""Data moves without this computer: Vast copies between machines, volumes and connected clouds,
from machines that are stopped too, so that a disk is saved without renting its GPU again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from vast_mcp import errors
from vast_mcp.errors import Problem, clean_or_none
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec

if TYPE_CHECKING:
    from vast_mcp.working.carrying import Told
    from vast_mcp.working.places import Place

LONGEST = 1_100  # characters of a place
STATUS_LENGTH, RESULT_BYTES = 300, 4_000
RESULT_S = 8.0  # that the outcome, where Vast names an address for it, is waited for

State = Literal["taken", "unknown", "stopping"]
_SAYS: dict[State, str] = {
    "taken": "Vast took it, and does not say when it is done: the status lines tell of it, half a "
    "minute late, and those of a copy to a cloud end with 'Cloud Copy Operation Finished'. Another "
    "request_key copies anew.",
    "unknown": "It was sent, and whether Vast began it is not known: the status lines may tell. It "
    "is not sent again, but under another request_key.",
    "stopping": "Vast was asked to stop every copy to that place. What is there already stays; "
    "another request_key begins anew.",
}


class CopyData(Arguments):
    any_text = frozenset({"source", "destination"})
    told_elsewhere = frozenset({"request_key", "stop", "not_ours"})

    source: Annotated[
        str, Field(max_length=LONGEST, description="7:/PATH, V.5:/PATH, s3.9:PATH; a VM: 7")
    ]
    destination: Annotated[str, Field(max_length=LONGEST, description="alike")]
    request_key: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")] = None
    stop: bool = False
    not_ours: bool = False


class CopyDataResult(Result):
    copy_name: str
    copy_was: Annotated[Literal["begun", "followed"], Field(description="By this call, or before.")]
    state: State
    traffic: Annotated[str, Field(description="What it costs on top of all prices.")]
    untrusted_source_status: str | None = None
    untrusted_destination_status: str | None = None
    untrusted_result: str | None = None
    message: str
    next_steps: list[Step] = []


async def copy_data(args: CopyData, call: Call) -> CopyDataResult:
    """Vast copies between machines (stopped too), volumes and clouds; traffic bills. The same call
    follows it.
    """
    from vast_mcp.working.carrying import Carrying

    source, destination = _places(args)
    carrying = Carrying(
        call,
        source,
        destination,
        args.model_dump(mode="json", exclude_defaults=True, exclude={"stop"}),
        not_ours=args.not_ours,
        request_key=args.request_key,
    )
    told = await carrying.done(stop=args.stop)
    again = carrying.again("follows it; begins nothing")
    return CopyDataResult(
        copy_name=told.copy.name,
        copy_was="begun" if told.copy.began_now else "followed",
        state=(state := _state(told)),
        traffic=told.traffic,
        untrusted_source_status=_status(told, "source"),
        untrusted_destination_status=_status(told, "destination"),
        untrusted_result=await _result(told, call),
        message=_SAYS[state],
        next_steps=[Step(tool=again.tool, arguments=again.arguments, why=again.why)],
    )


def _places(args: CopyData) -> tuple[Place, Place]:
    """Both places. Raises BadArguments."""
    from vast_mcp.working.places import place_of, problem_of_target

    problems: list[Problem] = []
    found: list[Place] = []
    for name, text in (("source", args.source), ("destination", args.destination)):
        try:
            found.append(place_of(text))
        except ValueError as exc:
            problems.append(Problem(name, str(exc)))
    if not problems:
        source, destination = found
        why = problem_of_target(destination)
        if source == destination:
            why = "is the source"
        elif source.kind == destination.kind == "cloud":
            why = "one of both must be a machine or a volume"
        if why is None:
            return source, destination
        problems.append(Problem("destination", why))
    raise errors.bad("copy_data", problems)


def _state(told: Told) -> State:
    states: dict[str, State] = {"taken": "taken", "stopped": "stopping"}
    return states.get(told.copy.state, "unknown")


def _status(told: Told, side: str) -> str | None:
    """A machine's own status line: a stranger's words."""
    row = told.rows.get(side)
    return None if row is None else clean_or_none(row.status_msg, STATUS_LENGTH)


async def _result(told: Told, call: Call) -> str | None:
    """What Vast says of the outcome where it named an address for that, and it is there."""
    import anyio

    from vast_mcp.vast.log_text import last, plain_lines
    from vast_mcp.vast.logs import fetch_log

    async def waiting() -> None:
        await call.say("waiting for what the copy says")

    if told.result is None:
        return None
    until = min(call.deadline, anyio.current_time() + RESULT_S)
    try:
        fetched = await fetch_log(call.session.link, told.result, until, waiting)
    except errors.VastMcpError:
        return None
    return "\n".join(last(plain_lines(fetched.text, call.settings.mask), RESULT_BYTES))


SPEC = ToolSpec(
    fn=copy_data,
    arguments=CopyData,
    result=CopyDataResult,
    title="Copy between machines, volumes and clouds",
    read_only=False,
    destructive=True,
    idempotent=True,
    open_world=True,
    sends=("data",),
)
