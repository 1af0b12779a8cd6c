"""Where a read goes on when an answer leads elsewhere: on the same origin, or nowhere
(docs/vast-api.md 0).

Of another's address only path and query are ever used, on the connection to where the key belongs:
whatever two readers of an address may differ about, the key goes nowhere else.
"""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

import httpx

from vast_mcp.settings import Address
from vast_mcp.vast.replies import Reply

MOST_REDIRECTS = 3
_LOCATION = "x-vast-mcp-location"
_LEADING = frozenset({301, 302, 303, 307, 308})
_PLAIN = re.compile(r"[!-\[\]-~]+")  # without a backslash, which some read as a slash


async def keep_location(answer: httpx.Response) -> None:
    """Take Location out of httpx's sight: it raises on one that it cannot read, and the answer
    would be lost.
    """
    location = answer.headers.pop("location", None)
    if location is not None:
        answer.headers[_LOCATION] = location


def onward(asked: httpx.URL, reply: Reply) -> httpx.URL | None:
    """The address that an answer leads on to, where scheme, host and port are those that were
    asked; None where it leads to another origin, or nowhere.
    """
    location = reply.headers.get(_LOCATION, "")
    if reply.status not in _LEADING or _PLAIN.fullmatch(location) is None:
        return None
    try:
        whole = urljoin(str(asked), location)
        there, here = Address.of(whole), Address.of(str(asked))
    except ValueError:
        return None
    if there.has_login or there.origin != here.origin:
        return None
    return _at(asked, whole)


def _at(asked: httpx.URL, whole: str) -> httpx.URL | None:
    """Path and query of an address, where the key belongs; None where they are too long."""
    parts = urlsplit(whole)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        return asked.copy_with(raw_path=path.encode(), fragment=None)
    except httpx.InvalidURL:
        return None


def is_elsewhere(asked: httpx.URL, there: httpx.URL) -> bool:
    """Whether it is another resource's address, and no other spelling of the one asked."""
    return asked.path.rstrip("/") != there.path.rstrip("/")
