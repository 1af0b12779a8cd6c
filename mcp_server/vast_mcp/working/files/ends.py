"""What the two paths of a copy mean, once both sides were looked at."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from vast_mcp.files import allowed
from vast_mcp.files.allowed import Forbidden, Place
from vast_mcp.files.kinds import kind_of
from vast_mcp.settings import Settings
from vast_mcp.ssh.entering import Line
from vast_mcp.ssh.sftp import Denied, Sftp
from vast_mcp.ssh.sftp_wire import Attrs
from vast_mcp.working.files.here import Here, look_at
from vast_mcp.working.files.kept import Job
from vast_mcp.working.files.names import ROOT
from vast_mcp.working.files.sides import AllTrouble, Side
from vast_mcp.working.files.there import There, seen_of
from vast_mcp.working.files.tree import Tree, walk

_NO_KIND = "is neither a plain file nor a folder"
_NO_FOLDER = "is to be a folder, since VAST_MCP_FILES names it, and is none"
_FILE_THERE = "is a file, and a folder is to be copied there"


@dataclass(frozen=True)
class Wish:
    """What is to be copied where. `place`: where `local` leads."""

    instance_id: int
    up: bool
    local: str
    remote: str
    overwrite: bool
    place: Place


@dataclass(frozen=True)
class Ends:
    """Both sides, and what is to be moved. `tree`: how it lies at the target."""

    source: Side
    target: Side
    tree: Tree
    jobs: list[Job]


def place_to_read(path: str, settings: Settings) -> Place:
    """Where a file or folder lies that is to be sent. Raises Forbidden."""
    allowed.check_served(settings)
    place = allowed.place_of(path, settings)
    try:
        kind = kind_of(os.stat(_real(place)).st_mode)
    except OSError:
        raise Forbidden(allowed.NOTHING_THERE) from None
    if kind not in {"file", "folder"}:
        raise Forbidden(_NO_KIND)
    return place


def place_to_write(path: str, settings: Settings) -> Place:
    """Where a file or folder is to lie. Raises Forbidden."""
    allowed.check_served(settings)
    return allowed.place_of(path, settings)


async def ends_of(wish: Wish, line: Line, sftp: Sftp, settings: Settings) -> Ends:
    """Look at both. Raises AllTrouble for paths that make no copy."""
    try:
        home = await sftp.absolute(b".")
        path = _absolute(wish.remote, home)
        found = await sftp.look(path, follow=True)
    except Denied:
        raise AllTrouble("remote", "may not be looked at on the machine") from None
    return await (_up if wish.up else _down)(wish, There(line, sftp, path), found, settings)


def _absolute(remote: str, home: bytes) -> bytes:
    """The path on the machine from its root; a `~/` is root's home."""
    path = remote.encode("utf-8", "surrogateescape")
    if path == b"~" or path.startswith(b"~/"):
        path = path[2:]
    if not path.startswith(b"/"):
        path = home.rstrip(b"/") + b"/" + path
    return b"/" + b"/".join(part for part in path.split(b"/") if part not in {b"", b"."})


async def _up(wish: Wish, there: There, found: Attrs | None, settings: Settings) -> Ends:
    real = await look_at(_real(wish.place))
    if real is None:
        raise AllTrouble("local", allowed.NOTHING_THERE)
    is_folder = found is not None and found.kind == "folder"
    if real.kind == "folder":
        if found is not None and not is_folder:
            raise AllTrouble("remote", _FILE_THERE)
        return await _of_folder(Here(wish.place, settings), there)
    source, name = _parent(wish.place)
    if is_folder or wish.remote.endswith(("/", "/.", "/..")):
        target, new = there, name
    else:
        target, new = there.parent()
    return _of_file(Here(source, settings), target, Job(name, new, real))


async def _down(wish: Wish, there: There, found: Attrs | None, settings: Settings) -> Ends:
    if found is None:
        raise AllTrouble("remote", "is not there on the machine")
    stands = await look_at(_real(wish.place))
    if found.kind == "folder":
        if stands is not None and stands.kind != "folder":
            raise AllTrouble("local", _FILE_THERE)
        return await _of_folder(there, Here(wish.place, settings))
    if found.kind != "file":
        raise AllTrouble("remote", _NO_KIND)
    source, name = there.parent()
    if (stands is not None and stands.kind == "folder") or wish.local.endswith(("/", os.sep)):
        target, new = wish.place, name
    else:
        target, new = _parent(wish.place)
    return _of_file(source, Here(target, settings), Job(name, new, seen_of(found)))


async def _of_folder(source: Side, target: Side) -> Ends:
    why = target.why_shut(ROOT, to_write=True)
    if why is not None:
        raise AllTrouble(target.field, why)
    tree = await walk(source, target)
    return Ends(source, target, tree, [Job(path, path, seen) for path, seen in tree.files.items()])


def _of_file(source: Side, target: Side, job: Job) -> Ends:
    for side, path in ((source, job.source), (target, job.target)):
        why = side.why_shut(path, to_write=side is target)
        if why is None and not side.takes(path):
            why = "has a name that this computer does not take"
        if why is not None:
            raise AllTrouble(side.field, why)
    tree = Tree({job.target: job.seen}, {ROOT: 0o755})
    tree.check_size(source.field)
    return Ends(source, target, tree, [job])


def _parent(place: Place) -> tuple[Place, bytes]:
    """The folder of a file, and its name there. Raises AllTrouble where there is none."""
    if not place.parts:
        raise AllTrouble("local", _NO_FOLDER)
    return Place(place.folder, place.parts[:-1]), os.fsencode(place.parts[-1])


def _real(place: Place) -> Path:
    return place.folder.joinpath(*place.parts)
