"""`vast-mcp serve --http`: the same server over streamable HTTP, for one person who has the token.

Whoever shows the token rents with the key that this process holds. So nothing is done for anybody
else: a request without it is answered 401 before it is read, and /healthz says only that the
process is up. Host and Origin are checked behind that (names.py), so that a web page cannot use a
browser that knows the token. Each request stands alone; the journal, the link to Vast and the
background task are one per process.
"""

from __future__ import annotations

import contextlib
import hmac
import ipaddress
import logging
import math
import socket
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import anyio
import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from vast_mcp import signals
from vast_mcp.host import connections
from vast_mcp.host.arriving import WhileThere
from vast_mcp.host.bodies import Messages
from vast_mcp.host.names import Name, NameCheck
from vast_mcp.host.server import VastServer

PATH = "/mcp"
ANSWER_S = 1.0  # from the verdict on a rental to its answer
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_LOOPBACK = (Name("127.0.0.1"), Name("localhost"), Name("::1"))


class AddressError(Exception):
    """The address may not be listened on; the message says what to change."""


@dataclass(frozen=True)
class Address:
    """Where to listen, and under which names requests may come."""

    host: str  # an IP address
    port: int
    names: Mapping[Name, str]  # each with the scheme of its pages

    @classmethod
    def of(cls, given: str, *, behind_proxy: bool, allowed_hosts: Sequence[str] = ()) -> Address:
        """`[HOST:]PORT`, HOST an IP address or localhost. Raises AddressError."""
        ip, port = _parsed(given)
        _check_reach(ip, behind_proxy, allowed_hosts)
        own = _LOOPBACK if ip.is_unspecified else (*_LOOPBACK, Name(str(ip)))
        # Behind a proxy the page's own address is https; on loopback it is http.
        names = dict.fromkeys(map(_allowed, allowed_hosts), "https")
        return cls(str(ip), port, names | dict.fromkeys(own, "http"))


def _parsed(given: str) -> tuple[IPAddress, int]:
    host, _, port = given.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    try:
        ip = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        number = int(port)
    except ValueError:
        raise AddressError(
            f"{given} is no HOST:PORT; HOST is an IP address or localhost."
        ) from None
    if not 0 <= number <= 65535:
        raise AddressError("A port is 0 (any free one) to 65535.")
    return ip, number


def _check_reach(ip: IPAddress, behind_proxy: bool, allowed_hosts: Sequence[str]) -> None:
    """Raises AddressError where others than this computer's user could come in unasked."""
    if not behind_proxy and (allowed_hosts or not ip.is_loopback):
        raise AddressError(
            "Without --behind-proxy only loopback addresses are served, under loopback names: "
            "requests hold a token that rents machines, and this server speaks plain HTTP."
        )
    if behind_proxy and not allowed_hosts:
        raise AddressError(
            "--behind-proxy needs --allowed-host NAME: the name that clients know the proxy by."
        )


def _allowed(text: str) -> Name:
    try:
        return Name.of(text)
    except ValueError:
        raise AddressError(
            f"{text!a} is no host name; write NAME or NAME:PORT, without https."
        ) from None


class TokenGate:
    """Lets in whoever shows the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if scope["path"] == "/healthz":
            return await PlainTextResponse("ok\n")(scope, receive, send)
        if not self._knows(scope):
            return await _refusal()(scope, receive, send)
        scope[connections.KNOWN]()
        await self._app(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) != 1:
            return False
        scheme, _, token = given[0].partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token)


def _refusal() -> Response:
    return JSONResponse(
        {"error": "a token is needed: Authorization: Bearer TOKEN"},
        401,
        {"WWW-Authenticate": 'Bearer realm="vast-mcp"'},
    )


class _Uvicorn(uvicorn.Server):
    """uvicorn without its signal handlers (those of signals.py also tell the session), whose
    connections wait within bounds.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.server_state = connections.State()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for one in sockets or []:
            one.listen(connections.BACKLOG)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def listen(address: Address) -> socket.socket:
    """A socket that listens there. Raises OSError."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.create_server((address.host, address.port), family=family)
    # Inherited by what it accepts. asyncio would set it, but not on a socket that does not name its
    # protocol, and the second part of an answer then waits 40 ms for a receipt of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(listener: socket.socket) -> str:
    """Where clients find the server."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}{PATH}" if ":" in host else f"http://{host}:{port}{PATH}"


def app_of(server: VastServer, address: Address, token: str) -> TokenGate:
    """The whole application: the token, then the names, then what a message is, then the server."""
    unchecked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    inner = server.streamable_http_app(
        streamable_http_path=PATH, stateless_http=True, transport_security=unchecked
    )
    known = WhileThere(Messages(inner), server.telling)
    return TokenGate(NameCheck(known, address.names), token)


def serve(server: VastServer, address: Address, listener: socket.socket, token: str) -> None:
    """Serve until asked to end. Then no request is taken, nothing new is rented, and what is under
    way has as long as the request that rents may take: that one ends with a verdict.
    """
    # What clients do wrong is told to them and not logged: nobody may read stderr, a pipe that is
    # full stops the process, and the SDK writes a traceback for each request that breaks off.
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        app_of(server, address, token),
        http=connections.Connection,
        backlog=connections.ACCEPTED_AT_ONCE,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="error",
        access_log=False,
        # who calls is known by the token, never by an address that a header claims
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=math.ceil(server.settings.times.put_s + ANSWER_S),
    )
    running = _Uvicorn(config)

    def stop() -> None:
        running.should_exit = True
        server.session.closing = True

    signals.end_in_order(stop)
    with listener:
        anyio.run(running.serve, [listener])
