"""What a shell does itself beside its special builtins: what is about it alone."""

import os
from typing import TYPE_CHECKING

from vast_mcp.sandbox.machine.calls import Call, Command, Usage, options
from vast_mcp.sandbox.machine.commands.plain import PLAIN
from vast_mcp.sandbox.machine.tree import joined

from . import waiting
from .expansion import split_line
from .special import SPECIAL, assign, colon, number, shell_of

if TYPE_CHECKING:
    pass

__all__ = ["SPECIAL", "Command", "find"]


async def change_folder(call: Call) -> int:
    shell = shell_of(call)
    options(call, "LP")
    wanted = call.words[0] if call.words else (shell.get("HOME") or "/")
    before = call.process.cwd
    if wanted == "-":
        wanted = shell.get("OLDPWD") or before
        await call.out(f"{wanted}\n")
    try:
        call.tree.folder(wanted, before)
    except OSError as error:
        raise Usage(f"can't cd to {wanted}: {error.strerror}", 2) from None
    call.process.cwd = _plain(joined(before, wanted))
    shell.put("OLDPWD", before)
    shell.put("PWD", call.process.cwd)
    return 0


def _plain(path: str) -> str:
    """Take `.` and `..` out of a path, as they are written."""
    parts = list[str]()
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return "/" + "/".join(parts)


async def read(call: Call) -> int:
    shell = shell_of(call)
    given = options(call, "r", "p")
    line, is_whole = await _line(call, raw="r" in given)
    ifs = shell.get("IFS")
    names = call.words or ["REPLY"]
    found = split_line(line, " \t\n" if ifs is None else ifs, len(names))
    for name, value in zip(names, found + [""] * (len(names) - len(found)), strict=True):
        shell.put(name, value)
    return 0 if is_whole else 1


async def _line(call: Call, *, raw: bool) -> tuple[str, bool]:
    stream, line = call.process.stream(0), ""
    while True:
        data = bytearray()
        while not data.endswith(b"\n") and (more := await stream.read(65_536, until=b"\n")):
            data += more
        text = os.fsdecode(bytes(data).replace(b"\0", b""))
        is_whole = text.endswith("\n")
        line += text.removesuffix("\n")
        if raw or not is_whole or (len(line) - len(line.rstrip("\\"))) % 2 == 0:
            return line if raw else _unescaped(line), is_whole
        line = line[:-1]


def _unescaped(line: str) -> str:
    found, chars = "", iter(line)
    for char in chars:
        found += next(chars, "") if char == "\\" else char
    return found


async def mask(call: Call) -> int:
    options(call, "S")
    if not call.words:
        await call.out(f"{call.process.umask:04o}\n")
        return 0
    try:
        call.process.umask = int(call.words[0], 8) & 0o777
    except ValueError:
        raise Usage(f"Illegal mode: {call.words[0]}", 2) from None
    return 0


async def describe(call: Call) -> int:
    """`command -v` and `type`: what a name is."""
    status = 0
    for name in call.words:
        found = _what_is(call, name)
        if found is None:
            status = 127
            if call.name == "type":
                await call.out(f"{name}: not found\n")
        elif call.name == "type":
            await call.out(f"{name} is {found}\n")
        else:
            await call.out(f"{found}\n")
    return status


def _what_is(call: Call, name: str) -> str | None:
    from .launching import program

    shell = shell_of(call)
    if name in shell.functions or name in SPECIAL or find(name) is not None:
        return name
    found = program(call.process, name, shell.get("PATH") or "")
    return found[1] if found else None


async def command(call: Call) -> int:
    """`command`: a name that is no function; with `-v`, what it is."""
    from .launching import become as replaced

    shell = shell_of(call)
    given = options(call, "pvV") if call.words[:1] != ["--"] else {}
    if "v" in given or "V" in given:
        return await describe(Call(call.process, ["command", *call.words], shell))
    if not call.words:
        return 0
    builtin = SPECIAL.get(call.words[0]) or find(call.words[0])
    if builtin is not None:
        return await builtin(Call(call.process, call.words, shell))
    child = call.process.fork()
    child.start(lambda: replaced(child, call.words, shell.environment))
    return await shell.reaped(child)


async def local(call: Call) -> int:
    shell = shell_of(call)
    for word in call.words:
        shell.make_local(word.partition("=")[0])
        assign(shell, word)
    return 0


async def get_options(call: Call) -> int:
    """`getopts`: one option after the other."""
    shell = shell_of(call)
    known, name, words = call.words[0], call.words[1], call.words[2:] or shell.arguments
    place = number(shell.get("OPTIND") or "1")
    letter = int(shell.values.pop("_OPTLETTER", "1"))
    word = words[place - 1] if place <= len(words) else ""
    if not word.startswith("-") or word in {"-", "--"}:
        shell.put("OPTIND", str(place + (word == "--")))
        shell.put(name, "?")
        return 1
    found, rest = word[letter], word[letter + 1 :]
    if f"{found}:" in known:
        shell.put("OPTARG", rest or (words[place] if place < len(words) else ""))
        place, rest = place + 1 + (not rest), ""
    elif rest:
        shell.values["_OPTLETTER"] = str(letter + 1)
    else:
        place += 1
    shell.put("OPTIND", str(place))
    shell.put(name, found if found in known and found != ":" else "?")
    return 0


async def unlimited(call: Call) -> int:
    if len(call.words) < 2:
        await call.out("unlimited\n")
    return 0


_OWN: dict[str, Command] = {
    "cd": change_folder,
    "command": command,
    "getopts": get_options,
    "hash": colon,
    "jobs": waiting.jobs,
    "local": local,
    "read": read,
    "type": describe,
    "ulimit": unlimited,
    "umask": mask,
    "wait": waiting.wait,
}


def find(name: str) -> Command | None:
    """Find a builtin that is not special."""
    return _OWN.get(name) or PLAIN.get(name)
