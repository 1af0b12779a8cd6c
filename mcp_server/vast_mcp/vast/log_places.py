"""Where a log may be fetched from: an address is Vast's word, so it is held to a short list."""

from __future__ import annotations

import ipaddress
import logging
import socket

import anyio
import httpx

from vast_mcp import errors
from vast_mcp.settings import Address, Settings

log = logging.getLogger("vast_mcp")

# The first is the published example of `result_url`; the second bucket is Vast's too, and others
# have met it there. Any other place is not known to the sources: a person names it in
# VAST_MCP_LOG_HOSTS.
LOG_HOSTS = ("s3.amazonaws.com/vast.ai/", "s3.amazonaws.com/public.vast.ai/")


def checked(address: str, settings: Settings) -> Address:
    """The parts of an address that a log may be fetched from. Raises UnexpectedReply for any
    other.
    """
    parts = _unambiguous(address)
    if parts.has_login:
        raise refused("holds a login")
    if is_own(parts, settings):
        return parts
    if settings.sandbox:
        raise refused("is not the sandbox's own")
    if parts.scheme != "https" or parts.port != 443:
        raise refused("is not plain https")
    if not _is_listed(parts, settings):
        log.warning(
            "a log was offered at %s, which VAST_MCP_LOG_HOSTS does not list",
            errors.clean(_place(parts), 100),
        )
        raise refused(
            "is no known place of Vast's logs; a person can add it to VAST_MCP_LOG_HOSTS, the "
            "log names it"
        )
    return parts


def _unambiguous(address: str) -> Address:
    """The parts of an address. What is checked must be what is sent: two readers of one odd
    address may differ, and a server may read a path otherwise than we do.
    """
    path = address.partition("?")[0]
    if not address.isascii() or ".." in path or "%" in path:
        raise refused("is ambiguous")
    try:
        parts, sent = Address.of(address), httpx.URL(address)
    except (ValueError, httpx.InvalidURL):
        raise refused("is none") from None
    if sent.host != parts.hostname:
        raise refused("is ambiguous")
    return parts


def is_own(parts: Address, settings: Settings) -> bool:
    """Whether the address is the loopback server that we talk to anyway."""
    return settings.loopback and parts.origin == Address.of(settings.base_url).origin


def _is_listed(parts: Address, settings: Settings) -> bool:
    """Whether logs are kept there, by our list or the person's."""
    places = (*LOG_HOSTS, *settings.log_hosts)
    return any(_is_at(place, parts.hostname, parts.path) for place in places)


def _is_at(place: str, host: str, path: str) -> bool:
    """Whether an address is at a place of the list: `host`, `host/folder`, or `.domain` for every
    host below it.
    """
    name, _, folder = place.partition("/")
    name, folder = name.lower(), folder.strip("/")
    if folder and not path.startswith(f"/{folder}/"):
        return False
    if name.startswith("."):
        return host.endswith(name) and host != name
    return host == name


def _place(parts: Address) -> str:
    """The host and the first folder of an address, which say nothing secret."""
    return "/".join([parts.hostname, *parts.path.split("/")[1:2]])


def refused(what: str) -> errors.UnexpectedReply:
    return errors.UnexpectedReply(
        f"Vast named an address for the log that {what}. Nothing was fetched from it."
    )


async def check_addresses(parts: Address, deadline: float) -> None:
    """Every address of the name must be public, or the log could be a page of a private network."""
    try:
        with anyio.fail_after(max(0.1, deadline - anyio.current_time())):
            found = await anyio.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError):
        raise errors.Unreachable("The host of the log could not be found.") from None
    if not found or not all(
        ipaddress.ip_address(str(entry[4][0]).split("%")[0]).is_global for entry in found
    ):
        raise refused("leads into a private network")
