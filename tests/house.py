"""The words that all tests share: where things are, a server on a world, a call, the PUTs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from mcp import Client

from vast_mcp.host.schema import input_schema
from vast_mcp.host.server import build
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Limits, Settings
from vast_mcp.toolspec import ToolSpec
from vast_mcp_tools import CATALOGUE

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).parent / "golden"
# Where `make cover` measures, processes that tests start are measured too.
COVERED = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}

# Of the longest tables and of made-up examples a sample is tried; `make test-whole` tries all.
WHOLE = os.environ.get("WHOLE") == "1"

KEY_LINE = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0d test@example"
)
OTHER_KEY_LINE = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4u other@example"
)

OURS = "vast-mcp#0123456789abcdef"  # a label as vast-mcp writes it, on this computer or another

CHECKS = {spec.name: Draft202012Validator(input_schema(spec)) for spec in CATALOGUE}

DEAD = "http://127.0.0.1:9"  # nobody listens there


def sampled(rows: Sequence[Any], every: int = 4) -> Sequence[Any]:
    """A table, or each fourth row of it, the first among them."""
    return rows if WHOLE else rows[::every]


def lenient_world() -> World:
    """A world whose offers can be rented again, of an account with an SSH key."""
    made = World(rent_again=True)
    made.set_keys([KEY_LINE])
    return made


def so_many(count: int) -> int:
    """How many examples to make up: as many, or a fifth of them."""
    return count if WHOLE else max(10, count // 5)


def served(
    world: World, settings: Settings, tools: Sequence[ToolSpec] = CATALOGUE, **client: Any
) -> Client:
    """A client on a server of its own, over this world. Enter it with `async with`."""
    return Client(build(settings, tools, create_app(world)), **client)


def allowing(world: World, settings: Settings, state: Path | None = None, **limits: Any) -> Client:
    """A server under these limits. Servers with one state folder share their journal."""
    more = {name: limits.pop(name) for name in ("lease_hours",) if name in limits}
    return served(world, replace(settings, limits=Limits(**limits), state_dir=state, **more))


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool; its JSON, which is the same on both channels. Its next steps fit what their
    tools publish, since a client may check that before it sends one.
    """
    result = await client.call_tool(tool, arguments)
    payload = result.structured_content
    assert payload is not None
    assert bool(result.is_error) == ("error" in payload)
    for step in [*payload.get("next_steps", ()), *payload.get("error", {}).get("next_steps", ())]:
        CHECKS[step["tool"]].validate(step["arguments"])
    return payload


def notices(answer: dict[str, Any]) -> list[str]:
    """The notices of an answer, without those of contracts that end soon: some offers are so."""
    said = answer.get("notices", [])
    return [one for one in said if not one.startswith("The contract of machine ")]


def whole_rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The offers that a search shows, each with what is said once of several."""
    return [{**found.get("usual", {}), **row} for row in found["offers"]]


def an_offer(world: World, **traits: Any) -> dict[str, Any]:
    """The cheapest free offer of these traits, with room for a disk."""
    return world.offer(**{"disk_space": lambda gb: gb > 100, **traits})


def an_offer_to_bid_on(world: World, **traits: Any) -> dict[str, Any]:
    """The cheapest whose price on demand is twice its floor and more: bids have room there."""
    roomy = {
        offer_id
        for offer_id, offer in world.offers.items()
        if 0.01 < offer["min_bid"] < offer["dph_base"] / 2
    }
    return an_offer(world, **{"id": lambda offer_id: offer_id in roomy, **traits})


def a_machine(world: World) -> int:
    """A machine of ours that runs, rented by nobody's call, with two lines in its log."""
    body = {"image": "a/b", "disk": 20, "label": OURS}
    made = world.rent(an_offer(world)["id"], body).id
    world.set_logs(made, "None of it\nready\n")
    return made


def a_template(world: World) -> str:
    """The hash of a template of the account's own."""
    return world.add_template({"name": "kept", "image": "example/kept"})["hash_id"]


def needed(tool: str, world: World) -> dict[str, Any]:
    """The least arguments with which a call of a tool succeeds on a lenient world."""
    machine = {"instance_id": a_machine(world)}
    asked: dict[str, dict[str, Any]] = {
        "create_instance": {"offer_id": an_offer(world)["id"]},
        "provision": {"max_usd_per_hour": 9.0, "dry_run": True},  # a plan acts between calls
        "search_volumes": {"offer_id": an_offer(world)["id"]},
        "manage_instance": machine | {"action": "stop"},
        "update_instance": machine | {"image": "a/b"},
        "copy_data": {
            "source": f"{machine['instance_id']}:/a",
            "destination": f"{machine['instance_id']}:/b",
        },
        "destroy_instance": {"instance_ids": list(machine.values())},
        "copy_files": machine | {"direction": "down", "local": "~/x", "remote": "x"},
        "run_command": machine | {"command": "true"},
        "destroy_volume": {"volume_id": 1},
        "create_volume": {"volume_offer_id": min(world.volumes.rooms)},
        "manage_volume": {"volume_id": 1, "lease_hours": 1},
        "create_ssh_key": {"public_key": KEY_LINE},
        "attach_ssh_key": machine | {"key_id": next(iter(world.keys))},
        "detach_ssh_key": machine | {"key_id": next(iter(world.keys))},
        "delete_ssh_key": {"key_id": next(iter(world.keys))},
        "create_template": {"name": "mine", "image": "a/b"},
        "delete_template": {"template_hash_id": a_template(world)},
        "wait_for_instance": machine | {"until": "running"},
        **dict.fromkeys(
            ("check_machine", "recycle_instance", "show_instance", "show_logs"), machine
        ),
    }
    return asked.get(tool, {})


def offers(world: World, count: int) -> list[dict[str, Any]]:
    """So many different offers, the cheapest first."""
    free = [
        offer
        for offer in world.priced_offers(8, bid=False)
        if offer["verification"] == "verified"
        and offer["disk_space"] > 100
        and offer["rentable"]
        and not offer["external"]
    ]
    return sorted(free, key=lambda offer: offer["dph_total"])[:count]


def puts(world: World) -> int:
    """How many requests to rent have arrived."""
    return len(world.asked("create"))


def env_of(folder: Path) -> dict[str, str]:
    """The same for a process that several tests share."""
    home = folder / "home"
    home.mkdir()
    proxies = dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), DEAD
    )
    least = {"HOME": str(home), "PATH": os.environ["PATH"], "VAST_MCP_TIME_SCALE": "0.01"}
    return {**least, **proxies, **COVERED}
