"""A world is served on a port, where a fault can close the connection."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from .faults import HANG_UP
from .keeping import Keeper
from .routes import create_app
from .world import World


def serve(
    world: World,
    host: str,
    port: int,
    on_ready: Callable[[str], None] | None = None,
    keeper: Keeper | None = None,
) -> None:
    """Serve until interrupted, or until its keeper says that it is over. Port 0 takes a free one;
    `on_ready` hears the address once connections are accepted.
    """
    is_ipv6 = ":" in host
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        # Inherited by what it accepts. asyncio would set it, but not on a socket that does not
        # name its protocol, and the second part of an answer then waits 40 ms for a receipt of
        # the first.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = f"[{host}]" if is_ipv6 else host
        if on_ready is not None:
            on_ready(f"http://{name}:{listener.getsockname()[1]}")
        serve_on(world, listener, keeper)


def serve_on(world: World, listener: socket.socket, keeper: Keeper | None = None) -> None:
    """Serve on a socket that listens already, until interrupted or over."""
    import uvicorn

    app: ASGIApp = create_app(world)
    if keeper is not None:
        app = keeper.before(app)

    class Server(uvicorn.Server):
        """uvicorn's, which looks ten times a second whether it is to end."""

        async def on_tick(self, counter: int) -> bool:
            return await super().on_tick(counter) or (keeper is not None and keeper.is_over())

    config = uvicorn.Config(
        _Hangable(app),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,  # the world's clock says it
        timeout_graceful_shutdown=0,  # an interrupt ends at once, whatever hangs
    )
    server = Server(config)
    try:
        server.run(sockets=[listener])
    except (KeyboardInterrupt, asyncio.CancelledError):
        return
    finally:
        world.close()


class _Hangable:
    """This application gives a `drop` fault the means to close the socket: ASGI has none."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cycle = getattr(send, "__self__", None)  # uvicorn's, of one request
        transport: Any = getattr(cycle, "transport", None)
        if transport is None:
            return await self.app(scope, receive, send)
        line = _Line(transport, receive)
        try:
            await self.app({**scope, HANG_UP: line.hang_up}, receive, send)
        except asyncio.CancelledError:  # the server ends while a request hangs
            transport.abort()
            raise


class _Line:
    """A line is the connection under one request."""

    def __init__(self, transport: Any, receive: Receive) -> None:
        self.transport = transport
        self.receive = receive

    async def hang_up(self) -> None:
        """Close the connection without a word, and wait until the server knows."""
        self.transport.abort()
        while (await self.receive())["type"] != "http.disconnect":
            pass
