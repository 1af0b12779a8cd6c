"""What the agent's own computer does in a storm: its pipes, its disk, its other programs, and an
older vast-mcp that still runs in another editor.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from storm import faults
from storm.faults import is_rent
from storm.judge import Wish
from storm.lane import Lane
from storm.process import PATIENCE_S
from storm.proxy import Exchange
from storm.release import has_first_release
from storm.scenarios import PUT_S, Run, Scenario, asked_to_death, at_once, pursue_turned

LOCKED_S = 7.0  # longer than SQLite waits, whatever the scale

Then = Callable[[], Awaitable[None]]


def scenarios() -> list[Scenario]:
    """Everything of this module."""
    return [*pipes(), *disks(), *versions()]


# ── pipes ────────────────────────────────────────────────────────────────────────────────────────


def pipes() -> list[Scenario]:
    """A host that takes no answer, and turns to another offer."""
    return [
        Scenario("stdout closed after the rent", "before the reply", deaf("before")),
        Scenario("stdout closed after the rent", "before the verdict", deaf("verdict")),
        Scenario("stdout closed after the rent", "reply lost", deaf("lost")),
    ]


def deaf(when: str) -> Run:
    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()
        server = await lane.server()

        async def commit(exchange: Exchange) -> None:
            answer = await exchange.forward()
            if when != "verdict":
                server.deafen()
            if when == "lost":
                exchange.reset()
                return
            await exchange.send(answer)
            if when == "verdict":
                server.deafen()

        lane.proxy.add(is_rent, commit)
        await lane.ask(wish)
        server.strike("end of stdin")
        await server.ended()
        await pursue_turned(lane, wish)
        await lane.show(wish)
        return [wish]

    return run


# ── the journal's file ───────────────────────────────────────────────────────────────────────────


def disks() -> list[Scenario]:
    """A neighbour's lock, and a disk that takes nothing more, from the rent on."""
    found: list[Scenario] = []
    for name, loses in (("reply came", False), ("reply lost", True)):
        found += [
            Scenario("journal locked by a neighbour for 7 s at the verdict", name, locked(loses)),
            Scenario(f"disk full from the PUT on ({disk_kind()})", name, full(loses)),
        ]
    return found


def locked(loses: bool) -> Run:
    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()
        await lane.server()

        async def lock() -> None:
            neighbour = sqlite3.connect(lane.journal(), isolation_level=None)
            neighbour.execute("BEGIN IMMEDIATE")

            async def let_go() -> None:
                await asyncio.sleep(LOCKED_S)
                neighbour.execute("ROLLBACK")
                neighbour.close()

            lane.proxy.later(let_go())

        lane.proxy.add(is_rent, and_then(lock, loses=loses))
        await lane.pursue(wish)
        await lane.proxy.settled()
        await lane.pursue(wish)
        return [wish]

    return run


def full(loses: bool) -> Run:
    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()
        disk = Disk(lane)
        await disk.begin()
        lane.proxy.add(is_rent, and_then(disk.fill, loses=loses))
        await lane.ask(wish)
        await lane.ask(wish)
        await disk.empty()
        await lane.pursue(wish)
        await lane.pursue(wish)
        return [wish]

    return run


def and_then(then: Then, *, loses: bool) -> Callable[[Exchange], Awaitable[None]]:
    """The rent is committed, then this happens, and then the answer goes back, or is lost."""

    async def act(exchange: Exchange) -> None:
        answer = await exchange.forward()
        await then()
        if loses:
            exchange.reset()
        else:
            await exchange.send(answer)

    return act


@functools.cache
def disk_kind() -> str:
    """A small tmpfs where one can be mounted here; else the process's limit on the size of files,
    which fails its writes in the same place.
    """
    with tempfile.TemporaryDirectory() as folder:
        if not mounted(Path(folder)):
            return "limit on file size"
        subprocess.run(["umount", folder], check=True)
    return "tmpfs of 512 KiB"


