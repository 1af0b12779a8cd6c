"""What breaks while a job is begun and followed: one function a row of the table."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from storm.job_judge import TRIES, Wish, ask, is_over, pursue, until
from storm.wire import Cut, How
from storm.workplace import Workplace

STEPS = ("job named", "job sent", "job begun", "job over")  # of storm.served
LOGIN = 18  # messages of a connection before anything is asked of the machine
SPAN = 54  # and of one that begins a job and hears its end


@dataclass(frozen=True)
class Scenario:
    """A row of the table; `run` says whether its fault was met."""

    row: str
    run: Callable[[Workplace, Wish], Awaitable[bool]]


def place_in(wish: Wish) -> int:
    """A message of a call, mostly one of those after the login."""
    if wish.dice.random() < 0.2:
        return wish.dice.randint(1, LOGIN)
    return wish.dice.randint(LOGIN, SPAN)


# ── the wire ──────────────────────────────────────────────────────────────────────────────────────


def cuts(how: How, *, passes_on: bool, times: int = 1) -> Callable[..., Awaitable[bool]]:
    """A connection of the first call breaks at some message, and those that it opens instead."""

    async def run(place: Workplace, wish: Wish) -> bool:
        places = itertools.accumulate(place_in(wish) for _ in range(times))
        broken = [place.wire.breaks(Cut(at, how, passes_on=passes_on)) for at in places]
        over = is_over(await ask(place, wish))
        place.wire.calm()
        if not over:
            await pursue(place, wish)
        return any(cut.done for cut in broken)

    return run


async def cuts_at_a_byte(place: Workplace, wish: Wish) -> bool:
    """In the middle of a packet."""
    cut = place.wire.breaks(Cut(wish.dice.randint(1, 14_000), bytes=True))
    if not is_over(await ask(place, wish)):
        place.wire.calm()
        await pursue(place, wish)
    return cut.done


async def refuses(place: Workplace, wish: Wish) -> bool:
    """Nobody listens for the first two calls."""
    place.wire.refuse()
    await ask(place, wish)
    await ask(place, wish)
    await place.wire.open()
    await pursue(place, wish)
    return True


# ── the server ────────────────────────────────────────────────────────────────────────────────────


def killed(*, passes_on: bool, cut: bool = False) -> Callable[..., Awaitable[bool]]:
    """With SIGKILL, at some message of the first call; of a second call the wire breaks too."""

    async def run(place: Workplace, wish: Wish) -> bool:
        await place.server()
        met = place.wire.breaks(Cut(place_in(wish), passes_on=passes_on, then=place.kill))
        over = is_over(await ask(place, wish))
        place.wire.calm()
        if over:
            return met.done
        if cut:
            place.wire.breaks(Cut(place_in(wish)))
            over = is_over(await ask(place, wish))
            place.wire.calm()
        if not over:
            await pursue(place, wish)
        return met.done

    return run


async def killed_while_it_runs(place: Workplace, wish: Wish) -> bool:
    """The server dies while the command is at work, with the answer still to come."""
    wish.lasts_s = "1.5"
    asked = asyncio.create_task(ask(place, wish))
    begun = await until(lambda: wish.begun > 0 or asked.done())
    if begun and not asked.done():
        await place.kill()
    await asked
    await pursue(place, wish)
    return wish.answers[0] is None


def killed_at(step: str) -> Callable[..., Awaitable[bool]]:
    """With SIGKILL, before or after the journal comes to know something of the job."""

    async def run(place: Workplace, wish: Wish) -> bool:
        async def kill(_step: str) -> None:
            await place.kill()

        place.control.on_stop = kill
        reached = len(place.control.reached)
        await place.server(stops=step)
        await pursue(place, wish)
        return len(place.control.reached) > reached

    return run


# ── several ───────────────────────────────────────────────────────────────────────────────────────


async def two_servers(place: Workplace, wish: Wish) -> bool:
    """Two processes are asked the same at once, twice each."""
    wish.key = wish.key or f"job-{wish.number}"  # without one, a told end lets the next call begin
    await asyncio.gather(*(place.server(which) for which in ("first", "second")))
    await asyncio.gather(
        *(pursue(place, wish, which) for which in ("first", "second") for _ in range(2))
    )
    return True


async def two_servers_one_killed(place: Workplace, wish: Wish) -> bool:
    """And one of them dies at some message."""
    wish.key = wish.key or f"job-{wish.number}"
    await asyncio.gather(*(place.server(which) for which in ("first", "second")))
    met = place.wire.breaks(Cut(place_in(wish) * 2, then=place.kill))
    await asyncio.gather(*(pursue(place, wish, which) for which in ("first", "second")))
    return met.done


async def two_servers_cut(place: Workplace, wish: Wish) -> bool:
    """And both lose their connections, at different messages."""
    wish.key = wish.key or f"job-{wish.number}"
    await asyncio.gather(*(place.server(which) for which in ("first", "second")))
    met = [place.wire.breaks(Cut(place_in(wish) * 2, passes_on=on)) for on in (True, False)]
    await asyncio.gather(*(pursue(place, wish, which) for which in ("first", "second")))
    return any(cut.done for cut in met)


# ── the machine ───────────────────────────────────────────────────────────────────────────────────


async def wiped(place: Workplace, wish: Wish) -> bool:
    """Its disk is another one while the command is at work: nobody can know what became of it, and
    nothing begins it again.
    """
    wish.lasts_s, wish.expects = "1.5", frozenset({"lost"})
    await _begun(place, wish)
    aside = place.home / f"aside-{wish.number}"
    (place.home / ".vast-mcp").rename(aside)
    await pursue(place, wish)
    await ask(place, wish)

    def back() -> None:
        shutil.rmtree(place.home / ".vast-mcp", ignore_errors=True)
        aside.rename(place.home / ".vast-mcp")

    wish.after.append(back)
    return True


async def ended_from_outside(place: Workplace, wish: Wish) -> bool:
    """Every process of it is killed at once, as by a machine that goes down."""
    wish.lasts_s, wish.expects = "30", frozenset({"interrupted"})
    await _begun(place, wish)
    for pid in _processes_of(place):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await pursue(place, wish)
    await ask(place, wish)
    return True


async def shell_killed(place: Workplace, wish: Wish) -> bool:
    """One process of it is killed at some moment: one that starts it, that waits for it, or its
    own. Whether it began is known, or that nobody knows.
    """
    wish.killed = True
    wish.lasts_s = "0.3"
    asked = asyncio.create_task(ask(place, wish))
    await until(lambda: bool(_processes_of(place)) or asked.done())
    await asyncio.sleep(wish.dice.uniform(0, 0.15))
    running = _processes_of(place)
    if running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(wish.dice.choice(running), signal.SIGKILL)
    if not is_over(await asked):
        await pursue(place, wish)
    return bool(running)


async def _begun(place: Workplace, wish: Wish) -> None:
    """Return once it has begun, with the first answer told."""
    asked = asyncio.create_task(ask(place, wish, timeout_s=1))
    await until(lambda: wish.begun > 0 or asked.done())
    await asked


def _processes_of(place: Workplace) -> list[int]:
    """Everything that runs in the machine; one job at a time is at work there."""
    found: list[int] = []
    home = f"HOME={place.home}\0".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environ = (process / "environ").read_bytes()
            if home in environ and b"SSH_CONNECTION=" in environ:
                found.append(int(process.name))
    return found


async def full_from_the_start(place: Workplace, wish: Wish) -> bool:
    """Its disk has no room for a job; then it has."""
    disk = _small_disk(place, wish)
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    await ask(place, wish)
    before = wish.begun
    filler.unlink()
    await pursue(place, wish)
    return not before


async def filled_by_itself(place: Workplace, wish: Wish) -> bool:
    """It says more than its disk holds; how it ended is known all the same."""
    _small_disk(place, wish)
    wish.says = "head -c 3000000 /dev/zero | tr '\\0' x; "
    await pursue(place, wish)
    return True


def _small_disk(place: Workplace, wish: Wish) -> Path:
    """A disk of its own for the jobs of this run, of 512 KiB."""
    disk = place.home / ".vast-mcp"
    disk.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    subprocess.run(mount, check=True)
    wish.after.append(lambda: subprocess.run(["umount", "-l", str(disk)], check=True))
    return disk


# ── long ones ─────────────────────────────────────────────────────────────────────────────────────


async def five_calls(place: Workplace, wish: Wish) -> bool:
    """Followed over five calls, with the server killed after the second and the wire cut in the
    third.
    """
    wish.lasts_s = str(wish.long_s)
    for turn in range(TRIES):
        if turn == 2:
            place.wire.breaks(Cut(place_in(wish)))
        if is_over(await ask(place, wish, timeout_s=max(1.0, wish.long_s / 4.5))):
            break
        place.wire.calm()
        if turn == 1:
            await place.kill()
    return len(wish.answers) >= 5


async def stops(place: Workplace, wish: Wish) -> bool:
    """Stopped, over a wire that breaks while it is."""
    wish.stops, wish.lasts_s = True, "60"
    await ask(place, wish, timeout_s=1)
    if wish.job is None:
        return False
    cut = place.wire.breaks(Cut(place_in(wish), passes_on=wish.dice.random() < 0.5))
    stop = {"instance_id": place.machine, "job": wish.job, "stop": True}
    for _ in range(6):
        wish.answers.append(await place.call("run_command", **stop))
        place.wire.calm()
        if is_over(wish.answers[-1]):
            break
    return cut.done


LONG = Scenario("five calls at real times, a kill and a cut between", five_calls)
ALL = (
    Scenario("cut at a message, which is lost", cuts("reset", passes_on=False)),
    Scenario("cut at a message, which still arrives", cuts("reset", passes_on=True)),
    Scenario("ended at a message, which is lost", cuts("end", passes_on=False)),
    Scenario("ended at a message, which still arrives", cuts("end", passes_on=True)),
    Scenario("cut three times, one after the other", cuts("reset", passes_on=True, times=3)),
    Scenario("cut in the middle of a packet", cuts_at_a_byte),
    Scenario("silent from a message on", cuts("silence", passes_on=False)),
    Scenario("silent after a message", cuts("silence", passes_on=True)),
    Scenario("refused for two calls", refuses),
    Scenario("server killed at a message, which is lost", killed(passes_on=False)),
    Scenario("server killed at a message, which still arrives", killed(passes_on=True)),
    Scenario("server killed, then the wire cut", killed(passes_on=True, cut=True)),
    Scenario("server killed while it runs", killed_while_it_runs),
    *(
        Scenario(f"server killed {when} {step} is written", killed_at(f"{step}:{when}"))
        for step in STEPS
        for when in ("before", "after")
    ),
    Scenario("two servers, one wish", two_servers),
    Scenario("two servers, one killed", two_servers_one_killed),
    Scenario("two servers, both cut", two_servers_cut),
    Scenario("the machine's disk is another one", wiped),
    Scenario("all its processes are killed", ended_from_outside),
    Scenario("one of its processes is killed", shell_killed),
    Scenario("the disk is full at first", full_from_the_start),
    Scenario("the disk is full of what it says", filled_by_itself),
    Scenario("five calls, a kill and a cut between", five_calls),
    Scenario("stopped over a wire that breaks", stops),
)
