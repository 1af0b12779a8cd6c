"""What a person at a terminal sees while something takes its time: one line on stderr, rewritten,
and gone at the end.

Where stderr is no terminal nothing is shown, so that logs and scripts get results and errors only.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol, TextIO

import anyio

from vast_mcp.errors import clean

TICK_S = 1.0


class Say(Protocol):
    """An MCP call's progress callback."""

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None: ...


class Line:
    """One line that is written over. `live` says whether anybody sees it."""

    def __init__(self, stream: TextIO, environ: Mapping[str, str]) -> None:
        self._stream = stream
        self._shown = 0  # characters to write over
        self.live = stream.isatty() and environ.get("TERM") != "dumb"

    def show(self, text: str) -> None:
        """Write over the line. Control characters of strangers are dropped, and the text is cut to
        the terminal.
        """
        if self.live:
            text = clean(text, max(1, _columns(self._stream) - 1))
            # Blanks and not an escape code: every terminal knows them.
            self._stream.write("\r" + text + " " * (self._shown - len(text)))
            self._stream.flush()
            self._shown = len(text)

    def clear(self) -> None:
        """Leave nothing behind."""
        if self._shown:
            self._stream.write("\r" + " " * self._shown + "\r")
            self._stream.flush()
            self._shown = 0

    @contextlib.contextmanager
    def hidden(self) -> Generator[None]:
        """Nothing is shown while the context lasts: somebody is being asked."""
        self.clear()
        self.live, live = False, self.live
        try:
            yield
        finally:
            self.live = live

    @asynccontextmanager
    async def busy(self, text: str) -> AsyncGenerator[Say]:
        """Show `text` and the seconds so far while the context lasts. What it gives takes an MCP
        call's progress.
        """
        begun, now = anyio.current_time(), text

        async def tick() -> None:
            while True:
                self.show(f"{now} … {anyio.current_time() - begun:.0f} s")
                await anyio.sleep(TICK_S)

        async def say(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001
            nonlocal now
            now = f"{text}: {message}" if message else text
            self.show(f"{now} … {anyio.current_time() - begun:.0f} s")

        if not self.live:
            yield say
            return
        failed: Exception | None = None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(tick)
                try:
                    yield say
                except Exception as exc:  # a task group would wrap it, and nobody catches a group
                    failed = exc
                tasks.cancel_scope.cancel()
        finally:
            self.clear()
        if failed is not None:
            raise failed


def _columns(stream: TextIO) -> int:
    with contextlib.suppress(OSError, ValueError):
        return os.get_terminal_size(stream.fileno()).columns or 80
    return 80


def painted(text: str, colour: int, environ: Mapping[str, str], stream: TextIO) -> str:
    """The text in one of the eight colours (31 red, 32 green, 33 yellow), on a terminal that wants
    any (NO_COLOR).
    """
    plain = (
        bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb" or sys.platform == "win32"
    )
    return text if plain or not stream.isatty() else f"\x1b[{colour}m{text}\x1b[0m"
