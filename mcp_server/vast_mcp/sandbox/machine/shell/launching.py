"""A simple command is launched: an assignment, a function, a builtin, or a program."""

import errno
import os
import stat
from typing import TYPE_CHECKING

from vast_mcp.sandbox.machine.calls import Call, Command, carried_out
from vast_mcp.sandbox.machine.nodes import File, Node
from vast_mcp.sandbox.machine.processes import PIPE, Process
from vast_mcp.sandbox.machine.tree import joined

from . import builtins
from .redirecting import forget, redirect, restore
from .special import SPECIAL
from .syntax import Compound, Simple

if TYPE_CHECKING:
    from .running import Shell

USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOT_FOUND, NOT_RUN = 127, 126


async def launched(shell: "Shell", command: Simple, *, last: bool) -> int:
    """Run a simple command: its status. The last one of a process takes its place."""
    shell.substituted_status = 0
    words = await shell.expansion.fields(command.words)
    values = dict[str, str]()
    for name, word in command.assignments:
        values[name] = await shell.expansion.text(word)
        if not words:
            shell.put(name, values[name])
    if "x" in shell.options:
        await _trace(shell, values, words)
    if not words:
        restore(shell.process, await redirect(shell, shell.process, command.redirections))
        return shell.substituted_status
    name = words[0]
    if name in SPECIAL:
        return await _special(shell, command, words, values)
    function = shell.functions.get(name)
    if function is not None or builtins.find(name) is not None:
        return await _here(shell, command, words, values, function)
    return await _program(shell, command, words, values, last=last)


async def _trace(shell: "Shell", values: dict[str, str], words: list[str]) -> None:
    said = [f"{name}={value}" for name, value in values.items()] + words
    if 2 in shell.process.streams:
        await shell.process.stream(2).write(os.fsencode(f"+ {' '.join(said)}\n"))


async def _special(
    shell: "Shell", command: Simple, words: list[str], values: dict[str, str]
) -> int:
    """Run a special builtin: its assignments and, of `exec`, its redirections stay."""
    before = await redirect(shell, shell.process, command.redirections)
    for name, value in values.items():
        shell.put(name, value)
    if words == ["exec"]:
        forget(before)
        return 0
    try:
        return await _carried_out(shell, SPECIAL[words[0]], words)
    finally:
        restore(shell.process, before)


async def _here(
    shell: "Shell",
    command: Simple,
    words: list[str],
    values: dict[str, str],
    function: Compound | None,
) -> int:
    """Run what runs in the shell itself; its assignments are for as long as it runs."""
    before = await redirect(shell, shell.process, command.redirections)
    shown = {name: shell.values.get(name) for name in values}
    exported = set(shell.exported)
    for name, value in values.items():
        shell.put(name, value)
        shell.exported.add(name)
    try:
        if function is not None:
            return await shell.call(function, words[1:])
        found = builtins.find(words[0])
        assert found is not None  # noqa: S101
        return await _carried_out(shell, found, words)
    finally:
        restore(shell.process, before)
        _take_back(shell, shown, exported)


def _take_back(shell: "Shell", shown: dict[str, str | None], exported: set[str]) -> None:
    for name, value in shown.items():
        if value is None:
            shell.values.pop(name, None)
        else:
            shell.values[name] = value
        if name not in exported:
            shell.exported.discard(name)


async def _carried_out(shell: "Shell", builtin: Command, words: list[str]) -> int:
    call = Call(shell.process, words, shell)
    try:
        return await carried_out(builtin, call)
    except BrokenPipeError:
        if PIPE not in shell.process.ignored:
            raise
        await call.complain("write error: Broken pipe")
        return 1


# Programs


async def _program(
    shell: "Shell", command: Simple, words: list[str], values: dict[str, str], *, last: bool
) -> int:
    process = shell.process
    before = await redirect(shell, process, command.redirections)
    environment = shell.environment | values
    if last and not shell.traps.acts.get("EXIT"):
        forget(before)
        return await become(process, words, environment, values.get("PATH"))
    try:
        child = process.fork()
        child.start(lambda: become(child, words, environment, values.get("PATH")))
    finally:
        restore(process, before)
    return await shell.reaped(child)


async def become(
    process: Process, words: list[str], environment: dict[str, str], path: str | None = None
) -> int:
    """Let a process be a program: its status."""
    process.environment, process.words = environment, words
    process.caught = None
    call = Call(process, ["sh"])
    found = program(process, words[0], path or environment.get("PATH", USUAL_PATH))
    if found is None:
        why = os.strerror(errno.ENOENT) if "/" in words[0] else "not found"
        await call.complain(f"{words[0]}: {why}")
        return NOT_FOUND
    node, where = found
    if not isinstance(node, File) or not node.permissions & 0o111:
        await call.complain(f"{words[0]}: {os.strerror(errno.EACCES)}")
        return NOT_RUN
    return await _executed(process, node, where, words)


async def _executed(process: Process, node: File, where: str, words: list[str]) -> int:
    from vast_mcp.sandbox.machine.commands import COMMANDS

    if node.runs:
        return await _as_command(process, node.runs, words)
    head = node.read(0, 256)
    line = head.partition(b"\n")[0]
    if head.startswith(b"#!"):
        interpreter = os.fsdecode(line[2:]).split(None, 1)
        return await become(process, [*interpreter, where, *words[1:]], process.environment)
    if b"\0" in line:
        await Call(process, ["sh"]).complain(f"{words[0]}: Exec format error")
        return NOT_RUN
    return await carried_out(COMMANDS["sh"], Call(process, ["sh", where, *words[1:]]))


async def _as_command(process: Process, name: str, words: list[str]) -> int:
    from vast_mcp.sandbox.machine.commands import COMMANDS

    call = Call(process, words)
    try:
        return await carried_out(COMMANDS[name], call)
    except BrokenPipeError:
        if PIPE not in process.ignored:
            raise
        await call.complain("write error: Broken pipe")
        return 1


def program(process: Process, name: str, path: str) -> tuple[Node, str] | None:
    """Find a program by its name, or its path."""
    tree = process.machine.tree
    if "/" in name:
        node = tree.get(name, process.cwd)
        return None if node is None else (node, name)
    for folder in path.split(":"):
        where = joined(folder or process.cwd, name)
        node = tree.get(where, process.cwd)
        if node is not None and stat.S_ISREG(node.mode) and node.permissions & 0o111:
            return node, where
    return None
