"""Into a pretended machine: by SSH as a stranger's client goes, or past it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncssh

from vast_mcp.sandbox.machine.calls import Call, carried_out
from vast_mcp.sandbox.machine.commands import COMMANDS
from vast_mcp.sandbox.machine.machine import Machine
from vast_mcp.sandbox.machine.streams import Pipe, Stream, TextStream
from vast_mcp.sandbox.world import World

KEY = asyncssh.generate_private_key("ssh-ed25519")
PUBLIC = KEY.export_public_key().decode()


def rented(world: World, **body: Any) -> int:
    """Rent a machine that answers SSH, with our key."""
    world.set_keys([PUBLIC])
    offer = world.offer(ports=True)
    return world.rent(offer["id"], {"image": "a/b", "runtype": "ssh_direct", **body}).id


@contextlib.asynccontextmanager
async def entered(world: World, machine: int) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """Log in to a machine that runs."""
    row = world.show(machine) or {}
    port = int(row["ports"]["22/tcp"][0]["HostPort"])
    options = {"known_hosts": None, "config": None, "agent_path": None}
    async with asyncssh.connect(
        "127.0.0.1", port, username="root", client_keys=[KEY], login_timeout=30, **options
    ) as line:
        yield line


async def ran(world: World, machine: int, command: str, **how: Any) -> tuple[str, int | None]:
    """Run a command by SSH: what it says, and its status."""
    async with entered(world, machine) as line:
        done = await line.run(command, **how)
    return str(done.stdout), done.exit_status


async def shell(
    machine: Machine, script: str, *, name: str = "sh", stdin: bytes = b""
) -> tuple[bytes, bytes, int]:
    """Run a script in a machine, past SSH: both outputs, and the status."""
    process = machine.entrant()
    process.cwd = "/mnt"
    process.put(0, TextStream(stdin))
    outs = list[Stream]()
    for number in (1, 2):
        out, into = Pipe().ends()
        process.put(number, into)
        outs.append(out)
    process.start(lambda: carried_out(COMMANDS["sh"], Call(process, [name, "-c", script, name])))
    out, err = await asyncio.gather(*map(_all, outs))
    return out, err, await process.wait()


async def _all(stream: Stream) -> bytes:
    found = bytearray()
    while data := await stream.read(65_536):
        found += data
    return bytes(found)
