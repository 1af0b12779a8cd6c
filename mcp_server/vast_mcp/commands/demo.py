"""`vast-mcp demo`: a real MCP client talks over stdio to the real server, on the sandbox.

Every line shown is what the server answered; a step that does not go as it must ends the demo with
status 1.
"""

from __future__ import annotations

import base64
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters

from vast_mcp.commands.terminal import Line
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

    found = await _call(
        client,
        "Find a 4090 under 60 cents",
        "search_offers",
        gpu_name="4090",
        max_usd_per_hour=0.6,
        min_disk_gb=20,
        limit=3,
    )
    for row in found["offers"]:
        say(
            "    "
            + _facts(
                row, "offer_id", "gpu_name", "num_gpus", "usd_per_hour", "location", "reliability"
            )
        )
    offer_id = found["offers"][0]["offer_id"]

    wish: Json = {
        "offer_id": offer_id,
        "image": "pytorch/pytorch",
        "disk": 20,
        "label": "demo",
        "runtype": "ssh_direct",
    }
    first = await _call(client, "Rent the first", "create_instance", **wish)
    say("    " + _facts(first, "instance_id", "kind", "usd_per_hour", "label"))
    for warning in first["warnings"]:
        say(f"    warning: {warning}")
    again = await _call(
        client, "Ask once more, as an agent that lost the answer does", "create_instance", **wish
    )
    say("    " + _facts(again, "instance_id", "replayed"))

    await _enter(client, first["instance_id"])

    vms = await _call(
        client,
        "Find one that can run a virtual machine",
        "search_offers",
        vm=True,
        limit=1,
        min_disk_gb=30,
    )
    vm: Json = {
        "offer_id": vms["offers"][0]["offer_id"],
        "vm": True,
        "image": "docker.io/vastai/kvm:ubuntu_terminal",
        "disk": 30,
    }
    refused = await _fails(
        client, "Rent it as a VM, with no SSH key registered", "no_ssh_key", "create_instance", **vm
    )
    step = refused["next_steps"][0]
    say(f"    next step: {step['tool']} {step['arguments']}")

    key = await _call(client, "Do what the error says", step["tool"], **step["arguments"])
    say("    " + _facts(key, "key_id", "fingerprint"))
    second = await _call(client, "The same rental again", "create_instance", **vm)
    say("    " + _facts(second, "instance_id", "kind", "usd_per_hour"))

    stopped = await _call(
        client,
        "Stop it for the night",
        "manage_instance",
        instance_id=first["instance_id"],
        action="stop",
    )
    say("    " + _facts(stopped, "status", "stopped_usd_per_hour"))

    listed = await _call(client, "What runs?", "show_instances")
    for row in listed["instances"]:
        say("    " + _facts(row, "instance_id", "status", "gpu", "usd_per_hour", "ours"))

    ids = [row["instance_id"] for row in listed["instances"]]
    if sorted(ids) != sorted([first["instance_id"], second["instance_id"]]):
        raise Surprise(f"rented {first['instance_id']} and {second['instance_id']}, listed {ids}")

    await _fails(
        client,
        "Rent an offer that is gone",
        "offer_gone",
        "create_instance",
        offer_id=GONE_OFFER,
        disk=20,
    )

    ended = await _call(client, "Destroy them all", "destroy_instance", instance_ids=ids)
    for row in ended["results"]:
        say("    " + _facts(row, "instance_id", "outcome"))
    account = await _call(client, "What does the account say?", "show_account")
    say("    " + _facts(account, "credit_usd", "usd_per_hour", "machines", "open_intents"))
    if account.get("machines"):
        raise Surprise(f"{account['machines']} machines are left")
    say("    nothing runs, nothing is in doubt")


async def _enter(client: Client, instance_id: int) -> None:
    """Wait for a machine, get its ssh line, read its log."""
    ready = await _call(
        client, "Wait until it can be entered", "wait_for_instance", instance_id=instance_id
    )
    if ready["state"] != "ready":
        raise Surprise(f"the machine is {ready['state']}")
    say(f"    {ready['state']}: {ready['access']['ssh']}")
    log = await _call(client, "Read its log", "show_logs", instance_id=instance_id, tail=3)
    for line in log["untrusted_log"].splitlines():
        say(f"    | {line}")


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
    line = Line(sys.stderr, os.environ)
    async with line.busy(tool) as show:
        result = await client.call_tool(
            tool, arguments, progress_callback=show if line.live else _progress
        )
    return result.structured_content or {}


async def _progress(progress: float, total: float | None, message: str | None) -> None:
    """Plain lines, where nobody watches."""
    of = f" of {total:.0f}" if total else ""
    say(f"    … {progress:.0f}{of} s: {message}")


def _facts(row: Json, *names: str) -> str:
    return "  ".join(f"{name}={row[name]}" for name in names if name in row)


def _make_key(path: Path) -> None:
    """A public key of the right form; nobody holds its private half, and the sandbox needs none."""
    kind = b"ssh-ed25519"
    blob = len(kind).to_bytes(4, "big") + kind + (32).to_bytes(4, "big") + os.urandom(32)
    path.parent.mkdir(mode=0o700)
    path.write_text(f"ssh-ed25519 {base64.b64encode(blob).decode()} demo\n", encoding="utf-8")
