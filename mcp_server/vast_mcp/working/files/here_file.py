"""An open file of this computer."""

from __future__ import annotations

import os
from collections.abc import Callable

from vast_mcp.working.files.asides import aside, told
from vast_mcp.working.files.sides import Digest, Seen, Trouble

STEP = 32 << 10  # bytes of one write, for which the kernel finds room soonest


class HereFile:
    """An open file of this computer."""

    def __init__(self, opened: int, check: Callable[[bytes], None], overlap: int) -> None:
        self._opened = opened
        self._check = check
        self._overlap = overlap

    async def read(self, offset: int, length: int, digest: Digest | None = None) -> bytes:
        return await aside(self._read, offset, length, digest)

    def _read(self, offset: int, length: int, digest: Digest | None) -> bytes:
        before = min(offset, self._overlap)
        with told():
            data = _read_at(self._opened, offset - before, length + before)
        self._check(data)
        if before:
            data = data[before:]
        if digest is not None:
            digest.update(data)
        return data

    async def write(self, offset: int, data: bytes, digest: Digest | None = None) -> None:
        await aside(self._write, offset, data, digest)

    def _write(self, offset: int, data: bytes, digest: Digest | None) -> None:
        view = memoryview(data)
        if digest is not None:
            digest.update(data)
        with told():
            while view:
                written = _write_at(self._opened, view[:STEP], offset)
                offset, view = offset + written, view[written:]

    async def finish(self, seen: Seen) -> None:
        await aside(self._finish, seen)

    def _finish(self, seen: Seen) -> None:
        with told():
            if os.fstat(self._opened).st_size != seen.size:
                raise Trouble("has another size than what was copied")
            set_time(self._opened, seen.mtime)

    async def close(self) -> None:
        os.close(self._opened)


def _read_at(opened: int, offset: int, length: int) -> bytes:
    found = bytearray()
    while len(found) < length:
        if hasattr(os, "pread"):
            got = os.pread(opened, length - len(found), offset + len(found))
        else:  # Windows; nobody else has this file open
            os.lseek(opened, offset + len(found), os.SEEK_SET)
            got = os.read(opened, length - len(found))
        if not got:
            break
        if not found and len(got) == length:
            return got
        found += got
    return bytes(found)


def _write_at(opened: int, data: memoryview, offset: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(opened, data, offset)
    os.lseek(opened, offset, os.SEEK_SET)
    return os.write(opened, data)


def set_time(opened: int, mtime: int) -> None:
    """Have an open file last changed then, in epoch seconds, where the system can."""
    if os.utime in os.supports_fd:
        os.utime(opened, (mtime, mtime))
