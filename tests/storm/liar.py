"""A machine whose SFTP server lies: its folders list names that lead out of them, and sizes and
kinds that are not so. It runs nothing.
"""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
from asyncssh import SFTPAttrs, SFTPError, SFTPName

HOSTILE = b"written by a liar\n"
GOOD = "good.txt"
KINDS = {"file": stat.S_IFREG, "folder": stat.S_IFDIR, "link": stat.S_IFLNK}


class LyingServer(asyncssh.SFTPServer):
    """Each folder lists the same names; whatever is opened is one line."""

    names: tuple[str, ...] = ()
    kind = "file"  # of every name that is listed
    endless = False  # its folders hold the same again
    size = len(HOSTILE)
    opened = 0

    async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        yield SFTPName(GOOD.encode(), b"", self._attrs("file"))
        for name in (".", "..", *(self.names if self.endless or _is_top(path) else ())):
            raw = name.encode("utf-8", "surrogateescape")
            yield SFTPName(raw, b"", self._attrs(self.kind))

    def _attrs(self, kind: str) -> SFTPAttrs:
        mode = KINDS[kind] | 0o755
        return SFTPAttrs(size=self.size, permissions=mode, uid=0, gid=0, atime=0, mtime=0)

    def stat(self, path: bytes) -> SFTPAttrs:
        return self.lstat(path)

    def lstat(self, path: bytes) -> SFTPAttrs:
        """The top is a folder, and the good file is one."""
        if _is_top(path):
            return self._attrs("folder")
        if path.endswith(f"/{GOOD}".encode()):
            return self._attrs("file")
        return self._attrs(self.kind)

    def fstat(self, file_obj: object) -> SFTPAttrs:
        return self._attrs("file")

    def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> object:
        self.count()
        return [0]

    async def open56(
        self, path: bytes, desired_access: int, flags: int, attrs: SFTPAttrs
    ) -> object:
        self.count()
        return [0]

    @classmethod
    def count(cls) -> None:
        LyingServer.opened += 1

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        return HOSTILE[offset : offset + size]

    def close(self, file_obj: object) -> None:
        return None

    def readlink(self, path: bytes) -> bytes:
        return b"/"

    def realpath(self, path: bytes, *_more: object) -> bytes:
        return path if path.startswith(b"/") else b"/" + path

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        raise SFTPError(asyncssh.sftp.FX_PERMISSION_DENIED, "nothing is kept here")


async def listen(host_key: Path, authorized: Path) -> asyncssh.SSHAcceptor:
    """Such a machine on loopback, under the host key of one that was entered before."""
    return await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[str(host_key)],
        authorized_client_keys=str(authorized),
        sftp_factory=LyingServer,
        process_factory=_runs_nothing,
    )


def _is_top(path: bytes) -> bool:
    return path.rstrip(b"/") == b"/lies"


def _runs_nothing(process: asyncssh.SSHServerProcess[str]) -> None:
    process.exit(127)
