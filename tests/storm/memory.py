"""What is lost or stands still in a storm: journals, folders, other computers, and a process that
was stopped. The account itself remembers.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable

from storm import faults
from storm.faults import is_rent
from storm.judge import Wish
from storm.lane import Lane
from storm.process import PATIENCE_S
from storm.proxy import Exchange
from storm.scenarios import PUT_S, Run, Scenario, asked_to_death, pursue_turned, turn

DAMAGE = b"no database at all, " * 500
ASLEEP_S = 1.5  # longer than a request may wait to be sent, whatever the scale

Lose = Callable[[Lane], None]


def scenarios() -> list[Scenario]:
    """Everything of this module."""
    return [*journals(), *computers(), *sleepers()]


# ── journals ───────────────────────────────────────────────────────────────────────────────────


def journals() -> list[Scenario]:
    """A journal that is damaged between two servers, or deleted or replaced under one."""
    lost: dict[str, tuple[str, Lose]] = {
        "the folder": ("state folder deleted", folder_deleted),
        "the file": ("state folder deleted", file_deleted),
        "an empty one": ("journal replaced", file_emptied),
    }
    found = [Scenario("journal replaced", "damaged, then a new server", damaged)]
    for name, (row, lose) in lost.items():
        found += [
            Scenario(row, f"{name}, after the rent", after_the_rent(lose)),
            Scenario(row, f"{name}, in mid-PUT", in_mid_put(lose, loses=False)),
            Scenario(row, f"{name}, in mid-PUT, reply lost", in_mid_put(lose, loses=True)),
            Scenario(row, f"{name}, then another offer", then_another_offer(lose), slow=True),
        ]
    return found


def folder_deleted(lane: Lane) -> None:
    shutil.rmtree(lane.states[-1])


def file_deleted(lane: Lane) -> None:
    for file in lane.states[-1].glob("journal.db*"):
        file.unlink()


def file_emptied(lane: Lane) -> None:
    """Another file in its place, with nothing in it."""
    empty = lane.states[-1] / "empty"
    empty.touch()
    os.replace(empty, lane.journal())


async def damaged(lane: Lane) -> list[Wish]:
    """The server that meets the damage keeps it aside; the next one has a new journal."""
    wish = lane.wish()
    await lane.pursue(wish)
    await lane.servers["first"].close()
    for file in lane.states[-1].glob("journal.db*"):
        file.write_bytes(DAMAGE)
    await lane.show(wish)
    await lane.servers["first"].close()
    await lane.pursue(wish)
    await lane.pursue(wish)
    return [wish]


def after_the_rent(lose: Lose) -> Run:
    """Two servers, two wishes, and each server asked for both afterwards."""

    async def run(lane: Lane) -> list[Wish]:
        wishes = [lane.wish(), lane.wish()]
        for wish, which in zip(wishes, ("first", "second"), strict=True):
            await lane.server(which)
            await lane.pursue(wish, which)
        lose(lane)
        for wish in wishes:
            await lane.pursue(wish, "second")
            await lane.pursue(wish, "first")
        return wishes

    return run


def in_mid_put(lose: Lose, *, loses: bool) -> Run:
    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()
        await lane.server()

        async def strike(exchange: Exchange) -> None:
            answer = await exchange.forward()
            lose(lane)
            if loses:
                exchange.reset()
            else:
                await exchange.send(answer)

        lane.proxy.add(is_rent, strike)
        await lane.pursue(wish)
        await lane.pursue(wish)
        return [wish]

    return run


def then_another_offer(lose: Lose) -> Run:
    """The reply is lost and no list can be read; the journal goes, and the agent turns."""

    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()
        await lane.server()
        lane.proxy.add(is_rent, faults.resets(commits=True))
        rule = lane.proxy.add(faults.is_list, faults.answers(faults.page(502)), times=None)
        rule.skip = 2  # of the key's rights, and of the new journal
        await lane.ask(wish)
        lose(lane)
        rule.times = 0
        await pursue_turned(lane, wish)
        await lane.show(wish)
        return [wish]

    return run


# ── computers ──────────────────────────────────────────────────────────────────────────────────


def computers() -> list[Scenario]:
    """Two state folders on one account."""
    row = "second computer"
    return [
        Scenario(row, "the first one rented", second_computer),
        Scenario(row, "the first one's reply was lost", second_computer_after_death),
        Scenario(row, "the first one is asked again", there_and_back),
        Scenario(row, "both have rented before", both_are_old),
    ]


async def second_computer(lane: Lane) -> list[Wish]:
    await lane.begin_anew()
    wish = lane.wish()
    await lane.pursue(wish)
    lane.another_computer()
    await lane.pursue(wish, "second")
    await lane.pursue(wish, "second")
    return [wish]


async def second_computer_after_death(lane: Lane) -> list[Wish]:
    """The first computer dies in mid-PUT and is not heard of again."""
    await lane.begin_anew()
    wish = lane.wish()
    await lane.server()

    async def strike(exchange: Exchange) -> None:
        await lane.kill("SIGKILL")
        await exchange.forward()
        exchange.reset()

    lane.proxy.add(is_rent, strike)
    await asked_to_death(lane, wish)
    lane.another_computer()
    await lane.pursue(wish, "second")
    return [wish]


async def there_and_back(lane: Lane) -> list[Wish]:
    await lane.begin_anew()
    wish = lane.wish()
    await lane.server()
    lane.another_computer()
    await lane.pursue(wish, "second")
    await lane.pursue(wish, "first")
    await lane.pursue(wish, "second")
    return [wish]


async def both_are_old(lane: Lane) -> list[Wish]:
    """Each has rented something of its own, and a list has shown each the other's machine."""
    await lane.begin_anew()
    mine, theirs = lane.wish(), lane.wish()
    await lane.pursue(mine)
    lane.another_computer()
    await lane.pursue(theirs, "second")
    await lane.show(mine, "second")
    await lane.pursue(mine, "second")
    await lane.pursue(theirs, "first")
    return [mine, theirs]


