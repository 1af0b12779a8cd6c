"""Volumes are searched, rented, listed and deleted (docs/vast-api.md F)."""

from typing import Any

from vast_mcp.sandbox import possessions, service
from vast_mcp.sandbox.request import Request, is_id
from vast_mcp.sandbox.shapes import Json

from .table import Endpoint, done


def search_volumes(request: Request) -> Json:
    """Search by `POST /volumes/search/` (F)."""
    return {"offers": service.find_rooms(request.world, request.object())}


def rent_volume(request: Request) -> Json:
    """Rent by `PUT /volumes/` (F)."""
    volume = possessions.rent_volume(request.world, request.object())
    return done(volume_name=f"V.{volume.id}", volume_id=volume.id)


def clone_volume(request: Request) -> Json:
    """Copy by `POST /volumes/copy/` (F)."""
    volume = possessions.clone_volume(request.world, request.object())
    return done(volume_name=f"V.{volume.id}")


def list_volumes(request: Request) -> Json:
    """List by `GET /volumes` (F)."""
    return done(volumes=request.world.volumes.rows(request.query.get("type")))


def delete_volume(request: Request) -> Json:
    """Delete by `DELETE /volumes/?id=`, or the id in the body as the specification has it (F)."""
    possessions.delete_volume(request.world, _volume_id(request))
    return done()


def _volume_id(request: Request) -> Any:
    text = request.parameter("id")
    if is_id(text):
        return int(text)
    return request.field("id")


TABLE = (
    Endpoint("/api/v0/volumes/search/", "POST", "search_volumes", "misc", search_volumes),
    Endpoint("/api/v0/volumes/copy/", "POST", "clone_volume", "instance_write", clone_volume),
    Endpoint("/api/v0/volumes/", "GET", "volumes", "instance_read", list_volumes),
    Endpoint("/api/v0/volumes/", "PUT", "rent_volume", "instance_write", rent_volume),
    Endpoint("/api/v0/volumes/", "DELETE", "delete_volume", "instance_write", delete_volume),
)
