"""A rented machine is waited for until it is of use, or until it is certain that it never will be.

A container that runs is no proof that anybody can enter it, and `exited` is no proof that it
failed: so this looks several times, remembers between calls what it saw, and listens for an SSH
server where that was asked for.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, ToolSpec
from vast_mcp.waiting.rounds import wait_for
from vast_mcp.waiting.verdicts import Facts
from vast_mcp.waiting.wait import Wish


class WaitForInstance(Arguments):
    instance_id: Annotated[int, Field(ge=1, description="from show_instances")]
    timeout_s: Annotated[float, Field(ge=1, le=50, description="1 to 50, default 50")] = 50
    until: Annotated[
        Literal["reachable", "running"], Field(description="default reachable: SSH answers")
    ] = "reachable"
    show_jupyter_token: Annotated[bool, Field(description="default false")] = False


class WaitForInstanceResult(Facts, Result):
    instance_id: int


async def wait_for_instance(args: WaitForInstance, call: Call) -> WaitForInstanceResult:
    """Waits for a machine. Gives state: ready (ssh and rsync lines), still_starting (the same call
    waits on), failed (reason, cost) or running_not_reachable_from_here.
    """
    wish = Wish(
        until=args.until,
        timeout_s=args.timeout_s,
        jupyter_token=args.show_jupyter_token,
        given=args.model_dump(exclude_unset=True, exclude={"instance_id"}),
    )
    verdict = await wait_for(args.instance_id, wish, call)
    return WaitForInstanceResult(**dict(verdict))


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
