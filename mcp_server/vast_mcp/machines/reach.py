"""Which addresses of a machine may be connected to at all."""

from __future__ import annotations

import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address

import anyio

from vast_mcp.machines.ways import Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


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
