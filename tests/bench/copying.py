"""copy_files beside scp and rsync, on loopback, to and from one real OpenSSH server, in turns. Ours
is the whole call: the list of machines, the login, the bytes, and the digests of both sides.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

from bench.rows import Box, Row
from storm.workplace import Workplace

FILES = 2000
BYTES = 4096  # of each
TURNS = 3
MIB = int(os.environ.get("BENCH_MIB", "1024"))
QUIET = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-F", "none")

Direction = str  # "up" or "down"
Copy = Callable[[Direction, Path, Path], Awaitable[None]]


class Copiers:
    """The same copying by three programs, each between folders of this computer."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._ssh = ("-i", str(place.key), *QUIET, "-o", "LogLevel=ERROR")

    async def ours(self, direction: Direction, here: Path, there: Path) -> None:
        """Raises RuntimeError for an error: a figure of a failure says nothing."""
        asked = {"instance_id": self._place.machine, "direction": direction}
        while True:
            told = await self._place.call("copy_files", local=str(here), remote=str(there), **asked)
            if told is None or "error" in told:
                raise RuntimeError(f"copy_files: {told}")
            if told.get("state") != "copying":
                return

    async def scp(self, direction: Direction, here: Path, there: Path) -> None:
        """With -r for what is a folder."""
        ends = self._ends(direction, here, there, slash="")
        await self._run("scp", "-q", "-r", "-P", str(self._place.sshd.port), *self._ssh, *ends)

    async def rsync(self, direction: Direction, here: Path, there: Path) -> None:
        ends = self._ends(direction, here, there, slash="/" if here.is_dir() else "")
        shell = " ".join(("ssh", "-p", str(self._place.sshd.port), *self._ssh))
        await self._run("rsync", "-a", "-e", shell, *ends)

    def _ends(
        self, direction: Direction, here: Path, there: Path, *, slash: str
    ) -> tuple[str, str]:
        far = f"root@127.0.0.1:{there}"
        if direction == "up":
            return f"{here}{slash}", far
        return f"{far}{slash}", str(here)

    async def _run(self, *command: str) -> None:
        await asyncio.to_thread(
            subprocess.run, command, check=True, stdin=subprocess.DEVNULL, capture_output=True
        )


def copies(box: Box) -> list[Row]:
    """One large file and many small ones, both ways."""
    return asyncio.run(_copies(box.folder / "machine-and-files"))


async def _copies(folder: Path) -> list[Row]:
    files = folder / "files"
    place = Workplace(folder, direct=True, VAST_MCP_FILES=str(files))
    await place.open()
    try:
        files.mkdir()
        _make(folder / "large", folder / "small")
        copiers = Copiers(place)
        rows: list[Row] = []
        for direction in ("up", "down"):
            rows += await _large(place, copiers, direction)
            rows += await _small(place, copiers, direction)
        return rows
    finally:
        await place.close()


def _make(large: Path, small: Path) -> None:
    block = os.urandom(1 << 20)
    with large.open("wb") as file:
        for number in range(MIB):
            file.write(number.to_bytes(8, "big") + block[8:])
    small.mkdir()
    for number in range(FILES):
        folder = small / f"d{number % 20}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.bin").write_bytes(os.urandom(BYTES))


async def _large(place: Workplace, copiers: Copiers, direction: Direction) -> list[Row]:
    by = {"ours": copiers.ours, "scp": copiers.scp}
    took = await _in_turns(place, direction, place.folder / "large", by)
    factor = took["scp"] / took["ours"]
    return [
        Row(
            f"copy_files, one file of {MIB:,} MiB {direction}",
            f"{took['ours']:.2f} s, {MIB / took['ours']:.0f} MiB/s",
            f"scp: {took['scp']:.2f} s, {MIB / took['scp']:.0f} MiB/s",
            f"{factor:.2f} x as fast, at least 0.80 x",
            factor >= 0.8,
        )
    ]


async def _small(place: Workplace, copiers: Copiers, direction: Direction) -> list[Row]:
    by = {"ours": copiers.ours, "scp": copiers.scp, "rsync": copiers.rsync}
    took = await _in_turns(place, direction, place.folder / "small", by)
    return [
        Row(
            f"copy_files, {FILES:,} files of 4 KiB {direction}",
            f"{took['ours']:.2f} s",
            f"{words}: {took[name]:.2f} s",
            f"{took[name] / took['ours']:.2f} x as fast, at least {least:.2f} x",
            took[name] >= least * took["ours"],
        )
        for name, words, least in (("scp", "scp -r", 0.8), ("rsync", "rsync -a", 0.4))
    ]


async def _in_turns(
    place: Workplace, direction: Direction, what: Path, by: dict[str, Copy]
) -> dict[str, float]:
    """The median seconds of each; each turn copies anew, and the first warms up."""
    here, there = place.folder / "files" / "thing", place.home / "thing"
    source, target = (here, there) if direction == "up" else (there, here)
    what.rename(source)
    took: dict[str, list[float]] = {name: [] for name in by}
    try:
        for _ in range(TURNS + 1):
            for name, copy in by.items():
                _remove(target)
                begun = time.perf_counter()
                await copy(direction, here, there)
                took[name].append(time.perf_counter() - begun)
                assert _count(target) == _count(source), f"{name} {direction} copied something else"
    finally:
        _remove(target)
        source.rename(what)
    return {name: median(seconds[1:]) for name, seconds in took.items()}


def _count(path: Path) -> tuple[int, int]:
    """Files and bytes."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return len(files), sum(one.stat().st_size for one in files)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
