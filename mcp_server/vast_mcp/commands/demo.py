"""`vast-mcp demo`: a real MCP client talks over stdio to the real server, on the sandbox.

Every line shown is what the server answered; a step that does not go as it must ends the demo with
status 1.
"""

from __future__ import annotations

import argparse
import base64
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from vast_mcp.commands import options
from vast_mcp.commands.statuses import EXIT_ERROR, EXIT_OK
from vast_mcp.commands.terminal import Progressing, show_rows
from vast_mcp.errors import Json

if TYPE_CHECKING:
    from mcp import Client

GONE_OFFER = 19_999_999  # no world has it
INDENT = "    "

OFFER = ("offer_id", "gpu_name", "num_gpus", "usd_per_hour", "location", "reliability")
RENTED = ("instance_id", "kind", "usd_per_hour", "label")
MACHINE = ("instance_id", "status", "gpu", "usd_per_hour", "ours")


def add_parser(commands: options.Commands) -> None:
    """Add the command."""
    options.add_command(
        commands, "demo", run, what="watch a client rent, look and destroy on the sandbox"
    )


def run(_chosen: argparse.Namespace) -> int:
    """Play the demo."""
    return anyio.run(play)


class Surprise(Exception):
    """The server answered something else than this step shows."""


async def play() -> int:
    """Play on a server of its own."""
    from mcp import Client

    with tempfile.TemporaryDirectory(prefix="vast-mcp-demo-") as folder:
        make_key(Path(folder) / ".ssh" / "id_demo.pub")
        async with Client(server_in(folder)) as client:
            return await perform(client)


async def perform(client: Client) -> int:
    """Play every act; 0 when each went as it must."""
    stage = Stage(client)
    try:
        for act in ACTS:
            await act(stage)
    except Surprise as exc:
        say(f"\nThe demo did not go as it must: {exc}")
        return EXIT_ERROR
    return EXIT_OK


def server_in(folder: str) -> Any:
    """How the client starts the server: with a home of its own."""
    from mcp import StdioServerParameters

    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "vast_mcp", "--sandbox"],
        env=environment_in(folder),
        cwd=folder,
    )


def environment_in(folder: str) -> dict[str, str]:
    """An environment whose home is a folder: nothing of the person's own is found from there."""
    return {"HOME": folder, "XDG_CONFIG_HOME": folder, "PATH": os.environ.get("PATH", "")}


def make_key(path: Path) -> None:
    """Write a public key of the right form; nobody holds its private half, and the sandbox needs
    none.
    """
    kind = b"ssh-ed25519"
    blob = len(kind).to_bytes(4, "big") + kind + (32).to_bytes(4, "big") + os.urandom(32)
    path.parent.mkdir(mode=0o700)
    path.write_text(f"ssh-ed25519 {base64.b64encode(blob).decode()} demo\n", encoding="utf-8")


def say(text: str = "") -> None:
    """Print a line at once."""
    print(text, flush=True)


@dataclass
class Stage:
    """What the acts share: the client, and what earlier acts found and rented."""

    client: Client
    wish: Json = field(default_factory=dict[str, Any])  # arguments of the first rental
    vm: Json = field(default_factory=dict[str, Any])  # and of the second
    # What the error says that leads to the second.
    key_step: Json = field(default_factory=dict[str, Any])
    rented: list[int] = field(default_factory=list[int])

    async def call(self, title: str, tool: str, **arguments: Any) -> Json:
        """Call a tool that must succeed."""
        payload = await self._send(title, tool, arguments)
        if "error" in payload:
            error = payload["error"]
            raise Surprise(f"{tool}: {error['code']}: {error['message']}")
        return payload

    async def rent(self, title: str, arguments: Json) -> Json:
        """Rent a machine, show it, and keep its id."""
        rented = await self.call(title, "create_instance", **arguments)
        self.rented.append(rented["instance_id"])
        show([rented], *RENTED)
        return rented

    async def follow(self, title: str, step: Json) -> Json:
        """Call what a next step says, as it stands there."""
        return await self.call(title, step["tool"], **step["arguments"])

    async def fail(self, title: str, code: str, tool: str, **arguments: Any) -> Json:
        """Call a tool that must fail with a code; the error."""
        payload = await self._send(title, tool, arguments)
        error: Json = payload.get("error", {})
        if error.get("code") != code:
            raise Surprise(f"{tool} answered {error.get('code', 'success')} instead of {code}")
        say(f"{INDENT}{code}: {error['message']}")
        return error

    async def _send(self, title: str, tool: str, arguments: Json) -> Json:
        shown = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        say(f"\n> {title}\n  {tool}({shown})")
        with Progressing(tool) as progressing:
            result = await self.client.call_tool(
                tool, arguments, progress_callback=progressing.callback() or say_progress
            )
        return result.structured_content or {}


async def say_progress(progress: float, total: float | None, message: str | None) -> None:
    """Say how far a call is in plain lines, where nobody watches."""
    of = ""
    if total:
        of = f" of {total:.0f}"
    say(f"{INDENT}… {progress:.0f}{of} s: {message}")


