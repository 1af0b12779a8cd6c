"""Offers are rented: one, many, or the first that a search finds (docs/vast-api.md A.11)."""

from typing import Any, cast

from starlette.responses import JSONResponse

from vast_mcp.sandbox import replies, service
from vast_mcp.sandbox.readers import as_list, is_whole
from vast_mcp.sandbox.replies import Refusal
from vast_mcp.sandbox.request import Request
from vast_mcp.sandbox.shapes import Json, known

from .table import Endpoint, done

MOST = 64


def create_many(request: Request) -> JSONResponse:
    """Rent by `POST /asks/bulk/`: one body for all, an answer for each; 400 where all fail."""
    body = request.object()
    asks = _read_asks(body)
    results = [_rent_one(request, ask, body) for ask in asks]
    created = [one["new_contract"] for one in results if one["success"]]
    failed = [one["ask_id"] for one in results if not one["success"]]
    said = {
        "success": bool(created),
        "results": results,
        "created": created,
        "failed": failed,
        "elapsed": 0.0,
    }
    return JSONResponse(said, 200 if created else 400)


def _read_asks(body: Json) -> list[int]:
    if "ids" not in body:
        raise replies.invalid_args("error missings offer 'ids' parameter")
    asks = as_list(body["ids"])
    if not asks:
        raise replies.invalid_args("no ask ids provided")
    if len(asks) > MOST:
        raise replies.invalid_args(f"too many ask ids provided; max is {MOST}")
    if not all(is_whole(ask) for ask in asks):
        raise replies.invalid_args("ids: Input should be a list of integers")
    return cast("list[int]", asks)


def _rent_one(request: Request, ask: int, body: Json) -> Json:
    try:
        instance = service.rent(request.world, ask, body)
    except Refusal as no:
        return {"ask_id": ask, "success": False, **_why(no)}
    return {
        "ask_id": ask,
        "success": True,
        "new_contract": instance.id,
        "state": instance.intended,
    }


def _why(no: Refusal) -> Json:
    """Say a refusal as one row of many does; an instance left behind is named."""
    body: Json = no.body if isinstance(no.body, dict) else {"msg": no.body}
    return known({name: body.get(name) for name in ("error", "msg", "new_contract")})


def launch(request: Request) -> Json:
    """Rent by `PUT /launch_instance/`: the first offer that its search finds."""
    body = request.object()
    query: Any = body.get("q")
    if not isinstance(query, dict):
        raise replies.invalid_args("q: Input should be a valid dictionary")
    found, _more = service.find_offers(request.world, cast("Json", query), defaults=False)
    if not found:
        return {
            "success": False,
            "error": "offer_not_found",
            "message": "No offer answers the search.",
        }
    instance = service.rent(request.world, found[0]["id"], body)
    return done(new_contract=instance.id)


def recommend_bid(request: Request) -> float:
    """Say by `PUT /bundles_bid_price/{id}/` what to bid: the least bid, which is ours (A.6)."""
    number = request.id
    offers = [one for one in request.world.offers.values() if one["bundle_id"] == number]
    if not offers:
        msg = f"Offer {number} does not exist or is not available."
        raise replies.refusal(404, "no_such_ask", msg)
    return min(one["min_bid"] for one in offers)


TABLE = (
    Endpoint("/api/v0/asks/bulk/", "POST", "create_many", "instance_write", create_many),
    Endpoint("/api/v0/launch_instance/", "PUT", "launch", "misc", launch),
    Endpoint("/api/v0/bundles_bid_price/{id:int}/", "PUT", "bid_price", "misc", recommend_bid),
)
