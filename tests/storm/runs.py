"""`python -m storm.runs [--runs N]`: lines of `vast-mcp run`, killed, interrupted, doubled and
repeated at every stage on a pretended Vast.ai. A script stands behind each: it repeats the exact
line until that ends with what is no kill and no 122. What counts is the ledger, what the command
wrote in its machine, and what was printed; the last line is that sentence with its figures, and
non-zero exits 1.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from storm.process import Control, Sandbox, least_env
from storm.report import write

BOUND_S = 300.0  # of a run
TRIES = 14  # processes of a script before the storm says that there is no end
REPEAT = 122
HEAD = ("what breaks", "runs", "processes", "of them ended by force", "wrong", "statuses, mostly")

STAGES = ("opened", "taken", "up", "job", "begun", "down", "end", "over")
RENTING = ("sending", "confirmed")
JOBS = ("job named", "job sent", "job begun", "job over")


@dataclass(frozen=True)
class Row:
    """One way to break a line. `stops`: where its processes are killed, one after another; else
    after a random time, `by` that signal, so many `times`.
    """

    name: str
    stops: tuple[str, ...] = ()
    by: int = signal.SIGKILL
    times: int = 0
    twins: bool = False  # two processes at once
    appended: bool = False  # all of them print into one file
    fault: tuple[str, str] | None = None  # an endpoint whose answer is lost, and when


def rows() -> list[Row]:
    """All ways, each kill before and after the journal's commit."""
    sides = ("before", "after")
    stages = [f"run {stage}:{side}" for stage in STAGES for side in sides] + ["run told:before"]
    renting = [f"{arrow}:{side}" for arrow in (*RENTING, *JOBS) for side in sides]
    return [
        *(Row(f"killed at {one}", stops=(one,)) for one in (*stages, *renting)),
        Row("killed at every stage in turn", stops=tuple(stages[1::2])),
        Row("killed at any moment", times=3),
        Row("interrupted at any moment", by=signal.SIGINT, times=3),
        Row("two at once", twins=True),
        Row("two at once, one killed", twins=True, stops=("run begun:after",)),
        Row("printed into one file, killed at any moment", times=2, appended=True),
        Row("the answer to the rental is lost", fault=("create", "after")),
        Row("the request to rent is lost", fault=("create", "before")),
        Row("the answer to the destroy is lost", fault=("destroy", "after")),
    ]


