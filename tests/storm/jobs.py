"""`python -m storm.jobs [--runs N]`: jobs begun and followed on a real OpenSSH server while the
wire between breaks, servers are killed and several ask at once. What counts is what the commands
themselves wrote on the machine; the last line is that sentence with its figures, and non-zero
exits 1.

A run is one command that somebody wants done once. Runs whose fault was never met (the call was
over before) do not count as faulted, and as many are made as it takes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from storm.job_faults import ALL, LONG, Scenario
from storm.job_judge import Figures, Wish, judge
from storm.process import Nursery
from storm.report import write
from storm.workplace import Workplace

BUDGET_S = 6.0  # of a call, for which hosts allow 50
BOUND_S = 180.0  # of a run
HEAD = ("what breaks", "runs", "faulted", "calls", "wrong", "what the agent was told, mostly")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="storm.jobs", description="Begin jobs once, and count.")
    top.add_argument("--runs", type=int, default=300, help="faulted ones (default 300)")
    top.add_argument("--lanes", type=int, default=3, help="machines side by side (default 3)")
    top.add_argument("--seed", type=int, default=0)
    top.add_argument("--busy", type=int, default=0, help="so many more on a busy computer")
    top.add_argument("--only", default="", help="rows whose name contains this")
    top.add_argument("--long", type=float, default=0, help="seconds of a job at real times")
    top.add_argument("--mutation", help="remove a safeguard")
    top.add_argument("--report", type=Path, help="a page between whose markers the table goes")
    return top


class Jobs:
    """Lanes of machines, scenarios in turn until enough runs were faulted."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.options = folder, options
        self.rows: dict[str, Figures] = {}
        self.said: dict[str, Counter[str]] = {}
        self.broken: list[str] = []
        self.dice = random.Random(options.seed)
        self.wanted = options.runs
        self._queue: list[Scenario] = []
        self._numbers = 0
        self._nursery = Nursery(folder)

    @property
    def total(self) -> Figures:
        found = Figures()
        for one in self.rows.values():
            found += one
        return found

    @property
    def good(self) -> bool:
        return not self.broken and not self.total.bad and self.total.faulted >= self.wanted

    async def run(self) -> None:
        """Those on an idle computer, then those on a busy one."""
        await self._nursery.open()
        try:
            await asyncio.gather(self._lanes("idle"), self._long())
            if self.options.busy:
                self.wanted += self.options.busy
                with burning():
                    await self._lanes("busy")
        finally:
            await self._nursery.close()

    async def _lanes(self, name: str) -> None:
        lanes = range(self.options.lanes)
        await asyncio.gather(*(self._lane(f"{name}{number}") for number in lanes))

    def _next(self) -> Scenario | None:
        """Every scenario once before any comes twice; none when there is nothing to hope for."""
        enough = self.total.faulted >= self.wanted
        if enough or self._numbers >= 3 * self.wanted + len(ALL) or len(self.broken) > 5:
            return None
        if not self._queue:
            self._queue = [one for one in ALL if self.options.only in one.row]
            self.dice.shuffle(self._queue)
        return self._queue.pop()

    async def _long(self) -> None:
        """Beside the others, since nothing happens in it for a minute."""
        if self.options.long:
            place = Workplace(self.folder / "long")
            await place.open()
            try:
                await self._one(place, LONG)
            finally:
                await place.close()

    async def _lane(self, name: str) -> None:
        place = Workplace(
            self.folder / name,
            budget_s=BUDGET_S,
            nursery=None if self.options.mutation else self._nursery,
            mutation=self.options.mutation,
        )
        await place.open()
        try:
            while (scenario := self._next()) is not None:
                await self._one(place, scenario)
        finally:
            await place.close()

    async def _one(self, place: Workplace, scenario: Scenario) -> None:
        self._numbers += 1
        wish = Wish(
            self._numbers, place.home, random.Random(f"{self.options.seed}/{self._numbers}")
        )
        if scenario is LONG:
            wish.long_s = self.options.long
        begun = time.monotonic()
        try:
            async with asyncio.timeout(BOUND_S):
                faulted = await scenario.run(place, wish)
                place.wire.calm()
                await place.wire.open()
                figures = await judge(place, wish)
        except Exception as exc:
            self.broken.append(f"{scenario.row}: {type(exc).__name__} {exc}")
            complain(f"BROKEN {scenario.row} {wish.number}: {exc!r} {wish.paths}")
            return
        finally:
            for undo in wish.after:
                undo()
            place.wire.calm()
            place.control.on_stop = None
            await place.wire.open()
        figures.faulted, figures.slowest_s = int(faulted), time.monotonic() - begun
        self.rows[scenario.row] = self.rows.get(scenario.row, Figures()) + figures
        self.said.setdefault(scenario.row, Counter())[", ".join(wish.paths)] += 1
        if figures.bad:
            complain(f"BAD {scenario.row} {wish.number}: {figures.wrong} {wish.story()}")

    def table(self) -> str:
        lines = ["| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD)]
        places = {one.row: place for place, one in enumerate((*ALL, LONG))}
        for row in sorted(self.rows, key=lambda row: places[row]):
            one = self.rows[row]
            [(path, _)] = self.said[row].most_common(1)
            words = path.split(", ")
            brief = path if len(words) <= 4 else f"{', '.join(words[:4])}, …"
            cells = (row, one.runs, one.faulted, one.calls, one.bad, brief)
            lines.append("| " + " | ".join(map(str, cells)) + " |")
        return "\n".join(lines)


def complain(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@contextlib.contextmanager
def burning() -> Iterator[None]:
    """Twice as many processes that only spin as there are processors."""
    spin = [sys.executable, "-c", "while True: pass"]
    burners = [subprocess.Popen(spin) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for one in burners:
            one.kill()
            one.wait()


async def storm(options: argparse.Namespace, folder: Path) -> int:
    begun = time.monotonic()
    made = Jobs(folder, options)
    await made.run()
    print(made.table() + "\n")
    for line in made.broken:
        print(f"broken: {line}")
    spent = f"{time.monotonic() - begun:.0f} s, seed {options.seed}"
    print(f"{spent}, slowest run {made.total.slowest_s:.1f} s\n")
    if options.report:
        write(options.report, {"jobs": f"> {made.total.sentence()}\n\n{made.table()}"})
    print(made.total.sentence())
    return 0 if made.good else 1


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        return asyncio.run(storm(options, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
