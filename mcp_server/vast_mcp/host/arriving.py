"""Whether answers arrive: on stdout when the host has taken them from the pipe, over HTTP when they
were written while the client was there.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Generator, Hashable
from typing import IO, TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import anyio.to_thread
from mcp.server import ServerRequestContext

from vast_mcp.telling import TAKEN_LOOK_S, TAKEN_S, Telling

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SCOPE_NAME = "vast_mcp.answer"
_ANSWER = re.compile(r'\{"jsonrpc":"2\.0","id":(-?\d+|"(?:[^"\\]|\\.)*"),"result":')


def name_of(ctx: ServerRequestContext[Any, Any]) -> Hashable:
    """The name of a call's answer, for those who write it: ids of requests are a connection's own,
    and over HTTP each request has one.
    """
    scope = getattr(ctx.request, "scope", None)
    if scope is None:
        return ctx.request_id
    return scope.get(_SCOPE_NAME)


# ── stdout ───────────────────────────────────────────────────────────────────────────────────────


class Stdout(anyio.AsyncFile[str]):
    """Where messages are written, one a write."""

    def __init__(self, file: IO[str], telling: Telling) -> None:
        super().__init__(file)
        self._telling = telling
        self._written = 0
        self._one_at_a_time = anyio.Lock()
        self._waiting: list[tuple[int, Hashable]] = []  # until so many bytes are taken
        telling.watched, telling.look = True, self._look

    async def write(self, b: str) -> int:
        """Write a message, whole. One that cannot be written was the last."""
        async with self._one_at_a_time:
            return await self._write(b)

    async def _write(self, b: str) -> int:
        try:
            await anyio.to_thread.run_sync(self._put, b)
        except OSError:
            self._telling.lost_all()
            raise
        self._written += len(b.encode())
        answer = _ANSWER.match(b)
        if answer is not None:
            self._waiting.append((self._written, json.loads(answer[1])))
        return len(b)

    async def flush(self) -> None:
        """Every write has done it."""

    def _put(self, message: str) -> None:
        self.wrapped.write(message)
        self.wrapped.flush()

    def _look(self) -> None:
        """Note the answers that the host has taken. Where the system cannot tell, what was written
        is taken.
        """
        if not self._waiting:
            return
        taken = self._written - unread(self.wrapped.fileno())
        while self._waiting and self._waiting[0][0] <= taken:
            self._telling.arrived(self._waiting.pop(0)[1])


@contextlib.contextmanager
def stdout_of(telling: Telling) -> Generator[Stdout]:
    """stdout for messages alone: whatever else is printed meanwhile goes to stderr."""
    wire = os.dup(sys.stdout.fileno())
    _print_to_stderr()
    try:
        # Never closed: a thread may still write when the last message could not be.
        yield Stdout(
            open(wire, "w", encoding="utf-8", newline="\n", closefd=False),  # noqa: SIM115
            telling,
        )
    finally:
        os.dup2(wire, sys.stdout.fileno())


def _print_to_stderr() -> None:
    try:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    except (AttributeError, OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


async def is_taken(descriptor: int) -> bool:
    """Whether the other side takes what was written, within a moment."""
    with anyio.move_on_after(TAKEN_S):
        while unread(descriptor):  # noqa: ASYNC110  the system does not say when
            await anyio.sleep(TAKEN_LOOK_S)
    return not unread(descriptor)


def unread(descriptor: int) -> int:
    """How many bytes of what was written the other side has not taken yet; 0 where the system does
    not say.
    """
    if sys.platform == "win32":
        return 0
    import fcntl
    import stat
    import termios

    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISFIFO(kind):
            asked = termios.FIONREAD
        elif stat.S_ISSOCK(kind):
            asked = termios.TIOCOUTQ
        else:
            return 0
        found = fcntl.ioctl(descriptor, asked, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(found, sys.byteorder)


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────


class WhileThere:
    """Notes which answers were written to their end while their client was there."""

    def __init__(self, app: ASGIApp, telling: Telling) -> None:
        self._app, self._telling = app, telling
        telling.watched = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        answer = _Answer(receive, send, self._telling)
        scope[_SCOPE_NAME] = answer
        try:
            await self._app(scope, answer.receive, answer.send)
        finally:
            if answer.arrived:
                self._telling.arrived(answer)
            else:
                self._telling.left.add(answer)
                self._telling.lost(answer)


class _Answer:
    """One request's answer on its way. `arrived`: its last part was written."""

    def __init__(self, receive: Receive, send: Send, telling: Telling) -> None:
        self._receive, self._send, self._telling = receive, send, telling
        self._gone = False
        self.arrived = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self.arrived:
            self._gone = True
            self._telling.left.add(self)
        return message

    async def send(self, message: Message) -> None:
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if is_last:
            await self._ask_whether_gone()
        await self._send(message)
        self.arrived |= is_last and not self._gone

    async def _ask_whether_gone(self) -> None:
        """A server drops what is written for a client that has gone, and says so only here."""
        await anyio.lowlevel.checkpoint()  # a loop's round, in which it sees who has closed
        with anyio.move_on_after(0):
            await self.receive()
