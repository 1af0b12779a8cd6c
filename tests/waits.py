"""The words that tests of waits share: settings in a hurry, a machine, a wait."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mcp import Client

from house import call
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings


def hurried(settings: Settings, **times: float) -> Settings:
    """Ten minutes of grace are 1.6 s here, and a look costs 5 ms."""
    usual = {"young_s": 1.6, "look_s": 0.005, "pace": 0.0, "budget_s": 5.0, "log_s": 0.005}
    return replace(settings, times=replace(settings.times, **{**usual, **times}))


def rent(world: World, fate: Any = None, message: str | None = None, **body: Any) -> int:
    """A machine that somebody else's client made, with what will become of it."""
    offer = world.offer(ports=True, vm=True, disk_space=lambda free: free > 40)
    if fate is not None:
        world.set_fate(offer["id"], fate, message)
    wish = {"image": "pytorch/pytorch", "disk": 16, "runtype": "ssh_direct", **body}
    return world.rent(offer["id"], wish).id


async def rent_ours(
    client: Client, world: World, fate: Any = None, message: str | None = None, **more: Any
) -> int:
    """A machine that this server rented, with what will become of it."""
    offer = world.offer(ports=True, vm=True, disk_space=lambda free: free > 40)
    if fate is not None:
        world.set_fate(offer["id"], fate, message)
    wish = {"offer_id": offer["id"], "disk": 16, "runtype": "ssh_direct", **more}
    if "vm" in more:
        del wish["runtype"]
    return (await call(client, "create_instance", **wish))["instance_id"]


def rent_bare(world: World, fate: Any = None, **body: Any) -> int:
    """One that runs its image's own command."""
    return rent(world, fate, **{"runtype": "args", "args": ["serve"], **body})


async def wait(
    client: Client, instance_id: int | None, timeout_s: float = 5, **more: Any
) -> dict[str, Any]:
    named = {} if instance_id is None else {"instance_id": instance_id}
    return await call(client, "wait_for_instance", timeout_s=timeout_s, **named, **more)


def problem(done: dict[str, Any]) -> str:
    """What is wrong with `until`, by an answer that refuses it."""
    error = done["error"]
    assert error["code"] == "bad_arguments"
    [found] = error["problems"]
    return f"{found['field']}: {found['problem']}"
