"""Names beneath the root of a copy: bytes, parted by slashes; the root itself is the empty one."""

from __future__ import annotations

import hashlib
import os
import re

ROOT = b""
LONGEST_PATH = 4_000  # bytes
DEEPEST = 100  # folders within each other

_FOLDER = b".vast-mcp"
_PARTIAL = re.compile(rb"\.vast-mcp-[0-9a-f]{16}-[0-9a-f]{16}\.part\Z")
# What Windows reads as something else than a name.
_ODD_ON_WINDOWS = re.compile(rb'[<>:"\\|?*\x00-\x1f]|[. ]\Z')


def beneath(folder: bytes, name: bytes) -> bytes:
    """The path of what a folder holds."""
    return name if folder == ROOT else folder + b"/" + name


def parted(path: bytes) -> tuple[bytes, bytes]:
    """The folder that a path lies in, and its name there."""
    folder, _, name = path.rpartition(b"/")
    return folder, name


def is_name(name: bytes) -> bool:
    """Whether it names something in a folder, and leads nowhere else."""
    return name not in {b"", b".", b".."} and b"/" not in name and b"\0" not in name


def is_writable(name: bytes) -> bool:
    """Whether this computer takes a name as it is."""
    if os.name != "nt":
        return True
    try:
        os.fsdecode(name)
    except UnicodeDecodeError:
        return False
    return not _ODD_ON_WINDOWS.search(name)


def is_ours(name: bytes) -> bool:
    """Whether it is a file that is not yet whole, or the folder in which jobs are kept."""
    return name == _FOLDER or is_partial(name)


def is_partial(name: bytes) -> bool:
    """Whether it is a file that is not yet whole."""
    return bool(_PARTIAL.fullmatch(name))


def partial(path: bytes, size: int, mtime: int) -> bytes:
    """Where a file lies until it is whole: beside its place, by what it is a copy of."""
    source = hashlib.sha256(b"%d %d" % (size, mtime)).hexdigest()[:16]
    return partials(path) + f"{source}.part".encode()


def partials(path: bytes) -> bytes:
    """How the paths begin of whatever is to become that file."""
    folder, name = parted(path)
    target = hashlib.sha256(name).hexdigest()[:16]
    return beneath(folder, f".vast-mcp-{target}-".encode())


def shown(path: bytes) -> str:
    """A path as an answer may show it."""
    return path.decode("utf-8", "backslashreplace") or "."
