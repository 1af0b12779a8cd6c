"""What was rented is used: a command runs in the machine, and what takes longer than an answer goes
on there as a job, which survives the connection, this server and its host, and is never begun
twice.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from vast_mcp import errors
from vast_mcp.errors import Problem
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec
from vast_mcp.working.jobs.shown import LONGEST_STEP, OnMachine

if TYPE_CHECKING:
    from vast_mcp.working.jobs.order import Order

LONGEST = 100_000  # characters of a command
MOST_MACHINES = 25


class RunCommand(Arguments):
    longer = {"command": LONGEST}
    any_text = frozenset({"command"})
    told_elsewhere = frozenset({"env_from"})

    instance_id: Annotated[int | None, Field(ge=1, description="from show_instances")] = None
    instance_ids: Annotated[
        list[Annotated[int, Field(ge=1)]] | None,
        Field(max_length=MOST_MACHINES, description="or several, at most 25"),
    ] = None
    command: Annotated[
        str | None,
        Field(
            repr=False,
            min_length=1,
            description="text or script, for bash, else sh, or its #! line",
        ),
    ] = None
    request_key: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9._:-]{1,64}$",
            description="runs once for good",
        ),
    ] = None
    timeout_s: Annotated[
        float, Field(ge=1, le=50, description="1 to 50, default 50; it runs on")
    ] = 50
    until_done: Annotated[
        bool, Field(description="waits on where progress is heard. Default false")
    ] = False
    env_from: list[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]] | None = None
    job: Annotated[
        str | None,
        Field(pattern=r"^[0-9a-f]{12}$", description="follows it, without command"),
    ] = None
    stop: Annotated[bool, Field(description="ends it. Default false")] = False
    not_ours: Annotated[bool, Field(description="one not made by vast-mcp. Default false")] = False

    def repeatable(self) -> dict[str, Any] | None:
        """The call, unless it is too long for an answer."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        return given if len(json.dumps(given)) <= LONGEST_STEP else None


class RunCommandResult(Result, OnMachine):
    machines: Annotated[list[OnMachine] | None, Field(description="Of several: each of them.")] = (
        None
    )
    warnings: list[str] = []
    next_steps: list[Step] = []


async def run_command(args: RunCommand, call: Call) -> RunCommandResult:
    """Runs a command as root in machines: exit status, end of output. What takes longer runs on as
    a job: the same call follows it, and begins none twice (without request_key, until its end was
    told).
    """
    from vast_mcp.working.jobs.words import steps
    from vast_mcp.working.jobs.work import Work

    ids = _ids(args)
    order = _order(args, call)
    argument = "instance_id" if args.instance_ids is None else "instance_ids"
    work = Work(call, order, ids, args.not_ours, argument)
    found = await work.done()
    leads_on = steps(order, found)
    if args.instance_ids is None:
        return RunCommandResult(**dict(found[0]), next_steps=leads_on)
    return RunCommandResult(machines=found, message=_counted(found), next_steps=leads_on)


def _ids(args: RunCommand) -> list[int]:
    """The machines, each once. Raises BadArguments unless exactly one argument names them."""
    if args.instance_id is not None and args.instance_ids:
        problem = Problem("instance_ids", "instance_id or instance_ids, not both")
        raise errors.bad("run_command", [problem])
    ids = [one for one in dict.fromkeys(args.instance_ids or [args.instance_id]) if one is not None]
    if not ids:
        raise errors.bad("run_command", [Problem("instance_id", "required")])
    return ids


def _order(args: RunCommand, call: Call) -> Order:
    """The arguments as an order. Raises BadArguments."""
    from vast_mcp.working.jobs.order import Order, values_of

    names = list(dict.fromkeys(args.env_from or ()))
    values, problems = values_of(names, call)
    problems += _problems(args)
    if problems:
        raise errors.bad("run_command", problems)
    given = args.model_dump(mode="json", exclude_defaults=True)
    return Order(
        given=given,
        command=None if args.command is None else args.command.replace("\r\n", "\n"),
        request_key=args.request_key,
        timeout_s=args.timeout_s,
        until_done=args.until_done,
        stop=args.stop,
        job=args.job,
        env_from=names,
        values=values,
    )


def _problems(args: RunCommand) -> list[Problem]:
    """What does not go together."""
    found: list[Problem] = []
    if args.job is None and args.command is None:
        found.append(Problem("command", "required, unless job names what to follow"))
    if args.job is not None:
        others = {
            "command": args.command,
            "request_key": args.request_key,
            "env_from": args.env_from,
        }
        found += [
            Problem(name, "not with job, which runs already")
            for name, value in others.items()
            if value is not None
        ]
        if args.instance_ids and len(args.instance_ids) > 1:
            found.append(Problem("instance_ids", "a job is on one machine"))
    if "\0" in (args.command or ""):
        found.append(Problem("command", "must hold no NUL"))
    return found


def _counted(found: list[OnMachine]) -> str:
    """How many have come to what, and which."""
    said: list[str] = []
    for state in dict.fromkeys(one.state for one in found):
        ids = [str(one.instance_id) for one in found if one.state == state]
        said.append(f"{len(ids)} {state} ({', '.join(ids)})")
    failed = [str(one.instance_id) for one in found if one.exit_status]
    more = f" Exit status not 0: {', '.join(failed)}." if failed else ""
    return f"Of {len(found)} machines: {'; '.join(said)}.{more}"


SPEC = ToolSpec(
    fn=run_command,
    arguments=RunCommand,
    result=RunCommandResult,
    title="Run a command in a machine",
    read_only=False,
    destructive=True,
    idempotent=False,
    open_world=True,
    sends=("command", "execute"),
)
