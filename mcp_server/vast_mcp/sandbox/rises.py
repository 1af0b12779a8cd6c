"""A host asks for a higher price, and the renter accepts or rejects it (docs/vast-api.md C.7)."""

from typing import Any

from . import replies
from .instances import Instance
from .offers import DAY
from .office import Rise
from .readers import is_whole
from .shapes import Json
from .state import State

MONTH_S = 2_592_000


def ask(state: State, instance_id: int, factor: float, days: float) -> Rise:
    """Let the host ask for a price so many times the present one, and offer so many days more."""
    instance = state.instances[instance_id]
    end = instance.offer["end_date"]
    rise = Rise(
        state.office.number(),
        instance_id,
        instance.offer["dph_base"] * factor,
        end,
        end + days * DAY,
        state.now,
    )
    state.office.rises[rise.id] = rise
    return rise


def pending(state: State) -> Json:
    """List those that wait for a verdict."""
    rows = [_row(state, rise) for rise in state.office.rises.values() if _waits(state, rise)]
    return {"count": len(rows), "truncated": False, "pending_price_increases": rows}


def _waits(state: State, rise: Rise) -> bool:
    return rise.verdict is None and state.find(rise.instance_id) is not None


def _row(state: State, rise: Rise) -> Json:
    offer = state.instances[rise.instance_id].offer
    gpus = offer["num_gpus"]
    disk = offer["storage_cost"] / MONTH_S
    return {
        "pending_price_increase_id": rise.id,
        "contract_id": rise.instance_id,
        "host_id": offer["host_id"],
        "old_gpu_costpersec": offer["dph_base"] / gpus / 3600,
        "new_gpu_costpersec": rise.new_base / gpus / 3600,
        "old_disk_ram_costpersec": disk,
        "new_disk_ram_costpersec": None,  # unchanged
        "old_bwu_cost": offer["inet_up_cost"],
        "new_bwu_cost": None,
        "old_bwd_cost": offer["inet_down_cost"],
        "new_bwd_cost": None,
        "old_platform_fee": None,
        "new_platform_fee": None,
        "contract_end_date": rise.contract_end,
        "ask_end_date": rise.ask_end,
        "created_at": rise.born,
    }


def decide(state: State, body: Json, verdict: str) -> Rise:
    """Accept or reject: accepted, it applies once the present contract is over; rejected, the
    price stays.
    """
    number: Any = body.get("pending_price_increase_id")
    if set(body) != {"pending_price_increase_id"} or not is_whole(number):
        raise replies.invalid_args("pending_price_increase_id: the only field, and an integer")
    rise = state.office.rises.get(number)
    if rise is None or not _waits(state, rise):
        msg = f"No pending price increase {number}"
        raise replies.refusal(404, "no_pending_price_increase", msg)
    rise.verdict = verdict
    state.write(f"rise_{verdict}", state.instances[rise.instance_id], rise_id=rise.id)
    return rise


def settle(state: State, instance: Instance) -> None:
    """Let an accepted price apply, once the contract's end of then has come."""
    for rise in state.office.rises.values():
        mine = rise.instance_id == instance.id and rise.verdict == "accepted"
        if mine and state.now >= rise.contract_end:
            instance.tick(state.now)
            instance.offer |= {"dph_base": rise.new_base, "end_date": rise.ask_end}
            rise.verdict = "applied"
