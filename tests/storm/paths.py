"""`python -m storm.paths [--trees N]`: paths that lead out of the folder that a person allows, as
arguments, in folders, and from machines that lie. Outside lies a canary: nobody may open it, its
words may arrive nowhere, and nothing new may lie beside it. The last line is the sentence with its
figures; non-zero exits 1.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import os
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from storm import liar
from storm.path_cases import CANARY, PLAIN, Asked, Ground, arguments, lies, trees
from storm.process import Json
from storm.report import write
from storm.workplace import Workplace

BUDGET_S = 8.0
AGAIN = 5  # calls more, where the time of one was up

# inotify's own numbers
_OPEN, _ACCESS, _MODIFY, _CREATE, _DELETE, _MOVED = 0x20, 0x1, 0x2, 0x100, 0x200, 0xC0
_FOLDER = 0x40000000


@dataclass
class Figures:
    """What the paths came to."""

    paths: int = 0
    calls: int = 0
    read: int = 0
    written: int = 0
    kept_out: int = 0  # legal ones that were not let through
    faults: int = 0  # of our own
    said: Counter[str] = field(default_factory=Counter[str])
    stories: list[str] = field(default_factory=list[str])

    @property
    def bad(self) -> int:
        return self.read + self.written + self.kept_out + self.faults

    def sentence(self) -> str:
        return (
            f"{self.paths} hostile paths, {self.calls} calls: {self.read} read outside, "
            f"{self.written} written outside, {self.kept_out} legal ones kept out, "
            f"{self.faults} faults of our own."
        )


class Watch:
    """Who opens, makes or changes anything in some folders, as the kernel tells it."""

    def __init__(self, *folders: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        mask = _OPEN | _ACCESS | _MODIFY | _CREATE | _DELETE | _MOVED
        for folder in folders:
            self._libc.inotify_add_watch(self._fd, os.fsencode(folder), mask)

    def told(self) -> tuple[int, int]:
        """How many files were opened, and how many things were made or changed, since last."""
        opened = changed = 0
        for mask in self._masks():
            if mask & (_MODIFY | _CREATE | _DELETE | _MOVED):
                changed += 1
            elif not mask & _FOLDER:
                opened += 1
        return opened, changed

    def _masks(self) -> Iterator[int]:
        try:
            while data := os.read(self._fd, 1 << 16):
                while data:
                    _, mask, _, size = struct.unpack_from("iIII", data)
                    yield mask
                    data = data[16 + size :]
        except BlockingIOError:
            return

    def close(self) -> None:
        os.close(self._fd)


class Paths:
    """One machine, one ground, and the calls."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.options = options
        self.place = Workplace(folder, budget_s=BUDGET_S, VAST_MCP_FILES=str(folder / "files"))
        self.figures = Figures()
        self.folder = folder

    async def run(self) -> Figures:
        await self.place.open()
        self.ground = Ground(self.folder, self.folder / "files", self.place.home)
        self.ground.make()
        out = self.ground.outside
        self.watch = Watch(out, out / "deep", self.ground.near, self.folder / ".ssh")
        try:
            for number, asked in enumerate(arguments(self.ground)):
                if number % self.options.every == 0 or asked.arrives:
                    await self._try(asked)
            for asked in trees(self.ground, self.options.trees):
                await self._try(asked)
            await self._swapped()
            await self._lied_to()
        finally:
            self.watch.close()
            await self.place.close()
        return self.figures

    async def _try(self, asked: Asked) -> None:
        """One call, and what came of it."""
        self._weigh(asked, await self._call(asked))

    async def _call(self, asked: Asked) -> Json | None:
        self.watch.told()
        told = await self._asked(asked)
        for _ in range(AGAIN):
            if told is None or told.get("state") != "copying":
                break
            told = await self._asked(asked)
        return told

    async def _asked(self, asked: Asked) -> Json | None:
        return await self.place.call(
            "copy_files",
            instance_id=self.place.machine,
            direction=asked.direction,
            local=asked.local,
            remote=asked.remote,
            overwrite=True,
        )

    def _weigh(self, asked: Asked, told: Json | None) -> None:
        figures = self.figures
        opened, changed = self.watch.told()
        arrived = asked.arrives is None or _holds_plain(asked.arrives)
        found = (opened + self._copies_of_the_canary(), changed, int(not arrived))
        figures.calls += 1
        figures.paths += asked.paths
        figures.read += found[0]
        figures.written += found[1]
        figures.kept_out += found[2]
        word = "died" if told is None else told.get("error", {}).get("code") or told.get("state")
        figures.said[f"{asked.kind} {asked.direction}: {word}"] += 1
        fault = word in {"died", "internal_error"}
        figures.faults += fault
        if fault:
            log = (self.folder / "stderr").read_text("utf-8", "replace")
            figures.stories.append(log[-3000:])
        if any(found) or fault:
            figures.stories.append(f"{asked} read, wrote, kept out {found}: {str(told)[:900]}")
        self.watch.told()

    def _copies_of_the_canary(self) -> int:
        """Files with its words where copies go; they are gone when this returns."""
        found = 0
        for top in (self.ground.files, self.ground.machine):
            for within, _, names in os.walk(top):
                for name in names:
                    path = Path(within) / name
                    if path.is_symlink() or not path.is_file() or CANARY not in path.read_bytes():
                        continue
                    path.unlink()
                    found += 1
        return found

    # ── what changes meanwhile ─────────────────────────────────────────────────────────────────

    async def _swapped(self) -> None:
        """A folder and a link to the outside change places, again and again, while it is copied."""
        spot, aside = self.ground.files / "swap", self.ground.files / "aside"
        spot.mkdir()
        for number in range(200):
            (spot / f"{number}.txt").write_bytes(PLAIN)
        (spot / "secret.txt").write_bytes(PLAIN)
        link = self.ground.files / "link-out"
        link.symlink_to(self.ground.outside)
        for number in range(self.options.swaps):
            direction = "up" if number % 2 else "down"
            there = self.ground.machine / f"swap-{number}"
            if direction == "down":
                there.mkdir()
                for name in ("secret.txt", "new.txt"):
                    (there / name).write_bytes(PLAIN)
            asked = Asked("swapped", direction, str(spot), str(there))
            with swapping(spot, aside, link):
                told = await self._call(asked)
            self._weigh(asked, told)

    # ── who lies ───────────────────────────────────────────────────────────────────────────────

    async def _lied_to(self) -> None:
        keys = self.place.sshd.folder
        server = await liar.listen(keys / "host_ed25519", keys / "authorized_keys")
        self.place.wire.upstream = server.get_port()
        try:
            for lie in lies(self.ground):
                liar.LyingServer.kind, liar.LyingServer.names = lie.kind, lie.names
                liar.LyingServer.endless = lie.endless
                beside = _tree(self.folder, but=self.ground.files)
                await self._try(lie.asked)
                self.figures.written += len(_tree(self.folder, but=self.ground.files) - beside)
            assert liar.LyingServer.opened, "no call came as far as the liar's files"
        finally:
            server.close()


