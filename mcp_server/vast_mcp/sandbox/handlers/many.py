"""Many instances are changed or destroyed with one request (docs/vast-api.md C.7)."""

from collections.abc import Callable
from typing import Any

from vast_mcp.sandbox import replies, service
from vast_mcp.sandbox.readers import as_list, is_whole
from vast_mcp.sandbox.replies import Refusal
from vast_mcp.sandbox.request import Request
from vast_mcp.sandbox.shapes import Json

from .table import Endpoint, done

MOST = 64


def act_of_changes(request: Request) -> str:
    """Name the act that a PUT on many is, for faults."""
    match request.body:
        case {"state": "running"}:
            return "start_many"
        case {"state": "stopped"}:
            return "stop_many"
        case _:
            return "label_many"


def change_many(request: Request) -> Json:
    """Start, stop or label by `PUT /instances/`; true where one of them worked."""
    body, world = request.object(), request.world
    ids = _read_ids(body)
    state, label = body.get("state"), body.get("label")
    if state not in (None, "running", "stopped") or (state is None and "label" not in body):
        raise replies.invalid_args("Invalid target state")
    if label is not None and not isinstance(label, str):
        raise replies.invalid_args("label: Input should be a valid string")
    if state == "running" and world.credit <= 0:
        raise replies.refusal(400, "insufficient_credit", "You lack credit.")

    def act(number: int) -> None:
        if "label" in body:
            service.set_label(world, number, label)
        if state is not None:
            service.set_state(world, number, state)

    return {"success": _each(ids, act)}


def _read_ids(body: Json) -> list[Any]:
    ids = as_list(body.get("ids"))
    if not ids:
        raise replies.invalid_args("ids list required")
    if len(ids) > MOST:
        raise replies.invalid_args(f"chunk length of {len(ids)} > {MOST}")
    if not all(is_whole(one) for one in ids):
        raise replies.refusal(404, "invalid_args", "Invalid instance ID list ids.")
    return ids


def _each(ids: list[Any], act: Callable[[int], None]) -> bool:
    """Do it to each; unless there is none of them at all, a failure stays among them."""
    worked, gone = 0, 0
    for number in ids:
        try:
            act(number)
            worked += 1
        except Refusal as no:
            gone += no.status == 404
    if gone == len(ids):
        raise replies.refusal(404, "invalid_args", "Invalid instance ID list ids.")
    return worked > 0


def destroy_many(request: Request) -> Json:
    """Destroy by `DELETE /instances/`."""
    body = request.object()
    if "instance_ids" not in body:
        raise replies.invalid_args("instance_ids array is required")
    ids = as_list(body["instance_ids"])
    if not ids or not all(is_whole(one) for one in ids):
        raise replies.invalid_args("invalid request format")
    ours = [one for one in dict.fromkeys(ids) if request.world.find(one) is not None]
    if not ours:
        raise replies.refusal(404, "instances_not_found", "Instances not found.")
    for number in ours:
        service.destroy(request.world, number)
    return done()


PATH = "/api/v0/instances/"
TABLE = (
    Endpoint(PATH, "PUT", act_of_changes, "instance_write", change_many),
    Endpoint(PATH, "DELETE", "destroy_many", "instance_write", destroy_many),
)
