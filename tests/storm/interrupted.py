"""`python -m storm.interrupted [--runs N]`: plans of provision while their processes are killed at
each commit, hosts cut calls, and several processes continue one plan. Some of the cheapest machines
fail, so that each plan has one to end. What counts is the service's ledger; the last line is that
sentence with its figures, and non-zero exits 1.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import random
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from storm.lane import Lane
from storm.process import KILLS, Died, Json, Nursery, Server
from storm.report import write
from storm.served import PLAN_STEPS

SCALE = 0.05
BOUND_S = 240.0  # of a run
CALLS = 80  # of an honest agent, before the storm says that there is no end
STANDS_S = 4.0  # that a stopped process stands still at most, while another one goes on
LEASE_H = 2.0
ENDLESS = 2_147_483_647  # in a label: no end
FAILING = ("exits", "pull_given_up", "vanishes", "offline", "never_seen_running")
DEATHS = tuple(how for how in KILLS if how != "end of stdin")  # which none that stands still sees
COMMITS = ("claim", "sending", "confirmed", *PLAN_STEPS)
ENDS = ("end begun", "seen gone")  # which only a plan with a machine that fails comes to
HEAD = ("what breaks", "runs", "faulted", "calls", "machines", "wrong", "ended, mostly")
_UNTIL = re.compile(r" lease-until=([0-9]+)#[0-9a-f]{16}$")


@dataclass
class Figures:
    """The counts of one run, or of many."""

    runs: int = 0
    faulted: int = 0
    calls: int = 0
    machines: int = 0
    beside: int = 0  # rented while another one of the plan lived
    too_many: int = 0  # machines left when it was over
    false_ready: int = 0  # named as working, and gone or failing
    wrong_lease: int = 0  # handed over with another end than was asked for
    without_end: int = 0  # plans of which no answer came to an end
    without: int = 0  # refused or ended without a machine, though most work

    def __add__(self, other: Figures) -> Figures:
        pairs = {
            one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)
        }
        return Figures(**pairs)

    @property
    def bad(self) -> int:
        wrong = (self.beside, self.too_many, self.false_ready, self.wrong_lease)
        return sum(wrong) + self.without_end + self.without

    def sentence(self) -> str:
        return (
            f"{self.runs} plans, {self.faulted} of them broken on their way: {self.beside} "
            f"machines rented beside one that lived, {self.too_many} left behind, "
            f"{self.false_ready} called ready that were not, {self.wrong_lease} handed over with a "
            f"wrong end, {self.without_end} plans without an end, {self.without} without a machine."
        )


@dataclass
class Wish:
    """One plan that an agent asks for, and what it was told."""

    number: int
    dice: random.Random
    endless: bool
    said: list[str] = field(default_factory=list)
    last: Json = field(default_factory=dict)

    @property
    def label(self) -> str:
        return f"plan-{self.number}"

    @property
    def arguments(self) -> Json:
        given = {
            "image": "example/image",
            "disk": 16,
            "label": self.label,
            "ready_when": "running",
            "check": False,
            "max_usd_per_hour": 1.0,
            "budget_usd": 5.0,
            "max_attempts": 12,
            "request_key": self.label,
        }
        return given if self.endless else {**given, "lease_hours": LEASE_H}

    @property
    def is_over(self) -> bool:
        """Whether an honest agent stops here: it has its machine, or there is none."""
        error = self.last.get("error")
        if error is not None:
            return not error.get("retryable")
        mine = [one for one in self.last.get("machines", []) if one.get("state") == "yours"]
        return self.last.get("state") == "over" or bool(mine)


async def ask(wish: Wish, server: Server) -> None:
    """One call of provision; what it came to is remembered."""
    try:
        wish.last = await server.call("provision", **wish.arguments)
    except Died:
        wish.last = {}
        wish.said.append("died")
        return
    error = wish.last.get("error")
    wish.said.append(error["code"] if error else str(wish.last.get("state")))


async def pursue(lane: Lane, wish: Wish, which: str = "first") -> None:
    """An honest agent: the same call until it has its machine, or hears that there is none."""
    for _ in range(CALLS):
        if wish.is_over:
            return
        with contextlib.suppress(Died):
            await ask(wish, await lane.server(which))
        await asyncio.sleep(lane.protocol(1.0))


# ── what breaks ───────────────────────────────────────────────────────────────────────────────────

Run = Callable[[Lane, Wish], Awaitable[bool]]


@dataclass(frozen=True)
class Scenario:
    """A row of the table; `run` says whether its fault was met."""

    row: str
    run: Run


async def calm(lane: Lane, wish: Wish) -> bool:
    """Nothing breaks."""
    await pursue(lane, wish)
    return True


def killed(commit: str, when: str, how: str) -> Run:
    """The process ends before or after one of its commits, and another one goes on."""

    async def run(lane: Lane, wish: Wish) -> bool:
        lane.control.reached.clear()

        async def strike(_name: str) -> None:
            await lane.kill(how)
            await lane.servers["first"].ended()

        if commit in ENDS:
            await _let_the_first_fail(lane, wish)
        lane.control.on_stop = strike
        server = await lane.server(stops=f"{commit}:{when}")
        for _ in range(CALLS):
            await ask(wish, server)
            if wish.is_over or not server.alive:
                break
        await asyncio.sleep(lane.protocol(5.0))
        lane.control.on_stop = None
        wish.last = {} if not server.alive else wish.last
        await pursue(lane, wish)
        return bool(lane.control.reached)

    return run


async def _let_the_first_fail(lane: Lane, wish: Wish) -> None:
    """The offer that the plan would try first leads to a machine that is to be ended."""
    server = await lane.server()
    found = await server.call("provision", **wish.arguments, dry_run=True)
    fate = {"offer_id": found["offers"][0]["offer_id"], "course": "exits"}
    await lane.sandbox.set(fate=fate)


async def cut(lane: Lane, wish: Wish) -> bool:
    """The host cuts its calls short, again and again, and asks anew."""
    for _ in range(wish.dice.randint(1, 4)):
        server = await lane.server()
        asked = asyncio.create_task(server.call("provision", **wish.arguments))
        await asyncio.sleep(wish.dice.uniform(0.0, lane.protocol(60.0)))
        server.cancel_all()
        with contextlib.suppress(Died):
            await server.heard()
        asked.cancel()
        await asyncio.wait({asked})
    await pursue(lane, wish)
    return True


async def two_at_once(lane: Lane, wish: Wish) -> bool:
    """Two editors ask for the same, side by side."""
    other = Wish(wish.number, wish.dice, wish.endless)
    await asyncio.gather(pursue(lane, wish), pursue(lane, other, "second"))
    wish.said += other.said
    return True


def stands_still(commit: str, when: str) -> Run:
    """A process stands still at one of its commits until another one has gone on, then goes on
    itself.
    """

    async def run(lane: Lane, wish: Wish) -> bool:
        lane.control.reached.clear()
        stopped, done = asyncio.Event(), asyncio.Event()

        async def stand(_name: str) -> None:
            stopped.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), STANDS_S)

        lane.control.on_stop = stand
        first = await lane.server(stops=f"{commit}:{when}")
        slow = Wish(wish.number, wish.dice, wish.endless)
        asked = asyncio.create_task(_until_over(slow, first))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), STANDS_S)
        await pursue(lane, wish, "second")
        done.set()
        await asked
        wish.said += slow.said
        await asyncio.sleep(lane.protocol(30.0))  # in which the one that was stopped may do harm
        return bool(lane.control.reached)

    return run


async def _until_over(wish: Wish, server: Server) -> None:
    for _ in range(CALLS):
        await ask(wish, server)
        if wish.is_over or not server.alive:
            return


def scenarios() -> list[Scenario]:
    """Every row."""
    found = [Scenario("nothing", calm), Scenario("the host cuts the call", cut)]
    found += [Scenario("two processes at once", two_at_once)] * 2
    for commit in COMMITS:
        for when in ("before", "after") if commit != "claim" else ("after",):
            for how in DEATHS if commit in {"claim", "try moved"} else ("SIGKILL",):
                row = f"killed {when} the commit: {commit}"
                found.append(Scenario(row, killed(commit, when, how)))
            row = f"stands still {when} a commit while another goes on"
            found.append(Scenario(row, stands_still(commit, when)))
    return found


# ── who is right in the end ───────────────────────────────────────────────────────────────────────


async def judge(lane: Lane, wish: Wish, failing: set[int]) -> Figures:
    """By the ledger: every machine with the plan's label, and when each lived."""
    await lane.proxy.settled()
    rentals = (await lane.sandbox.ledger())["rentals"]
    mine = sorted(
        (one for one in rentals if str(one["label"]).split(" ")[0].split("#")[0] == wish.label),
        key=lambda one: one["born"],
    )
    made = Figures(runs=1, calls=len(wish.said), machines=len(mine))
    made.beside = sum(
        earlier["destroyed_at"] is None or earlier["destroyed_at"] > later["born"]
        for earlier, later in itertools.pairwise(mine)
    )
    living = [one for one in mine if one["alive"]]
    named = [one["instance_id"] for one in wish.last.get("machines", []) if one["state"] == "yours"]
    made.too_many = max(0, len(living) - len(named))
    by_id = {one["id"]: one for one in mine}
    for instance_id in named:
        one = by_id.get(instance_id)
        made.false_ready += one is None or not one["alive"] or one["offer_id"] in failing
        made.wrong_lease += one is not None and not _has_lease(one, wish)
    made.without_end = int(not wish.is_over)
    made.without = int(wish.is_over and not named)
    return made


