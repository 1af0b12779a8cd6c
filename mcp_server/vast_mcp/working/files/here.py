"""This computer as one end of a copy: only beneath a folder that the person allows."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from pathlib import Path
from typing import TypeVar

from vast_mcp.files import allowed
from vast_mcp.files.allowed import Place, Shut
from vast_mcp.files.beneath import Spot, spot
from vast_mcp.files.kinds import kind_of
from vast_mcp.settings import Settings
from vast_mcp.working.files import names
from vast_mcp.working.files.asides import aside, or_trouble, told, trouble_of
from vast_mcp.working.files.here_file import HereFile, set_time
from vast_mcp.working.files.sides import (
    PIECE,
    File,
    Part,
    Seen,
    Small,
    Trouble,
)

T = TypeVar("T")

CHUNK = 1 << 20


class Here:
    """This computer, from a place on."""

    field = "local"

    def __init__(self, place: Place, settings: Settings) -> None:
        self._place = place
        self._shut = Shut(settings)
        self._keys = allowed.own_keys(settings)

    async def look(self, path: bytes) -> Seen | None:
        return await aside(self._look, path)

    def _look(self, path: bytes) -> Seen | None:
        with told():
            try:
                with self._around(path) as (at, name):
                    found = at.look(name) if name else os.stat(self._real(path))
            except (FileNotFoundError, NotADirectoryError):
                return None
        return None if found is None else _seen(found)

    async def names(self, folder: bytes) -> AsyncIterator[tuple[bytes, Seen]]:
        for one in await aside(self._names, folder):
            yield one

    def _names(self, folder: bytes) -> list[tuple[bytes, Seen]]:
        with told(), self._within(folder) as at:
            return [(os.fsencode(name), _seen(found)) for name, found in at.names()]

    def why_shut(self, path: bytes, *, to_write: bool) -> str | None:  # noqa: ARG002
        return self._shut.why(self._real(path))

    def takes(self, name: bytes) -> bool:
        return names.is_writable(name)

    async def free(self) -> int | None:
        with contextlib.suppress(OSError):
            return shutil.disk_usage(self._place.folder).free
        return None

    async def make_folders(self, folders: Sequence[tuple[bytes, int]]) -> None:
        await aside(self._make_folders, folders)

    def _make_folders(self, folders: Sequence[tuple[bytes, int]]) -> None:
        with told():
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
        return await aside(lambda: [or_trouble(self._get, *one) for one in paths])

    def _get(self, path: bytes, most: int) -> bytes:
        with self._around(path) as (at, name), os.fdopen(at.open_to_read(name), "rb") as file:
            data = file.read(most)
        self._check_keys(data)
        return data

    async def put(self, files: Sequence[Small]) -> list[Trouble | None]:
        return await aside(lambda: [trouble_of(self._put, one) for one in files])

    def _put(self, one: Small) -> None:
        mode = one.mode & 0o777 | 0o600
        with self._around(one.path) as (at, name):
            opened = at.open_to_write(name, mode, empty=True)
            with os.fdopen(opened, "wb") as file:
                file.write(one.data)
                file.flush()
                set_time(file.fileno(), one.mtime)

    async def open(self, path: bytes, seen: Seen | None = None) -> File:
        return HereFile(await aside(self._open, path, seen), self._check_keys, self._overlap)

    def _open(self, path: bytes, seen: Seen | None) -> int:
        with told(), self._around(path) as (at, name):
            if seen is None:
                return at.open_to_read(name)
            return at.open_to_write(name, seen.mode & 0o777 | 0o600, empty=False)

    async def rename(
        self, pairs: Sequence[tuple[bytes, bytes]], *, replace: bool
    ) -> list[Trouble | None]:
        def rename(old: bytes, new: bytes) -> None:
            with self._around(old) as (at, name):
                at.rename(name, self._name(new), replace=replace)

        return await aside(lambda: [trouble_of(rename, *one) for one in pairs])

    async def remove(self, paths: Sequence[bytes]) -> None:
        def remove(path: bytes) -> None:
            with self._around(path) as (at, name):
                at.remove(name)

        await aside(lambda: [trouble_of(remove, one) for one in paths])

    async def digests(
        self,
        parts: Sequence[Part],
        within_s: float,  # noqa: ARG002
        hears: Callable[[], None] | None = None,
    ) -> list[str | None] | None:
        found: list[str | None] = []
        for part in parts:
            found.append(await aside(self._digest, part))
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


async def look_at(path: Path) -> Seen | None:
    """What a path leads to, links followed; None where nothing is."""

    def look() -> Seen | None:
        try:
            return _seen(os.stat(path))
        except OSError:
            return None

    return await aside(look)


def _seen(found: os.stat_result) -> Seen:
    return Seen(kind_of(found.st_mode), found.st_size, found.st_mode & 0o777, int(found.st_mtime))
