"""This computer as one end of a copy: only beneath a folder that the person allows."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from pathlib import Path
from typing import TypeVar

import anyio.to_thread

from vast_mcp.files import allowed
from vast_mcp.files.allowed import Place
from vast_mcp.files.beneath import Spot, spot
from vast_mcp.files.kinds import kind_of
from vast_mcp.settings import Settings
from vast_mcp.working.files import names
from vast_mcp.working.files.sides import (
    PIECE,
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

CHUNK = 1 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_WORDS = {
    errno.EACCES: "may not be touched by this server",
    errno.EPERM: "may not be touched by this server",
    errno.ENOENT: "is gone",
    errno.ELOOP: "is a link by now",
    errno.ENOTDIR: "lies beneath a link, or beneath a file",
    errno.EISDIR: "is no plain file by now",
    errno.ENAMETOOLONG: "has too long a name",
    errno.EFBIG: "is larger than this disk takes",
}


class Here:
    """This computer, from a place on."""

    field = "local"

    def __init__(self, place: Place, settings: Settings) -> None:
        self._place = place
        self._settings = settings
        self._keys = allowed.own_keys(settings)

    async def look(self, path: bytes) -> Seen | None:
        return await _aside(self._look, path)

    def _look(self, path: bytes) -> Seen | None:
        with _told():
            try:
                with self._around(path) as (at, name):
                    found = at.look(name) if name else os.stat(self._real(path))
            except (FileNotFoundError, NotADirectoryError):
                return None
        return None if found is None else _seen(found)

    async def names(self, folder: bytes) -> AsyncIterator[tuple[bytes, Seen]]:
        for one in await _aside(self._names, folder):
            yield one

    def _names(self, folder: bytes) -> list[tuple[bytes, Seen]]:
        with _told(), self._within(folder) as at:
            return [(os.fsencode(name), _seen(found)) for name, found in at.names()]

    def why_shut(self, path: bytes) -> str | None:
        return allowed.why_shut(self._real(path), self._settings)

    def takes(self, name: bytes) -> bool:
        return names.is_writable(name)

    async def free(self) -> int | None:
        with contextlib.suppress(OSError):
            return shutil.disk_usage(self._place.folder).free
        return None

    async def make_folders(self, folders: Sequence[tuple[bytes, int]]) -> None:
        await _aside(self._make_folders, folders)

    def _make_folders(self, folders: Sequence[tuple[bytes, int]]) -> None:
        with _told():
            self._make_way()
            for path, mode in folders:
                with self._around(path) as (at, name):
                    if name:
                        at.make_folder(name, mode & 0o777 | 0o700)

    def _make_way(self) -> None:
        """The folders that lead to the root."""
        for deep in range(len(self._place.parts) - 1):
            with spot(self._place.folder, self._place.parts[:deep]) as at:
                at.make_folder(self._place.parts[deep], 0o777)

    async def get(self, paths: Sequence[tuple[bytes, int]]) -> list[bytes | Trouble]:
        return await _aside(lambda: [_or_trouble(self._get, *one) for one in paths])

    def _get(self, path: bytes, most: int) -> bytes:
        with self._around(path) as (at, name), os.fdopen(at.open_to_read(name), "rb") as file:
            data = file.read(most)
        self._check_keys(data)
        return data

    async def put(self, files: Sequence[Small]) -> list[Trouble | None]:
        return await _aside(lambda: [_trouble_of(self._put, one) for one in files])

    def _put(self, one: Small) -> None:
        mode = one.mode & 0o777 | 0o600
        with self._around(one.path) as (at, name):
            opened = at.open_to_write(name, mode, empty=True)
            with os.fdopen(opened, "wb") as file:
                file.write(one.data)
                file.flush()
                _set_time(file.fileno(), one.mtime)

    async def open(self, path: bytes, seen: Seen | None = None) -> File:
        return HereFile(await _aside(self._open, path, seen), self._check_keys, self._overlap)

    def _open(self, path: bytes, seen: Seen | None) -> int:
        with _told(), self._around(path) as (at, name):
            if seen is None:
                return at.open_to_read(name)
            return at.open_to_write(name, seen.mode & 0o777 | 0o600, empty=False)

    async def rename(
        self, pairs: Sequence[tuple[bytes, bytes]], *, replace: bool
    ) -> list[Trouble | None]:
        def rename(old: bytes, new: bytes) -> None:
            with self._around(old) as (at, name):
                at.rename(name, self._name(new), replace=replace)

        return await _aside(lambda: [_trouble_of(rename, *one) for one in pairs])

    async def remove(self, paths: Sequence[bytes]) -> None:
        def remove(path: bytes) -> None:
            with self._around(path) as (at, name):
                at.remove(name)

        await _aside(lambda: [_trouble_of(remove, one) for one in paths])

    async def digests(
        self,
        parts: Sequence[Part],
        within_s: float,  # noqa: ARG002
        hears: Callable[[], None] | None = None,
    ) -> list[str | None] | None:
        found: list[str | None] = []
        for part in parts:
            found.append(await _aside(self._digest, part))
            if hears is not None:
                hears()
        return found

    def _digest(self, part: Part) -> str | None:
        digest = hashlib.sha256()
        try:
            with (
                self._around(part.path) as (at, name),
                os.fdopen(at.open_to_read(name), "rb") as file,
            ):
                left = None if part.piece is None else PIECE
                file.seek((part.piece or 0) * PIECE)
                while left is None or left > 0:
                    data = file.read(CHUNK if left is None else min(CHUNK, left))
                    if not data:
                        break
                    digest.update(data)
                    left = None if left is None else left - len(data)
        except OSError:
            return None
        return digest.hexdigest()

    # ── where ────────────────────────────────────────────────────────────────────────────────

    @property
    def _overlap(self) -> int:
        """Bytes before a block that may begin a key which ends in it."""
        return max((len(one) - 1 for one in self._keys), default=0)

    def _check_keys(self, data: bytes) -> None:
        if any(one in data for one in self._keys):
            raise Trouble(allowed.HOLDS_KEY)

    def _parts(self, path: bytes) -> tuple[str, ...]:
        inner = path.split(b"/") if path else []
        return (*self._place.parts, *map(os.fsdecode, inner))

    def _real(self, path: bytes) -> Path:
        return self._place.folder.joinpath(*self._parts(path))

    def _name(self, path: bytes) -> str:
        return self._parts(path)[-1]

    @contextlib.contextmanager
    def _around(self, path: bytes) -> Generator[tuple[Spot, str]]:
        """The folder that a path lies in, open, and its name there; no name where the path is the
        allowed folder itself.
        """
        *folder, name = self._parts(path) or ("",)
        with spot(self._place.folder, folder) as at:
            yield at, name

    @contextlib.contextmanager
    def _within(self, path: bytes) -> Generator[Spot]:
        with spot(self._place.folder, self._parts(path)) as at:
            yield at


class HereFile:
    """An open file of this computer."""

    def __init__(self, opened: int, check: Callable[[bytes], None], overlap: int) -> None:
        self._opened = opened
        self._check = check
        self._overlap = overlap

    async def read(self, offset: int, length: int, digest: Digest | None = None) -> bytes:
        return await _aside(self._read, offset, length, digest)

    def _read(self, offset: int, length: int, digest: Digest | None) -> bytes:
        before = min(offset, self._overlap)
        with _told():
            data = _read_at(self._opened, offset - before, length + before)
        self._check(data)
        if before:
            data = data[before:]
        if digest is not None:
            digest.update(data)
        return data

    async def write(self, offset: int, data: bytes, digest: Digest | None = None) -> None:
        await _aside(self._write, offset, data, digest)

    def _write(self, offset: int, data: bytes, digest: Digest | None) -> None:
        view = memoryview(data)
        if digest is not None:
            digest.update(data)
        with _told():
            while view:
                written = _write_at(self._opened, view, offset)
                offset, view = offset + written, view[written:]

    async def finish(self, seen: Seen) -> None:
        await _aside(self._finish, seen)

    def _finish(self, seen: Seen) -> None:
        with _told():
            if os.fstat(self._opened).st_size != seen.size:
                raise Trouble("has another size than what was copied")
            _set_time(self._opened, seen.mtime)

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


def _set_time(opened: int, mtime: int) -> None:
    if os.utime in os.supports_fd:
        os.utime(opened, (mtime, mtime))


async def look_at(path: Path) -> Seen | None:
    """What a path leads to, links followed; None where nothing is."""

    def look() -> Seen | None:
        try:
            return _seen(os.stat(path))
        except OSError:
            return None

    return await _aside(look)


def _seen(found: os.stat_result) -> Seen:
    return Seen(kind_of(found.st_mode), found.st_size, found.st_mode & 0o777, int(found.st_mtime))


# ── troubles ──────────────────────────────────────────────────────────────────────────────────────


async def _aside(work: Callable[..., T], *given: object) -> T:
    """Do it in a thread, so that others are answered meanwhile."""
    return await anyio.to_thread.run_sync(work, *given)


@contextlib.contextmanager
def _told() -> Generator[None]:
    """Tell what the system says as a Trouble."""
    try:
        yield
    except FileExistsError:
        raise Taken("has come to be there meanwhile") from None
    except OSError as exc:
        if exc.errno in _FULL:
            raise AllTrouble("local", "leads to a disk that is full") from None
        raise Trouble(_WORDS.get(exc.errno or 0, "could not be read or written")) from None


def _or_trouble(work: Callable[..., T], *given: object) -> T | Trouble:
    try:
        with _told():
            return work(*given)
    except Trouble as exc:
        return exc


def _trouble_of(work: Callable[..., None], *given: object) -> Trouble | None:
    return _or_trouble(work, *given)
