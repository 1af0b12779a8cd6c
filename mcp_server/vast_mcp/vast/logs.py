"""A log from where Vast says it is: another host, without the key, and not before it is uploaded
(C.7).

The address is Vast's word, so it is held to a short list: https, a place that Vast keeps logs
in, public addresses only, no redirect, a bounded answer. Between the look at a name's addresses
and the connection the name may change its mind; what then answers still has to show that host's
certificate. No error repeats the address.
"""

from __future__ import annotations

import functools
import ipaddress
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit

import anyio
import httpx

from vast_mcp import __version__, errors
from vast_mcp.settings import Settings
from vast_mcp.vast.link import InProcess, Link

log = logging.getLogger("vast_mcp")

# The first is the published example of `result_url`; the second bucket is Vast's too, and others
# have met it there. Any other place is not known to the sources: a person names it in
# VAST_MCP_LOG_HOSTS.
LOG_HOSTS = ("s3.amazonaws.com/vast.ai/", "s3.amazonaws.com/public.vast.ai/")
MOST_BYTES = 1_000_000
CLOCK_S = 2.0  # what rounding and a slow answer may add to the age of a log that is new
LONGEST_PAUSE = 8  # times log_s


@dataclass(frozen=True)
class Fetched:
    """What stood at the address, at most `MOST_BYTES` of it; `age_s` is the host's word for when
    it was uploaded.
    """

    text: str
    begin_missing: bool = False
    end_missing: bool = False
    age_s: float | None = None


async def fetch_log(
    link: Link, address: str, deadline: float, waiting: Callable[[], Awaitable[None]]
) -> Fetched:
    """The log once it is there.

    Tries until `deadline` (anyio's clock); `waiting` is called before each pause. An address can
    still hold the log of an earlier request: a newer one is waited for a little. Raises
    VastUnavailable when nothing was uploaded in time, Unreachable when nothing answered,
    UnexpectedReply for an address that is not to be trusted or an answer that is no log.
    """
    parts, times = checked(address, link.settings), link.settings.times
    begun, pause = anyio.current_time(), times.log_s
    failure: errors.VastMcpError = errors.VastUnavailable(
        "The log was not uploaded in time; the host may be busy."
    )
    earlier: Fetched | None = None
    own = _is_own(parts, link.settings)
    async with _client(link, own=own) as http:
        while True:
            if not own:
                await _check_addresses(parts, deadline)
            try:
                found = await _get(http, address, link.settings, deadline)
            except errors.Unreachable as exc:
                found, failure = None, exc
            waited = anyio.current_time() - begun
            if found is not None and (found.age_s is None or found.age_s <= waited + CLOCK_S):
                return found
            earlier = found or earlier
            if earlier is not None and waited + pause > times.log_fresh_s:
                return earlier
            if anyio.current_time() + pause > deadline:
                raise failure
            await waiting()
            await anyio.sleep(pause)
            pause = min(pause * 1.5, times.log_s * LONGEST_PAUSE)


# ── where a log may be ─────────────────────────────────────────────────────────────────────────


