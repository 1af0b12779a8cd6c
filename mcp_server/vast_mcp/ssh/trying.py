"""One try of one way into a machine: connected to, its host key judged, logged in, and gone."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from vast_mcp.machines import ways
from vast_mcp.machines.machine import Machine
from vast_mcp.machines.ways import Address
from vast_mcp.session import Call
from vast_mcp.ssh.tried import Tried, Way
from vast_mcp.vast.models import Instance

if TYPE_CHECKING:
    from vast_mcp.ssh.jump import Link  # asyncssh takes half a second to load
    from vast_mcp.ssh.trial import Trial

NO_ADDRESS = "Vast shows no address for it"


@dataclass(frozen=True)
class Try:
    """What a try came to, and the connection where it logged in."""

    tried: Tried
    link: Link | None = None


async def try_ssh(call: Call, row: Instance, way: Way, *, within_s: float) -> Tried:
    """Log in as root to a machine and leave at once; nothing is run there. All of it, looking names
    up and asking agent and account for keys included, takes at most so many seconds.

    Whatever a network, a server or an agent does is an answer, and raises nothing.
    """
    async with _tried(call, row, way, within_s, stay=False) as one:
        return one.tried


@contextlib.asynccontextmanager
async def staying(call: Call, row: Instance, way: Way, *, within_s: float) -> AsyncGenerator[Try]:
    """Try as `try_ssh` does, and keep the connection of a login open within the block."""
    async with _tried(call, row, way, within_s, stay=True) as one:
        yield one


@contextlib.asynccontextmanager
async def _tried(
    call: Call, row: Instance, way: Way, within_s: float, *, stay: bool
) -> AsyncGenerator[Try]:
    to = address_of(call, row, way)
    if to is None:
        said = f"{NO_ADDRESS} by the {way} way."
        yield Try(Tried("not_tried", way, said, why=NO_ADDRESS))
        return
    # asyncssh takes half a second to load, in which other calls go on.
    await anyio.to_thread.run_sync(importlib.import_module, "vast_mcp.ssh.trial")
    from vast_mcp.ssh.trial import Trial

    trial = Trial(call, row.id, way, to, within_s, stay)
    try:
        yield Try(await _run(trial), trial.link)
    finally:
        trial.leave()


async def _run(trial: Trial) -> Tried:
    try:
        async with asyncio.timeout(trial.within_s):
            return await trial.run()
    except TimeoutError:
        return trial.late()


def address_of(call: Call, row: Instance, way: Way) -> Address | None:
    """Where a machine is entered by a way, where Vast shows it."""
    if way == "direct":
        return ways.direct_of(row)
    return ways.proxy_of(row, vm=Machine(row, call.record_of(row.id)).is_vm)
