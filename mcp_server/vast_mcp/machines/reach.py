"""Getting from this computer into a machine: the key that fits, the lines to type, and whether
anything answers there.

The probe is no HTTP: it connects, reads what an SSH server says first, and sends nothing.
"""

from __future__ import annotations

import ipaddress
import shlex
from typing import Annotated, Literal

import anyio
from pydantic import Field

from vast_mcp import errors
from vast_mcp.machines import ways
from vast_mcp.machines.keyfiles import key_blob, local_public_keys
from vast_mcp.machines.ways import Address
from vast_mcp.session import Call
from vast_mcp.toolspec import Part
from vast_mcp.vast.models import Instance, SshKey

BANNER_BYTES = 1024  # lines before the version are allowed (RFC 4253, 4.2), not without end


PROBE_S = 5.0


Heard = Literal["ssh", "nothing", "no_connection", "not_probed"]


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
    warnings: list[str] = []
    ports = ways.mapped_ports(row)
    if len(ports) > ways.PORTS_SHOWN:
        warnings.append(
            f"It has {len(ports)} mapped ports; the first {ways.PORTS_SHOWN} are shown."
        )
        ports = dict(list(ports.items())[: ways.PORTS_SHOWN])
    access = Access(ports=ports or None, jupyter_url=ways.jupyter_url(row, token=jupyter_token))
    if ways.takes_ssh(row):
        to = through or ways.direct_of(row) or ways.proxy_of(row, vm=vm)
        if to is None:
            warnings.append("Vast shows no SSH address for it.")
        else:
            key = await _key(call, warnings)
            access.ssh, access.rsync = ways.ssh_line(to, key), ways.rsync_line(to, key)
    return access, warnings


async def _key(call: Call, warnings: list[str]) -> str | None:
    """The private key of this computer whose public half the account has, as a shell reads it."""
    session = call.session
    if call.settings.ssh_dir is None:
        return None  # the caller's keys are on another computer
    found = matching_key(call, session.ssh_keys)
    if found is None:
        try:
            session.ssh_keys = await call.vast.ssh_keys()
        except errors.VastMcpError as exc:
            warnings.append(
                f"The account's SSH keys could not be read ({exc.code}), so ssh has no -i."
            )
            return None
        found = matching_key(call, session.ssh_keys)
    if found is None:
        warnings.append(
            "No key in ~/.ssh of this computer is registered with Vast, so ssh has no -i and may "
            "fail."
        )
    return found


def matching_key(call: Call, keys: list[SshKey]) -> str | None:
    """`~/.ssh/NAME` of the first public key here that is among `keys`."""
    registered = {blob for key in keys if (blob := key_blob(key.public_key))}
    for path in local_public_keys(call.settings.ssh_dir):
        try:
            if key_blob(path.read_text(encoding="utf-8")) in registered:
                return f"~/.ssh/{shlex.quote(path.stem)}"
        except (OSError, UnicodeDecodeError):
            continue
    return None


def may_probe(host: str, *, loopback: bool) -> bool:
    """A row must not send this computer looking around its own network, nor a sandbox out into the
    world.
    """
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" if loopback else host.endswith(".vast.ai")
    return ip.is_loopback if loopback else ip.is_global


async def probe(to: Address, *, loopback: bool, within_s: float = PROBE_S) -> Heard:
    """What is heard at an address within so many seconds. Sends nothing and never raises."""
    if not may_probe(to.host, loopback=loopback):
        return "not_probed"
    heard: Heard = "no_connection"
    with anyio.move_on_after(within_s):
        try:
            async with await anyio.connect_tcp(to.host, to.port) as stream:
                heard = "nothing"
                said = b""
                while len(said) < BANNER_BYTES:
                    said += await stream.receive(BANNER_BYTES - len(said))
                    if any(line.startswith(b"SSH-") for line in said.split(b"\n")[:-1]):
                        return "ssh"
        except (
            OSError,
            ValueError,
            anyio.EndOfStream,
            anyio.BrokenResourceError,
            anyio.ClosedResourceError,
        ):
            return heard
    return heard
