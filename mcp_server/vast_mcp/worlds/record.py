"""Where the world that a person's processes share is written down: a file in its folder, theirs
alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import stat
import sys
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vast_mcp.settings import Address

if TYPE_CHECKING:
    from filelock import FileLock

NAME = "service.json"
LONGEST = 10_000  # bytes; one has some 300
OTHERS, OTHERS_WRITE = 0o077, 0o022  # bits of a mode
WORLD = re.compile(r"[0-9a-f]{16}")
_TOKEN = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Record:
    """A world: its name, where it is served, and the key that opens it.

    `ended`: why it is over; empty while it is served, and where its process died. `machines`: how
    many it had at its end.
    """

    world: str
    url: str
    token: str = field(repr=False)
    version: str
    ended: str = ""
    machines: int = 0

    @classmethod
    def new(cls, url: str, token: str, version: str) -> Record:
        """A world that begins now."""
        return cls(secrets.token_hex(8), url, token, version)

    def place_in(self, folder: Path) -> Path:
        """The folder of the world's journal, which goes with it."""
        return folder / self.world

    def lock_in(self, folder: Path) -> FileLock:
        """The lock that its service holds for its life."""
        from filelock import FileLock

        path = self.place_in(folder) / "service.lock"
        return FileLock(path, mode=0o600, thread_local=False)

    def lives_in(self, folder: Path) -> bool:
        """Whether the process of its service runs."""
        if self.ended or not self.place_in(folder).is_dir():
            return False
        from vast_mcp.journal.locks import is_held

        return is_held(self.lock_in(folder))


def new_token() -> str:
    """A key that nobody guesses."""
    return secrets.token_hex(32)


def read(folder: Path) -> Record | None:
    """The record in a folder; None where there is none, or none that is this user's alone."""
    try:
        return _record_of(json.loads(_text_of(folder / NAME)))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def still_says(folder: Path, record: Record) -> bool:
    """Whether the record in a folder is this one, as far as it can be read: a service asks, and a
    disk that fails for a moment is no reason to end.
    """
    try:
        text = _text_of(folder / NAME)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True
    return text == _written(record)


def is_there(folder: Path) -> bool:
    """Whether there is a record, be it one to follow or not."""
    return os.path.lexists(folder / NAME)


def write(folder: Path, record: Record) -> None:
    """Write a record in one step: nobody reads half of one. Raises OSError."""
    path = folder / f".{NAME}.{secrets.token_hex(4)}"
    opened = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(opened, "w", encoding="utf-8") as file:
            file.write(_written(record))
        path.replace(folder / NAME)
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def remove(folder: Path) -> None:
    """Forget the world. Raises OSError."""
    (folder / NAME).unlink(missing_ok=True)


def is_private(found: os.stat_result, bits: int) -> bool:
    """Whether a file is this user's, and its mode has none of these bits. On Windows the profile
    folder's own rights hold.
    """
    if sys.platform == "win32":
        return True
    return found.st_uid == os.geteuid() and not found.st_mode & bits


def _written(record: Record) -> str:
    return json.dumps(asdict(record))


def _text_of(path: Path) -> str:
    """Raises OSError, and ValueError for a file that others may have written or may read."""
    # A link, or a pipe that nobody writes to, is no record.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or not is_private(found, OTHERS):
            raise ValueError
        return file.read(LONGEST).decode()


def _record_of(told: Any) -> Record:
    """Raises ValueError and TypeError for what is no record. Another version may have more
    fields.
    """
    known = {one.name: told[one.name] for one in fields(Record) if one.name in told}
    record = Record(**known)
    for one in fields(Record):
        if not isinstance(getattr(record, one.name), int if one.name == "machines" else str):
            raise TypeError
    address = Address.of(record.url)
    if not address.is_loopback or address.origin != record.url or address.scheme != "http":
        raise ValueError
    if not WORLD.fullmatch(record.world) or not _TOKEN.fullmatch(record.token):
        raise ValueError
    return record
