"""Offers are searched and rented (docs/vast-api.md A, B)."""

from typing import Any, cast

from vast_mcp.sandbox import replies, service
from vast_mcp.sandbox.gpus import GPU_NAMES
from vast_mcp.sandbox.listing import read_json
from vast_mcp.sandbox.request import ID_DIGITS, Request, read_object
from vast_mcp.sandbox.shapes import Json

from .table import Endpoint, done


def search_flat(request: Request) -> Json:
    """Search by `POST /bundles/`, with the service's default filters (B.1)."""
    return _found(request, request.object())


def search_in_query(request: Request) -> Json:
    """Search by `GET /bundles/?q=&select_cols=`, as the web console does (B.1)."""
    flat = read_object(request.query.get("q", "{}"), "q")
    columns = read_json(request.query.get("select_cols", '["*"]'), "select_cols")
    found = _found(request, flat)
    return {"offers": _cut(found["offers"], columns)}


def _found(request: Request, flat: Json) -> Json:
    rows, _more = service.find_offers(request.world, flat, defaults=True)
    return {"offers": rows}


def search_asks(request: Request) -> Json:
    """Search by `PUT /search/asks/`: a wrapped query, and no defaults (B.3)."""
    flat, columns = _read_wrapped(request.object())
    rows, more = service.find_offers(request.world, flat, defaults=False)
    return {"offers": _cut(rows, columns), "truncated": more}


def _cut(rows: list[Json], columns: Any) -> list[Json]:
    """Keep these columns; a name that nobody knows comes back null (C.2)."""
    if not isinstance(columns, list):
        raise replies.invalid_request("select_cols: Input should be a valid list")
    names = [str(name) for name in cast("list[Any]", columns)]
    if "*" in names:
        return rows
    return [{name: row.get(name) for name in names} for row in rows]


def _read_wrapped(body: Json) -> tuple[Json, Any]:
    for name in body:
        if name not in {"select_cols", "q"}:
            raise replies.extra_inputs(name)
    flat = body.get("q")
    if not isinstance(flat, dict):
        raise replies.invalid_request("q: Field required")
    return cast("Json", flat), body.get("select_cols", ["*"])


def create(request: Request) -> Json:
    """Rent by `PUT /asks/{id}/` (A): `success` says whether it starts, and not whether it was
    rented (A.11).
    """
    world = request.world
    instance = service.rent(world, _ask_id(request), request.object())
    contract: int | str = str(instance.id) if world.contract_as_text else instance.id
    return {
        "success": instance.has_gpu,
        "new_contract": contract,
        "instance_api_key": instance.secret,
    }


def _ask_id(request: Request) -> int:
    text: str = request.in_path("ask")
    if not text.isdecimal() or len(text) > ID_DIGITS:
        raise replies.offer_id_needed()
    return int(text)


def gpu_names(_request: Request) -> Json:
    """Name every model that there is (B.4)."""
    return done(gpu_names=GPU_NAMES)


TABLE = (
    Endpoint("/api/v0/bundles/", "POST", "search", "misc", search_flat),
    Endpoint("/api/v0/bundles/", "GET", "search", "misc", search_in_query),
    Endpoint("/api/v0/search/asks/", "PUT", "search", "misc", search_asks),
    Endpoint("/api/v0/asks/{ask}/", "PUT", "create", "instance_write", create),
    Endpoint("/api/v0/gpu_names/unique/", "GET", "gpu_names", "", gpu_names),
)
