"""Routes lead a request to its handler, past faults, limits and keys."""

from collections import defaultdict
from dataclasses import dataclass
from email.utils import formatdate
from functools import cache

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import access, control, replies
from .handlers import (
    account,
    belongings,
    errands,
    instances,
    many,
    money,
    offers,
    rentals,
    templates,
    volumes,
)
from .handlers.table import Endpoint
from .ledger import Received
from .odd import OddJSON
from .replies import Refusal
from .request import Request
from .world import World

AREAS = (offers, rentals, instances, many, errands, money, volumes, account, templates, belongings)
TABLE = tuple(endpoint for area in AREAS for endpoint in area.TABLE)
MARK = "Vast-Mcp-Sandbox"  # a header that Vast.ai does not have
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"]


def create_app(world: World) -> Starlette:
    """Make the pretend service of one world, its control routes included."""
    nowhere = {HTTPException: _lead_nowhere}
    app = Starlette(routes=[*_service(), *control.routes(world)], exception_handlers=nowhere)
    app.router.redirect_slashes = False  # `_lead_on` answers a missing slash, and in its own form
    app.state.world = world
    return app


@cache
def _service() -> tuple[Route, ...]:
    """The addresses of Vast.ai, which all worlds have: they take longer to make than a world."""
    by_path: dict[str, dict[str, Endpoint]] = defaultdict(dict)
    for endpoint in sorted(TABLE, key=lambda one: one.path.count("{")):  # words before numbers
        by_path[endpoint.path][endpoint.method] = endpoint
    routes = [
        Route(path, _Address(path, methods).answer, methods=METHODS)
        for path, methods in by_path.items()
    ]
    bare = [Route(path[:-1], _lead_on, methods=METHODS) for path in by_path if path.endswith("/")]
    return (*routes, *bare)


async def _read(http: HttpRequest) -> Request:
    """The request, in the world of the service that it came to."""
    return await Request.read(http.app.state.world, http)


@dataclass(frozen=True)
class _Address:
    """An address of the service knows some methods."""

    path: str
    methods: dict[str, Endpoint]

    async def answer(self, http: HttpRequest) -> Response:
        """Answer as the service does, or as the fault that the request meets."""
        request = await _read(http)
        world = request.world
        endpoint = self.methods.get(http.method, self._unknown(http.method))
        name = _name_of(endpoint, request)
        _remember(request, name)
        fault = world.faults.take(name, http.method)
        if fault is None:
            return _dated(world, _answer(request, name, endpoint))
        reply = None
        if fault.when == "after":
            reply = _answer(request, name, endpoint)
        return _dated(world, await world.faults.act(fault, reply, world.now))

    def _unknown(self, method: str) -> Endpoint:
        return Endpoint(self.path, method, "unknown", "", _refuse_method)


async def _lead_on(http: HttpRequest) -> Response:
    """An address without its last slash is none: it leads on, whatever the key or the method, and
    its JSON has no data (docs/vast-api.md 0). What was asked is remembered as `moved`.
    """
    request = await _read(http)
    _remember(request, "moved")
    query = f"?{http.url.query}" if http.url.query else ""
    return _dated(request.world, _refused(replies.moved(f"{request.path}/{query}")))


async def _lead_nowhere(http: HttpRequest, _error: Exception) -> Response:
    """Nowhere is every address that the service does not have. What was asked is remembered as
    `unknown`.
    """
    request = await _read(http)
    _remember(request, "unknown")
    return _dated(request.world, _refused(replies.no_such_path(request.path)))


def _name_of(endpoint: Endpoint, request: Request) -> str:
    if isinstance(endpoint.name, str):
        return endpoint.name
    return endpoint.name(request)


def _remember(request: Request, name: str) -> None:
    world = request.world
    received = Received(
        seq=len(world.requests) + 1,
        at=world.now,
        endpoint=name,
        method=request.http.method,
        path=request.path,
        query=request.query,
        body=request.body,
        with_key=request.authorization is not None,
    )
    world.requests.append(received)


def _answer(request: Request, name: str, endpoint: Endpoint) -> Response:
    """Check the limits, then the key, then act."""
    world = request.world
    try:
        _check_limits(world, request)
        access.check(request, name, endpoint)
        said = endpoint.handler(request)
    except Refusal as no:
        return _refused(no)
    if isinstance(said, Response):
        return said
    return OddJSON(world.odd.spoil(name, said))


def _check_limits(world: World, request: Request) -> None:
    if world.limits:
        world.limiter.check(
            request.http.method,
            request.path,
            form=world.limit_form,
            scale=world.limits_scale,
            written=world.written_limits,
        )


def _refused(no: Refusal) -> Response:
    if isinstance(no.body, str):
        return Response(no.body, no.status, no.headers, media_type="text/plain")
    return JSONResponse(no.body, no.status, no.headers)


def _dated(world: World, reply: Response) -> Response:
    """Say who answers, and in Date the world's own time, unless a fault has set one: a test may set
    it wrong.
    """
    reply.headers.setdefault("Date", formatdate(world.now, usegmt=True))
    reply.headers[MARK] = "1"
    return reply


def _refuse_method(request: Request) -> None:
    raise replies.method_not_allowed(request.http.method)
