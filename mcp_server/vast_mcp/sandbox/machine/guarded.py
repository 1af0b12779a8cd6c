"""What a lease's watchdog leaves in its machine: a process, its number, a log, and a later end."""

from typing import TYPE_CHECKING

from . import furnishing
from .nodes import Readable

if TYPE_CHECKING:
    from .machine import Machine

FOLDER = "/var/tmp/vast-mcp"  # noqa: S108
WORDS = ["sh", "-c", "watchdog", "vast-mcp"]


def file_of(number: int) -> str:
    """The file in which a later end stands."""
    return f"{FOLDER}/lease-until-{number}"


def guard(machine: "Machine", log: str, later: float | None) -> None:
    """Let a watchdog be there that wrote this log; `later` is the end that it took, if one."""
    furnishing.made_folder(machine, FOLDER)
    furnishing.write(machine, f"{FOLDER}/watchdog.log", log)
    if later is not None:
        furnishing.write(machine, file_of(machine.number), f"{int(later)}\n")
    if not any(process.words == WORDS for process in machine.processes):
        process = machine.processes.add(machine.processes.get(1))
        process.leave()
        process.words = list(WORDS)
        furnishing.write(machine, f"{FOLDER}/pid-{machine.number}", f"{process.pid}\n")


def written(machine: "Machine") -> float:
    """The end that stands in its file; 0 where none does."""
    node = machine.tree.get(file_of(machine.number))
    text = node.read(0, 11).decode("ascii", "replace").strip() if isinstance(node, Readable) else ""
    return float(text) if text.isdecimal() and len(text) <= 10 else 0.0
