"""One try of one way into a machine: connected to, its host key judged, logged in, and gone."""

from __future__ import annotations

import asyncio
import importlib

import anyio

from vast_mcp.machines import ways
from vast_mcp.machines.machine import Machine
from vast_mcp.machines.ways import Address
from vast_mcp.session import Call
from vast_mcp.ssh.tried import Tried, Way
from vast_mcp.vast.models import Instance

NO_ADDRESS = "Vast shows no address for it"


async def try_ssh(call: Call, row: Instance, way: Way, *, within_s: float) -> Tried:
    """Log in as root to a machine and leave at once; nothing is run there. All of it, looking names
    up and asking agent and account for keys included, takes at most so many seconds.

    Whatever a network, a server or an agent does is an answer, and raises nothing.
    """
    to = address_of(call, row, way)
    if to is None:
        return Tried("not_tried", way, f"{NO_ADDRESS} by the {way} way.", why=NO_ADDRESS)
    # asyncssh takes half a second to load, in which other calls go on.
    await anyio.to_thread.run_sync(importlib.import_module, "vast_mcp.ssh.trial")
    from vast_mcp.ssh.trial import Trial

    trial = Trial(call, row.id, way, to, within_s)
    try:
        async with asyncio.timeout(within_s):
            return await trial.run()
    except TimeoutError:
        return trial.late()
    finally:
        trial.leave()


def address_of(call: Call, row: Instance, way: Way) -> Address | None:
    """Where a machine is entered by a way, where Vast shows it."""
    if way == "direct":
        return ways.direct_of(row)
    return ways.proxy_of(row, vm=Machine(row, call.record_of(row.id)).is_vm)
