"""Templates are searched, made, edited and deleted (docs/vast-api.md E)."""

from typing import Any

from vast_mcp.sandbox import listing, possessions, replies, search
from vast_mcp.sandbox.readers import as_list
from vast_mcp.sandbox.request import Request, is_id, read_object
from vast_mcp.sandbox.shapes import Json

from .table import Endpoint, done

PAGE = 25


def find_templates(request: Request) -> Json:
    """Search by `GET /template/`."""
    found = _found(request)
    limit = request.parameter("limit")
    if is_id(limit):
        found = found[: int(limit)]
    if not found:
        return replies.no_templates()
    return done(templates_found=len(found), templates=_cut(request, found))


def find_pages(request: Request) -> Json:
    """Search by `GET /api/v1/template/`, page by page; its token is ours."""
    found, token = _found(request), request.parameter("after_token")
    if not found:
        return replies.no_templates()
    if token and (not is_id(token) or int(token) >= len(found)):
        raise replies.invalid_token()
    limit = request.parameter("limit")
    first, count = int(token or 0), int(limit) if is_id(limit) else PAGE
    last = first + max(1, min(count, PAGE))
    return done(
        templates_found=len(found),
        templates=_cut(request, found[first:last]),
        next_token=str(last) if last < len(found) else None,
    )


def _found(request: Request) -> list[Json]:
    filters = read_object(request.parameter("select_filters") or "{}", "select_filters")
    found = request.world.shelf.find(filters)
    order: Any = listing.read_json(request.parameter("order_by") or "[]", "order_by")
    fields = frozenset(found[0]) if found else frozenset[str]()
    return search.in_order(found, search.read_order(order, fields)) if found else []


def _cut(request: Request, found: list[Json]) -> list[Json]:
    text = request.parameter("select_cols") or '["*"]'
    columns = as_list(listing.read_json(text, "select_cols"))
    if columns is None or "*" in columns:
        return found
    return [{str(name): row.get(str(name)) for name in columns} for row in found]


def add_template(request: Request) -> Json:
    """Add by `POST /template/`; what is there already is told, and no success."""
    world, body = request.world, request.object()
    known = world.shelf.like(body)
    if known is not None:
        msg = f"Existing Template Found: {known['id']}. User relationship added."
        return {"success": False, "msg": msg, "template": known}
    template = possessions.add_template(world, body)
    msg = f"Template Created Successfully! New Template ID: {template['id']}"
    return done(msg=msg, template=template)


def edit_template(request: Request) -> Json:
    """Edit by `PUT /template/`, with the hash and what changes."""
    template = possessions.edit_template(request.world, request.object())
    msg = f"Template {template['id']} Updated Successfully"
    return done(hash_id=template["hash_id"], msg=msg, template=template)


def replace_template(request: Request) -> Json:
    """Edit by `PUT /api/v1/template/`, with number, hash and every field."""
    msg, template = possessions.replace_template(request.world, request.object())
    return done(hash_id=template["hash_id"], msg=msg, template=template)


def delete_template(request: Request) -> Json:
    """Delete by `DELETE /template/`, by the number alone."""
    number = possessions.delete_template(request.world, request.object())
    return done(msg=f"Template {number} Deleted Successfully")


V0, V1 = "/api/v0/template/", "/api/v1/template/"
READ, WRITE = "user_read", "user_write"
TABLE = (
    Endpoint(V0, "GET", "templates", READ, find_templates),
    Endpoint(V0, "POST", "save_template", WRITE, add_template),
    Endpoint(V0, "PUT", "save_template", WRITE, edit_template),
    Endpoint(V0, "DELETE", "delete_template", WRITE, delete_template),
    Endpoint(V1, "GET", "templates", READ, find_pages),
    Endpoint(V1, "PUT", "save_template", WRITE, replace_template),
)