def _holds_plain(path: Path) -> bool:
    expected = {PLAIN, liar.HOSTILE}
    return path.is_file() and not path.is_symlink() and path.read_bytes() in expected


@contextlib.contextmanager
def swapping(spot: Path, aside: Path, link: Path) -> Iterator[None]:
    """A folder and a link change places within the block; behind it they are as before."""
    over = threading.Event()
    swapper = threading.Thread(target=_swap, args=(spot, aside, link, over))
    swapper.start()
    try:
        yield
    finally:
        over.set()
        swapper.join()
        _mend(spot, aside, link)


def _swap(spot: Path, aside: Path, link: Path, over: threading.Event) -> None:
    while not over.is_set():
        try:
            spot.rename(aside)
            link.rename(spot)
            spot.rename(link)
            aside.rename(spot)
        except OSError:  # the other side made something there
            time.sleep(0.001)
            _mend(spot, aside, link)


def _mend(spot: Path, aside: Path, link: Path) -> None:
    """Put the folder and the link back, whatever lies where."""
    if spot.is_symlink() and not link.is_symlink():
        spot.rename(link)
    if aside.is_dir() and spot.is_dir() and not spot.is_symlink():
        for left in spot.iterdir():
            left.replace(aside / left.name)
        spot.rmdir()
    if aside.is_dir() and not spot.exists():
        aside.rename(spot)


def _tree(top: Path, *, but: Path) -> set[str]:
    """All names under a folder, without the allowed one and what servers keep."""
    found: set[str] = set()
    for within, folders, names in os.walk(top):
        skipped = ("state", "sshd", but.name)
        folders[:] = [one for one in folders if not (within == str(top) and one in skipped)]
        found |= {f"{within}/{name}" for name in (*folders, *names)}
    return found


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="storm.paths", description="Try to get out.")
    top.add_argument("--trees", type=int, default=8, help="folders of 25 hostile things (8)")
    top.add_argument("--every", type=int, default=1, help="try each so-many-th argument (1)")
    top.add_argument("--swaps", type=int, default=40, help="calls while things change places (40)")
    top.add_argument("--least", type=int, default=500, help="hostile paths to be met (500)")
    top.add_argument("--report", type=Path, help="a page between whose markers the figures go")
    return top


async def storm(options: argparse.Namespace, folder: Path) -> int:
    begun = time.monotonic()
    figures = await Paths(folder / "ground", options).run()
    for line in figures.stories:
        print(f"BAD {line}")
    for word, count in sorted(figures.said.items()):
        print(f"{count:5}  {word}")
    print(f"\n{time.monotonic() - begun:.0f} s\n")
    if options.report:
        write(options.report, {"paths": f"> {figures.sentence()}"})
    print(figures.sentence())
    return 0 if not figures.bad and figures.paths >= options.least else 1


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        return asyncio.run(storm(options, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
