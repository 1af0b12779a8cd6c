"""A rented machine is waited for until it is of use, or until it is certain that it never will be.

A container that runs is no proof that anybody can enter it, and `exited` is no proof that it
failed: so this looks several times, remembers between calls what it saw, and tries the ways in that
the rental was made for, or the one that is named.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from vast_mcp import errors
from vast_mcp.account.spent import tell_costs
from vast_mcp.errors import Problem
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec
from vast_mcp.waiting.aims import aim_of
from vast_mcp.waiting.facts import Facts, Outcome, Verdict

# What the states of several machines come to, the first of them that one has.
_OF_THEM_ALL: tuple[Outcome, ...] = (
    "still_starting",
    "failed",
    "running_not_reachable_from_here",
    "ready",
)


def _understood(until: str) -> str:
    aim_of(until)
    return until


class WaitForInstance(Arguments):
    told_elsewhere = frozenset({"instance_id"})

    instance_id: Annotated[int | None, Field(ge=1, description="from show_instances")] = None
    instance_ids: Annotated[
        list[Annotated[int, Field(ge=1)]] | None,
        Field(max_length=25, description="or several, at most 25"),
    ] = None
    timeout_s: Annotated[float, Field(ge=1, le=50, description="1 to 50, default 50")] = 50
    until: Annotated[
        Annotated[str, AfterValidator(_understood)],
        Field(
            description="default ready: answers as it was made to. Else running, ssh, jupyter, "
            "port:N or log:TEXT"
        ),
    ] = "ready"
    show_jupyter_token: Annotated[bool, Field(description="default false")] = False


class _Named(Part):
    """The machine, where it is one."""

    instance_id: int | None = None


class WaitForInstanceResult(Result, Facts, _Named):
    machines: Annotated[
        list[Verdict] | None, Field(description="Of several: each of them; state is of them all.")
    ] = None


async def wait_for_instance(args: WaitForInstance, call: Call) -> WaitForInstanceResult:
    """Waits for machines. Gives state: ready (ssh and rsync lines), still_starting (the same call
    waits on), failed (reason, cost) or running_not_reachable_from_here (what was seen).
    """
    from vast_mcp.waiting.rounds import wait_for
    from vast_mcp.waiting.wait import Wish

    ids = _ids(args)
    wish = Wish(
        aim=aim_of(args.until),
        timeout_s=args.timeout_s,
        jupyter_token=args.show_jupyter_token,
        given=args.model_dump(exclude_unset=True, exclude_none=True),
    )
    verdicts = await wait_for(ids, wish, call)
    await tell_costs(call, {verdict.instance_id: verdict for verdict in verdicts})
    if args.instance_ids is None:
        return WaitForInstanceResult(**dict(verdicts[0]))
    return _of_all(verdicts)


def _ids(args: WaitForInstance) -> list[int]:
    """The machines, each once. Raises BadArguments unless exactly one argument names them."""
    if args.instance_id is not None and args.instance_ids:
        problem = Problem("instance_ids", "instance_id or instance_ids, not both")
        raise errors.bad("wait_for_instance", [problem])
    named = args.instance_ids or [args.instance_id]
    ids = [one for one in dict.fromkeys(named) if one is not None]
    if not ids:
        raise errors.bad("wait_for_instance", [Problem("instance_id", "required")])
    return ids


def _of_all(verdicts: list[Verdict]) -> WaitForInstanceResult:
    """One answer about several machines."""
    states = [verdict.state for verdict in verdicts]
    state: Outcome = next(one for one in _OF_THEM_ALL if one in states)
    prices = [verdict.usd_per_hour for verdict in verdicts]
    known = [price for price in prices if price is not None]
    return WaitForInstanceResult(
        state=state,
        message=_counted(verdicts),
        waited_s=max(verdict.waited_s or 0 for verdict in verdicts),
        usd_per_hour=round(sum(known), 5) if len(known) == len(prices) else None,
        machines=verdicts,
        next_steps=_steps(state, verdicts),
    )


def _counted(verdicts: list[Verdict]) -> str:
    """How many have come to what, and which."""
    said: list[str] = []
    for state in reversed(_OF_THEM_ALL):
        ids = [str(verdict.instance_id) for verdict in verdicts if verdict.state == state]
        if ids:
            said.append(f"{len(ids)} {state} ({', '.join(ids)})")
    return f"Of {len(verdicts)} machines: {'; '.join(said)}."


def _steps(state: Outcome, verdicts: list[Verdict]) -> list[Step]:
    """What leads on for those that the answer is about, each step once."""
    steps = [one.next_steps for one in verdicts if one.state == state]
    if state in {"still_starting", "ready"}:
        return steps[0]
    return [first for first, *_ in filter(None, steps)] + steps[0][1:]


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
