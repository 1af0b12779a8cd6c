"""Redirections: which streams a command has."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from vast_mcp.sandbox.machine.calls import opened
from vast_mcp.sandbox.machine.nodes import File
from vast_mcp.sandbox.machine.processes import Process
from vast_mcp.sandbox.machine.streams import Stream, TextStream

from .syntax import Redirection

if TYPE_CHECKING:
    from .running import Shell

# A stream by its number as it was before; None where there was none.
Before = list[tuple[int, Stream | None]]


class RedirectionFault(Exception):
    """A stream cannot be had."""


async def redirect(shell: "Shell", process: Process, wanted: Iterable[Redirection]) -> Before:
    """Redirect a process's streams: what they were before. Nothing is changed where one fails."""
    before: Before = []
    try:
        for one in wanted:
            stream = await _stream(shell, process, one)
            was = process.streams.get(one.number)
            before.append((one.number, was.shared() if was else None))
            if stream is None:
                process.close(one.number)
            else:
                process.put(one.number, stream)
    except BaseException:
        restore(process, before)
        raise
    return before


def restore(process: Process, before: Before) -> None:
    """Give a process the streams that it had."""
    for number, stream in reversed(before):
        if stream is None:
            process.close(number)
        else:
            process.put(number, stream)


def forget(before: Before) -> None:
    """Let go of the streams that were there: nothing goes back to them."""
    for _, stream in before:
        if stream is not None:
            stream.drop()


async def _stream(shell: "Shell", process: Process, one: Redirection) -> Stream | None:
    text = await shell.expansion.text(one.word)
    if one.operator.startswith("<<"):
        return TextStream(os.fsencode(text))
    if one.operator in {"<&", ">&"}:
        return _same(process, text)
    try:
        return _opened(shell, process, one.operator, text)
    except OSError as error:
        verb = "open" if one.operator == "<" else "create"
        raise RedirectionFault(f"cannot {verb} {text}: {error.strerror}") from None


def _same(process: Process, text: str) -> Stream | None:
    if text == "-":
        return None
    if not text.isdigit() or int(text) not in process.streams:
        raise RedirectionFault(f"{text}: Bad file descriptor")
    return process.streams[int(text)].shared()


def _opened(shell: "Shell", process: Process, operator: str, path: str) -> Stream:
    mode = 0o666 & ~process.umask
    if operator == "<":
        return opened(process, path, may="r")
    if operator == ">>":
        return opened(process, path, may="w", make=mode, appends=True)
    if operator == "<>":
        return opened(process, path, may="rw", make=mode)
    keeps = operator == ">" and "C" in shell.options
    there = process.machine.tree.get(path, process.cwd)
    if keeps and isinstance(there, File):
        raise RedirectionFault(f"cannot create {path}: File exists")
    return opened(process, path, may="w", make=mode, cut=True)
