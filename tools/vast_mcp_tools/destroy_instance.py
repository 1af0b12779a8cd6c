"""Ending a rental, and knowing that it ended: the only way to stop all billing.

"Gone" is believed when Vast no longer shows the machine, not when it accepted the request.
"""

from __future__ import annotations

from typing import Annotated, Literal

import anyio
from pydantic import Field

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.renting import Seen, gone, observe
from vast_mcp.toolspec import Arguments, Call, Part, Result, ToolSpec
from vast_mcp.vast.wire import Instance

LOOKS = 6
SHOWN = 20


class DestroyInstance(Arguments):
    instance_ids: Annotated[
        list[Annotated[int, Field(ge=1)]],
        Field(min_length=1, max_length=25, description="machines to destroy, 1 to 25 ids from show_instances"),
    ]
    not_ours: Annotated[bool, Field(description="true allows machines that vast-mcp did not make. Default false")] = (
        False
    )


class Destroyed(Part):
    instance_id: int
    outcome: Literal["destroyed", "already_gone"]


class DestroyInstanceResult(Result):
    results: Annotated[list[Destroyed], Field(description="One an id; each was looked up again and is gone.")]


async def destroy_instance(args: DestroyInstance, call: Call) -> DestroyInstanceResult:
    """Destroys machines: their disks are deleted for good and all billing for them ends. Each is looked up again
    afterwards, and success means that it is gone. Ids that the account does not have are an error and nothing is
    destroyed; so are machines that vast-mcp did not make, unless not_ours is true."""
    ids = list(dict.fromkeys(args.instance_ids))
    listed = await call.vast.list_instances()
    seen = await observe(call, listed)
    living = {instance.id: instance for instance in listed}
    _check_known(ids, living, seen, call)
    _check_ours(ids, living, seen, args)
    failed: dict[int, errors.VastMcpError | None] = {}
    for instance_id in ids:
        # One of ours may be too young to be listed.
        if instance_id in living or instance_id in seen.ours:
            try:
                await call.vast.destroy_instance(instance_id)
            except errors.VastMcpError as exc:
                failed[instance_id] = exc
    for instance_id in ids:
        if instance_id not in failed and not await _is_gone(instance_id, call):
            failed[instance_id] = None
    gone(call, [i for i in ids if i not in failed])
    if failed:
        raise _unverified(ids, failed)
    return DestroyInstanceResult(
        results=[Destroyed(instance_id=i, outcome="destroyed" if i in living else "already_gone") for i in ids]
    )


def _check_known(ids: list[int], living: dict[int, Instance], seen: Seen, call: Call) -> None:
    """An id nobody has seen may be a typing error for a machine that goes on billing: never a success."""
    known = living.keys() | seen.ours | call.office.instances_seen
    unknown = [i for i in ids if i not in known]
    if not unknown:
        return
    shown = [str(i) for i in living][:SHOWN]
    more = f" and {len(living) - SHOWN} more" if len(living) > SHOWN else ""
    which = f"Living: {', '.join(shown)}{more}." if living else "The account has no machines."
    raise errors.NoSuchInstance(
        f"Nothing was destroyed: the account has no machine {', '.join(map(str, unknown))}. {which}",
        problems=[Problem("instance_ids", "ids of machines that exist")],
        next_steps=[NextStep("show_instances", {}, "see what exists")],
    )


def _check_ours(ids: list[int], living: dict[int, Instance], seen: Seen, args: DestroyInstance) -> None:
    strangers = [i for i in ids if i in living and i not in seen.ours]
    if not strangers or args.not_ours:
        return
    raise errors.NotOurs(
        f"Nothing was destroyed: vast-mcp did not make {', '.join(map(str, strangers))}, and a destroyed machine's "
        "disk is gone for good.",
        problems=[Problem("not_ours", "true, if the person wants these destroyed as well")],
        next_steps=[NextStep("destroy_instance", {"instance_ids": ids, "not_ours": True}, "if the person wants that")],
    )


async def _is_gone(instance_id: int, call: Call) -> bool:
    """Look until Vast no longer shows it: destroying is eventually consistent (C.7)."""
    for attempt in range(LOOKS):
        if attempt:
            if anyio.current_time() + call.times.verify_s > call.deadline:
                return False
            await anyio.sleep(call.times.verify_s)
        try:
            if await call.vast.show_instance(instance_id) is None:
                return True
        except errors.VastMcpError:
            continue
    return False


def _unverified(ids: list[int], failed: dict[int, errors.VastMcpError | None]) -> errors.DestroyUnverified:
    results: list[Json] = []
    for instance_id in ids:
        exc = failed.get(instance_id)
        outcome = "destroyed" if instance_id not in failed else exc.code if exc else "still_there"
        results.append({"instance_id": instance_id, "outcome": outcome})
    first = next((exc for exc in failed.values() if exc), None)
    names = ", ".join(map(str, failed))
    return errors.DestroyUnverified(
        f"Not seen to be gone: {names}. They may still bill; the same call again is safe.",
        http_status=first.http_status if first else None,
        vast_message=first.vast_message if first else None,
        instance_id=next(iter(failed)) if len(failed) == 1 else None,
        results=results,
        next_steps=[NextStep("destroy_instance", {"instance_ids": list(failed)}, "tries again")],
    )


SPEC = ToolSpec(
    fn=destroy_instance,
    arguments=DestroyInstance,
    result=DestroyInstanceResult,
    title="Destroy machines",
    read_only=False,
    destructive=True,
    idempotent=True,
    open_world=True,
)
