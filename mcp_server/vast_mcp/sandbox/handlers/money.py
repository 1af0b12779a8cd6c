"""Money is paid ahead, billed and looked at (docs/vast-api.md C.7, G)."""

from typing import Any, cast

from vast_mcp.sandbox import money, replies, rises
from vast_mcp.sandbox.office import Rise
from vast_mcp.sandbox.request import Request, is_id, read_object
from vast_mcp.sandbox.shapes import Json, is_number

from .table import Endpoint, done


def prepay(request: Request) -> Json:
    """Pay ahead by `PUT /instances/prepay/{id}/`."""
    deposit = money.prepay(request.world, request.id_in_text, request.field("amount"))
    return done(timescale=round(deposit.months, 6), discount_rate=round(deposit.rate, 6))


def balance(request: Request) -> Json:
    """Ask by `GET /instances/balance/{id}/` what a destroy would refund."""
    return done(**money.balance(request.world, request.id_in_text))


def transfer(request: Request) -> Json:
    """Give credit by `PUT /commands/transfer_credit/`."""
    body = request.object()
    money.transfer(request.world, body.get("recipient"), body.get("amount"))
    return done()


def spend_rate(request: Request) -> Json:
    """Ask by `GET /users/spend-rate/` what everything costs now."""
    return done(**money.spend_rate(request.world))


def charges(request: Request) -> Json:
    """List by `GET /charges/` what was billed."""
    return done(**money.charges(request.world, _page(request, money.PAGE)))


def invoices(request: Request) -> Json:
    """List by `GET /api/v1/invoices/` what was paid."""
    query = _page(request, 60)
    when: Any = query["select_filters"].get("when")
    if not _is_range(when):
        return {"success": False, "error": "Invalid date range"}
    since = max((when[op] for op in ("gte", "gt") if op in when), default=0)
    until = min((when[op] for op in ("lte", "lt") if op in when), default=request.world.now)
    payments = request.world.office.payments
    rows = [one for one in payments if since <= one["start"] <= until]
    wanted: Any = query["select_filters"].get("service", {}).get("in")
    if wanted:
        rows = [one for one in rows if one["metadata"]["service"] in wanted]
    rows.sort(key=lambda one: one["start"], reverse=query["latest_first"])
    return done(**money.page_of(rows, query, 100))


def _is_range(when: Any) -> bool:
    if not isinstance(when, dict) or not when:
        return False
    ops = cast("Json", when)
    if not set(ops) <= {"gte", "gt", "lte", "lt"} or not all(map(is_number, ops.values())):
        return False
    since = max((ops[op] for op in ("gte", "gt") if op in ops), default=0)
    until = min((ops[op] for op in ("lte", "lt") if op in ops), default=since)
    return since <= until


def old_invoices(request: Request) -> Json:
    """List by `GET /users/{id}/invoices/`, in the words that the official client reads."""
    payments = [
        {
            "amount": one["amount"],
            "description": one["description"],
            "quantity": "",
            "rate": "",
            "timestamp": one["start"],
            "type": "payment",
        }
        for one in request.world.office.payments
    ]
    owed = {"charges": 0.0, "service_fee": 0.0, "total": 0.0, "credit": request.world.credit}
    return {"invoices": payments, "current": owed}


def _page(request: Request, limit: int) -> Json:
    """Read what the lists of money share."""
    token = request.parameter("after_token")
    if token and not is_id(token):
        raise replies.invalid_token()
    asked = request.parameter("limit")
    return {
        "select_filters": read_object(
            request.parameter("select_filters") or "{}", "select_filters"
        ),
        "latest_first": request.parameter("latest_first").lower() != "false",
        "limit": int(asked) if is_id(asked) else limit,
        "after": int(token or 0),
    }


# Higher prices (C.7)


def pending_rises(request: Request) -> Json:
    """List by `GET /instances/pending-price-increases/`."""
    return done(**rises.pending(request.world))


def accept_rise(request: Request) -> Json:
    """Accept by `PUT /instances/accept-price-increase/`."""
    return _decided(rises.decide(request.world, request.object(), "accepted"))


def reject_rise(request: Request) -> Json:
    """Reject by `PUT /instances/reject-price-increase/`."""
    return _decided(rises.decide(request.world, request.object(), "rejected"))


def _decided(rise: Rise) -> Json:
    return done(pending_price_increase_id=rise.id, contract_id=rise.instance_id)


ONE = "/api/v0/instances"
TABLE = (
    Endpoint(f"{ONE}/prepay/{{id}}/", "PUT", "prepay", "instance_write", prepay),
    Endpoint(f"{ONE}/balance/{{id}}/", "GET", "balance", "instance_read", balance),
    Endpoint(f"{ONE}/pending-price-increases/", "GET", "rises", "instance_read", pending_rises),
    Endpoint(f"{ONE}/accept-price-increase/", "PUT", "accept_rise", "instance_write", accept_rise),
    Endpoint(f"{ONE}/reject-price-increase/", "PUT", "reject_rise", "instance_write", reject_rise),
    Endpoint("/api/v0/commands/transfer_credit/", "PUT", "transfer", "billing_write", transfer),
    Endpoint("/api/v0/users/spend-rate/", "GET", "spend_rate", "user_read", spend_rate),
    Endpoint("/api/v0/charges/", "GET", "charges", "billing_read", charges),
    Endpoint("/api/v1/invoices/", "GET", "invoices", "billing_read", invoices),
    Endpoint("/api/v0/users/{user}/invoices/", "GET", "invoices", "billing_read", old_invoices),
)
