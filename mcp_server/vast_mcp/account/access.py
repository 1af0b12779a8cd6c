"""Getting from this computer into a machine: the key that fits, and the lines to type."""

from __future__ import annotations

import itertools
import shlex
from pathlib import Path
from typing import Annotated

from pydantic import Field

from vast_mcp import errors
from vast_mcp.machines import ways
from vast_mcp.machines.keyfiles import registered_local_key
from vast_mcp.machines.ways import Address
from vast_mcp.session import Call
from vast_mcp.toolspec import Part
from vast_mcp.vast.models import Instance

_NO_KEY = (
    "No key in ~/.ssh of this computer is registered with Vast, so ssh has no -i and may fail."
)


class Access(Part):
    """The ways into one machine."""

    ssh: str | None = None
    rsync: str | None = None
    ports: Annotated[dict[str, str] | None, Field(description="Port inside: its URL.")] = None
    jupyter_url: str | None = None


async def access_to(
    call: Call, row: Instance, *, vm: bool, jupyter_token: bool, through: Address | None = None
) -> tuple[Access, list[str]]:
    """Lines ready to type and what to warn of. `through` is the way that answered; else direct
    before proxy.
    """
    ports, warnings = _ports(row)
    access = Access(ports=ports or None, jupyter_url=ways.jupyter_url(row, token=jupyter_token))
    if not ways.takes_ssh(row):
        return access, warnings
    to = through or ways.direct_of(row) or ways.proxy_of(row, vm=vm)
    if to is None:
        return access, [*warnings, "Vast shows no SSH address for it."]
    key, trouble = await _key(call)
    access.ssh, access.rsync = ways.ssh_line(to, key), ways.rsync_line(to, key)
    return access, warnings + trouble


def _ports(row: Instance) -> tuple[dict[str, str], list[str]]:
    """The mapped ports as many as are shown, and what to warn of."""
    ports = ways.mapped_ports(row)
    if len(ports) <= ways.PORTS_SHOWN:
        return ports, []
    shown = dict(itertools.islice(ports.items(), ways.PORTS_SHOWN))
    return shown, [f"It has {len(ports)} mapped ports; the first {ways.PORTS_SHOWN} are shown."]


async def _key(call: Call) -> tuple[str | None, list[str]]:
    """The private key of this computer whose public half the account has, as a shell reads it, and
    what to warn of where there is none.
    """
    ssh_dir = call.ssh_dir
    if ssh_dir is None:
        return None, []  # the caller's keys are on another computer
    try:
        public = await _registered(call, ssh_dir)
    except errors.VastMcpError as exc:
        return None, [f"The account's SSH keys could not be read ({exc.code}), so ssh has no -i."]
    if public is None:
        return None, [_NO_KEY]
    return f"~/.ssh/{shlex.quote(public.stem)}", []


async def _registered(call: Call, ssh_dir: Path) -> Path | None:
    """A public key file here that the account has, by the keys last seen, else by those it has now.
    Raises where those cannot be read.
    """
    session = call.session
    found = registered_local_key(session.ssh_keys, ssh_dir)
    if found is not None:
        return found
    session.ssh_keys = await call.vast.ssh_keys()
    return registered_local_key(session.ssh_keys, ssh_dir)
