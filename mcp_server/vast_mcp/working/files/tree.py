"""What is to be copied, as its side tells it, and what stands in its place on the other.

A side may tell anything: names that lead elsewhere, the same name twice, folders without an end.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Generator
from dataclasses import dataclass, field

from vast_mcp.working.files import names
from vast_mcp.working.files.crew import together
from vast_mcp.working.files.names import ROOT, beneath, parted
from vast_mcp.working.files.sides import AllTrouble, Seen, Side, Trouble

MOST_FILES = 20_000  # with folders, and what is left out
MOST_BYTES = 50 * 10**9
AT_ONCE = 16  # folders that are read
NAMES_HEARD = 1_000_000  # of one folder in which others' files may lie

_NO_NAME = "has a name that leads elsewhere"
_OURS = "has the name of the folder in which vast-mcp keeps its jobs"
_TWICE = "is told twice"
_NOT_TAKEN = "has a name that this computer does not take"
_TOO_DEEP = "lies too deep"


@dataclass(eq=False)
class Left:
    """What was not copied, and why."""

    all: list[tuple[bytes, str]] = field(default_factory=list[tuple[bytes, str]])

    def add(self, path: bytes, why: str) -> None:
        """Not this one."""
        self.all.append((path, why))


@dataclass(eq=False)
class Tree:
    """Files to copy, folders and their rights, and what is left out."""

    files: dict[bytes, Seen] = field(default_factory=dict[bytes, Seen])
    folders: dict[bytes, int] = field(default_factory=dict[bytes, int])
    left: Left = field(default_factory=Left)
    unread: Left = field(default_factory=Left)  # folders, so that nobody knows what is in them

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in self.files.values())

    def check_size(self, field: str) -> None:
        """Raises AllTrouble for more bytes than one copy is for."""
        if self.size > MOST_BYTES:
            raise AllTrouble(field, f"has over {MOST_BYTES // 10**9} GB in it; copy parts of it")

    def check(self, field: str) -> None:
        """Raises AllTrouble for more files than one copy is for."""
        if len(self.files) + len(self.folders) + len(self.left.all) > MOST_FILES:
            raise AllTrouble(
                field, f"has more than {MOST_FILES} files in it; tar makes one of them"
            )


async def walk(side: Side, other: Side) -> Tree:
    """All that lies beneath the root of a side. Raises AllTrouble for too much, or no root."""
    with _of_all(side):
        root = await side.look(ROOT)
    tree = Tree()
    tree.folders[ROOT] = 0o755 if root is None else root.mode
    pending = [ROOT]
    while pending:
        some, pending = pending[:AT_ONCE], pending[AT_ONCE:]
        for inner in await together([_folder(side, other, one, tree) for one in some]):
            pending += inner
    tree.check_size(side.field)
    return tree


async def _folder(side: Side, other: Side, folder: bytes, tree: Tree) -> list[bytes]:
    """Take what a folder holds; the folders in it."""
    inner, told = list[bytes](), set[bytes]()
    try:
        async for name, seen in side.names(folder):
            if name in {b".", b".."} or names.is_partial(name):
                continue
            path = beneath(folder, name)
            why = _why_not(name, path, seen, told) or _why_not_there(side, other, name, path)
            told.add(name)
            if why is not None:
                tree.left.add(path, why)
            elif seen.kind == "folder":
                tree.folders[path] = seen.mode
                inner.append(path)
            else:
                tree.files[path] = seen
            tree.check(side.field)
    except Trouble as exc:
        tree.unread.add(folder, str(exc))
    return inner


def _why_not(name: bytes, path: bytes, seen: Seen, told: set[bytes]) -> str | None:
    if not names.is_name(name):
        return _NO_NAME
    if names.is_ours(name):
        return _OURS
    if name in told:
        return _TWICE
    if len(path) > names.LONGEST_PATH or path.count(b"/") > names.DEEPEST:
        return _TOO_DEEP
    if seen.kind not in {"file", "folder"}:
        return "is of a kind that nobody tells" if seen.kind == "unknown" else f"is a {seen.kind}"
    return None


def _why_not_there(side: Side, other: Side, name: bytes, path: bytes) -> str | None:
    if not other.takes(name):
        return _NOT_TAKEN
    return side.why_shut(path, to_write=False) or other.why_shut(path, to_write=True)


async def standing(side: Side, tree: Tree) -> dict[bytes, Seen]:
    """What stands on a side where a tree is to be put, and what is not yet whole there. Beneath
    what stands in a folder's place and is none, nothing is looked for. Raises AllTrouble where that
    cannot be seen.
    """
    with _of_all(side):
        return await _standing(side, tree)


@contextlib.contextmanager
def _of_all(side: Side) -> Generator[None]:
    """What keeps a folder from being seen keeps all of it from being copied."""
    try:
        yield
    except Trouble as exc:
        raise AllTrouble(side.field, f"leads to a folder that {exc}") from None


async def _standing(side: Side, tree: Tree) -> dict[bytes, Seen]:
    found = dict[bytes, Seen]()
    root = await side.look(ROOT)
    if root is None:
        return found
    found[ROOT] = root
    wanted = defaultdict[bytes, set[bytes]](set)
    for path in (*tree.files, *tree.folders):
        if path != ROOT:
            wanted[parted(path)[0]].add(parted(path)[1])
    pending = [ROOT]
    while pending:
        some, pending = pending[:AT_ONCE], pending[AT_ONCE:]
        work = [_standing_in(side, one, wanted[one], found) for one in some if _is_in(one, found)]
        await together(work)
        inner = [beneath(folder, name) for folder in some for name in wanted.get(folder, ())]
        pending += [one for one in inner if one in tree.folders]
    return found


def _is_in(path: bytes, found: dict[bytes, Seen]) -> bool:
    return path in found and found[path].kind == "folder"


async def _standing_in(
    side: Side, folder: bytes, wanted: set[bytes], found: dict[bytes, Seen]
) -> None:
    heard = 0
    async for name, seen in side.names(folder):
        heard += 1
        if heard > NAMES_HEARD:
            raise AllTrouble(side.field, "leads to a folder of more than a million names")
        if name in wanted or (names.is_ours(name) and seen.kind == "file"):
            found[beneath(folder, name)] = seen
