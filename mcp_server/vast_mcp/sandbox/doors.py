"""A door is a port on loopback; who knocks is served by what stands behind it."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from .porter import Porter

HOST = "127.0.0.1"

# What is behind a door: it is handed a guest, and is over when the guest is to go.
Serve = Callable[[socket.socket], Awaitable[None]]
# How a door behaves: a word of `MANNERS`, or the status that it answers over HTTP.
Manner = str | int
# A door of a machine: `direct` and `proxy` are SSH's, others a port inside, as `8000/tcp`.
Key = tuple[int, str]

USUAL, CLOSED, SILENT, NOT_SSH, REFUSES_KEYS = MANNERS = (
    "usual",
    "closed",
    "silent",
    "not_ssh",
    "refuses_keys",
)

_HANGS_UP = (OSError, EOFError, asyncio.LimitOverrunError)


class Door:
    """A door that is shut is bound and does not listen, so that nobody else gets its number."""

    def __init__(self, porter: Porter) -> None:
        self._porter = porter
        self._socket = _bound(0)
        self._loop: asyncio.AbstractEventLoop | None = None  # while it is open
        self._guests: set[asyncio.Task[None]] = set()
        self.port: int = self._socket.getsockname()[1]
        self.serve: Serve | None = None

    def open(self, serve: Serve) -> None:
        """Serve guests like this from now on; those inside stay as they are."""
        self.serve = serve
        if self._loop is None:
            self._socket.listen()
            self._porter.do(self._begin)

    def shut(self) -> None:
        """Put out whoever is inside, and listen no more."""
        if self._loop is None:
            return
        self._porter.do(self._end)
        self._socket.close()
        self._socket = _bound(self.port)

    def close(self) -> None:
        """Give the port back, for good."""
        if self._loop is not None:
            self._porter.do(self._end)
        self._socket.close()

    def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._greet)

    def _end(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._socket)
        self._loop = None
        for guest in self._guests:
            guest.cancel()

    def _greet(self) -> None:
        with contextlib.suppress(OSError):
            guest, _ = self._socket.accept()
            guest.setblocking(False)
            self._let_in(guest)

    def _let_in(self, guest: socket.socket) -> None:
        inside = asyncio.get_running_loop().create_task(self._serve(guest))
        self._guests.add(inside)
        inside.add_done_callback(self._guests.discard)
        # here, because a task that is cancelled at once never begins
        inside.add_done_callback(lambda _: guest.close())

    async def _serve(self, guest: socket.socket) -> None:
        if self.serve is not None:
            with contextlib.suppress(*_HANGS_UP):
                await self.serve(guest)


def _bound(port: int) -> socket.socket:
    """Take a port, 0 for any. It can be had again while guests of before have not quite gone."""
    made = socket.socket()
    made.setblocking(False)
    if port:
        _share(made)
    made.bind((HOST, port))
    _share(made)  # its guests inherit it; for a free port not before, lest it be a shut door's
    return made


def _share(one: socket.socket) -> None:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


class Doors:
    """A world keeps its doors by machine and way in, and what is to be true of them."""

    def __init__(self) -> None:
        self._porter = Porter()
        self._doors: dict[Key, Door] = {}
        self.manners: dict[Key, Manner] = {}
        # made at the first guest; a container keeps its own as long as it lives
        self.host_keys: dict[Key, Any] = {}

    def do(self, act: Callable[[], object]) -> None:
        """Do something where guests are served."""
        self._porter.do(act)

    def port(self, key: Key, serve: Serve | None) -> int:
        """Make a door at first need, and tell its number; it is open while somebody serves."""
        if key not in self._doors:
            self._doors[key] = Door(self._porter)
        door = self._doors[key]
        if serve is None or self.manner(key) == CLOSED:
            door.shut()
        else:
            door.open(serve)
        return door.port

    def manner(self, key: Key) -> Manner:
        """How this door behaves."""
        return self.manners.get(key, USUAL)

    def close(self, instance_id: int) -> None:
        """Close the doors of one machine; it keeps its host keys, and how its doors behave."""
        for key in _of(instance_id, self._doors):
            self._doors.pop(key).close()

    def renew(self, instance_id: int, way: str | None = None) -> None:
        """Let one way into a machine, or all of them, have another host key from now on."""
        for key in _of(instance_id, self.host_keys):
            if way in {None, key[1]}:
                del self.host_keys[key]

    def forget(self, instance_id: int) -> None:
        """Forget a machine that is gone."""
        self.close(instance_id)
        self.renew(instance_id)
        for key in _of(instance_id, self.manners):
            del self.manners[key]

    def forget_all(self) -> None:
        """Forget every machine."""
        self.close_all()
        self.host_keys.clear()
        self.manners.clear()

    def close_all(self) -> None:
        """Close every door."""
        while self._doors:
            self._doors.popitem()[1].close()
        self._porter.leave()

    def __len__(self) -> int:
        return len(self._doors)


def _of(instance_id: int, keyed: dict[Key, Any]) -> list[Key]:
    return [key for key in keyed if key[0] == instance_id]
