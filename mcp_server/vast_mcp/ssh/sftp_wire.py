"""SFTP, version 3, as it stands on the wire: numbers, texts, attributes, names.

Names are bytes: a machine may spell them in any encoding, or in none.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from vast_mcp.files.kinds import Kind, kind_of

_SIZE, _OWNER, _MODE, _TIMES, _MORE = 1, 2, 4, 8, 0x80000000
LONGEST = 1 << 20  # bytes of one reply; OpenSSH sends at most a quarter


class Ask(IntEnum):
    """Requests that are sent."""

    INIT = 1
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    FSETSTAT = 10
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    REALPATH = 16
    STAT = 17
    RENAME = 18
    EXTENDED = 200


class Reply(IntEnum):
    """Replies that are known."""

    VERSION = 2
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 201


OK, END, NONE_THERE, DENIED, FAILED = range(5)  # statuses
READ, WRITE, CREATE, EMPTY, ANEW = 1, 2, 8, 16, 32  # flags of OPEN


class Garbled(Exception):
    """What a server says is no SFTP."""


@dataclass(frozen=True)
class Attrs:
    """What a server says of a file; None where it says nothing. `mtime`: epoch seconds."""

    kind: Kind
    size: int | None
    mode: int | None
    mtime: int | None


@dataclass(eq=False)
class Cursor:
    """Reads a reply from its beginning. Raises Garbled where it ends too soon."""

    data: bytes
    at: int = 0

    def number(self) -> int:
        """The next 4 bytes."""
        return self._unpacked(">I")

    def long(self) -> int:
        """The next 8 bytes."""
        return self._unpacked(">Q")

    def text(self) -> bytes:
        """The next bytes, after their count."""
        length = self.number()
        end = self.at + length
        if end > len(self.data):
            raise Garbled
        found, self.at = self.data[self.at : end], end
        return found

    def attrs(self) -> Attrs:
        """The next attributes."""
        flags = self.number()
        size = self.long() if flags & _SIZE else None
        if flags & _OWNER:
            self.long()
        mode = self.number() if flags & _MODE else None
        mtime = self.long() & 0xFFFFFFFF if flags & _TIMES else None
        if flags & _MORE:
            for _ in range(self.number()):
                self.text()
                self.text()
        return Attrs(kind_of(mode), size, mode, mtime)

    def _unpacked(self, form: str) -> int:
        try:
            (found,) = struct.unpack_from(form, self.data, self.at)
        except struct.error:
            raise Garbled from None
        self.at += struct.calcsize(form)
        return found


def number(value: int) -> bytes:
    """4 bytes."""
    return struct.pack(">I", value)


def long(value: int) -> bytes:
    """8 bytes."""
    return struct.pack(">Q", value)


def text(value: bytes) -> bytes:
    """Bytes after their count."""
    return struct.pack(">I", len(value)) + value


def attrs(*, mode: int | None = None, mtime: int | None = None) -> bytes:
    """Attributes to set: rights, and time of the last change, in epoch seconds."""
    flags = (_MODE if mode is not None else 0) | (_TIMES if mtime is not None else 0)
    said = number(flags)
    if mode is not None:
        said += number(mode)
    if mtime is not None:
        kept = min(max(mtime, 0), 0xFFFFFFFF)
        said += number(kept) * 2
    return said


def header(length: int, kind: int, which: int) -> bytes:
    """How a request begins, with its number."""
    return struct.pack(">IBI", length, kind, which)