def show(rows: Sequence[Json], *names: str) -> None:
    """Show rows below the call that gave them."""
    show_rows(rows, names, INDENT)


# ── the acts ───────────────────────────────────────────────────────────────────────────────────


async def meet(stage: Stage) -> None:
    """The server's tools."""
    tools = (await stage.client.list_tools()).tools
    say(f"A local, pretended Vast.ai: no money moves. The server offers {len(tools)} tools:")
    say("  " + ", ".join(tool.name for tool in tools))


async def search(stage: Stage) -> None:
    """An offer to rent."""
    found = await stage.call(
        "Find a 4090 under 60 cents",
        "search_offers",
        gpu_name="4090",
        max_usd_per_hour=0.6,
        min_disk_gb=20,
        limit=3,
    )
    show(found["offers"], *OFFER)
    stage.wish = {
        "offer_id": found["offers"][0]["offer_id"],
        "image": "pytorch/pytorch",
        "disk": 20,
        "label": "demo",
        "runtype": "ssh_direct",
    }


async def rent(stage: Stage) -> None:
    """One machine."""
    rented = await stage.rent("Rent the first", stage.wish)
    for warning in rented["warnings"]:
        say(f"{INDENT}warning: {warning}")


async def rent_again(stage: Stage) -> None:
    """The same call makes no second machine."""
    title = "Ask once more, as an agent that lost the answer does"
    again = await stage.call(title, "create_instance", **stage.wish)
    show([again], "instance_id", "replayed")


async def enter(stage: Stage) -> None:
    """A machine that can be entered, with its ssh line."""
    ready = await stage.call(
        "Wait until it can be entered", "wait_for_instance", instance_id=stage.rented[0]
    )
    if ready["state"] != "ready":
        raise Surprise(f"the machine is {ready['state']}")
    say(f"{INDENT}{ready['state']}: {ready['access']['ssh']}")


async def read_log(stage: Stage) -> None:
    """A machine's log."""
    log = await stage.call("Read its log", "show_logs", instance_id=stage.rented[0], tail=3)
    for line in log["untrusted_log"].splitlines():
        say(f"{INDENT}| {line}")


async def search_vm(stage: Stage) -> None:
    """An offer that runs virtual machines."""
    title = "Find one that can run a virtual machine"
    found = await stage.call(title, "search_offers", vm=True, limit=1, min_disk_gb=30)
    stage.vm = {
        "offer_id": found["offers"][0]["offer_id"],
        "vm": True,
        "image": "docker.io/vastai/kvm:ubuntu_terminal",
        "disk": 30,
    }


async def be_refused(stage: Stage) -> None:
    """An error that says what to do."""
    title = "Rent it as a VM, with no SSH key registered"
    refused = await stage.fail(title, "no_ssh_key", "create_instance", **stage.vm)
    stage.key_step = refused["next_steps"][0]
    say(f"{INDENT}next step: {stage.key_step['tool']} {stage.key_step['arguments']}")


async def follow(stage: Stage) -> None:
    """The next step of the error, as it stands there."""
    key = await stage.follow("Do what the error says", stage.key_step)
    show([key], "key_id", "fingerprint")


async def rent_vm(stage: Stage) -> None:
    """The rental that was refused, now as it was meant."""
    await stage.rent("The same rental again", stage.vm)


async def stop(stage: Stage) -> None:
    """A machine that costs its disk only."""
    stopped = await stage.call(
        "Stop it for the night", "manage_instance", instance_id=stage.rented[0], action="stop"
    )
    show([stopped], "status", "stopped_usd_per_hour")


async def look(stage: Stage) -> None:
    """What is on the account: the two that were rented and nothing else."""
    listed = await stage.call("What runs?", "show_instances")
    show(listed["instances"], *MACHINE)
    ids = sorted(row["instance_id"] for row in listed["instances"])
    if ids != sorted(stage.rented):
        raise Surprise(f"rented {stage.rented}, listed {ids}")


async def come_late(stage: Stage) -> None:
    """An offer that somebody else has taken."""
    await stage.fail(
        "Rent an offer that is gone",
        "offer_gone",
        "create_instance",
        offer_id=GONE_OFFER,
        disk=20,
    )


async def destroy(stage: Stage) -> None:
    """The end of both."""
    ended = await stage.call("Destroy them all", "destroy_instance", instance_ids=stage.rented)
    show(ended["results"], "instance_id", "outcome")


async def account_for(stage: Stage) -> None:
    """Nothing left that costs."""
    account = await stage.call("What does the account say?", "show_account")
    show([account], "credit_usd", "usd_per_hour", "machines", "open_intents")
    if account.get("machines"):
        raise Surprise(f"{account['machines']} machines are left")
    say(f"{INDENT}nothing runs, nothing is in doubt")


ACTS = (
    meet,
    search,
    rent,
    rent_again,
    enter,
    read_log,
    search_vm,
    be_refused,
    follow,
    rent_vm,
    stop,
    look,
    come_late,
    destroy,
    account_for,
)
