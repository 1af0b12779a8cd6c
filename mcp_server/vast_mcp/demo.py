"""`vast-mcp demo`: a real MCP client talks over stdio to the real server, on the sandbox.

Every line shown is what the server answered; a step that does not go as it must ends the demo with status 1.
"""

from __future__ import annotations

import base64
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters

from vast_mcp.errors import Json

GONE_OFFER = 19_999_999  # no world has it


class Surprise(Exception):
    """The server answered something else than this step shows."""


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def play() -> int:
    """The whole conversation; 0 when every step went as it must."""
    with tempfile.TemporaryDirectory(prefix="vast-mcp-demo-") as folder:
        home = Path(folder)
        _make_key(home / ".ssh" / "id_demo.pub")
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "vast_mcp", "--sandbox"],
            env={"HOME": folder, "XDG_CONFIG_HOME": folder, "PATH": os.environ.get("PATH", "")},
            cwd=folder,
        )
        async with Client(server) as client:
            try:
                await _talk(client)
            except Surprise as exc:
                say(f"\nThe demo did not go as it must: {exc}")
                return 1
    return 0


async def _talk(client: Client) -> None:
    tools = (await client.list_tools()).tools
    say(f"A local, pretended Vast.ai: no money moves. The server offers {len(tools)} tools:")
    say("  " + ", ".join(tool.name for tool in tools))

    found = await _call(client, "Find a 4090 under 60 cents", "search_offers",
                        gpu_name="4090", max_usd_per_hour=0.6, min_disk_gb=20, limit=3)  # fmt: skip
    for row in found["offers"]:
        say("    " + _facts(row, "offer_id", "gpu_name", "num_gpus", "usd_per_hour", "location", "reliability"))
    offer_id = found["offers"][0]["offer_id"]

    first = await _call(client, "Rent the first", "create_instance",
                        offer_id=offer_id, image="pytorch/pytorch", disk=20, label="demo")  # fmt: skip
    say("    " + _facts(first, "instance_id", "kind", "usd_per_hour", "label"))
    for warning in first["warnings"]:
        say(f"    warning: {warning}")

    vms = await _call(
        client, "Find one that can run a virtual machine", "search_offers", vm=True, limit=1, min_disk_gb=30
    )
    wish: Json = {
        "offer_id": vms["offers"][0]["offer_id"],
        "vm": True,
        "image": "docker.io/vastai/kvm:ubuntu_terminal",
        "disk": 30,
    }
    refused = await _fails(
        client, "Rent it as a VM, with no SSH key registered", "no_ssh_key", "create_instance", **wish
    )
    step = refused["next_steps"][0]
    say(f"    next step: {step['tool']} {step['arguments']}")

    key = await _call(client, "Do what the error says", step["tool"], **step["arguments"])
    say("    " + _facts(key, "key_id", "fingerprint"))
    second = await _call(client, "The same rental again", "create_instance", **wish)
    say("    " + _facts(second, "instance_id", "kind", "usd_per_hour"))

    await _fails(client, "Rent an offer that is gone", "offer_gone", "create_instance", offer_id=GONE_OFFER, disk=20)

    listed = await _call(client, "What runs?", "show_instances")
    for row in listed["instances"]:
        say("    " + _facts(row, "instance_id", "status", "gpu", "usd_per_hour", "ours"))

    ids = [row["instance_id"] for row in listed["instances"]]
    if sorted(ids) != sorted([first["instance_id"], second["instance_id"]]):
        raise Surprise(f"rented {first['instance_id']} and {second['instance_id']}, listed {ids}")
    ended = await _call(client, "Destroy them all", "destroy_instance", instance_ids=ids)
    for row in ended["results"]:
        say("    " + _facts(row, "instance_id", "outcome"))
    left = await _call(client, "What runs now?", "show_instances")
    if left["count"]:
        raise Surprise(f"{left['count']} machines are left")
    say("    nothing: no machine bills")


async def _call(client: Client, title: str, tool: str, **arguments: Any) -> Json:
    payload = await _send(client, title, tool, arguments)
    if "error" in payload:
        raise Surprise(f"{tool}: {payload['error']['code']}: {payload['error']['message']}")
    return payload


async def _fails(client: Client, title: str, code: str, tool: str, **arguments: Any) -> Json:
    payload = await _send(client, title, tool, arguments)
    error: Json = payload.get("error", {})
    if error.get("code") != code:
        raise Surprise(f"{tool} answered {error.get('code', 'success')} instead of {code}")
    say(f"    {code}: {error['message']}")
    return error


async def _send(client: Client, title: str, tool: str, arguments: Json) -> Json:
    shown = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    say(f"\n> {title}\n  {tool}({shown})")
    result = await client.call_tool(tool, arguments)
    return result.structured_content or {}


def _facts(row: Json, *names: str) -> str:
    return "  ".join(f"{name}={row[name]}" for name in names if name in row)


def _make_key(path: Path) -> None:
    """A public key of the right form; nobody holds its private half, and the sandbox needs none."""
    kind = b"ssh-ed25519"
    blob = len(kind).to_bytes(4, "big") + kind + (32).to_bytes(4, "big") + os.urandom(32)
    path.parent.mkdir(mode=0o700)
    path.write_text(f"ssh-ed25519 {base64.b64encode(blob).decode()} demo\n", encoding="utf-8")
