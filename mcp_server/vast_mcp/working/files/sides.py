"""The two ends of a copy, which can be asked for the same: this computer, and the machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from vast_mcp.files.kinds import Kind

PIECE = 16 << 20  # bytes of a large file that are compared by themselves


class Trouble(Exception):
    """A side does not do it for this one file; its text says why, after the file's name."""


class Taken(Trouble):
    """The name has come to be taken."""


class AllTrouble(Exception):
    """A side does it for no file. `field`: the argument that names what it is about; the text ends
    a sentence that begins with it.
    """

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


@dataclass(frozen=True)
class Seen:
    """What stands at a path. `mtime`: epoch seconds, whole ones."""

    kind: Kind
    size: int = 0
    mode: int = 0
    mtime: int = 0


@dataclass(frozen=True)
class Part:
    """What is to be digested: of a file the piece of that number, or all of it."""

    path: bytes
    piece: int | None = None


@dataclass(frozen=True)
class Small:
    """A file that is written at once."""

    path: bytes
    data: bytes
    mode: int
    mtime: int


class Digest(Protocol):
    """One of hashlib's."""

    def update(self, data: bytes, /) -> None:
        """Take these bytes too."""
        ...

    def copy(self) -> Digest:
        """The same, apart from now on."""
        ...

    def hexdigest(self) -> str:
        """What it comes to."""
        ...


class File(Protocol):
    """An open file."""

    async def read(self, offset: int, length: int, digest: Digest | None = None) -> bytes:
        """As many bytes, or fewer where it ends before. `digest` is fed with them in passing."""
        ...

    async def write(self, offset: int, data: bytes, digest: Digest | None = None) -> None:
        """Write, and know that it was written."""
        ...

    async def finish(self, seen: Seen) -> None:
        """Set rights and time. Raises Trouble unless it has that size."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


class Side(Protocol):
    """One end. Paths are those of `names`. Every method raises Trouble or AllTrouble."""

    field: str  # the argument that names it

    async def look(self, path: bytes) -> Seen | None:
        """What is at a path; of the root, where links lead to."""
        ...

    def names(self, folder: bytes) -> AsyncIterator[tuple[bytes, Seen]]:
        """What a folder holds: whatever names a side tells."""
        ...

    def why_shut(self, path: bytes, *, to_write: bool) -> str | None:
        """Why nobody touches what lies there."""
        ...

    def takes(self, name: bytes) -> bool:
        """Whether a file may have that name there."""
        ...

    async def free(self) -> int | None:
        """Bytes that may yet be written; None where nobody can say."""
        ...

    async def make_folders(self, folders: Sequence[tuple[bytes, int]]) -> None:
        """New folders and their rights, outer ones first."""
        ...

    async def get(self, paths: Sequence[tuple[bytes, int]]) -> list[bytes | Trouble]:
        """Small files whole, of at most so many bytes."""
        ...

    async def put(self, files: Sequence[Small]) -> list[Trouble | None]:
        """Write small files."""
        ...

    async def open(self, path: bytes, seen: Seen | None = None) -> File:
        """A file to read; to write one that becomes what was seen."""
        ...

    async def rename(
        self, pairs: Sequence[tuple[bytes, bytes]], *, replace: bool
    ) -> list[Trouble | None]:
        """Put files into their places."""
        ...

    async def remove(self, paths: Sequence[bytes]) -> None:
        """No more files there, as far as possible."""
        ...

    async def digests(
        self, parts: Sequence[Part], within_s: float, hears: Callable[[], None] | None = None
    ) -> list[str | None] | None:
        """SHA-256 of each part; None of what could not be read, and for all where a side has no
        tool for it.
        """
        ...
