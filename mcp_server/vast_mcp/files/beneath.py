"""Files beneath an allowed folder: every part of a path is opened in the one before and may be no
link, so that nothing swapped meanwhile leads out.

Where the system opens nothing by an open folder (Windows), each part is looked at instead.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

BY_FOLDER = os.open in os.supports_dir_fd
# Never waits for the other end of a pipe, takes no terminal, follows no link.
_PLAIN = sum(
    getattr(os, name, 0)
    for name in ("O_NONBLOCK", "O_NOCTTY", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY")
)
_FOLDER = os.O_RDONLY | _PLAIN | getattr(os, "O_DIRECTORY", 0)


class Spot:
    """One open folder; names are those of what it holds, and no paths."""

    def __init__(self, path: Path, opened: int | None) -> None:
        self._path = path
        self._opened = opened

    def look(self, name: str) -> os.stat_result | None:
        """What has that name, a link as itself; None where nothing has."""
        try:
            return os.lstat(self._named(name), dir_fd=self._opened)
        except FileNotFoundError:
            return None

    def names(self) -> Iterator[tuple[str, os.stat_result]]:
        """What it holds. What is gone meanwhile is not told."""
        with os.scandir(self._path if self._opened is None else self._opened) as found:
            for one in found:
                with contextlib.suppress(FileNotFoundError):
                    yield one.name, one.stat(follow_symlinks=False)

    def open_to_read(self, name: str) -> int:
        """An open plain file. Raises OSError, for what is none too."""
        return self._plain(os.open(self._named(name), os.O_RDONLY | _PLAIN, dir_fd=self._opened))

    def open_to_write(self, name: str, mode: int, *, empty: bool) -> int:
        """An open plain file, made where it is not there, with rights that the person's umask
        lets through.
        """
        flags = os.O_RDWR | os.O_CREAT | _PLAIN | (os.O_TRUNC if empty else 0)
        return self._plain(os.open(self._named(name), flags, mode, dir_fd=self._opened))

    def make_folder(self, name: str, mode: int) -> None:
        """A new folder; one that is there stays as it is."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._named(name), mode, dir_fd=self._opened)

    def remove(self, name: str) -> None:
        """No more file of that name."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._named(name), dir_fd=self._opened)

    def rename(self, old: str, new: str, *, replace: bool) -> None:
        """Another name, in the place of what has it if `replace`. Raises FileExistsError."""
        at = {"src_dir_fd": self._opened, "dst_dir_fd": self._opened}
        if replace:
            os.replace(self._named(old), self._named(new), **at)
            return
        try:
            os.link(self._named(old), self._named(new), **at, follow_symlinks=False)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):  # a file system without second names
            if self.look(new) is not None:
                raise FileExistsError from None
            os.rename(self._named(old), self._named(new), **at)
        else:
            self.remove(old)

    def _named(self, name: str) -> str:
        return name if self._opened is not None else str(self._path / name)

    def _plain(self, opened: int) -> int:
        if stat.S_ISREG(os.fstat(opened).st_mode):
            return opened
        os.close(opened)
        raise IsADirectoryError


@contextlib.contextmanager
def spot(folder: Path, parts: Sequence[str]) -> Generator[Spot]:
    """The folder beneath an allowed one, by its real path. Raises OSError: NotADirectoryError or
    ELOOP where a part is a link.
    """
    if not BY_FOLDER:
        yield Spot(_looked_at(folder, parts), None)
        return
    at = os.open(folder, _FOLDER)
    try:
        for part in parts:
            inner = os.open(part, _FOLDER, dir_fd=at)
            os.close(at)
            at = inner
        yield Spot(folder.joinpath(*parts), at)
    finally:
        os.close(at)


def _looked_at(folder: Path, parts: Sequence[str]) -> Path:
    path = folder
    for part in parts:
        path /= part
        if not stat.S_ISDIR(os.lstat(path).st_mode) or path.resolve() != path:
            raise NotADirectoryError
    return path
