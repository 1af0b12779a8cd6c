"""A fate says what becomes of a machine, status by status; looks or time take each step
(docs/vast-api.md C.4).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

Course = tuple[str | None, ...]

BIRTH: Course = (None, "loading", "running")
# a start shows `exited` for minutes first (live)
RESTART: Course = ("exited", "loading", "running")
REBOOT: Course = ("rebooting", "exited", "loading", "running")
RECYCLE: Course = ("recycling", "loading", "running")

# Steps that are no status: the service acts when an instance reaches one.
OUTBID = "outbid"
VANISHED = "vanished"
EVENTS = frozenset({OUTBID, VANISHED})


@dataclass(frozen=True)
class Fate:
    """A fate is a course, what the host says at each status (or at all of them, under `*`), and the
    course of a later start.
    """

    course: Course = BIRTH
    messages: dict[str, str] = field(default_factory=dict[str, str])
    restart: Course = RESTART

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


NO_MANIFEST = (
    "Error response from daemon: manifest for example/image:latest not found: manifest unknown"
)
NO_ACCESS = (
    "Error response from daemon: pull access denied for example/private, repository does not exist "
    "or may require "
    "'docker login'"
)
NO_ENTRYPOINT = (
    "Error response from daemon: failed to create task for container: OCI runtime create failed: "
    "runc create failed: "
    'unable to start container process: exec: "./start": no such file or directory'
)

FATES: dict[str, Fate] = {
    "runs": Fate(),
    "slow": Fate((None, "loading", "loading", "created", "running")),
    "stuck_null": Fate((None,)),  # cur_state running with actual_status null for long
    "stuck_loading": Fate((None, "loading")),
    "bad_image": Fate(
        (None, "loading", "created"), {"created": NO_MANIFEST}, ("exited", "loading", "created")
    ),
    "no_access": Fate(
        (None, "loading", "created"), {"created": NO_ACCESS}, ("exited", "loading", "created")
    ),
    "oci_error": Fate(
        (None, "loading", "created"), {"created": NO_ENTRYPOINT}, ("exited", "loading", "created")
    ),
    "exits": Fate((*BIRTH, "exited"), {"exited": "Exited (1)"}, ("exited",)),
    "exited_first": Fate((None, *RESTART)),  # the grace a start needs
    "outbid": Fate((*BIRTH, OUTBID)),
    "offline": Fate((*BIRTH, "offline")),
    "unknown": Fate((*BIRTH, "unknown")),
    "scheduling": Fate((None, "scheduling")),
    "frozen": Fate((*BIRTH, "frozen")),  # stopped by billing
    "vanishes": Fate((*BIRTH, VANISHED)),  # credit gone, no reason in the API (K)
    "never_seen_running": Fate((None, "loading", VANISHED)),
}
NAMES = sorted(FATES)
