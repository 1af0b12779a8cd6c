"""What lies in a machine that was just made: programs, /etc, /dev, /proc and /sys."""

import posixpath
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .nodes import Device, File, Folder, Node, Told
from .processes import Process

if TYPE_CHECKING:
    from .machine import Machine

BIN = "/usr/bin"
FOLDERS = (
    *("/bin", "/dev/shm", "/etc", "/home", "/mnt", "/opt", "/proc", "/root", "/run"),  # noqa: S108
    *("/sbin", "/sys", "/tmp", "/usr/bin", "/usr/local/bin", "/usr/sbin"),  # noqa: S108
    *("/var/log", "/var/tmp", "/workspace"),  # noqa: S108
)
DEVICES = ("null", "zero", "full", "urandom", "random")
BASHRC = '# what runs without a terminal needs nothing of this\n[ -z "$PS1" ] && return\n'
NOISE = "echo 'Welcome to this machine. Please be kind to it.'\n"
RELEASE = 'NAME="Ubuntu"\nVERSION_ID="22.04"\nPRETTY_NAME="Ubuntu 22.04.4 LTS"\nID=ubuntu\n'
PASSWD = "root:x:0:0:root:/root:/bin/bash\n"  # noqa: S105


class Listed(Folder):
    """/proc: a folder for each process, beside what it holds."""

    def __init__(self, machine: "Machine") -> None:
        super().__init__(0o555, machine.now)
        self._machine = machine

    def get(self, name: str) -> Node | None:
        process = self._machine.processes.get(int(name)) if name.isdigit() else None
        return super().get(name) if process is None else _of_process(process)

    def names(self) -> Iterable[str]:
        return [*super().names(), *(str(one.pid) for one in self._machine.processes)]


def _of_process(process: Process) -> Folder:
    now = process.machine.now
    folder = Folder(0o555, now)
    tell = {
        "stat": process.stat,
        "cmdline": lambda: "".join(f"{word}\0" for word in process.words),
        "comm": lambda: f"{process.name}\n",
        "environ": lambda: "".join(f"{n}={v}\0" for n, v in process.environment.items()),
        "status": lambda: (
            f"Name:\t{process.name}\nPid:\t{process.pid}\nPPid:\t{process.parent_pid}\n"
        ),
    }
    for name, one in tell.items():
        folder.put(name, Told(one, now), now)
    return folder


def furnish(machine: "Machine") -> None:
    """Put into a machine's empty tree what a container begins with."""
    from .commands import COMMANDS

    tree = machine.tree
    for path in FOLDERS:
        made_folder(machine, path)
    tree.root.put("proc", Listed(machine), machine.now)
    for name in DEVICES:
        device = Device("urandom" if name == "random" else name, machine.now)
        tree.folder("/dev").put(name, device, machine.now)
    for name in [*COMMANDS, "bash"]:
        add_program(machine, name)
    for name in ("sh", "bash"):
        tree.link(f"{BIN}/{name}", f"/bin/{name}")
    write(machine, "/root/.bashrc", BASHRC)
    write(machine, "/etc/os-release", RELEASE)
    write(machine, "/etc/passwd", PASSWD)
    write(machine, "/etc/hostname", f"{machine.hostname}\n")
    _tell_of_hardware(machine)


def made_folder(machine: "Machine", path: str) -> Folder:
    """Make a folder, and those above it."""
    at = machine.tree.root
    for part in path.strip("/").split("/"):
        there = at.get(part)
        if not isinstance(there, Folder):
            there = Folder(0o1777 if part == "tmp" else 0o755, machine.now)
            at.put(part, there, machine.now)
        at = there
    return at


def add_program(machine: "Machine", name: str) -> None:
    """Put a program where programs are."""
    program = File(0o755, machine.now, machine.disk, "sh" if name == "bash" else name)
    made_folder(machine, BIN).put(name, program, machine.now)


def write(machine: "Machine", path: str, text: str) -> None:
    """Write a file of what a container begins with."""
    node = machine.tree.open(path, make=0o644, cut=True)
    node.write(0, text.encode())


def _tell_of_hardware(machine: "Machine") -> None:
    def meminfo() -> str:
        total = machine.hardware.host_memory // 1024
        rows = {"MemTotal": total, "MemFree": total // 2, "MemAvailable": total // 2}
        return "".join(f"{name + ':':<15} {size:>9} kB\n" for name, size in rows.items())

    def cpuinfo() -> str:
        one = f"processor\t: {{}}\nmodel name\t: {machine.hardware.cpu_name}\n\n"
        return "".join(one.format(number) for number in range(machine.hardware.host_cores))

    told = {
        "/proc/uptime": lambda: f"{machine.uptime:.2f} {machine.uptime:.2f}\n",
        "/proc/meminfo": meminfo,
        "/proc/cpuinfo": cpuinfo,
        "/proc/loadavg": lambda: "0.10 0.08 0.05 1/300 1000\n",
        "/proc/version": lambda: "Linux version 5.15.0-113-generic (sandbox)\n",
        "/proc/sys/kernel/random/boot_id": lambda: f"{machine.boot_id}\n",
        "/sys/fs/cgroup/cpu.max": lambda: f"{int(machine.hardware.cores * 100_000)} 100000\n",
        "/sys/fs/cgroup/memory.max": lambda: f"{machine.hardware.memory}\n",
        "/sys/fs/cgroup/memory.current": lambda: f"{machine.hardware.memory // 50}\n",
    }
    for path, tell in told.items():
        folder = made_folder(machine, posixpath.dirname(path))
        folder.put(posixpath.basename(path), Told(tell, machine.now), machine.now)
