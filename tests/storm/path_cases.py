"""Paths that lead out of the folders that a person allows, and their nearest neighbours that do
not: as arguments, as what lies in a folder that is copied, and as what a machine says lies there.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from storm.liar import GOOD

CANARY = b"THE CANARY SINGS: nobody may read this\n"
PLAIN = b"what may be copied\n"
WIDE, SLASH = "\uff0e", "\u2215"  # a full stop and a slash to the eye, and to careless code


@dataclass(frozen=True)
class Ground:
    """The folders of a try: `files` is allowed, what lies in `outside` and `near` is not."""

    top: Path
    files: Path
    machine: Path

    @property
    def outside(self) -> Path:
        return self.top / "outside"

    @property
    def near(self) -> Path:
        """Its name begins with that of the folder that is allowed."""
        return self.top / f"{self.files.name}-not"

    def make(self) -> None:
        """Canaries outside, and a little that may be copied inside."""
        for folder in (self.outside, self.outside / "deep", self.near, self.top / ".ssh"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "secret.txt").write_bytes(CANARY)
        (self.files / "sub").mkdir(parents=True)
        for path in (self.files / "plain.txt", self.files / "sub" / "plain.txt"):
            path.write_bytes(PLAIN)


@dataclass(frozen=True)
class Asked:
    """One call of copy_files; `paths` of them are hostile in it, none in a legal one."""

    kind: str
    direction: str
    local: str
    remote: str
    paths: int = 1
    arrives: Path | None = None  # what must be there with PLAIN afterwards


# ── arguments ─────────────────────────────────────────────────────────────────────────────────────


def spellings(ground: Ground, target: Path, number: int) -> Iterator[tuple[str, str]]:
    """Each way to say a path that lies outside. Links that a way needs are made."""
    files, parts = ground.files, os.path.relpath(target, ground.files)
    name, parent = target.name, target.parent
    yield "absolute", str(target)
    yield "dots", f"{files}/{parts}"
    yield "dots after a folder", f"{files}/sub/../{parts}"
    yield "dots between slashes", f"{files}//.//{parts.replace('/', '//')}"
    yield "dots and a slash behind", f"{files}/{parts}/"
    yield "dots in percents", f"{files}/{parts.replace('..', '%2e%2e')}"
    yield "dots of full width", f"{files}/{parts.replace('..', WIDE * 2)}"
    yield "two dots in one letter", f"{files}/{parts.replace('..', '‥')}"
    yield "slashes of another kind", f"{files}/{parts.replace('/', SLASH)}"
    yield "backslashes", f"{files}\\{parts.replace('/', chr(92))}"
    yield "from home", f"~/{target.relative_to(ground.top)}"
    yield "another's home", f"~root/{target.relative_to(ground.top)}"
    yield "a variable", f"$HOME/{target.relative_to(ground.top)}"
    yield "a URL", f"file://{target}"
    yield "relative", str(target.relative_to(ground.top))
    yield "with a zero byte", f"{files}/plain.txt\0/../{parts}"
    yield "a line after it", f"{files}/plain.txt\n{target}"
    yield "this process's root", f"/proc/self/root{target}"
    yield "this process's folder", f"/proc/self/cwd/{parts}"
    sub, from_top = files / "sub", target.relative_to(ground.top)
    for what, path, to in (
        ("a link", files / f"link-{number}", str(target)),
        ("a relative link", sub / f"rel-{number}", os.path.relpath(target, sub)),
        ("a link to a link", files / f"chain-{number}", f"link-{number}"),
        ("a link with dots", files / f"dots-{number}", f"sub/../../{from_top}"),
    ):
        path.symlink_to(to)
        yield what, str(path)
    folder = files / f"folder-{number}"
    folder.symlink_to(parent)
    yield "beneath a link", f"{folder}/{name}"
    yield "beneath a link and back", f"{folder}/../{parent.name}/{name}"
    loop = files / f"loop-{number}"
    loop.symlink_to(loop.name)
    yield "a loop", f"{loop}/{name}"


def arguments(ground: Ground) -> Iterator[Asked]:
    """Reading and writing outside, each said in each way, among legal ones."""
    legal = legal_ones(ground)
    read = [
        ground.outside / "secret.txt",
        ground.outside,
        ground.outside / "deep" / "secret.txt",
        ground.near / "secret.txt",
        ground.top / ".ssh" / "secret.txt",
    ]
    written = [
        ground.outside / "secret.txt",
        ground.outside / "new.txt",
        ground.outside / "deep" / "new" / "newer.txt",
        ground.near / "new.txt",
        ground.top / ".ssh" / "authorized_keys",
    ]
    (ground.machine / "source.txt").write_bytes(PLAIN)
    for direction, targets in (("up", read), ("down", written)):
        for place, target in enumerate(targets):
            number = place + 10 * (direction == "down")
            for count, (way, local) in enumerate(spellings(ground, target, number)):
                up = str(ground.machine / f"up-{number}-{count}")
                remote = up if direction == "up" else str(ground.machine / "source.txt")
                yield Asked(way, direction, local, remote)
            yield from (next(legal) for _ in range(2))


def legal_ones(ground: Ground) -> Iterator[Asked]:
    """What must be let through, however many are wanted."""
    number = 0
    names = ("plain", "two words", "ünï-名", "-dash", "..dots", "'quoted'$(x)", "line\nbreak")
    while True:
        name = f"{names[number % len(names)]}-{number}"
        local, remote = ground.files / name, ground.machine / f"legal-{number}"
        direction = "up" if number % 2 else "down"
        (local if direction == "up" else remote).write_bytes(PLAIN)
        spoken = f"~/{local.relative_to(ground.top)}" if number % 3 == 0 else str(local)
        arrives = remote if direction == "up" else local
        yield Asked("legal", direction, spoken, str(remote), paths=0, arrives=arrives)
        number += 1


# ── folders ───────────────────────────────────────────────────────────────────────────────────────


def plant(folder: Path, ground: Ground, number: int) -> int:
    """Put what must not be copied into a folder, and one file that must; how many those were."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plain.txt").write_bytes(PLAIN)
    out = ground.outside
    for name, to in {
        "file-link": str(out / "secret.txt"),
        "folder-link": str(out),
        "near-link": str(ground.near),
        "relative-link": os.path.relpath(out / "secret.txt", folder),
        "dots-link": f"{os.path.relpath(ground.top, folder)}/outside/deep/secret.txt",
        "chain-link": "file-link",
        "loop": "loop",
        "up-loop": "..",
        "here-loop": ".",
        "dangling": str(out / "new.txt"),
        "proc-link": "/proc/self/environ",
        "ünï-链-link": str(out / "secret.txt"),
        "line\nlink": str(out / "secret.txt"),
        "-link": str(out / "secret.txt"),
        " ": str(out),
        "$(x)`y`'\"": str(out / "secret.txt"),
        "x" * 200: str(out / "secret.txt"),
    }.items():
        (folder / name).symlink_to(to)
    os.symlink(out / "secret.txt", os.fsencode(folder) + b"/not-\xff\xfe-utf8")
    os.mkfifo(folder / "fifo")
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "socket"))
    devices = 0
    with contextlib.suppress(PermissionError):
        for name, kind, minor in (("zero", stat.S_IFCHR, 5), ("full", stat.S_IFCHR, 7)):
            os.mknod(folder / f"device-{name}", kind | 0o666, os.makedev(1, minor))
            devices += 1
    deeper = folder / "a" / "b"
    deeper.mkdir(parents=True)
    (deeper / f"link-{number}").symlink_to(out)
    (deeper / "up").symlink_to("../../..")
    return 22 + devices


