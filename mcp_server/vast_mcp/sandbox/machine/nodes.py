"""What lies in a machine's file system: files, folders, links, devices, and files that are told."""

# ruff: noqa: ARG002  (methods take what others of their name need)

import errno
import itertools
import os
import random
import stat
from collections.abc import Callable, Iterable

from .disk import Disk

_numbers = itertools.count(11)
_dice = random.Random()  # what /dev/urandom gives; no cryptography is done with it


class Node:
    """A node has a mode, a time and a number, as all that lies in a file system."""

    kind = 0  # of stat's S_IF…

    def __init__(self, mode: int, now: float) -> None:
        self.permissions = mode
        self.modified = self.accessed = now
        self.number = next(_numbers)
        self.links = 1
        self.owner = self.group = 0

    @property
    def mode(self) -> int:
        """Kind and permissions together, as stat tells them."""
        return self.kind | self.permissions

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return 0


class Folder(Node):
    """A folder holds nodes by name."""

    kind = stat.S_IFDIR

    def __init__(self, mode: int, now: float) -> None:
        super().__init__(mode, now)
        self._held: dict[str, Node] = {}

    @property
    def size(self) -> int:
        return 4096

    def get(self, name: str) -> Node | None:
        """Find what has this name."""
        return self._held.get(name)

    def names(self) -> Iterable[str]:
        """List the names in it, in no order."""
        return list(self._held)

    def put(self, name: str, node: Node, now: float) -> None:
        """Hold a node under this name."""
        self._held[name] = node
        self.modified = now

    def take(self, name: str, now: float) -> Node:
        """Give away what has this name."""
        self.modified = now
        return self._held.pop(name)


class Link(Node):
    """A link leads to a path, which may not be there."""

    kind = stat.S_IFLNK

    def __init__(self, target: str, now: float) -> None:
        super().__init__(0o777, now)
        self.target = target

    @property
    def size(self) -> int:
        return len(os.fsencode(self.target))


class Readable(Node):
    """What can be opened, and read or written at an offset."""

    def read(self, offset: int, most: int) -> bytes:
        """Read up to so many bytes; b"" is the end."""
        raise NotImplementedError

    def write(self, offset: int, data: bytes) -> None:
        """Write there; OSError where that cannot be."""
        raise NotImplementedError

    def cut(self, size: int) -> None:
        """Make it this long; of what has no length, nothing comes."""


class File(Readable):
    """A file keeps its bytes; zeros at its end are counted and not kept."""

    kind = stat.S_IFREG

    def __init__(self, mode: int, now: float, disk: Disk, runs: str = "") -> None:
        super().__init__(mode, now)
        self.streams = 0  # that have it open
        self._disk = disk
        self._data = bytearray()
        self._size = 0
        self.runs = runs  # the command of ours that it is, as /bin/ls is one

    @property
    def size(self) -> int:
        return self._size

    def let_go(self) -> None:
        """Give its room back, once it has no name and nobody has it open."""
        if self.links == 0 and self.streams == 0:
            self.cut(0)

    def read(self, offset: int, most: int) -> bytes:
        end = min(self._size, offset + most)
        kept = bytes(self._data[offset:end])
        return kept + bytes(max(0, end - offset - len(kept)))

    def write(self, offset: int, data: bytes) -> None:
        end = offset + len(data)
        beyond = offset >= len(self._data) and data == bytes(len(data))
        self._disk.take(max(0, end - self._size), 0 if beyond else max(0, end - len(self._data)))
        self._size = max(self._size, end)
        if beyond:
            return
        if offset > len(self._data):
            self._data.extend(bytes(offset - len(self._data)))
        self._data[offset:end] = data

    def cut(self, size: int) -> None:
        kept = min(size, len(self._data))
        self._disk.take(size - self._size, kept - len(self._data))
        del self._data[kept:]
        self._size = size


class Device(Readable):
    """A device of /dev: null, zero, full or urandom."""

    kind = stat.S_IFCHR

    def __init__(self, name: str, now: float) -> None:
        super().__init__(0o666, now)
        self.name = name

    def read(self, offset: int, most: int) -> bytes:
        if self.name == "null":
            return b""
        if self.name == "urandom":
            return _dice.randbytes(most)
        return bytes(most)

    def write(self, offset: int, data: bytes) -> None:
        if self.name == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Told(Readable):
    """A file of /proc or /sys is told when it is read."""

    kind = stat.S_IFREG

    def __init__(self, tell: Callable[[], str], now: float) -> None:
        super().__init__(0o444, now)
        self._tell = tell

    def read(self, offset: int, most: int) -> bytes:
        return os.fsencode(self._tell())[offset : offset + most]

    def write(self, offset: int, data: bytes) -> None:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
