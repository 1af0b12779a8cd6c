"""Whether anything answers where a machine should be.

The probe is no HTTP: it connects, reads what an SSH server says first, and sends nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

import anyio
from anyio.abc import ByteReceiveStream

from vast_mcp.machines.ways import Address

BANNER_BYTES = 1024  # lines before the version are allowed (RFC 4253, 4.2), not without end
PROBE_S = 5.0
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Heard = Literal["ssh", "nothing", "no_connection", "not_probed"]

_SILENCE = (
    OSError,
    ValueError,
    anyio.EndOfStream,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
)


def may_probe(host: str, *, loopback: bool) -> bool:
    """Whether a host out of a row may be connected to: a row must not send this computer looking
    around its own network, nor a sandbox out into the world.
    """
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" if loopback else host.endswith(".vast.ai")
    return ip.is_loopback if loopback else _is_public(ip)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the internet's. One of IPv6 that carries one of IPv4 in it leads
    where that leads (RFC 3056, RFC 4291 2.5.5, RFC 6052); what IPv6 reserves leads nowhere known.
    """
    if isinstance(ip, IPv6Address):
        carried = IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else ip.ipv4_mapped
        carried = carried or ip.sixtofour
        if carried is not None:
            return _is_public(carried)
        if ip.is_site_local or ip.is_reserved:
            return False
    return ip.is_global and not ip.is_multicast


async def addresses_of(to: Address, *, loopback: bool) -> list[str]:
    """The IP addresses of a host that may be connected to, as many as may be: a name that leads
    elsewhere has none. Who connects to one of these does not look the name up again.

    Raises socket.gaierror where the name is not found.
    """
    if not may_probe(to.host, loopback=loopback):
        return []
    found = await anyio.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
    ips = dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found)
    return [ip for ip in ips if may_probe(ip, loopback=loopback)]


async def probe(to: Address, *, loopback: bool, within_s: float = PROBE_S) -> Heard:
    """What is heard at an address within so many seconds. Sends nothing and never raises."""
    if not may_probe(to.host, loopback=loopback):
        return "not_probed"
    heard: Heard = "no_connection"
    with anyio.move_on_after(within_s):
        try:
            async with await anyio.connect_tcp(to.host, to.port) as stream:
                heard = "nothing"
                if await _speaks_ssh(stream):
                    return "ssh"
        except _SILENCE:
            return heard
    return heard


async def _speaks_ssh(stream: ByteReceiveStream) -> bool:
    """Whether a whole line that begins with SSH- comes within the first bytes."""
    said = b""
    while len(said) < BANNER_BYTES:
        said += await stream.receive(BANNER_BYTES - len(said))
        if any(line.startswith(b"SSH-") for line in said.split(b"\n")[:-1]):
            return True
    return False
