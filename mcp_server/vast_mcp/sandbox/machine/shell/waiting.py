"""`wait`: a shell waits for what it began, or until a trap has something to do."""

import asyncio
from typing import TYPE_CHECKING

from vast_mcp.sandbox.machine.calls import Call, Usage
from vast_mcp.sandbox.machine.processes import Process

if TYPE_CHECKING:
    from .running import Shell


async def wait(call: Call) -> int:
    """Wait for the children that are named, or for all: the status of the last one named."""
    shell = call.shell
    assert shell is not None  # noqa: S101
    if not call.words:
        for child in list(call.process.children.values()):
            if not await _over(shell, child):
                return 128 + shell.traps.interrupted_by
        return 0
    status = 0
    for word in call.words:
        if not word.isdigit():
            raise Usage(f"Illegal number: {word}", 2)
        child = call.process.children.get(int(word))
        if child is None:
            status = 127
        elif await _over(shell, child):
            status = await shell.reaped(child)
        else:
            return 128 + shell.traps.interrupted_by
    return status


async def _over(shell: "Shell", child: Process) -> bool:
    """Wait for a child's end; false where a signal that the shell has a trap for came first."""
    waits = [asyncio.ensure_future(one.wait()) for one in (child.ended, shell.traps.alarm)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()
    return child.ended.is_set()


async def jobs(call: Call) -> int:
    """List the children that go on."""
    for child in call.process.children.values():
        if not child.ended.is_set():
            await call.out(f"{child.pid} Running {' '.join(child.words)}\n")
    return 0
