"""A machine whose SFTP server tells whatever it likes: names, kinds, sizes, contents."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncssh
from asyncssh.sftp import SFTPName

FILE, FOLDER, LINK = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777
NOTHING = (asyncssh.FX_NO_SUCH_FILE, "nothing")


@dataclass
class Lies:
    """What it tells: of a folder its names, modes and sizes; of a file what is in it, whatever its
    size is said to be. A folder that is not named here has the names of `else_`.
    """

    folders: dict[bytes, Iterable[tuple[bytes, int, int]]] = field(default_factory=dict[Any, Any])
    else_: Iterable[tuple[bytes, int, int]] = ()
    data: bytes = b"planted"
    denied: Iterable[bytes] = ()
    asked: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])

    def names_in(self, path: bytes) -> Iterable[tuple[bytes, int, int]]:
        return self.folders.get(path, self.else_)


HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")


class Liar(asyncssh.SFTPServer):
    """Serves lies."""

    def __init__(self, chan: Any, lies: Lies) -> None:
        super().__init__(chan)
        self._lies = lies

    def realpath(self, path: bytes) -> bytes:
        return b"/root" if path == b"." else path

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return self.lstat(path)

    def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        if path in {b"/root", b"/root/x"} or path in self._lies.folders:
            return _attrs(FOLDER, 0)
        raise asyncssh.SFTPError(*NOTHING)

    async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        self._lies.asked.append(("scandir", path))
        if path in self._lies.denied:
            raise asyncssh.SFTPPermissionDenied("shut")
        for name, mode, size in self._lies.names_in(path):
            yield SFTPName(name, b"", _attrs(mode, size))

    def open(self, path: bytes, pflags: int, attrs: Any) -> bytes:
        self._lies.asked.append(("open", path))
        return path

    def read(self, file_obj: bytes, offset: int, size: int) -> bytes:
        return self._lies.data[offset : offset + size]

    def close(self, file_obj: bytes) -> None:
        """Nothing is open."""


def _attrs(mode: int, size: int) -> asyncssh.SFTPAttrs:
    return asyncssh.SFTPAttrs(size=size, permissions=mode, atime=10**9, mtime=10**9)


class _Door(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return False


@contextlib.asynccontextmanager
async def lying(lies: Lies) -> AsyncIterator[int]:
    """A machine that lies so; its port."""
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=_Door,
        server_host_keys=[HOST_KEY],
        sftp_factory=lambda chan: Liar(chan, lies),
    )
    try:
        yield server.get_port()
    finally:
        server.close()
        await server.wait_closed()


def endless(mode: int) -> Iterator[tuple[bytes, int, int]]:
    """Names without an end."""
    number = 0
    while True:
        yield b"%d" % number, mode, 7
        number += 1
