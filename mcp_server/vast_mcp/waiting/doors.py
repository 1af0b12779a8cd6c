"""A container that runs is no proof that anybody can enter it: its ways in are tried."""

from __future__ import annotations

from vast_mcp.machines import reach, ways
from vast_mcp.machines.ways import Address
from vast_mcp.vast.models import Instance
from vast_mcp.waiting import verdicts
from vast_mcp.waiting.verdicts import Verdict
from vast_mcp.waiting.wait import Wait


async def when_running(wait: Wait, row: Instance) -> Verdict | None:
    """The end of the wait for a machine that runs, or None to look again."""
    if wait.wish.until == "running" or not ways.takes_ssh(row):
        return await verdicts.ready(wait, row, "It runs.")
    lasted = wait.watch.last - wait.watch.since
    direct = ways.direct_of(row)
    if await _answers(wait, direct):
        return await verdicts.ready(wait, row, "SSH answers.", via="direct", through=direct)
    # The proxy answers before the machine does, so the direct way is given time alone.
    if direct is None or lasted >= wait.patience.proxy:
        proxy = ways.proxy_of(row, vm=wait.machine.is_vm)
        if await _answers(wait, proxy):
            message = "SSH answers through Vast's proxy only."
            return await verdicts.ready(wait, row, message, via="proxy_only", through=proxy)
    if lasted < wait.patience.banner and not wait.watch.stands_still(wait.patience):
        return None
    return await verdicts.not_reachable(wait, row)


async def _answers(wait: Wait, to: Address | None) -> bool:
    """Whether an SSH server is heard at an address, where there is one."""
    if to is None:
        return False
    heard = await reach.probe(to, loopback=wait.loopback, within_s=wait.probe_s)
    return heard == "ssh"
