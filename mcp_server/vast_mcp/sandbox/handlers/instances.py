"""Instances are looked at and acted on (docs/vast-api.md C, D)."""

import json
from typing import Any

from starlette.responses import PlainTextResponse, Response

from vast_mcp.sandbox import listing, looks, replies, service, ssh_keys
from vast_mcp.sandbox.request import Request
from vast_mcp.sandbox.shapes import Json

from .table import Endpoint, done

# Looks


def list_v0(request: Request) -> Json:
    """Refuse the old list, but to accounts that are old (C.2)."""
    if not request.world.old_list:
        raise replies.deprecated_list()
    return looks.list_old(request.world)


def list_v1(request: Request) -> Json:
    """List a page of instances (C.2)."""
    return looks.list_page(request.world, listing.read_page_query(request.query))


def filters(request: Request) -> Json:
    """Say what the official client offers to filter by (C.2)."""
    return {"filters": looks.filter_values(request.world)}


def show(request: Request) -> Json:
    """Show one instance, or null (C.1)."""
    return {"instances": looks.show(request.world, request.id)}


# Acts (C.7)


def act_of_change(request: Request) -> str:
    """Name the act that a PUT on an instance is, for faults and limits."""
    match request.body:
        case {"state": "running"}:
            return "start"
        case {"state": "stopped"}:
            return "stop"
        case _:
            return "label"


def change(request: Request) -> Json:
    """Start, stop or label: the three share an address (C.7)."""
    body = request.object()
    state, label = body.get("state"), body.get("label")
    _check_change(body, state, label)
    if "label" in body:
        service.set_label(request.world, request.id, label)
    if state is not None:
        service.set_state(request.world, request.id, state)
    return done()


def _check_change(body: Json, state: Any, label: Any) -> None:
    if state is None and "label" not in body:
        raise replies.invalid_args("state or label is required")
    if state not in (None, "running", "stopped"):
        raise replies.invalid_args("Invalid target state")
    if label is not None and not isinstance(label, str):
        raise replies.invalid_args("label: Input should be a valid string")


def destroy(request: Request) -> Json | Response:
    """Destroy by `DELETE /instances/{id}/` (C.7)."""
    service.destroy(request.world, request.id)
    if request.world.destroy_without_body:
        return Response(status_code=204)
    return done(msg=f"Destroyed instance {request.id}.")


def reboot(request: Request) -> Json:
    """Reboot by `PUT /instances/reboot/{id}/` (C.7)."""
    service.reboot(request.world, request.id_in_text)
    return done()


def recycle(request: Request) -> Json:
    """Recycle by `PUT /instances/recycle/{id}/` (C.7)."""
    service.recycle(request.world, request.id_in_text)
    return done()


def change_bid(request: Request) -> Json:
    """Bid by `PUT /instances/bid_price/{id}/` (C.7)."""
    service.change_bid(request.world, request.id_in_text, request.field("price"))
    return done()


# Logs (C.7)


def request_logs(request: Request) -> Json:
    """Say where the log will be, some looks from now (C.7)."""
    name = looks.request_logs(request.world, request.id_in_text, request.object())
    return done(
        result_url=address_of_log(request, name),
        msg="Logs requested; the result appears at result_url.",
    )


def address_of_log(request: Request, name: str) -> str:
    """Say where a text will be found: on another path, or elsewhere (C.7)."""
    if request.world.log_url is not None:
        return request.world.log_url.replace("{}", name)
    url = request.http.url
    return f"{url.scheme}://{url.netloc}/_logs/{name}"


def read_log(request: Request) -> PlainTextResponse:
    """Read the log itself, for whoever knows its address: elsewhere in reality, and without a key
    (C.7).
    """
    return PlainTextResponse(looks.read_log(request.world, request.in_path("name")))


# Keys on one instance (D)


def attach_key(request: Request) -> Json:
    """Attach by `POST /instances/{id}/ssh/` (D)."""
    key = ssh_keys.attach(request.world, request.id, request.field("ssh_key"))
    return done(msg="SSH key added to instance.", key=json.dumps(key.as_json()))


def replace_key(request: Request) -> Json:
    """Replace by `PUT /instances/{id}/ssh/` (D)."""
    number, text = request.field("ssh_key_id"), request.field("ssh_key")
    key = ssh_keys.replace_on(request.world, request.id, number, text)
    return done(msg="SSH key was updated.", key=json.dumps(key.as_json()))


def attached_keys(request: Request) -> Json:
    """List by `GET /instances/{id}/ssh/` (D)."""
    return done(ssh_keys=ssh_keys.attached(request.world, request.id))


def detach_key(request: Request) -> Json:
    """Detach by `DELETE /instances/{id}/ssh/{key}/` (D)."""
    ssh_keys.detach(request.world, request.id, request.in_path("key"))
    return done(msg="SSH key removed from instance.")


TABLE = (
    Endpoint(
        "/api/v0/instances/{id:int}/ssh/", "PUT", "replace_key", "instance_write", replace_key
    ),
    Endpoint("/api/v0/instances/", "GET", "list_v0", "instance_read", list_v0),
    Endpoint("/api/v1/instances/", "GET", "list", "instance_read", list_v1),
    Endpoint("/api/v0/instances/filters/", "GET", "filters", "instance_read", filters),
    Endpoint("/api/v0/instances/{id:int}/", "GET", "show", "instance_read", show),
    Endpoint("/api/v0/instances/{id:int}/", "PUT", act_of_change, "instance_write", change),
    Endpoint("/api/v0/instances/{id:int}/", "DELETE", "destroy", "instance_write", destroy),
    Endpoint("/api/v0/instances/reboot/{id}/", "PUT", "reboot", "instance_write", reboot),
    Endpoint("/api/v0/instances/recycle/{id}/", "PUT", "recycle", "instance_write", recycle),
    Endpoint("/api/v0/instances/bid_price/{id}/", "PUT", "bid", "instance_write", change_bid),
    Endpoint("/api/v0/instances/request_logs/{id}/", "PUT", "logs", "instance_read", request_logs),
    Endpoint("/_logs/{name}", "GET", "log_text", "", read_log),
    Endpoint("/api/v0/instances/{id:int}/ssh/", "POST", "attach_key", "instance_write", attach_key),
    Endpoint(
        "/api/v0/instances/{id:int}/ssh/", "GET", "attached_keys", "instance_read", attached_keys
    ),
    Endpoint(
        "/api/v0/instances/{id:int}/ssh/{key:int}/",
        "DELETE",
        "detach_key",
        "instance_write",
        detach_key,
    ),
)
