"""A TCP connection to one of a few addresses, and to no other."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket


async def connected(ips: list[str], port: int) -> socket.socket:
    """The first of these addresses that takes a connection. The caller closes it and limits the
    time; each address but the last has at most its share of three seconds.

    Raises OSError, of the last one, where none does.
    """
    for ip in ips[:-1]:
        try:
            async with asyncio.timeout(3.0 / len(ips)):
                return await _connected(ip, port)
        except OSError:  # TimeoutError too
            continue
    return await _connected(ips[-1], port)


def words_of(exc: OSError) -> str:
    """Why there is no connection, as the system has it: asyncio's own words are for programmers."""
    return "no answer" if exc.errno is None else os.strerror(exc.errno).lower()


async def _connected(ip: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ipaddress.ip_address(ip).version == 6 else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(made, (ip, port))
    except BaseException:
        made.close()
        raise
    return made