def _has_lease(rental: Json, wish: Wish) -> bool:
    found = _UNTIL.search(str(rental["label"]))
    if found is None:
        return False
    until = int(found[1])
    if wish.endless:
        return until == ENDLESS
    return until - rental["born"] > LEASE_H * 3600 - 600


# ── the storm ─────────────────────────────────────────────────────────────────────────────────────


class Interrupted:
    """Lanes side by side, scenarios in turn until there were enough runs."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.options = folder, options
        self.rows: dict[str, Figures] = {}
        self.said: dict[str, Counter[str]] = {}
        self.broken: list[str] = []
        self.dice = random.Random(options.seed)
        self._all = [one for one in scenarios() if options.only in one.row]
        self._queue: list[Scenario] = []
        self._numbers = 0
        self._nursery = Nursery(folder)

    @property
    def total(self) -> Figures:
        return sum(self.rows.values(), Figures())

    @property
    def good(self) -> bool:
        return not self.broken and not self.total.bad and self.total.faulted > 0

    async def run(self) -> None:
        await self._nursery.open()
        try:
            await asyncio.gather(*(self._lane(one) for one in range(self.options.lanes)))
        finally:
            await self._nursery.close()

    def _next(self) -> Scenario | None:
        """Every scenario once before any comes twice."""
        if self._numbers >= self.options.runs or len(self.broken) > 5:
            return None
        self._numbers += 1
        if not self._queue:
            self._queue = list(self._all)
            self.dice.shuffle(self._queue)
        return self._queue.pop()

    async def _lane(self, number: int) -> None:
        lane = Lane(
            self.folder,
            f"lane{number}",
            scale=SCALE,
            seed=self.options.seed,
            whole_scale=True,
            nursery=self._nursery,
        )
        await lane.open()
        # The wire between has an address of its own, at which logs are too.
        await lane.sandbox.set(log_url=f"{lane.proxy.url}/_logs/{{}}")
        failing = await self._let_some_fail(lane)
        try:
            while (scenario := self._next()) is not None:
                await self._one(lane, scenario, failing)
        finally:
            await lane.close()

    async def _let_some_fail(self, lane: Lane) -> set[int]:
        """Three of ten offers lead to machines that fail; which ones, their ids."""
        from vast_mcp.sandbox.world import World

        failing: set[int] = set()
        for one in World().priced_offers(16, bid=False):
            if one["dph_total"] < 1.0 and self.dice.random() < 0.3:
                failing.add(one["id"])
                fate = {"offer_id": one["id"], "course": self.dice.choice(FAILING)}
                await lane.sandbox.set(fate=fate)
        return failing

    async def _one(self, lane: Lane, scenario: Scenario, failing: set[int]) -> None:
        number = self._numbers
        dice = random.Random(f"{self.options.seed}/{number}")
        wish = Wish(number, dice, endless=dice.random() < 0.5)
        try:
            async with asyncio.timeout(BOUND_S):
                faulted = await scenario.run(lane, wish)
                figures = await judge(lane, wish, failing)
                await self._tidy(lane)
        except Exception as exc:
            self.broken.append(f"{scenario.row}: {type(exc).__name__} {exc}")
            complain(f"BROKEN {scenario.row} {number}:\n{traceback.format_exc()} {wish.said}")
            await lane.begin_anew()
            return
        figures.faulted = int(faulted)
        self.rows[scenario.row] = self.rows.get(scenario.row, Figures()) + figures
        self.said.setdefault(scenario.row, Counter())[wish.said[-1] if wish.said else "-"] += 1
        if figures.bad:
            met = lane.control.reached
            complain(f"BAD {lane.name} {scenario.row} {number} {met}: {figures} {wish.said}")

    async def _tidy(self, lane: Lane) -> None:
        """Nothing of one run may weigh on the next."""
        lane.control.on_stop = None
        await lane.tidy()

    def table(self) -> str:
        lines = ["| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD)]
        places = {one.row: place for place, one in reversed(list(enumerate(self._all)))}
        for row in sorted(self.rows, key=lambda row: places[row]):
            one = self.rows[row]
            [(path, _)] = self.said[row].most_common(1)
            cells = (row, one.runs, one.faulted, one.calls, one.machines, one.bad, path)
            lines.append("| " + " | ".join(map(str, cells)) + " |")
        return "\n".join(lines)


def complain(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="storm.interrupted", description="Interrupt plans, and count."
    )
    top.add_argument("--runs", type=int, default=200)
    top.add_argument("--lanes", type=int, default=3, help="accounts side by side (default 3)")
    top.add_argument("--seed", type=int, default=0)
    top.add_argument("--only", default="", help="rows whose name contains this")
    top.add_argument("--report", type=Path, help="a page between whose markers the table goes")
    return top


async def storm(options: argparse.Namespace, folder: Path) -> int:
    begun = time.monotonic()
    made = Interrupted(folder, options)
    await made.run()
    print(made.table() + "\n")
    for line in made.broken:
        print(f"broken: {line}")
    print(f"{time.monotonic() - begun:.0f} s, seed {options.seed}\n")
    if options.report:
        write(options.report, {"interrupted": f"> {made.total.sentence()}\n\n{made.table()}"})
    print(made.total.sentence())
    return 0 if made.good else 1


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        return asyncio.run(storm(options, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
