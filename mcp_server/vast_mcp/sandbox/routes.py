"""The wire: parse, ask the world, encode. Section letters in docstrings are those of the API
notes.
"""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from . import control, listing, replies
from .faults import HANG_UP
from .ledger import Received
from .offers import GPU_NAMES
from .replies import Refusal
from .world import World

JSON = dict[str, Any]

# What a scoped key needs (I); only the names of the groups are recorded.
PERMISSIONS = {
    "create": "instance_write",
    "destroy": "instance_write",
    "start": "instance_write",
    "stop": "instance_write",
    "label": "instance_write",
    "reboot": "instance_write",
    "recycle": "instance_write",
    "bid": "instance_write",
    "attach_key": "instance_write",
    "detach_key": "instance_write",
    "attached_keys": "instance_read",
    "logs": "instance_read",
    "list": "instance_read",
    "filters": "instance_read",
    "show": "instance_read",
    "search": "misc",
    "search_volumes": "misc",
    "volumes": "instance_read",
    "rent_volume": "instance_write",
    "delete_volume": "instance_write",
    "keys": "user_read",
    "user": "user_read",
}
OPEN = frozenset({"gpu_names", "log_text"})  # answered without a key
ANONYMOUS = frozenset(
    {"/api/v0/bundles"}
)  # a key is checked when it is there, but not needed (B.1)
OWN = frozenset(
    {"show", "start", "stop", "label", "destroy"}
)  # what a machine's own key opens, of that machine (A.11)


class Call:
    """One request with its body read, as the handlers see it."""

    def __init__(self, world: World, request: Request, text: str) -> None:
        self.world = world
        self.request = request
        self.query = {
            name: value for name, value in request.query_params.items() if name != "api_key"
        }
        self.text = text
        try:
            self.body: Any = json.loads(text) if text.strip() else None
        except (ValueError, RecursionError):
            self.body = text

    def object(self) -> JSON:
        """The body as an object; none at all is an empty one."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise replies.unreadable_body()
        body = cast("JSON", self.body)
        try:  # what could not be said back, NaN or half a surrogate pair, is not taken in
            json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        except ValueError:
            raise replies.unreadable_body() from None
        return body

    def id(self) -> int:
        return self.request.path_params["id"]


Handler = Callable[[Call], Any]


def search_flat(call: Call) -> JSON:
    """POST /bundles/, with the service's default filters (B.1)."""
    return {"offers": call.world.search(call.object(), defaults=True)}


def search_in_query(call: Call) -> JSON:
    """GET /bundles?q= (B.3)."""
    try:
        flat = json.loads(call.query.get("q", "{}"))
    except ValueError:
        raise replies.invalid_request("q: Invalid JSON") from None
    if not isinstance(flat, dict):
        raise replies.invalid_request("q: Input should be a valid dictionary")
    return {"offers": call.world.search(cast("JSON", flat), defaults=True)}


def search_asks(call: Call) -> JSON:
    """PUT /search/asks/: a wrapped query, and no defaults (B.3)."""
    body = call.object()
    for name in body:
        if name not in {"select_cols", "q"}:
            raise replies.extra_inputs(name)
    flat, columns = body.get("q"), body.get("select_cols")
    if not isinstance(flat, dict) or not isinstance(columns, list):
        raise replies.invalid_request("select_cols and q: Field required")
    rows = call.world.search(cast("JSON", flat), defaults=False)
    names = cast("list[Any]", columns)
    return {
        "offers": rows
        if "*" in names
        else [{name: row.get(name) for name in names} for row in rows]
    }


def create(call: Call) -> JSON:
    """PUT /asks/{id}/ (A)."""
    text = call.request.path_params["ask"]
    if not text.isdecimal() or len(text) > 18:
        raise replies.offer_id_needed()
    instance = call.world.rent(int(text), call.object())
    return {"success": True, "new_contract": instance.id, "instance_api_key": instance.secret}


def list_v0(_call: Call) -> JSON:
    """The old list (C.2)."""
    raise replies.deprecated_list()


def list_v1(call: Call) -> JSON:
    """The paged list (C.2)."""
    return call.world.list_page(listing.read_page_query(call.query))


def filters(call: Call) -> JSON:
    """What the official client offers to filter by (C.2)."""
    return {"filters": call.world.filter_values()}


def show(call: Call) -> JSON:
    """One instance, or null (C.1)."""
    return {"instances": call.world.show(call.id())}


