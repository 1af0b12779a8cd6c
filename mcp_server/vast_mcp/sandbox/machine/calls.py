"""A command that is being run: its words, and what it reads, writes and says."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from .processes import Process
from .streams import AT_ONCE, FileStream, Stream

if TYPE_CHECKING:
    from .shell.running import Shell

MOST = 64 * 1024**2  # bytes that a command takes in at once

STANDARD = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}


class Usage(Exception):
    """A command is called in a way that it does not know."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


class Call:
    """A call has its words without the command's name, and the process that it runs in."""

    def __init__(self, process: Process, words: list[str], shell: "Shell | None" = None) -> None:
        self.process, self.shell = process, shell
        self.name, self.words = words[0], words[1:]
        self.machine, self.tree = process.machine, process.machine.tree

    @property
    def cwd(self) -> str:
        """The folder that paths begin in."""
        return self.process.cwd

    # Out

    async def out(self, data: str | bytes) -> None:
        """Write to standard output."""
        await self.process.stream(1).write(os.fsencode(data))

    async def complain(self, text: str) -> None:
        """Say what is wrong, on standard error."""
        if 2 in self.process.streams:
            await self.process.stream(2).write(os.fsencode(f"{self.name}: {text}\n"))

    async def complain_of(self, error: OSError, what: str = "") -> None:
        """Say what the system said of a path."""
        path = error.filename if isinstance(error.filename, str) else ""
        names = ": ".join(name for name in (what, path) if name)
        await self.complain(f"{names}: {error.strerror}" if names else f"{error.strerror}")

    # In

    async def read(self, most: int = AT_ONCE) -> bytes:
        """Read from standard input."""
        return await self.process.stream(0).read(most)

    def open(self, path: str) -> Stream:
        """Open a file to be read; `-` is standard input."""
        if path == "-":
            return self.process.stream(0).shared()
        return opened(self.process, path, may="r")

    async def chunks(self, path: str) -> AsyncIterator[bytes]:
        """Read a file piece by piece."""
        stream = self.open(path)
        try:
            while data := await stream.read(AT_ONCE):
                yield data
        finally:
            stream.drop()

    async def contents(self, path: str = "-") -> bytes:
        """Read the whole of a file."""
        found = bytearray()
        async for data in self.chunks(path):
            found += data
            if len(found) > MOST:
                raise Usage("more than this machine takes in at once")
        return bytes(found)

    async def lines(self, path: str = "-") -> list[bytes]:
        """Read the lines of a file, each with its end where it has one."""
        return (await self.contents(path)).splitlines(keepends=True)

    async def each(self, act: Callable[[str], Awaitable[object]]) -> int:
        """Do something with each word, and go on where one fails: 1 if one did."""
        status = 0
        for word in self.words:
            try:
                await act(word)
            except OSError as error:
                if isinstance(error, BrokenPipeError):
                    raise
                await self.complain_of(error)
                status = 1
        return status


def opened(process: Process, path: str, *, may: str, **how: object) -> Stream:
    """Open a path; what is open already has a path too, as /dev/stdin."""
    if path.startswith("/proc/self/"):
        path = path.replace("self", str(process.pid), 1)
    number = STANDARD.get(path)
    if path.startswith("/dev/fd/") and path[8:].isdigit():
        number = int(path[8:])
    if number is not None:
        return process.stream(number).shared()
    appends, make = bool(how.get("appends")), how.get("make")
    node = process.machine.tree.open(
        path,
        process.cwd,
        make=make if isinstance(make, int) else None,
        new=bool(how.get("new")),
        cut=bool(how.get("cut")),
    )
    return FileStream(node, process.machine.wrote, appends=appends, may=may)


def options(call: Call, flags: str, valued: str = "") -> dict[str, str]:
    """Take the options of one letter from a call's words: of flags "", of others their value, a
    line each where it is given again.
    """
    found = dict[str, str]()
    while call.words and call.words[0].startswith("-") and call.words[0] != "-":
        word = call.words.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            raise Usage(f"unrecognized option '{word}'")
        rest = word[1:]
        while rest:
            letter, rest = rest[0], rest[1:]
            if letter in valued:
                value, rest = rest or _value(call, letter), ""
                found[letter] = f"{found[letter]}\n{value}" if letter in found else value
            elif letter in flags:
                found[letter] = ""
            else:
                raise Usage(f"invalid option -- '{letter}'")
    return found


def _value(call: Call, letter: str) -> str:
    if not call.words:
        raise Usage(f"option requires an argument -- '{letter}'")
    return call.words.pop(0)


Command = Callable[[Call], Awaitable[int]]


async def carried_out(command: Command, call: Call) -> int:
    """Run a command, and say what was wrong with it."""
    try:
        return await command(call)
    except Usage as wrong:
        await call.complain(str(wrong))
        return wrong.status
    except BrokenPipeError:
        raise
    except OSError as error:
        await call.complain_of(error)
        return 1
