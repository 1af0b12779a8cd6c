"""What became of one command, by what it wrote on the machine, beside what was said of it."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from storm.process import PATIENCE_S, Json
from storm.workplace import Workplace

TRIES = 24  # calls of an honest agent before the storm says that there is no verdict
OVER = frozenset({"ended", "stopped", "lost", "interrupted", "gone"})
KILLED = 137  # what a shell says of a process that SIGKILL ended
STEP_S = 0.02  # between looks of this program at a condition


@dataclass
class Wish:
    """One command that somebody wants done once. It writes that it began and that it came to its
    end, each in one append to a file beside the job's own folder.
    """

    number: int
    home: Path
    dice: random.Random
    answers: list[Json | None] = field(default_factory=list)  # None where the server died over it
    stops: bool = False  # it is to be stopped
    expects: frozenset[str] = frozenset()  # the states that are true where the machine loses it
    killed: bool = False  # a process of it was, and maybe its own
    says: str = ""  # more that it does in between
    after: list[Callable[[], object]] = field(default_factory=list)  # once it is judged
    long_s: float = 5.0

    def __post_init__(self) -> None:
        self.witness = self.home / f"witness-{self.number}"
        self.exit_status = self.dice.choice((0, 1, 37, 255))
        self.lasts_s = self.dice.choice(("0", "0", "0.3", "1.5"))
        self.key = f"job-{self.number}" if self.dice.random() < 0.6 else None

    @property
    def arguments(self) -> Json:
        file = self.witness
        command = (
            f"echo $$ begun >> {file}; echo out-{self.number}; sleep {self.lasts_s}; {self.says}"
            f"echo err-{self.number} >&2; echo ended >> {file}; exit {self.exit_status}"
        )
        given: Json = {"command": command, "timeout_s": 2}
        return given | ({"request_key": self.key} if self.key else {})

    def _lines(self, word: str) -> list[str]:
        if not self.witness.exists():
            return []
        return [line for line in self.witness.read_text().splitlines() if line.endswith(word)]

    @property
    def begun(self) -> int:
        """How often it began."""
        return len(self._lines("begun"))

    @property
    def came_to_its_end(self) -> bool:
        return bool(self._lines("ended"))

    @property
    def alive(self) -> bool:
        """Whether a shell of it runs."""
        return any(_runs(int(line.split()[0])) for line in self._lines("begun"))

    @property
    def paths(self) -> list[str]:
        """Each answer in a word."""
        return [said(one) for one in self.answers]

    @property
    def job(self) -> str | None:
        """Its name, as the last answer that had one told it."""
        named = (one.get("job") for one in reversed(self.answers) if one)
        return next((name for name in named if name), None)

    def story(self) -> str:
        last = self.answers[-1] if self.answers else None
        return f"{self.arguments} begun {self.begun}, told {self.paths}; last {str(last)[:700]}"


def said(answer: Json | None) -> str:
    """An answer in a word."""
    if answer is None:
        return "died"
    if "error" in answer:
        return answer["error"]["code"]
    return f"{answer.get('job_was', '')} {answer.get('state', '?')}".strip()


def is_over(answer: Json | None) -> bool:
    """Whether an agent that read this knows how the job ended."""
    return answer is not None and answer.get("state") in OVER


@dataclass
class Figures:
    """What runs came to."""

    runs: int = 0
    faulted: int = 0
    calls: int = 0
    started: int = 0
    twice: int = 0
    lost_exits: int = 0
    unfindable: int = 0
    false_words: int = 0
    no_verdict: int = 0
    slowest_s: float = 0.0

    @property
    def wrong(self) -> dict[str, int]:
        names = ("twice", "lost_exits", "unfindable", "false_words", "no_verdict")
        return {name: getattr(self, name) for name in names if getattr(self, name)}

    @property
    def bad(self) -> int:
        return sum(self.wrong.values())

    def __add__(self, other: Figures) -> Figures:
        names = [one.name for one in dataclasses.fields(self) if one.name != "slowest_s"]
        summed = {name: getattr(self, name) + getattr(other, name) for name in names}
        return Figures(**summed, slowest_s=max(self.slowest_s, other.slowest_s))

    def sentence(self) -> str:
        return (
            f"{self.runs:,} jobs, {self.faulted:,} of them faulted, {self.calls:,} calls: "
            f"{self.twice} started twice, {self.lost_exits} lost exits, "
            f"{self.unfindable} jobs nobody can find, {self.false_words} false words, "
            f"{self.no_verdict} without a verdict."
        )


async def ask(place: Workplace, wish: Wish, which: str = "first", **more: object) -> Json | None:
    """One call of run_command; what it came to is remembered with the wish."""
    given = {"instance_id": place.machine, **wish.arguments, **more}
    wish.answers.append(await place.call("run_command", which, **given))
    return wish.answers[-1]


async def pursue(place: Workplace, wish: Wish, which: str = "first") -> Json | None:
    """An honest agent: the same call until it knows how it ended."""
    for _ in range(TRIES):
        answer = await ask(place, wish, which)
        if is_over(answer):
            return answer
    return wish.answers[-1]


async def until(holds: Callable[[], bool], bound_s: float = PATIENCE_S) -> bool:
    """Whether it came to hold in that time."""
    end = time.monotonic() + bound_s
    while not holds():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(STEP_S)
    return True


async def judge(place: Workplace, wish: Wish, patience_s: float = PATIENCE_S) -> Figures:
    """Once the faults are over and the command has come to whatever end it has."""
    found = Figures(runs=1, calls=len(wish.answers))
    over = [one for one in wish.answers if is_over(one)]
    if not over:
        over = [one for one in [await pursue(place, wish)] if is_over(one)]
    await until(lambda: not wish.alive, patience_s)
    found.started = int(wish.begun > 0)
    found.twice = int(wish.begun > 1)
    found.no_verdict = int(not over)
    for answer in over[:1]:
        assert answer is not None
        found.false_words, found.lost_exits = _weigh(wish, answer)
    if wish.begun:
        found.unfindable = int(not await _is_found(place, wish))
    return found


def _weigh(wish: Wish, answer: Json) -> tuple[int, int]:
    """Whether the end that was told is not the one that was, and whether it was lost."""
    state, status = answer["state"], answer.get("exit_status")
    if wish.killed and not (state == "ended" and wish.came_to_its_end):
        return _weigh_killed(wish, state, status)
    if wish.expects:
        return int(state not in wish.expects), 0
    if state == "ended":
        right = wish.begun and wish.came_to_its_end and status == wish.exit_status
        word = "xxx" if wish.says else f"out-{wish.number}"  # of long output, the end is told
        heard = word in answer.get("untrusted_stdout", "")
        return int(not right), int(not heard)
    if state == "stopped":
        return int(not wish.stops or wish.alive), 0
    # Lost or interrupted: no lie, and yet an exit that nobody will hear of.
    return 0, int(wish.begun > 0)


def _weigh_killed(wish: Wish, state: str, status: int | None) -> tuple[int, int]:
    """Of one whose process was killed, and which did not come to its end as far as was told."""
    if state == "ended":
        return int(status != KILLED), 0
    return 0, int(state == "lost" and wish.begun > 0)


async def _is_found(place: Workplace, wish: Wish) -> bool:
    """Whether a server that knows only the journal lists it."""
    for _ in range(3):
        listed = await place.call("show_jobs", "another", instance_id=place.machine)
        if listed is not None and "error" not in listed:
            return wish.job in [one["job"] for one in listed["jobs"]]
    return False


def _runs(pid: int) -> bool:
    """Whether there is such a process; one that is dead and not buried is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}