def mounted(folder: Path) -> bool:
    """Mount a small tmpfs there; whether that was allowed."""
    if not sys.platform.startswith("linux"):
        return False
    command = ["mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "storm", str(folder)]
    with contextlib.suppress(OSError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


class Disk:
    """The disk under the journal of a lane, which begins a new one on it."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    async def begin(self) -> None:
        await self._lane.begin_anew()
        folder = self._lane.states[-1]
        folder.mkdir(parents=True)
        if disk_kind().startswith("tmpfs"):
            assert mounted(folder)
            self._lane.mounts.append(folder)
        await self._lane.server()

    async def fill(self) -> None:
        if not self._lane.mounts:
            self._lane.servers["first"].limit_files(0)
            return
        with (
            contextlib.suppress(OSError),
            (self._lane.states[-1] / "filler").open("wb", buffering=0) as filler,
        ):
            while filler.write(b"\0" * 512):
                pass

    async def empty(self) -> None:
        if not self._lane.mounts:
            self._lane.servers["first"].limit_files(-1)
            return
        (self._lane.states[-1] / "filler").unlink()


# ── two versions ─────────────────────────────────────────────────────────────────────────────────


def versions() -> list[Scenario]:
    """0.1.0, built from its commit, and this version on one journal; none where git has not got
    it.
    """
    if not has_first_release():
        return []
    lost, never = faults.resets(commits=True), faults.resets(commits=False)
    row = "0.1.0 and this version, one journal"
    return [
        Scenario(row, "one wish at once", at_once(None, second="older")),
        Scenario(row, "one wish at once, reply lost", at_once(lost, second="older")),
        Scenario(row, "one wish at once, never arrived", at_once(never, second="older")),
        Scenario(row, "0.1.0 writes its verdict on a file we opened", older_writes_on),
        Scenario(row, "0.1.0 killed in mid-PUT", survives("older", "first", commits=True)),
        Scenario(row, "0.1.0 killed, never arrived", survives("older", "first", commits=False)),
        Scenario(row, "this one killed in mid-PUT", survives("first", "older", commits=True)),
        Scenario(row, "0.1.0's answer never came", untold_by_the_older),
    ]


async def older_writes_on(lane: Lane) -> list[Wish]:
    """The older server has the file open and its PUT under way when this version opens the file,
    adds what it lacks, and asks for another wish.
    """
    await lane.begin_anew()
    wish, other = lane.wish(), lane.wish()
    in_flight, go = asyncio.Event(), asyncio.Event()

    async def hold(exchange: Exchange) -> None:
        answer = await exchange.forward()
        in_flight.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(go.wait(), lane.protocol(PUT_S) * 0.8)
        await exchange.send(answer)

    await lane.server("older")
    lane.proxy.add(is_rent, hold)
    first = asyncio.create_task(lane.pursue(wish, "older"))
    await asyncio.wait_for(in_flight.wait(), PATIENCE_S)
    await lane.server("first")
    second = asyncio.create_task(lane.pursue(other, "first"))
    await asyncio.sleep(lane.protocol(5))
    go.set()
    await asyncio.gather(first, second)
    await lane.pursue(wish, "first")
    await lane.pursue(other, "older")
    return [wish, other]


def survives(dies: str, lives: str, *, commits: bool) -> Run:
    """One version is killed with its PUT in flight, and the other one settles it."""

    async def run(lane: Lane) -> list[Wish]:
        await lane.begin_anew()
        wish = lane.wish()
        await lane.server(dies)
        await lane.server(lives)

        async def strike(exchange: Exchange) -> None:
            await lane.kill("SIGKILL", dies)
            if commits:
                await exchange.forward()
            exchange.reset()

        lane.proxy.add(is_rent, strike)
        await asked_to_death(lane, wish, dies)
        await lane.pursue(wish, lives)
        return [wish]

    return run


async def untold_by_the_older(lane: Lane) -> list[Wish]:
    """0.1.0 is killed after its verdict, and this version is asked for another offer."""
    await lane.begin_anew()
    wish = lane.wish()
    await lane.server("older")

    async def commit(exchange: Exchange) -> None:
        await exchange.send(await exchange.forward())
        await lane.until_state("confirmed")
        await lane.kill("SIGKILL", "older")

    lane.proxy.add(is_rent, commit)
    await lane.ask(wish, "older")
    await pursue_turned(lane, wish)
    await lane.pursue(wish)
    return [wish]
