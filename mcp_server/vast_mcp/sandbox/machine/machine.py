"""A machine: a container with its disk, its processes, and the hardware that it shows."""

import random
import string
import uuid
from collections.abc import Callable, Iterable

from . import furnishing, lies
from .disk import MB, Disk
from .hardware import Hardware
from .processes import KILL, Process, Processes
from .tree import Tree
from .uptime import Uptime

HOME = "/root"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Machine:
    """A machine of one rental; `promised` is what its offer says of it."""

    def __init__(
        self,
        number: int,
        promised: Hardware,
        environment: dict[str, str],
        clock: Callable[[], float],
    ) -> None:
        self.number, self._promised, self._environment = number, promised, environment
        self._clock = clock
        self.time = Uptime()
        self._dice = random.Random(number)
        self.boot_id = str(uuid.UUID(int=self._dice.getrandbits(128), version=4))
        self.lies: tuple[str, ...] = ()
        self.faults: list[BaseException | None] = []  # of this code; tests look that there are none
        self.processes = Processes(self)
        self.hardware = promised
        self.disk = Disk(promised.disk)
        self.tree = Tree(self.disk, clock)
        self.empty()

    @property
    def hostname(self) -> str:
        """What it calls itself."""
        return f"C.{self.number}"

    @property
    def now(self) -> float:
        """The time by the world's clock."""
        return self._clock()

    @property
    def uptime(self) -> float:
        """Seconds since the computer under it was started."""
        return self.time.now

    def wrote(self, size: int) -> None:
        """Let go by what the disk takes for so many bytes."""
        self.time.skip(size / (self.hardware.disk_mb_per_second * MB))

    def random_name(self, length: int) -> str:
        """Invent a part of a name."""
        return "".join(random.choices(string.ascii_letters + string.digits, k=length))

    # What becomes of it

    def begin(self) -> None:
        """Start its first process."""
        self.time.catch_up()
        self.processes.begin_anew()
        first = self.processes.add(None)
        first.words = ["/bin/sh", "/.launch"]
        first.environment = dict(self._environment)
        first.cwd = HOME

    def halt(self) -> None:
        """End whatever runs in it, and start it again; its disk stays."""
        for process in self.processes:
            process.kill(KILL)
        self.processes = Processes(self)
        self.begin()

    def empty(self) -> None:
        """Make it anew: nothing is on its disk."""
        self.disk = Disk(self._promised.disk)
        self.tree = Tree(self.disk, self._clock)
        furnishing.furnish(self)
        self.lie(self.lies)
        self.halt()

    def lie(self, names: Iterable[str]) -> None:
        """Tell these lies from now on, and no others."""
        before = [lies.LIES[name] for name in self.lies]
        self.lies = lies.check(names)
        told = [lies.LIES[name] for name in self.lies]
        self.hardware = lies.told(self._promised, self.lies)
        self.disk.size = self.hardware.disk
        self.disk.is_full = any(one.disk_is_full for one in told)
        for name in {name for one in before for name in one.without}:
            furnishing.add_program(self, name)
        for name in {name for one in told for name in one.without}:
            for folder in (furnishing.BIN, "/bin"):
                if self.tree.get(f"{folder}/{name}", follow=False) is not None:
                    self.tree.remove(f"{folder}/{name}")
        noise = furnishing.NOISE if any(one.is_noisy for one in told) else ""
        if noise or any(one.is_noisy for one in before):
            furnishing.write(self, "/root/.bashrc", noise + furnishing.BASHRC)

    # Entering

    def entrant(self) -> Process:
        """Make a process for somebody who comes in: it leads a session of its own."""
        self.time.catch_up()
        process = self.processes.add(self.processes.get(1))
        process.leave()
        process.environment |= {
            "HOME": HOME,
            "LOGNAME": "root",
            "PATH": PATH,
            "SHELL": "/bin/bash",
            "USER": "root",
        }
        process.cwd = HOME
        return process
