"""Which keys this server itself logs in to machines with: of the one file that a person named, else
of the files and the agent of this computer (ring.py).
"""

from __future__ import annotations

import contextlib

import anyio

from vast_mcp.machines.keyfiles import local_keys
from vast_mcp.settings import Settings
from vast_mcp.ssh.agents import Agents
from vast_mcp.ssh.keyfile import key_file

AGENT_S = 2.0  # that an agent may take to name its keys


async def own_keys(settings: Settings) -> frozenset[str] | None:
    """The base64 parts of the public halves; None where that of the named file is not known."""
    if settings.ssh_key is not None:
        blob = key_file(settings.ssh_key).blob
        return None if blob is None else frozenset({blob})
    if settings.ssh_dir is None:
        return frozenset()
    return frozenset(local_keys(settings.ssh_dir)) | await _held(settings.ssh_agent)


async def _held(socket: str | None) -> frozenset[str]:
    """What the agent holds; nothing where it does not say so in time."""
    agents = Agents()
    with contextlib.closing(agents), anyio.move_on_after(AGENT_S):
        return frozenset(await agents.held_at(socket))
    return frozenset()
