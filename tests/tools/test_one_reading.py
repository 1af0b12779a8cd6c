"""One reading of a machine behind every tool: whatever its fate, no two answers disagree, and the
call that comes next harms nothing.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import an_offer, an_offer_to_bid_on, call, sampled, served
from vast_mcp.sandbox.billing import AWAY, BILLED
from vast_mcp.sandbox.fates import FATES, VANISHED
from vast_mcp.sandbox.instances import Instance
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

# What every answer about one machine says in the same words; what a list leaves out, it leaves out.
SAID = [
    *("phase", "usd_per_hour", "running_usd_per_hour", "stopped_usd_per_hour", "usd_per_tb"),
    *("watchdog", "past_lease"),
]
KINDS: dict[str, dict[str, Any]] = {
    "ssh": {"runtype": "ssh_direct"},
    "args": {"args": ["serve"], "env": {"-p 8000:8000": "1"}},
    "leased": {"runtype": "ssh", "lease_hours": 2},
    "bid": {"price": 0.0},
}
LIVING = sorted(name for name, fate in FATES.items() if VANISHED not in fate.course)
ROWS = [(kind, fate) for fate in LIVING for kind in KINDS]


async def rented(
    client: Client, world: World, kind: str, fate: str = "runs"
) -> tuple[Instance, dict[str, Any]]:
    """A machine of ours of this kind, to which this happens, and the call that made it."""
    wish = {"image": "a/b", "disk": 16, **KINDS[kind]}
    offer = an_offer_to_bid_on(world) if "price" in wish else an_offer(world, ports=True)
    if "price" in wish:
        wish["price"] = round(offer["min_bid"] * 1.5, 3)
    world.set_fate(offer["id"], fate)
    wish |= {"offer_id": offer["id"]}
    made = await call(client, "create_instance", **wish)
    return world.instances[made["instance_id"]], wish


async def told(client: Client, machine: int) -> dict[str, dict[str, Any]]:
    """What each tool says of a machine at this moment."""
    read = await client.read_resource(f"vast://instances/{machine}")
    [content] = read.contents
    listed = (await call(client, "show_instances"))["instances"]
    arguments = {"instance_id": machine}
    return {
        "show_instance": await call(client, "show_instance", **arguments),
        "resource": json.loads(getattr(content, "text", "")),
        "show_instances": next(row for row in listed if row["instance_id"] == machine),
        "manage_instance": await call(
            client, "manage_instance", **arguments, action="label", label="the same"
        ),
        "wait_for_instance": await call(client, "wait_for_instance", **arguments, timeout_s=1),
    }


def pick(answer: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: answer[name] for name in names if name in answer}


@pytest.mark.parametrize(("kind", "fate"), sampled(ROWS, 9))
async def test_no_two_tools_disagree_about_a_machine(
    world: World, settings: Settings, state: Path, kind: str, fate: str
) -> None:
    """At every step of its fate, and the price is what the meter bills (docs/vast-api.md C.8)."""
    world.looks_per_step = None
    kept = replace(settings, state_dir=state)
    async with served(world, kept) as client:
        instance, _ = await rented(client, world, kind, fate)
    quick = replace(kept, times=replace(settings.times, budget_s=0.4, pace=0.0))
    async with served(world, quick) as client:
        for step in instance.course:
            instance.set_course((step,), world.now)
            answers = await told(client, instance.id)
            shown = answers["show_instance"]
            listed = answers["show_instances"]
            listed.setdefault("stopped_usd_per_hour", listed["usd_per_hour"])
            for tool, answer in answers.items():
                lacking = {"show_instances": {"usd_per_tb"}}.get(tool, set())
                names = [name for name in SAID if name not in lacking]
                assert pick(answer, names) == pick(shown, names), tool
            assert shown["usd_per_hour"] == pytest.approx(metered(instance, world), abs=1e-5)


def metered(instance: Instance, world: World) -> float:
    """$/h that the sandbox bills now; what is not known is told as the most that it may be."""
    status = instance.status(world.now)
    gpu = instance.price if status in {*BILLED, "unknown", "rebooting"} else 0.0
    return gpu + (0.0 if status in AWAY else instance.disk_rate)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_answer_to_a_rental_says_what_a_look_says(
    client: Client, world: World, kind: str
) -> None:
    """What bills at birth is its disk; what it will bill as it runs has a name of its own."""
    world.looks_per_step = None
    instance, wish = await rented(client, world, kind)
    again = await call(client, "create_instance", **wish)
    shown = await call(client, "show_instance", instance_id=instance.id)
    names = ["usd_per_hour", "running_usd_per_hour", "stopped_usd_per_hour"]
    assert again["replayed"] is True
    assert pick(again, names) == pick(shown, names)
    assert again["next_steps"] == shown["next_steps"]
