"""The account has SSH keys and a face (docs/vast-api.md D, G)."""

from vast_mcp.sandbox import possessions, ssh_keys
from vast_mcp.sandbox.request import Request
from vast_mcp.sandbox.shapes import Json

from .table import Endpoint, done


def list_keys(request: Request) -> list[Json]:
    """List the keys as a bare array (D)."""
    return ssh_keys.list_keys(request.world)


def add_key(request: Request) -> Json:
    """Add by `POST /ssh/` (D)."""
    key = ssh_keys.add(request.world, request.field("ssh_key"))
    return done(key=key.as_json())


def update_key(request: Request) -> Json:
    """Change by `PUT /ssh/{id}/` (D)."""
    key = ssh_keys.update(request.world, request.id, request.field("ssh_key"))
    return done(key=key.as_json())


def delete_key(request: Request) -> Json:
    """Delete by `DELETE /ssh/{id}/` (D)."""
    ssh_keys.delete(request.world, request.id)
    return done()


def user(request: Request) -> Json:
    """Show the account as a flat object (G)."""
    return possessions.user(request.world)


TABLE = (
    Endpoint("/api/v0/ssh/", "GET", "keys", "user_read", list_keys),
    Endpoint("/api/v0/ssh/", "POST", "keys", "user_write", add_key),
    Endpoint("/api/v0/ssh/{id:int}/", "PUT", "keys", "user_write", update_key),
    Endpoint("/api/v0/ssh/{id:int}/", "DELETE", "delete_key", "user_write", delete_key),
    Endpoint("/api/v0/users/current/", "GET", "user", "user_read", user),
)
