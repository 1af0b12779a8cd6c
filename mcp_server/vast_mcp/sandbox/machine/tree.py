"""A machine's file system: paths, and what is done with them. Everybody in it is root."""

import errno
import os
from collections.abc import Callable, Iterator
from typing import NoReturn

from .disk import Disk
from .nodes import File, Folder, Link, Node, Readable

MOST_LINKS = 40
LONGEST_NAME = 255  # bytes
LONGEST_PATH = 4096


def refuse(number: int, path: str) -> NoReturn:
    """Raise what the system says of a path."""
    raise OSError(number, os.strerror(number), path)


def joined(folder: str, path: str) -> str:
    """A path as seen from a folder, with nothing in it resolved."""
    return path if path.startswith("/") else f"{folder.rstrip('/')}/{path}"


class Tree:
    """A tree of nodes under `/`. Paths are absolute, or relative to `cwd`; OSError says why not."""

    def __init__(self, disk: Disk, clock: Callable[[], float]) -> None:
        self.disk = disk
        self._clock = clock
        self.root = Folder(0o755, clock())

    @property
    def now(self) -> float:
        """The time that nodes get."""
        return self._clock()

    # Finding

    def find(self, path: str, cwd: str = "/", *, follow: bool = True) -> Node:
        """Find what is at a path; with `follow`, what a link there leads to."""
        return self._walk(path, cwd, follow=follow)[2]

    def get(self, path: str, cwd: str = "/", *, follow: bool = True) -> Node | None:
        """Find what is at a path, or nothing."""
        try:
            return self.find(path, cwd, follow=follow)
        except OSError:
            return None

    def real(self, path: str, cwd: str = "/") -> str:
        """The path without links, `.` and `..`; its last part need not be there."""
        folder, name, _ = self._walk(path, cwd, follow=True, missing=True)
        return f"{folder.rstrip('/')}/{name}" if name else folder

    def folder(self, path: str, cwd: str = "/") -> Folder:
        """Find the folder at a path."""
        node = self.find(path, cwd)
        if not isinstance(node, Folder):
            refuse(errno.ENOTDIR, path)
        return node

    def _walk(
        self, path: str, cwd: str, *, follow: bool, missing: bool = False
    ) -> tuple[str, str, Node]:
        """Go along a path: the real folder in which it ends, the name there, and what it is."""
        if not path:
            refuse(errno.ENOENT, path)
        if len(path) > LONGEST_PATH:
            refuse(errno.ENAMETOOLONG, path)
        parts = [part for part in joined(cwd, path).split("/") if part not in {"", "."}]
        parts.reverse()
        at, links = list[tuple[str, Node]](), 0
        while parts:
            part, is_last = parts.pop(), not parts
            if part == "..":
                at = at[:-1]
                continue
            node = self._step(at, part, path, missing=missing and is_last)
            if isinstance(node, Link) and (follow or not is_last or path.endswith("/")):
                links += 1
                if links > MOST_LINKS:
                    refuse(errno.ELOOP, path)
                at = [] if node.target.startswith("/") else at
                parts += reversed([one for one in node.target.split("/") if one not in {"", "."}])
            else:
                at.append((part, node))
        if not at:
            return "/", "", self.root
        if path.endswith("/") and not isinstance(at[-1][1], Folder) and not missing:
            refuse(errno.ENOTDIR, path)
        return "/" + "/".join(name for name, _ in at[:-1]), *at[-1]

    def _step(self, at: list[tuple[str, Node]], part: str, path: str, *, missing: bool) -> Node:
        here = at[-1][1] if at else self.root
        if not isinstance(here, Folder):
            refuse(errno.ENOTDIR, path)
        if len(os.fsencode(part)) > LONGEST_NAME:
            refuse(errno.ENAMETOOLONG, path)
        node = here.get(part)
        if node is None:
            if missing:
                return _NOTHING
            refuse(errno.ENOENT, path)
        return node

    def place(self, path: str, cwd: str) -> tuple[Folder, str]:
        """Find the folder that a path ends in, and its last name, which may be nobody's yet."""
        head, _, name = path.rstrip("/").rpartition("/")
        if name in {"", ".", ".."}:
            refuse(errno.EINVAL if name else errno.EEXIST, path)
        if len(os.fsencode(name)) > LONGEST_NAME:
            refuse(errno.ENAMETOOLONG, path)
        return self.folder(head or ("/" if path.startswith("/") else "."), cwd), name

    # Making

    def open(
        self,
        path: str,
        cwd: str = "/",
        *,
        make: int | None = None,
        new: bool = False,
        cut: bool = False,
    ) -> Readable:
        """Open what can be read or written; `make` is the mode of a file that is made where there
        is none, `new` refuses one that is there, and `cut` empties it.
        """
        node = self.get(path, cwd, follow=not new)
        if node is None and make is not None:
            return self._made(path, cwd, make)
        if node is None:
            node = self.find(path, cwd)
        if new:
            refuse(errno.EEXIST, path)
        if isinstance(node, Folder):
            refuse(errno.EISDIR, path)
        if not isinstance(node, Readable):
            refuse(errno.ENXIO, path)
        if cut:
            node.cut(0)
            node.modified = self.now
        return node

    def _made(self, path: str, cwd: str, mode: int) -> File:
        if path.endswith("/"):
            refuse(errno.EISDIR, path)
        link = self.get(path, cwd, follow=False)
        if isinstance(link, Link):  # it leads to what is not there yet
            path, cwd = self.real(path, cwd), "/"
        folder, name = self.place(path, cwd)
        made = File(mode, self.now, self.disk)
        folder.put(name, made, self.now)
        return made

    def make_folder(self, path: str, cwd: str = "/", mode: int = 0o755) -> Folder:
        """Make one folder, of which there may be none yet."""
        if self.get(path, cwd, follow=False) is not None:
            refuse(errno.EEXIST, path)
        folder, name = self.place(path, cwd)
        made = Folder(mode, self.now)
        folder.put(name, made, self.now)
        return made

    def link(self, target: str, path: str, cwd: str = "/") -> None:
        """Make a link that leads to a target, whatever that is."""
        folder, name = self._free(path, cwd)
        folder.put(name, Link(target, self.now), self.now)

    def second_name(self, old: str, new: str, cwd: str = "/") -> None:
        """Give what is at a path another name: a hard link."""
        node = self.find(old, cwd, follow=False)
        if isinstance(node, Folder):
            refuse(errno.EPERM, old)
        folder, name = self._free(new, cwd)
        folder.put(name, node, self.now)
        node.links += 1

    def _free(self, path: str, cwd: str) -> tuple[Folder, str]:
        if self.get(path, cwd, follow=False) is not None:
            refuse(errno.EEXIST, path)
        return self.place(path, cwd)

    # Ending and moving

    def remove(self, path: str, cwd: str = "/") -> None:
        """Remove what is no folder."""
        node = self.find(path, cwd, follow=False)
        if isinstance(node, Folder):
            refuse(errno.EISDIR, path)
        folder, name = self.place(path, cwd)
        folder.take(name, self.now)
        node.links -= 1
        if isinstance(node, File):
            node.let_go()

    def remove_folder(self, path: str, cwd: str = "/") -> None:
        """Remove an empty folder."""
        node = self.find(path, cwd, follow=False)
        if not isinstance(node, Folder):
            refuse(errno.ENOTDIR, path)
        if list(node.names()):
            refuse(errno.ENOTEMPTY, path)
        folder, name = self.place(path, cwd)
        folder.take(name, self.now)

    def rename(self, old: str, new: str, cwd: str = "/") -> None:
        """Move to another name, over what is there."""
        node, there = self.find(old, cwd, follow=False), self.get(new, cwd, follow=False)
        if there is node:
            return
        source, name = self.place(old, cwd)
        folder, wanted = self.place(new, cwd)
        if isinstance(node, Folder) and node in self._above(new, cwd):
            refuse(errno.EINVAL, new)
        self._make_way(node, there, new, cwd)
        source.take(name, self.now)
        folder.put(wanted, node, self.now)

    def _make_way(self, node: Node, there: Node | None, path: str, cwd: str) -> None:
        if there is None:
            return
        if isinstance(node, Folder) and not isinstance(there, Folder):
            refuse(errno.ENOTDIR, path)
        if isinstance(node, Folder):
            self.remove_folder(path, cwd)
        else:
            self.remove(path, cwd)

    def _above(self, path: str, cwd: str) -> Iterator[Node]:
        parts = self.real(path, cwd).split("/")
        for count in range(1, len(parts)):
            yield self.find("/".join(parts[:count]) or "/")


_NOTHING = Node(0, 0)  # stands for the last part of a path where that may be missing