def change(call: Call) -> JSON:
    """Start, stop and label share an address (C.7)."""
    body = call.object()
    state, label = body.get("state"), body.get("label")
    if state is None and "label" not in body:
        raise replies.invalid_args("state or label is required")
    if state not in (None, "running", "stopped"):
        raise replies.invalid_args("state must be running or stopped")
    if label is not None and not isinstance(label, str):
        raise replies.invalid_args("label: Input should be a valid string")
    if "label" in body:
        call.world.set_label(call.id(), label)
    if state is not None:
        call.world.set_state(call.id(), state)
    return {"success": True}


def destroy(call: Call) -> JSON:
    """DELETE /instances/{id}/ (C.7)."""
    call.world.destroy(call.id())
    return {"success": True, "msg": f"Destroyed instance {call.id()}."}


def reboot(call: Call) -> JSON:
    """PUT /instances/reboot/{id}/ (C.7)."""
    call.world.reboot(_id_in_text(call))
    return {"success": True}


def recycle(call: Call) -> JSON:
    """PUT /instances/recycle/{id}/ (C.7)."""
    call.world.recycle(_id_in_text(call))
    return {"success": True}


def change_bid(call: Call) -> JSON:
    """PUT /instances/bid_price/{id}/ (C.7)."""
    call.world.change_bid(_id_in_text(call), call.object().get("price"))
    return {"success": True}


def _id_in_text(call: Call) -> int:
    text = call.request.path_params["id"]
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise replies.invalid_id(text)
    return int(text)


def request_logs(call: Call) -> JSON:
    """PUT /instances/request_logs/{id}/: where the log will be, some looks from now (C.7)."""
    name = call.world.request_logs(_id_in_text(call), call.object())
    at = call.request.url
    own = f"{at.scheme}://{at.netloc}/_logs/{name}"
    address = own if call.world.log_url is None else call.world.log_url.replace("{}", name)
    return {
        "success": True,
        "result_url": address,
        "msg": "Logs requested; the result appears at result_url.",
    }


def read_log(call: Call) -> PlainTextResponse:
    """The log itself, for whoever knows its address: elsewhere in reality, and without a key
    (C.7).
    """
    return PlainTextResponse(call.world.read_log(call.request.path_params["name"]))


def attach_key(call: Call) -> JSON:
    """POST /instances/{id}/ssh/ (D)."""
    key = call.world.attach_key(call.id(), call.object().get("ssh_key"))
    return {"success": True, "msg": "SSH key added to instance.", "key": key.as_json()}


def attached_keys(call: Call) -> JSON:
    """GET /instances/{id}/ssh/ (D)."""
    return {"success": True, "ssh_keys": call.world.attached_keys(call.id())}


def detach_key(call: Call) -> JSON:
    """DELETE /instances/{id}/ssh/{key}/ (D)."""
    call.world.detach_key(call.id(), call.request.path_params["key"])
    return {"success": True, "msg": "SSH key removed from instance."}


def search_volumes(call: Call) -> JSON:
    """POST /volumes/search/ (F)."""
    return {"offers": call.world.volumes.search(call.object(), call.world.clock())}


def rent_volume(call: Call) -> JSON:
    """PUT /volumes/ (F)."""
    volume = call.world.rent_volume(call.object())
    return {"success": True, "volume_name": f"V.{volume.id}", "volume_id": volume.id}


def list_volumes(call: Call) -> JSON:
    """GET /volumes (F)."""
    return {"success": True, "volumes": call.world.volumes.rows(call.query.get("type"))}


def delete_volume(call: Call) -> JSON:
    """DELETE /volumes/?id=, or the id in the body as the specification has it (F)."""
    text = call.query.get("id", "")
    given = (
        int(text)
        if text.isascii() and text.isdecimal() and len(text) <= 18
        else call.object().get("id")
    )
    call.world.delete_volume(given)
    return {"success": True}


def list_keys(call: Call) -> list[JSON]:
    """A bare array (D)."""
    return call.world.list_keys()


def add_key(call: Call) -> JSON:
    """POST /ssh/ (D)."""
    return {"success": True, "key": call.world.add_key(call.object().get("ssh_key")).as_json()}


def delete_key(call: Call) -> JSON:
    """DELETE /ssh/{id}/ (D)."""
    call.world.delete_key(call.id())
    return {"success": True}


def user(call: Call) -> JSON:
    """A flat object (G)."""
    return call.world.user()


def gpu_names(_call: Call) -> JSON:
    """Every model there is (B.4)."""
    return {"gpu_names": GPU_NAMES}


