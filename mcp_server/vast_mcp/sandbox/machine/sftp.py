"""SFTP into a machine's file system. Every method of asyncssh's server that would touch a disk of
the person's is replaced (a test compares).
"""

# ruff: noqa: ARG002  (methods take what others of their name need)

import os
import stat
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncssh
from asyncssh.constants import (
    FXF_APPEND,
    FXF_CREAT,
    FXF_EXCL,
    FXF_READ,
    FXF_TRUNC,
    FXF_WRITE,
)

from .machine import HOME, Machine
from .nodes import Link, Node, Readable
from .streams import FileStream

if TYPE_CHECKING:
    from asyncssh import SFTPAttrs, SFTPName, SFTPVFSAttrs

BLOCK = 4096
WRITES = FXF_WRITE | FXF_APPEND


class Sftp(asyncssh.SFTPServer):
    """asyncssh's server, on the files of a machine. Paths begin in root's home."""

    def __init__(self, chan: "asyncssh.SSHServerChannel[bytes]", machine: Machine) -> None:
        super().__init__(chan)  # pyright: ignore[reportUnknownMemberType]
        self._machine = machine
        self._tree = machine.tree

    def map_path(self, path: bytes) -> bytes:
        return path

    def reverse_map_path(self, path: bytes) -> bytes:
        return path

    # Files

    def open(self, path: bytes, pflags: int, attrs: "SFTPAttrs") -> FileStream:
        makes = bool(pflags & FXF_CREAT)
        mode = attrs.permissions if attrs.permissions is not None else 0o644
        node = self._tree.open(
            os.fsdecode(path),
            HOME,
            make=mode & 0o7777 if makes else None,
            new=makes and bool(pflags & FXF_EXCL),
            cut=bool(pflags & FXF_TRUNC),
        )
        may = ("r" if pflags & FXF_READ else "") + ("w" if pflags & WRITES else "")
        appends = bool(pflags & FXF_APPEND)
        return FileStream(node, self._machine.wrote, appends=appends, may=may)

    def open56(
        self, path: bytes, desired_access: int, flags: int, attrs: "SFTPAttrs"
    ) -> FileStream:
        raise asyncssh.SFTPOpUnsupported("version 3 of SFTP is spoken here")

    def close(self, file_obj: object) -> None:
        _stream(file_obj).drop()

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        return _stream(file_obj).node.read(offset, size)

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        stream = _stream(file_obj)
        stream.put(offset, data)
        return len(data)

    def fsync(self, file_obj: object) -> None:
        _stream(file_obj)

    def lock(self, file_obj: object, offset: int, length: int, flags: int) -> None:
        raise asyncssh.SFTPOpUnsupported("nothing is locked here")

    def unlock(self, file_obj: object, offset: int, length: int) -> None:
        raise asyncssh.SFTPOpUnsupported("nothing is locked here")

    # What there is

    def stat(self, path: bytes) -> "SFTPAttrs":
        return _attrs(self._find(path))

    def lstat(self, path: bytes) -> "SFTPAttrs":
        return _attrs(self._find(path, follow=False))

    def fstat(self, file_obj: object) -> "SFTPAttrs":
        return _attrs(_stream(file_obj).node)

    async def scandir(self, path: bytes) -> "AsyncIterator[SFTPName]":
        folder = self._tree.folder(os.fsdecode(path), HOME)
        yield asyncssh.SFTPName(b".", attrs=_attrs(folder))
        yield asyncssh.SFTPName(b"..", attrs=_attrs(folder))
        for name in folder.names():
            node = folder.get(name)
            if node is not None:
                yield asyncssh.SFTPName(os.fsencode(name), attrs=_attrs(node))

    def format_longname(self, name: "SFTPName") -> None:
        attrs = name.attrs
        mode = stat.filemode(attrs.permissions or 0)
        shown = os.fsdecode(name.filename)
        name.longname = os.fsencode(f"{mode} 1 root root {attrs.size or 0} {shown}")

    def format_user(self, uid: int | None) -> str:
        return "root"

    def format_group(self, gid: int | None) -> str:
        return "root"

    def realpath(self, path: bytes) -> bytes:
        return os.fsencode(self._tree.real(os.fsdecode(path) or ".", HOME))

    def readlink(self, path: bytes) -> bytes:
        node = self._find(path, follow=False)
        if not isinstance(node, Link):
            raise asyncssh.SFTPInvalidParameter("not a link")
        return os.fsencode(node.target)

    def statvfs(self, path: bytes) -> "SFTPVFSAttrs":
        self._find(path)
        return self._of_disk()

    def fstatvfs(self, file_obj: object) -> "SFTPVFSAttrs":
        _stream(file_obj)
        return self._of_disk()

    def _of_disk(self) -> "SFTPVFSAttrs":
        disk = self._machine.disk
        free = disk.free // BLOCK
        return asyncssh.SFTPVFSAttrs(
            bsize=BLOCK,
            frsize=BLOCK,
            blocks=disk.size // BLOCK,
            bfree=free,
            bavail=free,
            files=1_000_000,
            ffree=900_000,
            favail=900_000,
            namemax=255,
        )

    # Changes

    def setstat(self, path: bytes, attrs: "SFTPAttrs") -> None:
        self._set(self._find(path), attrs)

    def lsetstat(self, path: bytes, attrs: "SFTPAttrs") -> None:
        self._set(self._find(path, follow=False), attrs)

    def fsetstat(self, file_obj: object, attrs: "SFTPAttrs") -> None:
        self._set(_stream(file_obj).node, attrs)

    def _set(self, node: Node, attrs: "SFTPAttrs") -> None:
        if attrs.size is not None and isinstance(node, Readable):
            node.cut(attrs.size)
        if attrs.permissions is not None:
            node.permissions = attrs.permissions & 0o7777
        if attrs.mtime is not None:
            node.modified = float(attrs.mtime)
        if attrs.atime is not None:
            node.accessed = float(attrs.atime)

    def remove(self, path: bytes) -> None:
        self._tree.remove(os.fsdecode(path), HOME)

    def mkdir(self, path: bytes, attrs: "SFTPAttrs") -> None:
        mode = attrs.permissions if attrs.permissions is not None else 0o755
        self._tree.make_folder(os.fsdecode(path), HOME, mode & 0o7777)

    def rmdir(self, path: bytes) -> None:
        self._tree.remove_folder(os.fsdecode(path), HOME)

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        if self._tree.get(os.fsdecode(newpath), HOME, follow=False) is not None:
            raise asyncssh.SFTPFailure("there is something of that name")
        self.posix_rename(oldpath, newpath)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._tree.rename(os.fsdecode(oldpath), os.fsdecode(newpath), HOME)

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        self._tree.link(os.fsdecode(oldpath), os.fsdecode(newpath), HOME)

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        self._tree.second_name(os.fsdecode(oldpath), os.fsdecode(newpath), HOME)

    def exit(self) -> None:
        """Nothing is left to close."""

    def _find(self, path: bytes, *, follow: bool = True) -> Node:
        return self._tree.find(os.fsdecode(path), HOME, follow=follow)


def _stream(file_obj: object) -> FileStream:
    assert isinstance(file_obj, FileStream)  # noqa: S101
    return file_obj


def _attrs(node: Node) -> "SFTPAttrs":
    return asyncssh.SFTPAttrs(
        size=node.size,
        uid=node.owner,
        gid=node.group,
        permissions=node.mode,
        atime=int(node.accessed),
        mtime=int(node.modified),
        nlink=node.links,
    )
