"""A rented machine lives in steps, which looks and time take (docs/vast-api.md C.4)."""

import math
from dataclasses import dataclass, field

from .account import Key
from .billing import AWAY, BILLED, Deposit, Meter, Traffic, moments
from .fates import BIRTH, EVENTS, Course, Fate
from .launch import Launch
from .logs import Log
from .offers import Offer, disk_price

COPYING, COPIED = "Copying: 42%", "Cloud Copy Operation Finished"
COPY_S = 60.0  # that a copy takes


@dataclass
class Tempo:
    """A tempo moves an instance from one status to the next: after so many looks, or so many
    seconds, or either.
    """

    looks: int | None = 1  # None: looks move nothing; 0: it is through at once
    seconds: float | None = None

    def steps(self, looks: int, seconds: float) -> float:
        """Count the steps that so many looks and seconds are."""
        if self.looks == 0:
            return math.inf
        return max(self._by_looks(looks), self._by_time(seconds))

    def _by_looks(self, looks: int) -> int:
        if self.looks is None:
            return 0
        return looks // self.looks

    def _by_time(self, seconds: float) -> int:
        if not self.seconds:
            return 0
        return math.floor(seconds / self.seconds)


@dataclass
class Watchdog:
    """A watchdog in a machine that runs: when it ends that, when it looked last, and what it wrote.

    `later` is the last end that it took.
    """

    until: float
    looked_at: float
    later: float | None = None
    log: str = ""