def find_templates(call: Call) -> JSON:
    """GET /template/ (E)."""
    try:
        asked = json.loads(call.query.get("select_filters") or "{}")
    except ValueError:
        raise replies.invalid_request("select_filters: Invalid JSON") from None
    if not isinstance(asked, dict):
        raise replies.invalid_request("select_filters: Input should be a valid dictionary")
    limit = call.query.get("limit", "")
    found = call.world.shelf.find(cast("JSON", asked), int(limit) if limit.isdecimal() else None)
    return {"success": True, "templates_found": len(found), "templates": found}


def add_template(call: Call) -> JSON:
    """POST /template/ (E)."""
    template = call.world.add_template(call.object())
    brief = {key: template[key] for key in ("id", "hash_id", "name")}
    return {"success": True, "msg": "Template created", "template": brief}


def edit_template(call: Call) -> JSON:
    """PUT /template/ with the hash and what changes (E)."""
    template = call.world.edit_template(call.object())
    return {"success": True, "template": {key: template[key] for key in ("id", "hash_id", "name")}}


def name_of_change(call: Call) -> str:
    """Which act a PUT on an instance is, for faults and limits."""
    body: Any = call.body
    state = cast("JSON", body).get("state") if isinstance(body, dict) else None
    return {"running": "start", "stopped": "stop"}.get(str(state), "label")


Name = str | Callable[[Call], str]

# (path without its last slash, method, what faults and limits call it, handler)
TABLE: tuple[tuple[str, str, Name, Handler], ...] = (
    ("/api/v0/bundles", "POST", "search", search_flat),
    ("/api/v0/bundles", "GET", "search", search_in_query),
    ("/api/v0/search/asks", "PUT", "search", search_asks),
    ("/api/v0/asks/{ask}", "PUT", "create", create),
    ("/api/v0/instances", "GET", "list_v0", list_v0),
    ("/api/v1/instances", "GET", "list", list_v1),
    ("/api/v0/instances/filters", "GET", "filters", filters),
    ("/api/v0/instances/{id:int}", "GET", "show", show),
    ("/api/v0/instances/{id:int}", "PUT", name_of_change, change),
    ("/api/v0/instances/{id:int}", "DELETE", "destroy", destroy),
    ("/api/v0/instances/reboot/{id}", "PUT", "reboot", reboot),
    ("/api/v0/instances/recycle/{id}", "PUT", "recycle", recycle),
    ("/api/v0/instances/bid_price/{id}", "PUT", "bid", change_bid),
    ("/api/v0/instances/request_logs/{id}", "PUT", "logs", request_logs),
    ("/api/v0/instances/{id:int}/ssh", "POST", "attach_key", attach_key),
    ("/api/v0/instances/{id:int}/ssh", "GET", "attached_keys", attached_keys),
    ("/api/v0/instances/{id:int}/ssh/{key:int}", "DELETE", "detach_key", detach_key),
    ("/_logs/{name}", "GET", "log_text", read_log),
    ("/api/v0/volumes/search", "POST", "search_volumes", search_volumes),
    ("/api/v0/volumes", "GET", "volumes", list_volumes),
    ("/api/v0/volumes", "PUT", "rent_volume", rent_volume),
    ("/api/v0/volumes", "DELETE", "delete_volume", delete_volume),
    ("/api/v0/ssh", "GET", "keys", list_keys),
    ("/api/v0/ssh", "POST", "keys", add_key),
    ("/api/v0/ssh/{id:int}", "DELETE", "keys", delete_key),
    ("/api/v0/users/current", "GET", "user", user),
    ("/api/v0/gpu_names/unique", "GET", "gpu_names", gpu_names),
    ("/api/v0/template", "GET", "templates", find_templates),
    ("/api/v0/template", "POST", "templates", add_template),
    ("/api/v0/template", "PUT", "templates", edit_template),
)


def create_app(world: World) -> Starlette:
    """The pretend service of one world, its control routes included."""
    by_path: dict[str, dict[str, tuple[Name, Handler]]] = {}
    for path, method, name, handler in TABLE:
        by_path.setdefault(path, {})[method] = (name, handler)
    routes = [
        Route(
            spelling,
            _endpoint(world, path, methods),
            methods=["GET", "POST", "PUT", "DELETE", "PATCH"],
        )
        for path, methods in by_path.items()
        for spelling in (path, f"{path}/")
    ]
    app = Starlette(
        routes=[*routes, *control.routes(world)],
        exception_handlers={HTTPException: _no_route(world)},
    )
    app.router.redirect_slashes = False  # both spellings are served as they are
    return app