# ── stopped processes ──────────────────────────────────────────────────────────────────────────


def sleepers() -> list[Scenario]:
    """The first server is stopped (SIGSTOP) around its PUT, and a second one is asked."""
    row = "owner stopped in mid-PUT"
    found = [
        Scenario(
            row,
            f"{asks}, {name}",
            stopped_in_mid_put(turned=turned, commits=commits),
            slow=not commits,  # a call that finds no proof takes all its time
        )
        for turned, asks in ((False, "the same wish"), (True, "another offer"))
        for commits, name in ((True, "reply lost"), (False, "never arrived"))
    ]
    found += [
        Scenario("owner stopped before it sent", stop, stopped_before(stop))
        for stop in ("claim:after", "sending:after")
    ]
    return found


def stopped_in_mid_put(*, turned: bool, commits: bool) -> Run:
    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()
        await lane.server("first")
        await lane.server("second")
        stopped, go = asyncio.Event(), asyncio.Event()

        async def hold(exchange: Exchange) -> None:
            lane.servers["first"].process.signal(signal.SIGSTOP)
            if commits:
                await exchange.forward()
            stopped.set()
            await go.wait()
            exchange.reset()

        lane.proxy.add(is_rent, hold)
        first = asyncio.create_task(lane.pursue(wish, "first"))
        try:
            await asyncio.wait_for(stopped.wait(), PATIENCE_S)
            await asyncio.sleep(lane.protocol(PUT_S) * 1.5)
            changes = turn(lane, wish) if turned else {}
            await lane.ask(wish, "second", **changes)
        finally:
            go.set()
            lane.servers["first"].process.signal(signal.SIGCONT)
        await first
        return [wish]

    return run


def stopped_before(stop: str) -> Run:
    """It wakes too late to send, and the agent asks again."""

    async def run(lane: Lane) -> list[Wish]:
        wish = lane.wish()

        async def sleep(_name: str) -> None:
            await asyncio.sleep(max(ASLEEP_S, lane.protocol(PUT_S) * 1.5))

        lane.control.on_stop = sleep
        await lane.server(stops=stop)
        await lane.ask(wish)
        await lane.pursue(wish)
        return [wish]

    return run
