"""One world with one kind of callers, from its beginning to the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import asyncssh

from storm.plans import virtual
from storm.plans.callers import CALLERS, LEFT, Came, Seat, is_kept
from storm.plans.computers import Json, Person, Service
from storm.plans.judge import Verdict, judge, rentals_of
from storm.plans.market import HORIZON_S, Market
from storm.plans.story import Story
from storm.plans.wishes import Scene, image_of, scene_of
from storm.plans.worlds import MarketWorld, world_of
from vast_mcp.settings import Limits

# Journals are written through to their disk: a thousand of them take minutes on one that turns.
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
UNASKED_S = 2 * 3600.0  # longer than a plan goes on that nobody asks after
SWEPT_S = 1200.0  # for which a server runs that comes later
KEY = asyncssh.generate_private_key("ssh-ed25519")


async def play(seed: int, kind: str, folder: Path, story: Story | None = None) -> Verdict:
    """The verdict on all callers of a world; what happened goes into the story, if there is one."""
    market = Market(seed)
    world = world_of(market, image_of(seed), KEY.export_public_key().decode())
    scene = scene_of(market, world)
    if kind == "oracle":
        world.faults.clear()
    if story is not None:
        story.begin(scene, world)
    service = Service(world, f"{seed}/wire")
    living = asyncio.get_running_loop().create_task(world.live())
    verdict = Verdict()
    try:
        seats = _seats(scene, kind, folder, service, world)
        for one in await asyncio.gather(*(_sit(seat, kind, story) for seat in seats)):
            verdict += one
        if story is not None:
            story.end(world, verdict)
    finally:
        living.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await living
        world.close()
    return verdict


def _seats(
    scene: Scene, kind: str, folder: Path, service: Service, world: MarketWorld
) -> list[Seat]:
    person = Person(folder / "shared", KEY, Limits())
    seats: list[Seat] = []
    for number, wish in enumerate(scene.wishes):
        own = person
        if number and not scene.one_journal:
            own = Person(folder / f"home{number}", KEY, Limits())
        name = f"{'plan' if kind == 'provision' else 'loop'}-{scene.seed}-{number}"
        kills = [] if kind == "oracle" else scene.kills[number]
        seats.append(Seat(own, service, world, wish, name, kills, scene.leaves[number]))
        seats[-1].has_twin = scene.twins[number] and scene.leaves[number] is None
        seats[-1].began = scene.starts[number]
    return seats


async def _sit(seat: Seat, kind: str, story: Story | None) -> Verdict:
    """One caller's story and its verdict."""
    await asyncio.sleep(seat.began)
    seat.began = time.time()
    came = Came(said="")
    try:
        async with asyncio.timeout(HORIZON_S):
            came = await CALLERS[kind](seat)
            if story is not None:
                story.take(seat, came)
        verdict = await _verdict(seat, came, kind)
    except TimeoutError:
        came.at, came.calls = time.time(), seat.calls
        verdict = judge(seat.world, seat, came)
        verdict.endless = 1
    finally:
        await seat.leave()
    if verdict.bad and kind == "provision":
        verdict.notes.append(_note(seat, came, verdict))
    return verdict


async def _verdict(seat: Seat, came: Came, kind: str) -> Verdict:
    if seat.leaves is not None:  # compared with nobody
        return await _of_one_who_left(seat, came) if kind == "provision" else Verdict(left=1)
    verdict = judge(seat.world, seat, came)
    if kind == "provision" and came.ready:
        verdict.lost = await is_kept(seat, came)
    return verdict


async def _of_one_who_left(seat: Seat, came: Came) -> Verdict:
    """What lives once somebody else's server has run for a while, of a plan that nobody asked
    after for long.
    """
    if came.said != LEFT:
        return Verdict(left=1)
    await asyncio.sleep(UNASKED_S)
    await seat.patiently("show_account")
    await asyncio.sleep(SWEPT_S)
    living = [one.id for one in rentals_of(seat.world, seat) if one.alive]
    return Verdict(left=1, unknown=len(living))


def _note(seat: Seat, came: Came, verdict: Verdict) -> str:
    """A verdict that is not good, for whoever looks for its cause."""
    counts = {name: value for name, value in asdict(verdict).items() if value and name != "notes"}
    last: Json = came.answers[-1] if came.answers else {}
    return f"{seat.name}: {counts} {seat.wish} last answer: {str(last)[:1500]}"


def played(seed: int, kind: str, lots: int = 0, story: Story | None = None) -> Verdict:
    """The same, in a time of its own. `lots`: another number draws what is drawn by lot anew."""
    with tempfile.TemporaryDirectory(prefix="plans-", dir=IN_MEMORY) as folder:
        return virtual.run(lambda: play(seed, kind, Path(folder), story), f"{seed}/lots/{lots}")