def _endpoint(
    world: World, path: str, methods: dict[str, tuple[Name, Handler]]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        call = Call(world, request, (await request.body()).decode("utf-8", "replace"))
        name, handler = methods.get(request.method, ("unknown", _wrong_method))
        named = name if isinstance(name, str) else name(call)
        _remember(call, named)
        fault = world.faults.take(named, request.method)
        if fault is None:
            return _dated(world, _answer(call, named, path, handler))
        reply = None if fault.when == "before" else _answer(call, named, path, handler)
        return _dated(world, await world.faults.act(fault, reply, world.clock()))

    return endpoint


def _dated(world: World, reply: Response) -> Response:
    """With the world's own clock, which a test may set wrong, in Date, unless a fault has set
    one.
    """
    reply.headers.setdefault("Date", formatdate(world.clock(), usegmt=True))
    return reply


def _answer(call: Call, name: str, path: str, handler: Handler) -> Response:
    """Limits, then the key, then the act."""
    try:
        if call.world.limits:
            call.world.limiter.check(name)
        _check_key(call, name, path)
        said = handler(call)
        return said if isinstance(said, Response) else JSONResponse(said)
    except Refusal as no:
        return _refused(no)


def _refused(no: Refusal) -> Response:
    if isinstance(no.body, str):
        return Response(no.body, no.status, no.headers, media_type="text/plain")
    return JSONResponse(no.body, no.status, no.headers)


def _check_key(call: Call, name: str, path: str) -> None:
    header = call.request.headers.get("authorization")
    if name in OPEN or (header is None and path in ANONYMOUS):
        return
    call.world.check_key(header)
    group = PERMISSIONS.get(name)
    own = call.world.machine_of(header)
    if own is not None and (
        name not in OWN or call.id() != own.id or name in call.world.own_key_lacks
    ):
        raise replies.permission_missing(str(group), call.world.own_key_status)
    if group in call.world.missing_permissions:
        raise replies.permission_missing(str(group))


def _remember(call: Call, name: str) -> None:
    world, request = call.world, call.request
    path = request.url.path
    received = Received(
        len(world.requests) + 1, world.clock(), name, request.method, path, call.query, call.body
    )
    received.with_key = "authorization" in request.headers
    world.requests.append(received)


def _wrong_method(call: Call) -> None:
    raise replies.method_not_allowed(call.request.method)


def _no_route(world: World) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def no_route(request: Request, _error: Exception) -> Response:
        call = Call(world, request, (await request.body()).decode("utf-8", "replace"))
        _remember(call, "unknown")
        return _dated(world, _refused(replies.no_such_path(request.url.path)))

    return no_route


class _Hangable:
    """Gives a `drop` fault the means to close the socket: an ASGI application has none of its
    own.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport: Any = getattr(
            getattr(send, "__self__", None), "transport", None
        )  # uvicorn's request cycle
        if transport is None:
            return await self.app(scope, receive, send)

        async def hang_up() -> None:
            transport.abort()
            while (await receive())["type"] != "http.disconnect":
                pass

        try:
            await self.app({**scope, HANG_UP: hang_up}, receive, send)
        except asyncio.CancelledError:  # the server ends while a request hangs
            transport.abort()
            raise


def serve(
    world: World, host: str, port: int, on_ready: Callable[[str], None] | None = None
) -> None:
    """Serve until interrupted. Port 0 takes a free one; `on_ready` hears the address once
    connections are accepted.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        # Inherited by what it accepts. asyncio would set it, but not on a socket that does not
        # name its protocol, and the second part of an answer then waits 40 ms for a receipt of
        # the first.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number = listener.getsockname()[1]
        if on_ready is not None:
            on_ready(f"http://[{host}]:{number}" if ":" in host else f"http://{host}:{number}")
        serve_on(world, listener)


def serve_on(world: World, listener: socket.socket) -> None:
    """The same on a socket that listens already."""
    import uvicorn

    config = uvicorn.Config(
        _Hangable(create_app(world)),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,  # the world's clock says it
        timeout_graceful_shutdown=0,  # an interrupt ends at once, whatever hangs
    )
    server = uvicorn.Server(config)
    try:
        server.run(sockets=[listener])
    except (KeyboardInterrupt, asyncio.CancelledError):
        return
    finally:
        world.close()
