"""The special builtins of a shell: what POSIX says is part of it."""

import os
from typing import TYPE_CHECKING

from vast_mcp.sandbox.machine.calls import Call, Command, options
from vast_mcp.sandbox.machine.processes import NAMES, SIGNALS, Exited

from .variables import ShellFault
from .words import is_name

if TYPE_CHECKING:
    from .running import Shell


def shell_of(call: Call) -> "Shell":
    """The shell that a builtin is run by."""
    assert call.shell is not None  # noqa: S101
    return call.shell


def number(text: str) -> int:
    """Read a number of a special builtin."""
    if not text.isdigit():
        raise ShellFault(f"Illegal number: {text}")
    return int(text)


# Special builtins


async def colon(_call: Call) -> int:
    return 0


async def dot(call: Call) -> int:
    from .compounds import Left
    from .launching import program
    from .source import of_text

    shell = shell_of(call)
    if not call.words:
        return 0
    found = program(call.process, call.words[0], shell.get("PATH") or "")
    path = found[1] if found else call.words[0]
    text = os.fsdecode(await call.contents(path))
    try:
        await shell.read_and_run(of_text(text))
    except Left as left:
        if left.what != "function":
            raise
        return left.status
    return shell.status


async def leave_loop(call: Call) -> int:
    from .compounds import Left

    shell = shell_of(call)
    levels = number(call.words[0]) if call.words else 1
    if shell.loops:
        raise Left(call.name, levels)
    return 0


async def leave_function(call: Call) -> int:
    from .compounds import Left

    shell = shell_of(call)
    raise Left("function", status=number(call.words[0]) if call.words else shell.status)


async def leave(call: Call) -> int:
    raise Exited(number(call.words[0]) if call.words else shell_of(call).status)


async def evaluate(call: Call) -> int:
    shell = shell_of(call)
    if not call.words:
        return 0
    await shell.evaluate(" ".join(call.words))
    return shell.status


async def become(call: Call) -> int:
    from .launching import become as replaced
    from .running import Replaced

    shell = shell_of(call)
    raise Replaced(await replaced(call.process, call.words, shell.environment))


async def export(call: Call) -> int:
    shell = shell_of(call)
    options(call, "p")
    for name in sorted(shell.exported) if not call.words else []:
        await call.out(f"export {name}={_quoted(shell.values.get(name, ''))}\n")
    for word in call.words:
        shell.exported.add(assign(shell, word))
    return 0


async def readonly(call: Call) -> int:
    shell = shell_of(call)
    options(call, "p")
    for word in call.words:
        shell.readonly.add(assign(shell, word))
    return 0


def assign(shell: "Shell", word: str) -> str:
    name, sign, value = word.partition("=")
    if not is_name(name):
        raise ShellFault(f"{name}: bad variable name")
    if sign:
        shell.put(name, value)
    return name


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


async def set_options(call: Call) -> int:
    shell = shell_of(call)
    words = call.words
    if not words:
        for name in sorted(shell.values):
            await call.out(f"{name}={_quoted(shell.values[name])}\n")
        return 0
    while words and words[0][:1] in {"-", "+"} and words[0] != "-":
        word = words.pop(0)
        if word == "--":
            shell.arguments = words
            return 0
        if word[1:] == "o":
            _set_long_option(shell, word[0], words.pop(0) if words else "")
        else:
            _set_letters(shell, word)
    if words:
        shell.arguments = words
    return 0


LONG = {"errexit": "e", "nounset": "u", "xtrace": "x", "noglob": "f", "noclobber": "C"}


def _set_long_option(shell: "Shell", sign: str, name: str) -> None:
    if name and name not in LONG:
        raise ShellFault(f"set: Illegal option -o {name}")
    if name:
        _set_letters(shell, sign + LONG[name])


def _set_letters(shell: "Shell", word: str) -> None:
    for letter in word[1:]:
        if letter not in "aefuxCbhmnv":
            raise ShellFault(f"set: Illegal option -{letter}")
        if word[0] == "-":
            shell.options.add(letter)
        else:
            shell.options.discard(letter)


async def shift(call: Call) -> int:
    shell = shell_of(call)
    count = number(call.words[0]) if call.words else 1
    if count > len(shell.arguments):
        raise ShellFault("shift: can't shift that many")
    shell.arguments = shell.arguments[count:]
    return 0


async def unset(call: Call) -> int:
    shell = shell_of(call)
    given = options(call, "fv")
    for word in call.words:
        if "f" in given:
            shell.functions.pop(word, None)
        else:
            shell.unset(word)
    return 0


async def trap(call: Call) -> int:
    shell = shell_of(call)
    words = call.words[1:] if call.words[:1] == ["--"] else call.words
    if not words:
        for name, act in shell.traps.acts.items():
            await call.out(f"trap -- {_quoted(act)} {name}\n")
        return 0
    act = words[0]
    lone = act.isdigit() or len(words) == 1
    for word in words if lone else words[1:]:
        shell.traps.set(_signal(word), None if lone or act == "-" else act)
    return 0


def _signal(word: str) -> str:
    name = word.upper().removeprefix("SIG")
    if name in {"0", "EXIT"}:
        return "EXIT"
    if word.isdigit() and int(word) in NAMES:
        return NAMES[int(word)]
    if name not in SIGNALS:
        raise ShellFault(f"trap: {word}: bad trap")
    return name


SPECIAL: dict[str, Command] = {
    ":": colon,
    ".": dot,
    "break": leave_loop,
    "continue": leave_loop,
    "eval": evaluate,
    "exec": become,
    "exit": leave,
    "export": export,
    "readonly": readonly,
    "return": leave_function,
    "set": set_options,
    "shift": shift,
    "trap": trap,
    "unset": unset,
}
