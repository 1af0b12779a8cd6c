"""A storm: lanes side by side, scenarios in turn until there were enough creates, the figures,
the sentence.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from storm.judge import Figures, Wish, machines_of
from storm.lane import Lane
from storm.process import Nursery
from storm.scenarios import Scenario

Say = Callable[[str], None]
BOUND_S = 240.0  # one scenario, at most


def to_stderr(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@dataclass
class Outcome:
    """All that a storm found, by row of its table."""

    rows: dict[str, Figures] = field(default_factory=dict)
    said: dict[str, dict[str, int]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)  # scenarios that did not run to their end
    seconds: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)  # seconds of a lane, by row

    @property
    def total(self) -> Figures:
        found = Figures()
        for figures in self.rows.values():
            found += figures
        return found

    @property
    def good(self) -> bool:
        return not self.broken and self.total.bad == 0 and self.total.creates > 0

    def merge(self, other: Outcome) -> None:
        """Count another run's wishes with this one's."""
        for row, figures in other.rows.items():
            self.rows.setdefault(row, Figures())
            self.rows[row] += figures
        for row, said in other.said.items():
            mine = self.said.setdefault(row, {})
            for path, times in said.items():
                mine[path] = mine.get(path, 0) + times
        self.broken += other.broken
        self.seconds = max(self.seconds, other.seconds)

    def add(self, scenario: Scenario, figures: Figures, wishes: list[Wish]) -> None:
        self.rows.setdefault(scenario.row, Figures())
        self.rows[scenario.row] += figures
        said = self.said.setdefault(scenario.row, {})
        for wish in wishes:
            path = ", ".join(answer.said for answer in wish.answers)
            said[path] = said.get(path, 0) + 1


@dataclass
class Storm:
    """`creates` wishes over `scenarios`, in `lanes` side by side."""

    folder: Path
    scenarios: Sequence[Scenario]
    creates: int
    lanes: int = 6
    scale: float = 0.01
    seed: int = 0
    mutation: str | None = None
    say: Say = to_stderr

    def __post_init__(self) -> None:
        self.outcome = Outcome()
        self._begun = 0
        self._queue: list[Scenario] = []
        self._nursery: Nursery | None = None
        self._dice = random.Random(self.seed)

    async def run(self) -> Outcome:
        begun = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        if hasattr(os, "pidfd_open"):
            self._nursery = Nursery(self.folder)
            await self._nursery.open()
        try:
            await asyncio.gather(
                *(self._lane(number) for number in range(min(self.lanes, self.creates)))
            )
        finally:
            if self._nursery is not None:
                await self._nursery.close()
        self.outcome.seconds = time.monotonic() - begun
        return self.outcome

    def _next(self) -> Scenario | None:
        """Every scenario once before any comes twice, each round in an order of its own."""
        if self._begun >= self.creates:
            return None
        self._begun += 1
        if not self._queue:
            self._queue = list(self.scenarios)
            self._dice.shuffle(self._queue)
        return self._queue.pop()

    def _make_lane(self, number: int, generation: int) -> Lane:
        """Every second lane shortens the 50 s of a call as well, so that one call seldom sees a
        doubt through.
        """
        whole = number % 2 == 1 and self.scale < 1
        return Lane(
            self.folder,
            f"lane{number}-{generation}",
            scale=self.scale * 2 if whole else self.scale,
            seed=self.seed,
            mutation=self.mutation,
            whole_scale=whole,
            nursery=self._nursery,
        )

    async def _lane(self, number: int) -> None:
        generation = 0
        scenario = self._next()
        while scenario is not None:
            generation += 1
            lane = self._make_lane(number, generation)
            try:
                await lane.open()
                while scenario is not None and await self._one(lane, scenario):
                    scenario = self._next()
                await self._recount(lane)
                if scenario is not None:
                    scenario = self._next()  # that one broke its lane
            finally:
                await lane.close()

    async def _one(self, lane: Lane, scenario: Scenario) -> bool:
        """One scenario and its verdict; whether the lane can go on."""
        before = len(lane.wishes)
        begun = time.monotonic()
        try:
            async with asyncio.timeout(BOUND_S):
                wishes = await scenario.run(lane)
                figures = await lane.judge(wishes)
                self.outcome.add(scenario, figures, wishes)
                if figures.bad:
                    self._complain(lane, scenario, figures, wishes)
                await lane.tidy()
        except Exception as exc:
            self.outcome.broken.append(
                f"{scenario.row} / {scenario.name}: {type(exc).__name__} {exc}"
            )
            self.say(
                f"BROKEN {lane.name} {scenario.row} / {scenario.name}:\n{traceback.format_exc()}"
            )
            self.say(
                f"  answers: "
                f"{[[answer.said for answer in wish.answers] for wish in lane.wishes[before:]]}"
            )
            return False
        finally:
            spent = self.outcome.spent
            spent[scenario.row] = spent.get(scenario.row, 0.0) + time.monotonic() - begun
        return True

    def _complain(
        self, lane: Lane, scenario: Scenario, figures: Figures, wishes: list[Wish]
    ) -> None:
        self.say(f"BAD {lane.name} {scenario.row} / {scenario.name}: {figures.sentence()}")
        for wish in wishes:
            told = [(answer.said, (answer.error or {}).get("message")) for answer in wish.answers]
            self.say(f"  {wish.label} {told} notices {wish.notices}")

    async def _recount(self, lane: Lane) -> None:
        """What came after its wish was judged and tidied away: a machine that lives now is one
        too many.
        """
        await lane.proxy.settled()
        rentals = (await lane.sandbox.ledger())["rentals"]
        for wish in lane.wishes:
            if any(one["alive"] for one in machines_of(wish, rentals)):
                self.outcome.rows.setdefault("after the end", Figures()).two_machines += 1
                self.say(
                    f"BAD {lane.name}: a machine of {wish.label} lives after everything was "
                    f"destroyed"
                )
