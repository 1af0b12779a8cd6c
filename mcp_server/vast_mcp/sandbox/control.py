"""Control routes under /_sandbox/, for tests that reach a world in another process. Vast.ai has
nothing like them.

They answer loopback only, need no key, and are not recorded among the world's requests.
"""

import ipaddress
import json
from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .instances import Instance
from .world import World

JSON = dict[str, Any]
Act = Callable[[World, JSON], Any]

FIXED = frozenset({"seed", "clock"})
OPTIONS = frozenset(one.name for one in fields(World)) - FIXED
SETS = frozenset({"api_keys", "missing_permissions", "own_key_lacks"})  # JSON has no sets


def rental_json(instance: Instance, now: float) -> JSON:
    """A rental as a test wants to see it."""
    return {
        "id": instance.id,
        "offer_id": instance.offer_id,
        "label": instance.label,
        "price": instance.price,
        "dph_total": instance.dph_total,
        "kind": instance.kind,
        "alive": instance.alive,
        "born": instance.born,
        "destroyed_at": instance.destroyed_at,
        "actual_status": instance.status(now),
        "intended_status": instance.intended,
        "image": instance.launch.image,
        "runtype": instance.launch.runtype,
        "disk": instance.launch.disk,
        "env": instance.launch.env,
        "onstart": instance.launch.onstart,
        "args": instance.launch.args,
        "is_bid": instance.launch.is_bid,
    }


def ledger(world: World, _body: JSON) -> JSON:
    """What the world committed. Not a part of Vast's API."""
    now = world.clock()
    return {
        "volumes": [volume.row() for volume in world.volumes.living],
        "ledger": [entry.as_json() for entry in world.ledger],
        "rentals": [rental_json(instance, now) for instance in world.rentals],
        "living": [instance.id for instance in world.living],
        "keys": [key.as_json() for key in world.keys.values()],
    }


def requests(world: World, _body: JSON) -> JSON:
    """What the world was asked, faults or not. Not a part of Vast's API."""
    return {"requests": [request.as_json() for request in world.requests]}


def faults(world: World, body: JSON) -> JSON:
    """Set faults: one as `Faults.add` takes it, several under `faults`; `clear` first. Not a part
    of Vast's API.
    """
    if body.get("clear"):
        world.faults.clear()
    if body.get("release"):
        world.faults.release()
    several: list[JSON] = body.get("faults", [body] if "kind" in body else [])
    for one in several:
        world.faults.add(**one)
    return {
        "waiting": [vars(fault) for fault in world.faults.waiting],
        "hanging": world.faults.hanging,
    }


def change_world(world: World, body: JSON) -> JSON:
    """`reset`, `seed`, any option of World, then acts by name. Not a part of Vast's API."""
    unknown = set(body) - OPTIONS - set(ACTS) - {"reset", "seed"}
    if unknown:
        raise ValueError(
            f"unknown: {sorted(unknown)}; options are {sorted(OPTIONS)}, acts {sorted(ACTS)}"
        )
    for name in OPTIONS & set(body):
        value = body[name]
        setattr(world, name, set(value) if name in SETS and value is not None else value)
    if body.get("reset") or "seed" in body:
        world.reset(body.get("seed"))
    for name, act in ACTS.items():
        if name in body:
            act(world, body[name])
    return {"offers": len(world.offers), "living": len(world.living)}


ACTS: dict[str, Callable[[World, Any], None]] = {
    "take": lambda world, offer_id: world.take(offer_id),
    "jam": lambda world, offer_id: world.jam(offer_id),
    "keys": lambda world, texts: world.set_keys(texts),
    "fate": lambda world, fate: world.set_fate(**fate),
    "take_gpu": lambda world, instance_id: world.take_gpu(instance_id),
    "queue": lambda world, wish: world.take_gpu(**wish),
    "logs": lambda world, wish: world.set_logs(**wish),
    "free_gpu": lambda world, instance_id: world.free_gpu(instance_id),
    "outbid": lambda world, instance_id: world.outbid(instance_id),
    "cancel_rental": lambda world, instance_id: world.cancel_rental(instance_id),
}


def routes(world: World) -> list[Route]:
    """The four addresses."""
    table: list[tuple[str, str, Act]] = [
        ("ledger", "GET", ledger),
        ("requests", "GET", requests),
        ("faults", "POST", faults),
        ("world", "POST", change_world),
    ]
    return [
        Route(path, _endpoint(world, act), methods=[method])
        for name, method, act in table
        for path in (f"/_sandbox/{name}", f"/_sandbox/{name}/")
    ]


def _endpoint(world: World, act: Act) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        if not _is_loopback(request):
            return JSONResponse({"error": "control routes answer loopback only"}, 403)
        try:
            body: Any = json.loads(await request.body() or b"{}")
            if not isinstance(body, dict):
                raise TypeError("the body must be a JSON object")
            return JSONResponse(act(world, cast("JSON", body)))
        except (ValueError, TypeError, KeyError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return endpoint


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
