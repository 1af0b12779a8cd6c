"""Control routes under /_sandbox/ serve tests that reach a world in another process. Vast.ai has
nothing like them.

They answer loopback only, need no key, and are not recorded among the world's requests.
"""

import ipaddress
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .instances import Instance
from .machine import lies
from .shapes import Json
from .world import World

Act = Callable[[World, Json], Any]

FIXED = frozenset({"seed", "clock"})
OPTIONS = frozenset(one.name for one in fields(World) if one.init) - FIXED
SETS = frozenset({"api_keys", "missing_permissions", "own_key_lacks"})  # JSON has no sets


def rental_json(instance: Instance, now: float) -> Json:
    """Tell of a rental what a test wants to see."""
    launch = instance.launch
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
        "image": launch.image,
        "runtype": launch.runtype,
        "disk": launch.disk,
        "env": launch.env,
        "onstart": launch.onstart,
        "args": launch.args,
        "is_bid": launch.is_bid,
    }


def ledger(world: World, _body: Json) -> Json:
    """Tell what the world committed."""
    now = world.now
    return {
        "volumes": [volume.row() for volume in world.volumes.living],
        "ledger": [entry.as_json() for entry in world.ledger],
        "rentals": [rental_json(instance, now) for instance in world.rentals],
        "living": [instance.id for instance in world.living],
        "keys": [key.as_json() for key in world.keys.values()],
    }


def requests(world: World, _body: Json) -> Json:
    """Tell what the world was asked, faults or not."""
    return {"requests": [request.as_json() for request in world.requests]}


def faults(world: World, body: Json) -> Json:
    """Set faults: one as `Faults.add` takes it, several under `faults`; `clear` goes first."""
    if body.get("clear"):
        world.faults.clear()
    if body.get("release"):
        world.faults.release()
    for fault in _wanted_faults(body):
        world.faults.add(**fault)
    return {
        "waiting": [vars(fault) for fault in world.faults.waiting],
        "hanging": world.faults.hanging,
    }


def _wanted_faults(body: Json) -> list[Json]:
    if "faults" in body:
        return body["faults"]
    if "kind" in body:
        return [body]
    return []


def change_world(world: World, body: Json) -> Json:
    """Take `reset`, `seed`, any option of World, then acts by name."""
    _check_names(body)
    lies.check(body.get("lies", ()))
    for name in OPTIONS & set(body):
        _set_option(world, name, body[name])
    if body.get("reset") or "seed" in body:
        world.reset(body.get("seed"))
    for name in [name for name in ACTS if name in body]:
        ACTS[name](world, body[name])
    return {"offers": len(world.offers), "living": len(world.living)}


def _check_names(body: Json) -> None:
    unknown = set(body) - OPTIONS - set(ACTS) - {"reset", "seed"}
    if unknown:
        known = f"options are {sorted(OPTIONS)}, acts {sorted(ACTS)}"
        raise ValueError(f"unknown: {sorted(unknown)}; {known}")


def _set_option(world: World, name: str, value: Any) -> None:
    if name in SETS and value is not None:
        value = set(value)
    setattr(world, name, value)


ACTS: dict[str, Callable[[World, Any], object]] = {
    "take": lambda world, offer_id: world.take(offer_id),
    "jam": lambda world, offer_id: world.jam(offer_id),
    "keys": lambda world, texts: world.set_keys(texts),
    "fate": lambda world, fate: world.set_fate(**fate),
    "take_gpu": lambda world, instance_id: world.take_gpu(instance_id),
    "queue": lambda world, wish: world.take_gpu(**wish),
    "logs": lambda world, wish: world.set_logs(**wish),
    "free_gpu": lambda world, instance_id: world.free_gpu(instance_id),
    "outbid": lambda world, instance_id: world.outbid(instance_id),
    "raise_price": lambda world, wish: world.raise_price(**wish),
    "odd": lambda world, cell: world.odd.add(**cell),
    "age": lambda world, wish: world.age(**wish),
    "door": lambda world, wish: world.set_door(**wish),
    "host_key": lambda world, wish: world.change_host_key(**wish),
    "lie": lambda world, wish: world.lie(wish["instance_id"], *wish["lies"]),
    "cancel_rental": lambda world, instance_id: world.cancel_rental(instance_id),
}


TABLE: tuple[tuple[str, str, Act], ...] = (
    ("ledger", "GET", ledger),
    ("requests", "GET", requests),
    ("faults", "POST", faults),
    ("world", "POST", change_world),
)


def routes(world: World) -> list[Route]:
    """Make the four addresses, each in both spellings."""
    return [
        Route(path, _Endpoint(world, act).answer, methods=[method])
        for name, method, act in TABLE
        for path in (f"/_sandbox/{name}", f"/_sandbox/{name}/")
    ]


@dataclass(frozen=True)
class _Endpoint:
    world: World
    act: Act

    async def answer(self, request: Request) -> Response:
        if not _is_loopback(request):
            return JSONResponse({"error": "control routes answer loopback only"}, 403)
        try:
            body: Any = json.loads(await request.body() or b"{}")
            if not isinstance(body, dict):
                raise TypeError("the body must be a JSON object")
            return JSONResponse(self.act(self.world, cast("Json", body)))
        except (ValueError, TypeError, KeyError) as error:
            return JSONResponse({"error": str(error)}, 400)


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
