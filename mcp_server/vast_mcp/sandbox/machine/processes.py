"""The processes of a machine: what each has, its signals, its end, and who is told of that."""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from .streams import Stream

if TYPE_CHECKING:
    from .machine import Machine

TICKS = 100  # of /proc, in a second
MOST = 1000  # processes of a machine
FIRST = 1  # what a container starts; what loses its parent becomes its child

SIGNALS = {
    **{"HUP": 1, "INT": 2, "QUIT": 3, "ABRT": 6, "KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12},
    **{"PIPE": 13, "ALRM": 14, "TERM": 15, "CHLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20},
}
NAMES = {number: name for name, number in SIGNALS.items()}
HARMLESS = frozenset({0, 17, 18, 19, 20})  # what does not end a process here
KILL, PIPE = SIGNALS["KILL"], SIGNALS["PIPE"]


class Exited(Exception):
    """A process ends itself with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status & 255


class Process:
    """A process has numbers, open streams, an environment, a folder, and children."""

    def __init__(self, machine: "Machine", parent: "Process | None", pid: int) -> None:
        self.machine, self.pid = machine, pid
        self.parent_pid = parent.pid if parent else 0
        self.group = parent.group if parent else pid
        self.session = parent.session if parent else pid
        self.streams: dict[int, Stream] = {}
        self.environment: dict[str, str] = dict(parent.environment) if parent else {}
        self.cwd = parent.cwd if parent else "/"
        self.umask = parent.umask if parent else 0o022
        self.ignored: set[int] = set(parent.ignored) if parent else set()
        self.words: list[str] = list(parent.words) if parent else []
        self.began = machine.uptime
        self.children: dict[int, Process] = {}
        self.caught: Callable[[int], bool] | None = None  # a shell's traps: whether it has one
        self.ended = asyncio.Event()
        self.status = 0
        self.killed_by = 0  # the signal that ended it
        self._task: asyncio.Task[int] | None = None

    def fork(self) -> "Process":
        """Make a child, with the same streams."""
        self.machine.time.start_program()
        child = self.machine.processes.add(self)
        child.streams = {number: one.shared() for number, one in self.streams.items()}
        self.children[child.pid] = child
        return child

    def leave(self) -> None:
        """Lead a session and a group of its own."""
        self.session = self.group = self.pid

    def start(self, body: Callable[[], Awaitable[int]]) -> None:
        """Begin to run."""
        self._task = asyncio.get_running_loop().create_task(self._live(body))
        # here, because a task that is cancelled at once never begins
        self._task.add_done_callback(self._end)

    async def wait(self) -> int:
        """Wait for its end: its status."""
        await self.ended.wait()
        return self.status

    def signal(self, number: int) -> None:
        """Send it a signal."""
        if number in self.ignored and number != KILL:
            return
        if number != KILL and self.caught is not None and self.caught(number):
            return
        if number in HARMLESS or self.pid == FIRST:
            return
        self.kill(number)

    def kill(self, number: int = KILL) -> None:
        """End it at once."""
        self.killed_by = self.killed_by or number
        if self._task is not None:
            self._task.cancel()

    async def _live(self, body: Callable[[], Awaitable[int]]) -> int:
        try:
            return await body()
        except Exited as over:
            return over.status
        except BrokenPipeError:
            return 128 + PIPE
        except (RecursionError, MemoryError):
            return 128 + SIGNALS["SEGV"]

    def _end(self, task: "asyncio.Task[int]") -> None:
        if task.cancelled():
            self.status = 128 + (self.killed_by or KILL)
        elif task.exception() is not None:
            self.machine.faults.append(task.exception())
            self.status = 128 + SIGNALS["SEGV"]
        else:
            self.status = task.result() & 255
        for stream in self.streams.values():
            stream.drop()
        self.streams.clear()
        self.machine.processes.remove(self)
        self.ended.set()

    # Streams

    def stream(self, number: int) -> Stream:
        """Find an open stream; OSError where there is none."""
        if number not in self.streams:
            raise OSError(9, os.strerror(9))
        return self.streams[number]

    def put(self, number: int, stream: Stream) -> None:
        """Have a stream under this number, and close what was there."""
        before = self.streams.pop(number, None)
        self.streams[number] = stream
        if before is not None:
            before.drop()

    def close(self, number: int) -> None:
        """Have no stream under this number."""
        if number in self.streams:
            self.streams.pop(number).drop()

    # What /proc tells

    @property
    def name(self) -> str:
        """The first of its words, without a path."""
        return (self.words or ["init"])[0].rpartition("/")[2][:15]

    def stat(self) -> str:
        """A line of /proc/PID/stat: its numbers, and since when it is, in ticks after boot."""
        began = int(self.began * TICKS)
        ids = f"{self.parent_pid} {self.group} {self.session} 0 -1 4194304"
        return f"{self.pid} ({self.name}) S {ids} {'0 ' * 10}20 0 1 0 {began} {'0 ' * 30}\n"


class Processes:
    """A machine's processes by number."""

    def __init__(self, machine: "Machine") -> None:
        self._machine = machine
        self._by_pid: dict[int, Process] = {}
        self._last = 0

    def add(self, parent: Process | None) -> Process:
        """Make one more; OSError where there are too many."""
        if len(self._by_pid) >= MOST:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        self._last += 1
        made = self._by_pid[self._last] = Process(self._machine, parent, self._last)
        return made

    def remove(self, process: Process) -> None:
        """Forget one that ended; its children become those of the first."""
        self._by_pid.pop(process.pid, None)
        for child in process.children.values():
            child.parent_pid = FIRST

    def get(self, pid: int) -> Process | None:
        """Find one by its number."""
        return self._by_pid.get(pid)

    def of_group(self, group: int) -> list[Process]:
        """List those of a group."""
        return [one for one in self if one.group == group]

    def __iter__(self) -> Iterator[Process]:
        return iter(list(self._by_pid.values()))

    def begin_anew(self) -> None:
        """Count from one again."""
        self._last = 0


def signalled(processes: Iterable[Process], number: int) -> bool:
    """Send all of them a signal; false where there is nobody."""
    found = list(processes)
    for process in found:
        process.signal(number)
    return bool(found)
