"""A log from where Vast says it is: another host, without the key, and not before it is there
(docs/vast-api.md C.7).

The address is Vast's word, so it is held to a short list: https, a place that Vast keeps logs
in, public addresses only, no redirect, a bounded answer. Between the look at a name's addresses
and the connection the name may change its mind; what then answers still has to show that host's
certificate. No error repeats the address.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import anyio
import httpx

from vast_mcp import __version__, errors
from vast_mcp.settings import Settings
from vast_mcp.vast.link import Link
from vast_mcp.vast.log_places import check_addresses, checked, is_own, refused

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

    def is_newer_than(self, seconds: float) -> bool:
        """Whether it was uploaded within so many seconds, as far as its host says when."""
        return self.age_s is None or self.age_s <= seconds + CLOCK_S


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
    own = is_own(parts, link.settings)
    begun, pause = anyio.current_time(), times.log_s
    failure: errors.VastMcpError = errors.VastUnavailable(
        "The log was not uploaded in time; the host may be busy."
    )
    earlier: Fetched | None = None
    async with _client(link, own=own) as http:
        while True:
            if not own:
                await check_addresses(parts, deadline)
            found: Fetched | None = None
            try:
                found = await _get(http, address, link.settings, deadline)
            except errors.Unreachable as exc:
                failure = exc
            waited = anyio.current_time() - begun
            if found is not None and found.is_newer_than(waited):
                return found
            earlier = found or earlier
            if earlier is not None and waited + pause > times.log_fresh_s:
                return earlier
            if anyio.current_time() + pause > deadline:
                raise failure
            await waiting()
            await anyio.sleep(pause)
            pause = min(pause * 1.5, times.log_s * LONGEST_PAUSE)


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _client(link: Link, *, own: bool) -> httpx.AsyncClient:
    """A client of its own: nothing of the other one, its key above all, may come along."""
    # Without compression the bound holds for what arrives; the range asks for the end of a longer
    # log.
    headers = {
        "User-Agent": f"vast-mcp/{__version__}",
        "Accept-Encoding": "identity",
        "Range": f"bytes=-{MOST_BYTES}",
    }
    if not own:
        return httpx.AsyncClient(headers=headers, verify=_tls(), follow_redirects=False)
    return httpx.AsyncClient(
        headers=headers,
        transport=link.transport(),
        verify=link.verified_by(),
        trust_env=False,  # a proxy must never see loopback traffic
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
                    raise refused("leads on to another")
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
    return Fetched(
        text=bytes(read[:MOST_BYTES]).decode("utf-8", "replace"),
        begin_missing=answer.status_code == 206 and _first_byte(answer.headers) > 0,
        end_missing=len(read) > MOST_BYTES,
        age_s=_age(answer.headers),
    )


def _first_byte(headers: httpx.Headers) -> int:
    """Where a range begins; 0 where the header does not say."""
    start = headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
    if not start.isdigit():
        return 0
    return int(start)


def _age(headers: httpx.Headers) -> float | None:
    """Seconds between upload and answer, both by the host's own clock."""
    try:
        written, now = (parsedate_to_datetime(headers[name]) for name in ("last-modified", "date"))
        return max(0.0, (now - written).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None
