"""Offers are searched and rented (docs/vast-api.md A, B)."""

from typing import Any, cast

from vast_mcp.sandbox import replies, service
from vast_mcp.sandbox.gpus import GPU_NAMES
from vast_mcp.sandbox.request import ID_DIGITS, Request, read_object
from vast_mcp.sandbox.shapes import Json

from .table import Endpoint, done


def search_flat(request: Request) -> Json:
    """Search by `POST /bundles/`, with the service's default filters (B.1)."""
    return _found(request, request.object())


def search_in_query(request: Request) -> Json:
    """Search by `GET /bundles?q=` (B.3)."""
    flat = read_object(request.query.get("q", "{}"), "q")
    return _found(request, flat)


def _found(request: Request, flat: Json) -> Json:
    return {"offers": service.find_offers(request.world, flat, defaults=True)}


def search_asks(request: Request) -> Json:
    """Search by `PUT /search/asks/`: a wrapped query, and no defaults (B.3)."""
    flat, columns = _read_wrapped(request.object())
    rows = service.find_offers(request.world, flat, defaults=False)
    if "*" in columns:
        return {"offers": rows}
    return {"offers": [{name: row.get(name) for name in columns} for row in rows]}


def _read_wrapped(body: Json) -> tuple[Json, list[Any]]:
    for name in body:
        if name not in {"select_cols", "q"}:
            raise replies.extra_inputs(name)
    flat, columns = body.get("q"), body.get("select_cols")
    if not isinstance(flat, dict) or not isinstance(columns, list):
        raise replies.invalid_request("select_cols and q: Field required")
    return cast("Json", flat), cast("list[Any]", columns)


def create(request: Request) -> Json:
    """Rent by `PUT /asks/{id}/` (A)."""
    instance = service.rent(request.world, _ask_id(request), request.object())
    return done(new_contract=instance.id, instance_api_key=instance.secret)


def _ask_id(request: Request) -> int:
    text: str = request.in_path("ask")
    if not text.isdecimal() or len(text) > ID_DIGITS:
        raise replies.offer_id_needed()
    return int(text)


def gpu_names(_request: Request) -> Json:
    """Name every model that there is (B.4)."""
    return {"gpu_names": GPU_NAMES}


TABLE = (
    Endpoint("/api/v0/bundles/", "POST", "search", search_flat),
    Endpoint("/api/v0/bundles/", "GET", "search", search_in_query),
    Endpoint("/api/v0/search/asks/", "PUT", "search", search_asks),
    Endpoint("/api/v0/asks/{ask}/", "PUT", "create", create),
    Endpoint("/api/v0/gpu_names/unique/", "GET", "gpu_names", gpu_names),
)
