"""What kind of thing stands under a name, by its mode."""

from __future__ import annotations

import stat
from typing import Literal

Kind = Literal["file", "folder", "link", "pipe", "socket", "device", "unknown"]
_KINDS: dict[int, Kind] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


def kind_of(mode: int | None) -> Kind:
    """What kind of thing has this mode."""
    return "unknown" if mode is None else _KINDS.get(stat.S_IFMT(mode), "unknown")
