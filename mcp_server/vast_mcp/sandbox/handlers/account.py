"""The account has SSH keys, a face and templates (docs/vast-api.md D, E, G)."""

from vast_mcp.sandbox import replies, service, ssh_keys
from vast_mcp.sandbox.request import Request, read_object
from vast_mcp.sandbox.shapes import Json

from .table import Endpoint, done


def list_keys(request: Request) -> list[Json]:
    """List the keys as a bare array (D)."""
    return ssh_keys.list_keys(request.world)


def add_key(request: Request) -> Json:
    """Add by `POST /ssh/` (D)."""
    key = ssh_keys.add(request.world, request.field("ssh_key"))
    return done(key=key.as_json())


def delete_key(request: Request) -> Json:
    """Delete by `DELETE /ssh/{id}/` (D)."""
    ssh_keys.delete(request.world, request.id)
    return done()


def user(request: Request) -> Json:
    """Show the account as a flat object (G)."""
    return service.user(request.world)


def find_templates(request: Request) -> Json:
    """Search by `GET /template/` (E)."""
    text = request.parameter("select_filters") or "{}"
    asked = read_object(text, "select_filters")
    number = request.parameter("limit")
    limit = int(number) if number.isdecimal() else None
    found = request.world.shelf.find(asked, limit)
    if not found:
        return replies.no_templates()
    return done(templates_found=len(found), templates=found)


def add_template(request: Request) -> Json:
    """Add by `POST /template/` (E)."""
    template = service.add_template(request.world, request.object())
    return done(msg="Template created", template=_brief(template))


def edit_template(request: Request) -> Json:
    """Edit by `PUT /template/`, with the hash and what changes (E)."""
    template = service.edit_template(request.world, request.object())
    return done(template=_brief(template))


def _brief(template: Json) -> Json:
    return {key: template[key] for key in ("id", "hash_id", "name")}


TABLE = (
    Endpoint("/api/v0/ssh/", "GET", "keys", "user_read", list_keys),
    Endpoint("/api/v0/ssh/", "POST", "keys", "user_write", add_key),
    Endpoint("/api/v0/ssh/{id:int}/", "DELETE", "keys", "user_write", delete_key),
    Endpoint("/api/v0/users/current/", "GET", "user", "user_read", user),
    Endpoint("/api/v0/template/", "GET", "templates", "user_read", find_templates),
    Endpoint("/api/v0/template/", "POST", "templates", "user_write", add_template),
    Endpoint("/api/v0/template/", "PUT", "templates", "user_write", edit_template),
)
