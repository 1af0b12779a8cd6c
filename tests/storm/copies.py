"""`python -m storm.copies`: a folder of many files and one large file, up to a real OpenSSH server
and down from it, over a wire that breaks so many times in each, with servers killed between. Every
digest is computed anew on both sides. The last line is the sentence with its figures; non-zero
exits 1.

What is looked at in each break: no file stands under its real name before it is whole.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from storm.process import Json
from storm.report import write
from storm.wire import Cut, How
from storm.workplace import Workplace

BUDGET_S = 20.0  # of a call, for which hosts allow 50
TRIES = 60  # calls in all
EACH_FILE, LOGIN = 100, 3000  # bytes that pass beside what the files hold, at least
HOWS: tuple[How, ...] = ("reset", "reset", "reset", "end")
HEAD = (
    "what is copied",
    "files",
    "MiB",
    "breaks",
    "calls",
    "wrong",
    "what the agent was told, mostly",
)
NAMES = ("{} b.txt", "ünï {}", "-{}", "{}'\"$(x)", ".{}", "{}\nline", "{}")


@dataclass
class Figures:
    """What one copying came to."""

    what: str
    files: int = 0
    size: int = 0
    breaks: int = 0
    calls: int = 0
    wrong_digests: int = 0
    missing: int = 0
    half_files: int = 0  # seen under a real name
    left_over: int = 0  # names that nobody asked for
    lost_modes: int = 0
    no_end: int = 0
    seconds: float = 0.0
    said: Counter[str] = field(default_factory=Counter[str])

    @property
    def bad(self) -> int:
        kept = self.wrong_digests + self.missing + self.half_files
        return kept + self.left_over + self.lost_modes + self.no_end


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="storm.copies", description="Copy whole, and compare.")
    top.add_argument("--files", type=int, default=2000, help="in the folder (default 2000)")
    top.add_argument("--mib", type=int, default=1024, help="of the one file (default 1024)")
    top.add_argument("--breaks", type=int, default=20, help="in each copying (default 20)")
    top.add_argument("--seed", type=int, default=0)
    top.add_argument("--only", default="", help="those whose name contains this")
    top.add_argument("--report", type=Path, help="a page between whose markers the table goes")
    return top


# ── what is copied ────────────────────────────────────────────────────────────────────────────────


def make_folder(folder: Path, files: int, dice: random.Random) -> None:
    """Many files, most of them small, some empty, in folders three deep, two of which hold none,
    with names that shells stumble over; every seventh may be run.
    """
    (folder / "nothing" / "in it").mkdir(parents=True)
    for number in range(files):
        within = folder / f"d{number % 7}" / f"e{number % 11}" if number % 3 else folder
        within.mkdir(parents=True, exist_ok=True)
        path = within / NAMES[number % len(NAMES)].format(number)
        size = 0 if number % 50 == 0 else dice.randint(1, 8192)
        path.write_bytes(dice.randbytes(size if number % 97 else 300_000))
        path.chmod(0o755 if number % 7 == 0 else 0o644)


def make_file(path: Path, mib: int, dice: random.Random) -> None:
    block = dice.randbytes(1 << 20)
    with path.open("wb") as file:
        for number in range(mib):
            file.write(number.to_bytes(8, "big") + block[8:])


def digests(top: Path) -> dict[str, str]:
    """Each plain file beneath a folder, or the file itself, by its relative name."""
    if top.is_file():
        return {".": _digest(top)}
    found = {}
    for within, _, names in os.walk(top):
        for name in names:
            path = Path(within) / name
            found[str(path.relative_to(top))] = _digest(path)
    return found


def folders(top: Path) -> set[str]:
    return {str(path.relative_to(top)) for path in top.rglob("*") if path.is_dir()}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def may_run(top: Path, names: Sequence[str]) -> set[str]:
    return {name for name in names if (top / name).stat().st_mode & 0o100}


# ── copying ───────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Copying:
    """One copying: from, to, and how often it breaks."""

    place: Workplace
    figures: Figures
    source: Path
    target: Path
    arguments: Json
    dice: random.Random

    def __post_init__(self) -> None:
        self.wanted = digests(self.source)
        self.figures.files = len(self.wanted)
        paths = [self.source / name if name != "." else self.source for name in self.wanted]
        self.figures.size = sum(path.stat().st_size for path in paths)

    async def run(self, breaks: int) -> None:
        """Break at so many places of all that passes, and ask again until it says that it is over;
        within a call it goes on by itself.
        """
        begun = time.monotonic()
        cuts = [self._cut(number, breaks) for number in range(breaks)]
        self.figures.no_end = 1
        for _ in range(TRIES):
            if await self._ask() == "over":
                self.figures.no_end = 0
                break
        self.figures.breaks = sum(cut.done for cut in cuts)
        self.place.wire.calm()
        self.figures.seconds = time.monotonic() - begun
        self._compare()

    def _cut(self, number: int, breaks: int) -> Cut:
        """One in each stretch of the way; every third is the end of the server too."""
        size = self.figures.size + EACH_FILE * self.figures.files + LOGIN * breaks
        stretch = size * 0.9 / breaks
        at = int(stretch * number + self.dice.uniform(0, stretch)) + 1
        direction = self.arguments["direction"]

        async def then() -> None:
            self._look_for_halves()
            if number % 3 == 2:
                await self.place.kill()

        how = self.dice.choice(HOWS)
        return self.place.wire.breaks(Cut(at, how, bytes=True, way=direction, then=then))

    async def _ask(self) -> str:
        """The same call; "over" where it says so."""
        told = await self.place.call("copy_files", **self.arguments)
        self.figures.calls += 1
        self.figures.said[_said(told)] += 1
        over = told is not None and "error" not in told and told.get("state") != "copying"
        return "over" if over else "not yet"

    def _look_for_halves(self) -> None:
        """What has its real name is whole; a large one is read only where its size is wrong."""
        for name, digest in self.wanted.items():
            path = self.target / name if name != "." else self.target
            if not path.is_file():
                continue
            origin = self.source / name if name != "." else self.source
            size = path.stat().st_size
            whole = size == origin.stat().st_size
            if not whole or (size < 1 << 20 and _digest(path) != digest):
                self.figures.half_files += 1

    def _compare(self) -> None:
        there = digests(self.target) if self.target.exists() else {}
        both = [name for name in self.wanted if name in there]
        other_folders = folders(self.source) ^ folders(self.target)
        self.figures.missing = len(self.wanted) - len(both) + len(other_folders)
        self.figures.left_over = len(set(there) - set(self.wanted)) + len(self._strangers())
        self.figures.wrong_digests = sum(self.wanted[name] != there[name] for name in both)
        same = may_run(self.source, both) ^ may_run(self.target, both)
        self.figures.lost_modes = len(same)

    def _strangers(self) -> list[Path]:
        """What lies beside the target and was not there before."""
        expected = {self.source, self.target}
        beside = [self.target.parent, *([self.target] if self.target.is_dir() else [])]
        found = [one for folder in beside[:1] for one in folder.iterdir() if one not in expected]
        return [one for one in found if one.name != ".vast-mcp"]


def _said(told: Json | None) -> str:
    if told is None:
        return "died"
    if "error" in told:
        return told["error"]["code"]
    return told.get("state", "?")


async def storm(options: argparse.Namespace, folder: Path) -> int:
    begun = time.monotonic()
    rows: list[Figures] = []
    dice = random.Random(options.seed)
    for kind in ("a folder", "one file"):
        for direction in ("up", "down"):
            what = f"{kind} {direction}"
            if options.only in what:
                rows.append(await _one(folder / what.replace(" ", "-"), what, options, dice))
                print(rows[-1], flush=True)
    sentence = _sentence(rows)
    print("\n" + table(rows) + "\n")
    print(f"{time.monotonic() - begun:.0f} s, seed {options.seed}\n")
    if options.report:
        write(options.report, {"copies": f"> {sentence}\n\n{table(rows)}"})
    print(sentence)
    met = all(row.breaks >= options.breaks * 0.8 for row in rows)
    return 0 if rows and met and not sum(row.bad for row in rows) else 1


async def _one(
    folder: Path, what: str, options: argparse.Namespace, dice: random.Random
) -> Figures:
    kind, _, direction = what.rpartition(" ")
    files = folder / "files"
    place = Workplace(folder, budget_s=BUDGET_S, VAST_MCP_FILES=str(files))
    await place.open()
    files.mkdir()
    try:
        here, there = files / "thing", place.home / "thing"
        source, target = (here, there) if direction == "up" else (there, here)
        if kind == "a folder":
            make_folder(source, options.files, dice)
        else:
            make_file(source, options.mib, dice)
        arguments = {
            "instance_id": place.machine,
            "direction": direction,
            "local": str(here),
            "remote": str(there),
        }
        copying = Copying(place, Figures(what), source, target, arguments, dice)
        await copying.run(options.breaks)
        return copying.figures
    finally:
        await place.close()


def _sentence(rows: Sequence[Figures]) -> str:
    def total(name: str) -> int:
        return sum(getattr(row, name) for row in rows)

    return (
        f"{total('files'):,} files, {total('size') >> 20:,} MiB, {total('breaks')} breaks, "
        f"{total('calls')} calls: {total('wrong_digests')} wrong digests, {total('missing')} "
        f"missing files or folders, {total('half_files')} half files under a real name, "
        f"{total('left_over')} left-overs, {total('lost_modes')} lost modes, {total('no_end')} "
        f"that never ended."
    )


def table(rows: Sequence[Figures]) -> str:
    lines = ["| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD)]
    for row in rows:
        most = ", ".join(f"{count} {word}" for word, count in row.said.most_common(3))
        cells = (row.what, row.files, row.size >> 20, row.breaks, row.calls, row.bad, most)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        return asyncio.run(storm(options, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