@dataclass
class Figures:
    """What runs came to."""

    runs: int = 0
    processes: int = 0
    forced: int = 0
    twice: int = 0
    not_whole: int = 0
    false_status: int = 0
    left: int = 0
    rented_twice: int = 0
    no_end: int = 0

    @property
    def wrong(self) -> dict[str, int]:
        names = ("twice", "not_whole", "false_status", "left", "rented_twice", "no_end")
        return {name: getattr(self, name) for name in names if getattr(self, name)}

    @property
    def bad(self) -> int:
        return sum(self.wrong.values())

    def __add__(self, other: Figures) -> Figures:
        names = [one.name for one in dataclasses.fields(self)]
        return Figures(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def sentence(self) -> str:
        return (
            f"{self.runs:,} lines of vast-mcp run, {self.processes:,} processes, {self.forced:,} "
            f"of them ended by force: {self.twice} commands run twice, {self.not_whole} outputs "
            f"not whole, {self.false_status} false statuses, {self.left} machines left, "
            f"{self.rented_twice} rented twice, {self.no_end} without an end."
        )


@dataclass(eq=False)
class Line:
    """One line, and the script behind it."""

    place: Place
    number: int
    row: Row
    dice: random.Random
    statuses: list[int] = field(default_factory=list[int])
    printed: list[bytes] = field(default_factory=list[bytes])
    forced: int = 0

    def __post_init__(self) -> None:
        self.folder = self.place.home / f"line-{self.number}"
        self.expected = self.dice.choice((0, 1, 37, 119))
        self.lines = self.dice.choice((3, 30, 200))
        (self.folder / "in").mkdir(parents=True)
        text = "".join(f"{self.dice.random()}\n" for _ in range(4_000))
        (self.folder / "in" / "text").write_text(text)
        self.whole = text.encode() + b"".join(b"line %d\n" % n for n in range(self.lines))
        self.into = self.folder / "printed"

    @property
    def words(self) -> list[str]:
        script = (
            "mkdir -p out; echo run >>out/runs; cat in/text; n=0; "
            f"while [ $n -lt {self.lines} ]; do echo line $n; n=$((n + 1)); "
            f"[ $((n % 20)) != 0 ] || sleep 0.1; done; exit {self.expected}"
        )
        card = ["--gpu", "4090", "--max", "0.6", "--budget", "2"]
        return ["run", *card, "--up", "in", "--down", "out", "--", script]

    async def lived(self) -> None:
        """The script, to the end that it was told."""
        stops = list(self.row.stops)
        for attempt in range(TRIES):
            stop = stops.pop(0) if stops else None
            ended = await asyncio.gather(
                self._process(stop, attempt),
                *([self._process(None, TRIES)] if self.row.twins else []),
            )
            if any(status >= 0 and status != REPEAT for status in ended):
                return  # it was told, and the same line would run anew
        raise TimeoutError(f"no end after {TRIES} processes")

    async def _process(self, stop: str | None, attempt: int) -> int:
        """One process of it; its status, negative where a signal ended it."""
        env = self.place.env | ({"STORM_STOPS": stop} if stop else {})
        with contextlib.ExitStack() as stack:
            out: int = asyncio.subprocess.PIPE
            if self.row.appended:
                out = stack.enter_context(self.into.open("ab")).fileno()
            err = stack.enter_context((self.folder / "err").open("ab"))
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "storm.served", *self.words),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=env,
                cwd=self.folder,
            )
        if stop:
            self.place.on_stop(stop, lambda: self._force(process, signal.SIGKILL))
        forced = attempt < self.row.times
        timer = asyncio.create_task(self._later(process)) if forced else None
        said, _ = await process.communicate()
        if timer is not None:
            timer.cancel()
        self.printed.append(said or b"")
        status = process.returncode or 0
        self.statuses.append(status)
        return status

    async def _later(self, process: asyncio.subprocess.Process) -> None:
        await asyncio.sleep(self.dice.uniform(0.5, self.place.usual_s))
        self._force(process, self.row.by)

    def _force(self, process: asyncio.subprocess.Process, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
            self.forced += 1

    def judged(self, rented: int, living: int) -> Figures:
        """What it came to, by the ledger and by what it left here."""
        found = Figures(runs=1, processes=len(self.statuses), forced=self.forced)
        done = [status for status in self.statuses if status >= 0 and status != REPEAT]
        runs = self.folder / "out" / "runs"
        counted = runs.read_text().splitlines() if runs.exists() else []
        found.twice = int(len(counted) > 1)
        found.false_status = int(any(status != self.expected for status in done) or not counted)
        ends = zip(self.statuses, self.printed, strict=True)
        whole = [printed for status, printed in ends if status in done]
        if self.row.appended:
            whole = [self.into.read_bytes()]
        found.not_whole = int(any(one != self.whole for one in whole))
        found.left, found.rented_twice = living, int(rented > 1)
        return found


@dataclass(eq=False)
class Place:
    """A lane: a home with a key, a pretended Vast.ai, and where processes say that they stand."""

    home: Path
    usual_s: float = 6.0

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        self.sandbox, self.control = Sandbox(self.home), Control()

    @property
    def env(self) -> dict[str, str]:
        return least_env(self.home) | {
            "PYTHONPATH": os.pathsep.join([least_env(self.home)["PYTHONPATH"], *_paths()]),
            "VAST_URL": f"http://127.0.0.1:{self.sandbox.port}",
            "VAST_API_KEY": "a-key-of-the-sandbox",
            "VAST_MCP_STATE_DIR": str(self.home / "state"),
            "VAST_MCP_TIME_SCALE": "0.2",
            "STORM_CONTROL": str(self.control.port),
        }

    async def open(self) -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        ssh = self.home / ".ssh"
        ssh.mkdir(mode=0o700)
        key.write_private_key(ssh / "id_ed25519")
        (ssh / "id_ed25519").chmod(0o600)
        key.write_public_key(ssh / "id_ed25519.pub")
        await self.control.open()
        await self.sandbox.start(keys=[key.export_public_key().decode()])

    async def close(self) -> None:
        await self.control.close()
        await self.sandbox.close()

    def on_stop(self, stop: str, act: Callable[[], None]) -> None:
        """What is done once a process stands there."""

        async def reached(name: str) -> None:
            if name == stop:
                act()

        self.control.on_stop = reached

    async def one(self, number: int, row: Row, dice: random.Random) -> tuple[Figures, Line]:
        """A line, begun, broken, repeated and judged."""
        before = len((await self.sandbox.ledger())["rentals"])
        if row.fault is not None:
            endpoint, when = row.fault
            await self.sandbox._ask("faults", {"endpoint": endpoint, "kind": "drop", "when": when})
        line, begun = Line(self, number, row, dice), time.monotonic()
        try:
            async with asyncio.timeout(BOUND_S):
                await line.lived()
            missing = 0
        except TimeoutError:
            missing = 1
        finally:
            self.control.on_stop = None
            await self.sandbox._ask("faults", {"clear": True})
        if not row.times and not row.stops:
            self.usual_s = time.monotonic() - begun
        ledger = await self.sandbox.ledger()
        found = line.judged(len(ledger["rentals"]) - before, len(ledger["living"]))
        return found + Figures(no_end=missing), line


def _paths() -> list[str]:
    return os.environ.get("PYTHONPATH", "").split(os.pathsep)


class Storm:
    """Lanes side by side, rows in turn until there were enough runs."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.options = folder, options
        self.found: dict[str, Figures] = {}
        self.said: dict[str, Counter[str]] = {}
        self.dice = random.Random(options.seed)
        self.rows = [row for row in rows() if options.only in row.name]
        self.until = time.monotonic() + 60 * options.minutes
        self._queue: list[Row] = []
        self._numbers = 0

    @property
    def total(self) -> Figures:
        found = Figures()
        for one in self.found.values():
            found += one
        return found

    async def run(self) -> None:
        await asyncio.gather(*(self._lane(number) for number in range(self.options.lanes)))

    async def _lane(self, number: int) -> None:
        place = Place(self.folder / f"lane-{number}")
        await place.open()
        try:
            while self._numbers < self.options.runs and time.monotonic() < self.until:
                self._numbers += 1
                await self._one(place, self._numbers)
        finally:
            await place.close()

    async def _one(self, place: Place, number: int) -> None:
        if not self._queue:
            self._queue = list(self.rows)
            self.dice.shuffle(self._queue)
        row = self._queue.pop()
        dice = random.Random(f"{self.options.seed}/{number}")
        found, line = await place.one(number, row, dice)
        self.found[row.name] = self.found.get(row.name, Figures()) + found
        statuses = ", ".join(map(str, line.statuses))
        self.said.setdefault(row.name, Counter())[statuses] += 1
        if found.bad:
            said = (line.folder / "err").read_text(errors="replace")[-1500:]
            complain(f"BAD {row.name} {number}: {found.wrong} {statuses}\n{said}")

    def table(self) -> str:
        lines = ["| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD)]
        for row in (row.name for row in self.rows if row.name in self.found):
            one = self.found[row]
            [(said, _)] = self.said[row].most_common(1)
            cells = (row, one.runs, one.processes, one.forced, one.bad, said)
            lines.append("| " + " | ".join(map(str, cells)) + " |")
        return "\n".join(lines)


def complain(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="storm.runs", description="Break lines, and count.")
    top.add_argument("--runs", type=int, default=100, help="lines (default 100)")
    top.add_argument("--lanes", type=int, default=2, help="side by side (default 2)")
    top.add_argument("--seed", type=int, default=0)
    top.add_argument("--minutes", type=float, default=600, help="none is begun after so many")
    top.add_argument("--only", default="", help="rows whose name contains this")
    top.add_argument("--report", type=Path, help="a page between whose markers the table goes")
    return top


async def storm(options: argparse.Namespace, folder: Path) -> int:
    begun = time.monotonic()
    made = Storm(folder, options)
    await made.run()
    print(made.table() + "\n")
    print(f"{time.monotonic() - begun:.0f} s, seed {options.seed}\n")
    if options.report:
        write(options.report, {"runs": f"> {made.total.sentence()}\n\n{made.table()}"})
    print(made.total.sentence())
    return int(bool(made.total.bad))


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        return asyncio.run(storm(options, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