def checked(address: str, settings: Settings) -> SplitResult:
    """The parts of an address that a log may be fetched from. Raises UnexpectedReply for any
    other.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
        sent = httpx.URL(address)
    except (ValueError, httpx.InvalidURL):
        raise _refused("is none") from None
    # What is checked must be what is sent: two readers of one odd address may differ.
    if (
        sent.host != host
        or not address.isascii()
        or "\\" in address
        or any(c.isspace() for c in address)
    ):
        raise _refused("is ambiguous")
    if parts.username or parts.password:
        raise _refused("holds a login")
    if _is_own(parts, settings):
        return parts
    if settings.sandbox:
        raise _refused("is not the sandbox's own")
    if parts.scheme != "https" or port not in {None, 443}:
        raise _refused("is not plain https")
    if ".." in parts.path or "%" in parts.path or not _is_listed(host, parts.path, settings):
        place = "/".join([host, *parts.path.split("/")[1:2]])
        log.warning(
            "a log was offered at %s, which VAST_MCP_LOG_HOSTS does not list",
            errors.clean(place, 100),
        )
        raise _refused(
            "is no known place of Vast's logs; a person can add it to VAST_MCP_LOG_HOSTS, the "
            "log "
            "names it"
        )
    return parts


def _is_own(parts: SplitResult, settings: Settings) -> bool:
    """Whether the address is the loopback server that we talk to anyway."""
    own = urlsplit(settings.base_url)
    return settings.loopback and (parts.scheme, parts.netloc) == (own.scheme, own.netloc)


def _is_listed(host: str, path: str, settings: Settings) -> bool:
    for entry in (*LOG_HOSTS, *settings.log_hosts):
        name, slash, folder = entry.partition("/")
        name = name.lower()
        named = (
            host.endswith(name) and len(host) > len(name) if name.startswith(".") else host == name
        )
        folder = folder.strip("/")
        if named and (not slash or not folder or path.startswith(f"/{folder}/")):
            return True
    return False


def _refused(what: str) -> errors.UnexpectedReply:
    return errors.UnexpectedReply(
        f"Vast named an address for the log that {what}. Nothing was fetched from it."
    )


async def _check_addresses(parts: SplitResult, deadline: float) -> None:
    """Every address of the name must be public, or the log could be a page of a private network."""
    try:
        with anyio.fail_after(max(0.1, deadline - anyio.current_time())):
            found = await anyio.getaddrinfo(
                parts.hostname, parts.port or 443, type=socket.SOCK_STREAM
            )
    except (OSError, TimeoutError, UnicodeError):
        raise errors.Unreachable("The host of the log could not be found.") from None
    if not found or not all(
        ipaddress.ip_address(str(entry[4][0]).split("%")[0]).is_global for entry in found
    ):
        raise _refused("leads into a private network")


# ── fetching ───────────────────────────────────────────────────────────────────────────────────


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _client(link: Link, *, own: bool) -> httpx.AsyncClient:
    """A client of its own: nothing of the other one, its key above all, may come along."""
    app = link.app
    return httpx.AsyncClient(
        # Without compression the bound holds for what arrives; the range asks for the end of a
        # longer log.
        headers={
            "User-Agent": f"vast-mcp/{__version__}",
            "Accept-Encoding": "identity",
            "Range": f"bytes=-{MOST_BYTES}",
        },
        transport=InProcess(app) if own and app is not None else None,
        verify=False if own else _tls(),
        trust_env=not own,  # a proxy must never see loopback traffic
        follow_redirects=False,
    )


async def _get(
    http: httpx.AsyncClient, address: str, settings: Settings, deadline: float
) -> Fetched | None:
    """One try: the text, or None while there is none."""
    limit = min(settings.times.read_s, max(0.1, deadline - anyio.current_time()))
    try:
        with anyio.fail_after(limit):
            async with http.stream("GET", address, timeout=limit) as answer:
                if answer.status_code == 416:  # a range of an empty file
                    return Fetched("")
                if answer.is_redirect:
                    raise _refused("leads on to another")
                if answer.status_code not in {200, 206}:
                    return None
                return await _bounded(answer)
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError) as exc:
        raise errors.Unreachable(
            f"The host of the log did not answer ({type(exc).__name__})."
        ) from None


async def _bounded(answer: httpx.Response) -> Fetched:
    """What arrives, up to the bound. A server that answers with a range says itself where that
    begins.
    """
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise errors.UnexpectedReply("The log came compressed, which was not asked for.")
    read = bytearray()
    async for chunk in answer.aiter_raw():
        read += chunk[: MOST_BYTES - len(read) + 1]
        if len(read) > MOST_BYTES:
            break
    start = answer.headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
    return Fetched(
        text=bytes(read[:MOST_BYTES]).decode("utf-8", "replace"),
        begin_missing=answer.status_code == 206 and start.isdigit() and int(start) > 0,
        end_missing=len(read) > MOST_BYTES,
        age_s=_age(answer.headers),
    )


def _age(headers: httpx.Headers) -> float | None:
    """Seconds between upload and answer, both by the host's own clock."""
    try:
        written, now = (parsedate_to_datetime(headers[name]) for name in ("last-modified", "date"))
        return max(0.0, (now - written).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None