def trees(ground: Ground, count: int) -> Iterator[Asked]:
    """Whole folders, up and down, with such things in them."""
    for number in range(count):
        here, there = ground.files / f"tree-{number}", ground.machine / f"tree-{number}"
        direction = "up" if number % 2 else "down"
        source, target = (here, there) if direction == "up" else (there, here)
        planted = plant(source, ground, number)
        if direction == "down":
            planted += lay_traps(here, there, ground)
        arrives = target / "plain.txt"
        yield Asked("a folder", direction, str(here), str(there), planted, arrives)


def lay_traps(here: Path, there: Path, ground: Ground) -> int:
    """The folder here holds links out at the names that come from there."""
    here.mkdir()
    (here / "trap").symlink_to(ground.outside)
    (here / "trap.txt").symlink_to(ground.outside / "secret.txt")
    (here / "fresh.txt").symlink_to(ground.outside / "new.txt")
    (there / "trap").mkdir()
    for name in ("trap/new.txt", "trap/secret.txt", "trap.txt", "fresh.txt"):
        (there / name).write_bytes(PLAIN)
    return 4


# ── what a machine says ───────────────────────────────────────────────────────────────────────────

NAMES = (
    "../new.txt",
    "../../new.txt",
    "../outside/new.txt",
    "../../outside/secret.txt",
    "../../../outside/new.txt",
    "{top}/outside/new.txt",
    "{top}/.ssh/authorized_keys",
    "/tmp/../{top}/outside/new.txt",
    "sub/../../new.txt",
    "sub/../../../outside/new.txt",
    "./../new.txt",
    "//new.txt",
    "a/b",
    "a//b",
    "a/",
    "/",
    "//",
    "",
    "...",
    " ",
    "~",
    "~/new.txt",
    "a\0b",
    "\0",
    "..\0",
    "a\nb",
    "a\\..\\..\\new.txt",
    "C:\\new.txt",
    "con",
    "‥/new.txt",
    f"{WIDE * 2}/new.txt",
    "\udcff\udcfe",
    "a\u202eb",
    "x" * 255,
    "x" * 5000,
    ".vast-mcp",
    "-rf",
    "$(touch new.txt)",
    "`touch new.txt`",
    "GOOD.TXT",
    "good.txt/../../new.txt",
    ".ssh/authorized_keys",
)


@dataclass(frozen=True)
class Lie:
    """What a machine says lies in a folder: names, and of what kind all of them are. In an endless
    one each of them holds the same again.
    """

    kind: str
    names: tuple[str, ...]
    endless: bool
    asked: Asked


def lies(ground: Ground) -> Iterator[Lie]:
    """Each kind of lie, and the call that meets it."""
    names = tuple(name.replace("{top}", str(ground.top)) for name in NAMES)
    for kind in ("file", "folder", "link"):
        here = ground.files / f"lied-{kind}"
        asked = Asked(f"{kind}s of a liar", "down", str(here), "/lies", len(names), here / GOOD)
        yield Lie(kind, names, endless=False, asked=asked)
    here = str(ground.files / "lied-endless")
    asked = Asked("a liar without end", "down", here, "/lies", len(names))
    yield Lie("folder", names, endless=True, asked=asked)
