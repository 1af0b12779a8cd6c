"""Doors on loopback answer as an SSH server does, with its banner and nothing more.

They live on the running event loop and are opened from synchronous code, so they are plain sockets
with a reader each; a door that is looked at from a new loop moves there.
"""

import asyncio
import contextlib
import socket

BANNER = b"SSH-2.0-sandbox\r\n"
HOST = "127.0.0.1"


class Door:
    """A door is one port. Closed doors are bound and do not listen, so that nobody else gets the
    number.
    """

    def __init__(self, banner: bytes) -> None:
        self.banner = banner
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.bind((HOST, 0))
        self.port: int = self.socket.getsockname()[1]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._guests: set[socket.socket] = set()

    def open(self) -> None:
        """Answer from now on, on the running loop."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # looked at from outside of any loop: the next look opens it
            return
        if self._loop is loop:
            return
        self._forget_loop()
        self.socket.listen()
        loop.add_reader(self.socket, self._greet)
        self._loop = loop

    def close(self) -> None:
        """Close for good; whoever is inside is put out."""
        self._forget_loop()
        self.socket.close()

    def _forget_loop(self) -> None:
        self._put_out_guests()
        self._stop_reading(self.socket)
        self._loop = None

    def _put_out_guests(self) -> None:
        for guest in list(self._guests):
            self._leave(guest)

    def _stop_reading(self, one: socket.socket) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(one)

    def _greet(self) -> None:
        with contextlib.suppress(OSError):
            guest, _ = self.socket.accept()
            self._let_in(guest)

    def _let_in(self, guest: socket.socket) -> None:
        guest.setblocking(False)
        self._guests.add(guest)
        with contextlib.suppress(OSError):
            guest.send(self.banner)
        asyncio.get_running_loop().add_reader(guest, self._hear, guest)

    def _hear(self, guest: socket.socket) -> None:
        """Throw away whatever a guest says; it goes when it hangs up."""
        try:
            said = guest.recv(4096)
        except OSError:
            said = b""
        if not said:
            self._leave(guest)

    def _leave(self, guest: socket.socket) -> None:
        self._guests.discard(guest)
        self._stop_reading(guest)
        guest.close()


class Doors:
    """A world keeps its doors by instance and by way in."""

    def __init__(self) -> None:
        self._doors: dict[tuple[int, str], Door] = {}

    def port(self, instance_id: int, way: str, *, opened: bool, banner: bytes = BANNER) -> int:
        """Make a door at first need, and tell its number; it answers once `opened`."""
        door = self._door((instance_id, way), banner)
        if opened:
            door.open()
        return door.port

    def _door(self, key: tuple[int, str], banner: bytes) -> Door:
        if key not in self._doors:
            self._doors[key] = Door(banner)
        return self._doors[key]

    def close(self, instance_id: int) -> None:
        """Close the doors of one instance."""
        for key in [key for key in self._doors if key[0] == instance_id]:
            self._doors.pop(key).close()

    def close_all(self) -> None:
        while self._doors:
            self._doors.popitem()[1].close()

    def __len__(self) -> int:
        return len(self._doors)
