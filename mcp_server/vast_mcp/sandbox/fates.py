"""A fate says what becomes of a machine, status by status; looks or time take each step
(docs/vast-api.md C.4).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from .failures import SAID

Course = tuple[str | None, ...]

BIRTH: Course = (None, "loading", "running")
# a start shows `exited` for minutes first (live)
RESTART: Course = ("exited", "loading", "running")
REBOOT: Course = ("rebooting", "exited", "loading", "running")
RECYCLE: Course = ("recycling", "loading", "running")

# Steps that are no status: the service acts when an instance reaches one.
OUTBID = "outbid"
VANISHED = "vanished"
GIVEN_UP = "given_up"  # the pull failed, and the service stops it
EVENTS = frozenset({OUTBID, VANISHED, GIVEN_UP})


@dataclass(frozen=True)
class Fate:
    """A fate is a course, what the host says at each status (or at all of them, under `*`), and the
    course of a later start.

    `lines` are said one after the other while it loads. With `flips` the contract's state changes
    at every look, once the host has said something.
    """

    course: Course = BIRTH
    messages: dict[str, str] = field(default_factory=dict[str, str])
    restart: Course = RESTART
    lines: tuple[str, ...] = ()
    flips: bool = False

    @property
    def recycling(self) -> Course:
        """The course that a fresh container takes; what is wrong with the image is still wrong."""
        if not self.messages:
            return RECYCLE
        return (RECYCLE[0], *(step for step in self.course if step is not None))


def read_fate(
    course: str | Iterable[str | None], message: str | None, restart: Iterable[str | None] | None
) -> Fate:
    """Read a fate by its name or its course; `message` is said at every status and replaces the
    named one's own.
    """
    fate = _named(course) if isinstance(course, str) else _spelled(course)
    if message is not None:
        fate = replace(fate, messages={"*": message})
    if restart is not None:
        fate = replace(fate, restart=tuple(restart))
    return fate


def _named(name: str) -> Fate:
    if name not in FATES:
        raise ValueError(f"no fate {name!r}; one of {NAMES}, or a list of statuses")
    return FATES[name]


def _spelled(course: Iterable[str | None]) -> Fate:
    fate = Fate(tuple(course))
    if not fate.course:
        raise ValueError("a course has at least one status")
    return fate


def _failing(text: str, last: str = "created", *, flips: bool = False) -> Fate:
    """A start that comes to a text of the host's, and so does every later one."""
    at = "loading" if last in EVENTS else last
    return Fate((None, "loading", last), {at: text}, ("exited", "loading", last), flips=flips)


FATES: dict[str, Fate] = {
    "runs": Fate(),
    "slow": Fate((None, "loading", "loading", "created", "running")),
    "stuck_null": Fate((None,)),  # cur_state running with actual_status null for long
    "stuck_loading": Fate((None, "loading")),
    "exits": Fate((*BIRTH, "exited"), {"exited": "Exited (1)"}, ("exited",)),
    "exited_first": Fate((None, *RESTART)),  # the grace a start needs
    "outbid": Fate((*BIRTH, OUTBID)),
    "offline": Fate((*BIRTH, "offline")),
    "unknown": Fate((*BIRTH, "unknown")),
    "scheduling": Fate((None, "scheduling")),
    "frozen": Fate((*BIRTH, "frozen")),  # paused, its GPU charged (C.4)
    "halted": Fate((*BIRTH, "stopped")),  # by billing
    "vanishes": Fate((*BIRTH, VANISHED)),  # credit gone, no reason in the API (K)
    "never_seen_running": Fate((None, "loading", VANISHED)),
    "pulls": Fate((None, "loading"), lines=tuple(f"{n:012x}: Pull complete" for n in range(400))),
    "pulls_in_circles": Fate(
        (None, "loading"),
        lines=("4c7d45f7c63c: Retrying in 1 second", "4c7d45f7c63c: Pulling fs layer"),
    ),
    "pull_given_up": _failing(SAID["bad_image"][0], GIVEN_UP),
    "flips": _failing("Error: GPU error, unable to start instance.", flips=True),
    "gpu_breaks": Fate(messages={"running": SAID["broken_gpu"][-1]}),
    **{name: _failing(texts[0]) for name, texts in SAID.items()},
}
NAMES = sorted(FATES)
