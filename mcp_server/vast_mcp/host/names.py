"""Under which names requests may come: `Host`, and the `Origin` of a page.

A page elsewhere whose name was bound anew to this computer reaches this server through the
browser, which says both (the MCP specification, transports). They are compared after parsing, and
what does not read back as it was written is none: parsers overlook what stands around a name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_USUAL = {"http": 80, "https": 443}
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


@dataclass(frozen=True)
class Name:
    """A host, and its port where one is said."""

    host: str  # lower case, without the root's dot; an IPv6 address in its shortest form
    port: int | None = None

    @classmethod
    def of(cls, text: str) -> Name:
        """`HOST[:PORT]`. Raises ValueError for anything else."""
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname or "", parts.port
        bare = f"[{host}]" if ":" in host else host
        if text.lower() not in {bare, f"{bare}:", f"{bare}:{port}"} or port == 0:
            raise ValueError(text)
        return cls(_canonical(host), port)

    def covers(self, other: Name, usual: int) -> bool:
        """Whether the other is this host, at this port. Any will do where none is said; the usual
        one is never said.
        """
        is_port = self.port is None or self.port == (other.port or usual)
        return is_port and self.host == other.host


def _canonical(host: str) -> str:
    if ":" in host:
        return str(ipaddress.IPv6Address(host))
    host = host.removesuffix(".")
    if not _HOST_NAME.fullmatch(host):
        raise ValueError(host)
    return host


class NameCheck:
    """Lets through requests under the names that are served, each with the scheme of its pages."""

    def __init__(self, app: ASGIApp, names: Mapping[Name, str]) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if not self._is_host(_said(scope, b"host")):
            return await PlainTextResponse("Invalid Host header", 421)(scope, receive, send)
        pages = _said(scope, b"origin")
        if pages and not self._is_page(pages):
            return await PlainTextResponse("Invalid Origin header", 403)(scope, receive, send)
        await self._app(scope, receive, send)

    def _is_host(self, said: list[str]) -> bool:
        try:
            [host] = map(Name.of, said)
        except ValueError:
            return False
        return any(name.covers(host, _USUAL[scheme]) for name, scheme in self._names.items())

    def _is_page(self, said: list[str]) -> bool:
        try:
            [(scheme, page)] = map(_origin, said)
        except ValueError:
            return False
        return any(
            name.covers(page, _USUAL[own]) for name, own in self._names.items() if own == scheme
        )


def _said(scope: Scope, header: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == header]


def _origin(text: str) -> tuple[str, Name]:
    """`SCHEME://HOST[:PORT]`. Raises ValueError for anything else: null, a path, a list."""
    scheme, _, rest = text.partition("://")
    return scheme.lower(), Name.of(rest)
