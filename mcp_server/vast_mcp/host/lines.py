"""stdin, line by line: each is a message for the SDK, or is answered here with an error."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Awaitable, Callable, Generator
from typing import IO, Any, cast

import anyio
import anyio.to_thread

from vast_mcp.host.messages import (
    LONGEST,
    TOO_LONG,
    error_line,
    fault_of,
    is_reply,
    members_of,
)

_TAIL = 4096  # what is kept of the end of a line that is too long
_CHUNK = 1 << 16
_BOM = b"\xef\xbb\xbf"


class Stdin(anyio.AsyncFile[str]):
    """Where messages are read. `answer` writes a line to the host."""

    def __init__(self, file: IO[bytes], answer: Callable[[str], Awaitable[Any]]) -> None:
        super().__init__(cast("IO[Any]", file))
        self._file, self._answer = file, answer

    async def readline(self) -> str:
        """The next message that the SDK can read; empty at the end of stdin."""
        while True:
            message, wrong = await anyio.to_thread.run_sync(self._read)
            if not wrong:
                return message
            await self._answer(wrong)

    def _read(self) -> tuple[str, str]:
        """The next message, or what is answered to a line that is none."""
        line, tail = self._next()
        while line and not line.strip():
            line, tail = self._next()
        line = line.removeprefix(_BOM)
        if not line:
            return "", ""
        fault = TOO_LONG if tail else fault_of(line)
        if fault is None:
            return line.decode(), ""
        members = members_of(line, tail)
        wrong = error_line(members, fault)
        if is_reply(members):
            return wrong, ""  # whoever asked the host learns that its answer was none
        return "", wrong

    def _next(self) -> tuple[bytes, bytes]:
        """The next line, or the beginning and the end of one that is too long."""
        line = tail = self._file.readline(LONGEST + 1)
        if len(line) <= LONGEST or line.endswith(b"\n"):
            return line, b""
        while not tail.endswith(b"\n") and (more := self._file.readline(_CHUNK)):
            tail = (tail + more)[-_TAIL:]
        return line, tail[-_TAIL:]


@contextlib.contextmanager
def stdin_of(answer: Callable[[str], Awaitable[Any]]) -> Generator[Stdin]:
    """stdin for messages alone: whoever else reads it meanwhile finds its end."""
    wire = os.dup(sys.stdin.fileno())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    try:
        # Never closed: a thread may still read.
        yield Stdin(open(wire, "rb", closefd=False), answer)  # noqa: SIM115
    finally:
        os.dup2(wire, sys.stdin.fileno())