@dataclass
class Instance:
    """An instance is one rental, living or destroyed."""

    id: int
    offer: Offer
    launch: Launch
    label: str | None
    born: float
    secret: str
    tempo: Tempo
    hidden_looks: int = 0
    lingering_looks: int = 0
    destroyed_at: float | None = None
    intended: str = "running"
    course: Course = BIRTH
    course_began: float = 0.0
    looks: int = 0
    waiting_for_gpu: bool = False
    outbid: bool = False
    fate: Fate = field(default_factory=Fate)
    keys: dict[int, Key] = field(default_factory=dict[int, Key])
    log: Log = field(default_factory=Log)
    last_logged: str | None = None
    watchdog: Watchdog | None = None
    meter: Meter = field(default_factory=Meter)
    deposit: Deposit | None = None
    traffic: list[Traffic] = field(default_factory=list[Traffic])
    copying_since: float | None = None  # when the last copy with it began

    def __post_init__(self) -> None:
        self.meter.at = self.born

    # What it is

    @property
    def offer_id(self) -> int:
        return self.offer["id"]

    @property
    def kind(self) -> str:
        if self.launch.becomes_vm:
            return "vm"
        return "container"

    @property
    def alive(self) -> bool:
        return self.destroyed_at is None

    @property
    def has_gpu(self) -> bool:
        """It was asked to run, and nobody else has its GPU."""
        return self.intended == "running" and not self.waiting_for_gpu and not self.outbid

    @property
    def speaks_ssh(self) -> bool:
        """With runtype args nothing serves it unless the image does (A.3)."""
        return "ssh" in self.launch.runtype

    def answers_ssh(self, now: float) -> bool:
        """Somebody is there to speak SSH now."""
        return self.alive and self.speaks_ssh and self.status(now) == "running"

    # What it costs

    @property
    def price(self) -> float:
        """$/h of compute: the bid, or the offer's price."""
        if self.launch.price is not None:
            return self.launch.price
        return self.offer["dph_base"]

    @property
    def disk_rate(self) -> float:
        """$/h of its disk."""
        return disk_price(self.offer, self.launch.disk)

    @property
    def dph_total(self) -> float:
        """$/h of compute and disk together."""
        return self.price + self.disk_rate

    @property
    def at_most(self) -> float:
        """The highest $/h without any further request: the whole where it was asked to run, else
        its disk.
        """
        if self.intended == "running":
            return self.dph_total
        return self.dph_total - self.price

    @property
    def bids_below_floor(self) -> bool:
        return self.launch.bids_below(self.offer["min_bid"])

    def rates(self, now: float) -> dict[str, float]:
        """$/h that it is billed now, by kind: its compute, its disk (C.8)."""
        status, rates = self.status(now), dict[str, float]()
        if self.alive and status in BILLED:
            rates["gpu"] = self.price
        if self.alive and status not in AWAY:
            rates["disk"] = self.disk_rate
        return rates

    def tick(self, now: float) -> None:
        """Enter what it was billed since the last tick; before anything of it changes."""
        since = self.meter.at
        if not self.alive or now <= since:
            return
        for start, end in moments(since, now, self._times_of_steps()):
            for kind, rate in self.rates(start).items():
                self.meter.enter(kind, start, end, rate)
        self.meter.at = now

    def _times_of_steps(self) -> list[float]:
        """When time takes its steps; looks take theirs when they are made."""
        if not self.tempo.seconds:
            return []
        return [self.course_began + n * self.tempo.seconds for n in range(1, len(self.course))]

    # Where it has come to

    def seconds_left(self, now: float) -> float:
        """How long its contract still goes."""
        return max(0.0, self.offer["end_date"] - now)

    def status(self, now: float) -> str | None:
        """What the container is doing."""
        if self.waiting_for_gpu:
            return "scheduling"
        step = self._step(now)
        if step in EVENTS:
            return "exited"
        return step

    def event(self, now: float) -> str | None:
        """What its course has come to that is no status; a look acts on it."""
        step = self._step(now)
        if self.waiting_for_gpu or step not in EVENTS:
            return None
        return step

    def _step(self, now: float) -> str | None:
        """The step of its course that it has come to; the last one lasts."""
        taken = self.tempo.steps(self.looks, now - self.course_began)
        return self.course[int(min(taken, len(self.course) - 1))]

    def says(self, status: str | None) -> str | None:
        """The host's message, where its fate has one."""
        if status == "loading" and self.fate.lines:
            return self.fate.lines[self.looks % len(self.fate.lines)]
        return self.fate.messages.get(status or "") or self.fate.messages.get("*")

    def says_of_a_copy(self, now: float) -> str | None:
        """What its status line tells of a copy: that one goes on, then the words that the official
        client takes for its end.
        """
        if self.copying_since is None:
            return None
        return COPYING if now - self.copying_since < COPY_S else COPIED

    def flipped(self, status: str | None) -> bool:
        """Its contract is said to be stopped at this look, though nobody stopped it (C.4)."""
        return self.fate.flips and status in self.fate.messages and self.looks % 2 == 1

    def seen(self) -> bool:
        """Count one look from outside: false while the row is not readable yet, or no longer."""
        if not self.alive:
            return self._lingers()
        self.hidden_looks -= 1
        return self.hidden_looks < 0

    def _lingers(self) -> bool:
        self.lingering_looks -= 1
        return self.lingering_looks >= 0

    # What becomes of it

    def set_course(self, course: Course, now: float) -> None:
        """Begin a course at its first step."""
        self.tick(now)
        self.course, self.course_began, self.looks = course, now, 0

    def stop(self, now: float, status: str = "exited") -> None:
        self.intended, self.waiting_for_gpu, self.outbid = "stopped", False, False
        self.set_course((status,), now)

    def give_up(self, now: float) -> None:
        """The service stops it, and it goes on to show the text of its failed pull (C.4)."""
        self.stop(now, "loading")

    def start(self, now: float) -> None:
        self.intended, self.outbid = "running", False
        self.set_course(self.fate.restart, now)

    def recycle(self, now: float) -> None:
        self.set_course(self.fate.recycling, now)
        self.log.lines.clear()

    def wait(self, now: float) -> None:
        """It is asked to run, and starts once its GPU is free, or its bid is raised."""
        if self.bids_below_floor:
            self.lose_bid(now, asked_to_run=True)
        else:
            self.intended, self.waiting_for_gpu = "running", True

    def lose_bid(self, now: float, *, asked_to_run: bool) -> None:
        """It stands still until its bid is raised, in one of the two forms that were seen (C.4)."""
        self.stop(now, "exited" if asked_to_run else "loading")
        self.outbid = True
        if asked_to_run:
            self.intended = "running"
