"""A machine as one end of a copy, over SFTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from vast_mcp.ssh import sftp_wire as wire
from vast_mcp.ssh.entering import Line
from vast_mcp.ssh.lost import LineLost
from vast_mcp.ssh.sftp import Denied, Sftp
from vast_mcp.ssh.sftp_wire import Attrs
from vast_mcp.working.files import names
from vast_mcp.working.files.digesting import digests_there
from vast_mcp.working.files.sides import (
    AllTrouble,
    Digest,
    File,
    Part,
    Seen,
    Small,
    Taken,
    Trouble,
)

T = TypeVar("T")

_FULL_UNDER = 1 << 20  # bytes left of a disk that is as good as full
_WORDS = {
    wire.NONE_THERE: "is gone from the machine, or its folder is",
    wire.DENIED: "may not be touched on the machine",
}


class There:
    """A machine, from a path on, which is absolute."""

    field = "remote"

    def __init__(self, line: Line, sftp: Sftp, root: bytes) -> None:
        self._line = line
        self._sftp = sftp
        self._root = root

    def parent(self) -> tuple[There, bytes]:
        """The folder that the root lies in, and the name of the root there."""
        folder, name = names.parted(self._root)
        return There(self._line, self._sftp, folder or b"/"), name

    async def look(self, path: bytes) -> Seen | None:
        try:
            found = await self._sftp.look(self._at(path), follow=path == names.ROOT)
        except Denied as exc:
            raise self._trouble(exc) from None
        return None if found is None else seen_of(found)

    async def names(self, folder: bytes) -> AsyncIterator[tuple[bytes, Seen]]:
        try:
            async for name, attrs in self._sftp.names(self._at(folder)):
                yield name, seen_of(attrs)
        except Denied as exc:
            raise self._trouble(exc) from None

    def why_shut(self, path: bytes, *, to_write: bool) -> str | None:
        if to_write and any(names.is_ours(part) for part in self._at(path).split(b"/")):
            return "is where vast-mcp keeps what it does there"
        return None

    def takes(self, name: bytes) -> bool:  # noqa: ARG002
        return True

    async def free(self) -> int | None:
        at = self._root
        while at:
            found = await self._sftp.free(at)
            if found is not None:
                return found
            at = at.rpartition(b"/")[0]
        return await self._sftp.free(b"/")

    async def make_folders(self, folders: Sequence[tuple[bytes, int]]) -> None:
        for path, mode in await self._way(folders):
            try:
                await self._sftp.make_folder(path, mode)
            except Denied as exc:
                found = await self._look_for_folder(path)
                if not found:
                    raise self._trouble(exc) from None

    async def _way(self, folders: Sequence[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
        """The absolute paths of folders to make, with those that lead to the root."""
        way = list[tuple[bytes, int]]()
        at = self._root.rpartition(b"/")[0]
        while at and await self._sftp.look(at, follow=True) is None:
            way.insert(0, (at, 0o755))
            at = at.rpartition(b"/")[0]
        return way + [(self._at(path), mode & 0o777 | 0o700) for path, mode in folders]

    async def _look_for_folder(self, path: bytes) -> bool:
        found = await self._sftp.look(path, follow=path == self._root)
        return found is not None and found.kind == "folder"

    async def get(self, paths: Sequence[tuple[bytes, int]]) -> list[bytes | Trouble]:
        return await self._each([self._sftp.get(self._at(path), most) for path, most in paths])

    async def put(self, files: Sequence[Small]) -> list[Trouble | None]:
        puts = [
            self._sftp.put(self._at(one.path), one.data, mode=one.mode & 0o777, mtime=one.mtime)
            for one in files
        ]
        done = await self._each(puts)
        if any(isinstance(one, Trouble) for one in done):
            await self._check_room()
        return done

    async def open(self, path: bytes, seen: Seen | None = None) -> File:
        try:
            if seen is None:
                handle = await self._sftp.open_to_read(self._at(path))
            else:
                handle = await self._sftp.open_to_write(self._at(path), empty=False)
        except Denied as exc:
            raise self._trouble(exc) from None
        return ThereFile(self, self._sftp, handle)

    async def rename(
        self, pairs: Sequence[tuple[bytes, bytes]], *, replace: bool
    ) -> list[Trouble | None]:
        return await self._each([self._rename(*pair, replace=replace) for pair in pairs])

    async def _rename(self, old: bytes, new: bytes, *, replace: bool) -> None:
        try:
            await self._sftp.rename(self._at(old), self._at(new), replace=replace)
        except Denied:
            if not replace and await self._sftp.look(self._at(new)) is not None:
                raise Taken("has come to be there meanwhile") from None
            raise

    async def remove(self, paths: Sequence[bytes]) -> None:
        await self._each([self._sftp.remove(self._at(path)) for path in paths])

    async def digests(
        self,
        parts: Sequence[Part],
        within_s: float,
        hears: Callable[[], None] | None = None,  # noqa: ARG002
    ) -> list[str | None] | None:
        return await digests_there(self._line, self._root, parts, within_s)

    async def check(self, trouble: Denied) -> Trouble:
        """What is told of a denial. Raises AllTrouble for a full disk."""
        if trouble.code == wire.FAILED:
            await self._check_room()
        return self._trouble(trouble)

    async def _check_room(self) -> None:
        free = await self.free()
        if free is not None and free < _FULL_UNDER:
            raise AllTrouble("remote", "leads to a disk that is full")

    async def _each(self, work: Sequence[Coroutine[Any, Any, T]]) -> list[T | Trouble]:
        """All at once, and the Trouble of each by itself. Raises LineLost."""
        done = await asyncio.gather(*work, return_exceptions=True)
        found = list[T | Trouble]()
        for one in done:
            if isinstance(one, Denied):
                found.append(self._trouble(one))
            elif isinstance(one, BaseException) and not isinstance(one, Trouble):
                raise one
            else:
                found.append(one)
        return found

    def _trouble(self, exc: Denied) -> Trouble:
        return Trouble(_WORDS.get(exc.code, "is refused by the machine"))

    def _at(self, path: bytes) -> bytes:
        if path == names.ROOT:
            return self._root
        return self._root.rstrip(b"/") + b"/" + path


class ThereFile:
    """An open file of a machine."""

    def __init__(self, there: There, sftp: Sftp, handle: bytes) -> None:
        self._there = there
        self._sftp = sftp
        self._handle = handle

    async def read(self, offset: int, length: int, digest: Digest | None = None) -> bytes:
        try:
            data = await self._sftp.read(self._handle, offset, length)
        except Denied as exc:
            raise await self._there.check(exc) from None
        if digest is not None:
            digest.update(data)
        return data

    async def write(self, offset: int, data: bytes, digest: Digest | None = None) -> None:
        if digest is not None:
            digest.update(data)
        try:
            await self._sftp.write(self._handle, offset, data)
        except Denied as exc:
            raise await self._there.check(exc) from None

    async def finish(self, seen: Seen) -> None:
        try:
            if await self._sftp.size_of(self._handle) != seen.size:
                raise Trouble("has another size than what was copied")
            await self._sftp.set(self._handle, mode=seen.mode & 0o777, mtime=seen.mtime)
        except Denied as exc:
            raise await self._there.check(exc) from None

    async def close(self) -> None:
        try:
            await self._sftp.close(self._handle)
        except (Denied, LineLost):
            return  # what was written is compared later


def seen_of(attrs: Attrs) -> Seen:
    """What a machine says of a file."""
    kind = attrs.kind
    if kind == "file" and attrs.size is None:
        kind = "unknown"
    return Seen(kind, attrs.size or 0, (attrs.mode or 0) & 0o777, attrs.mtime or 0)
