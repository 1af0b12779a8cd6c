"""Commands that are builtins of a shell and programs too: echo, printf, test, kill and the like."""

import asyncio

from vast_mcp.sandbox.machine.calls import Call, Command, Usage
from vast_mcp.sandbox.machine.processes import NAMES, SIGNALS, signalled

from .printing import echo, printf
from .testing import bracket, test


async def true(_call: Call) -> int:
    return 0


async def false(_call: Call) -> int:
    return 1


async def print_folder(call: Call) -> int:
    await call.out(f"{call.cwd}\n")
    return 0


async def kill(call: Call) -> int:
    """Send a signal to processes, or with a minus to groups of them."""
    number, words = _signal(call)
    if words == ["-l"]:
        await call.out(" ".join(SIGNALS) + "\n")
        return 0
    if not words:
        raise Usage("usage: kill [-s signal] pid ...", 2)
    status = 0
    for word in words:
        if not word.removeprefix("-").isdigit():
            raise Usage(f"Illegal number: {word}", 2)
        if not _sent(call, int(word), number):
            await call.complain(f"({word}) - No such process")
            status = 1
    await asyncio.sleep(0)  # for who is the one that it kills
    return status


def _signal(call: Call) -> tuple[int, list[str]]:
    words = list(call.words)
    number = SIGNALS["TERM"]
    if words[:1] == ["-l"]:
        return number, words
    if words[:1] in (["-s"], ["-n"]) and len(words) > 1:
        number, words = _number(words[1]), words[2:]
    elif words and words[0].startswith("-") and words[0] != "--":
        number, words = _number(words[0][1:]), words[1:]
    return number, words[1:] if words[:1] == ["--"] else words


def _number(name: str) -> int:
    bare = name.upper().removeprefix("SIG")
    if name.isdigit() and (int(name) in NAMES or name == "0"):
        return int(name)
    if bare not in SIGNALS:
        raise Usage(f"invalid signal number or name: {name}", 2)
    return SIGNALS[bare]


def _sent(call: Call, pid: int, number: int) -> bool:
    processes = call.machine.processes
    if pid < 0:
        return signalled(processes.of_group(-pid), number)
    if pid == 0:
        return signalled(processes.of_group(call.process.group), number)
    process = processes.get(pid)
    return process is not None and signalled([process], number)


PLAIN: dict[str, Command] = {
    "[": bracket,
    "echo": echo,
    "false": false,
    "kill": kill,
    "printf": printf,
    "pwd": print_folder,
    "test": test,
    "true": true,
}
