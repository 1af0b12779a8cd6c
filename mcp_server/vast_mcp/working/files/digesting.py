"""Digests of a machine's files, by one shell script for all of them (digest.sh)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources

from vast_mcp.ssh.commands import run
from vast_mcp.ssh.entering import Line
from vast_mcp.ssh.lost import LineLost
from vast_mcp.working.files.sides import PIECE, Part

AT_ONCE = 500  # names in one command, of which a system takes two megabytes
_MIB = 1 << 20
_PLAIN = re.compile(rb"[^\\\r\n]+\Z")
_NUMBERED = re.compile(rb"vast-mcp (\d{1,9}) ([0-9a-f]{64})")
_NAMED = re.compile(rb"([0-9a-f]{64}) [ *]\./(.+)", re.DOTALL)
_TOOL = re.compile(rb"vast-mcp tool ([a-z0-9]+)")


class Late(Exception):
    """The machine took longer than there was time."""


async def digests_there(
    line: Line, root: bytes, parts: Sequence[Part], within_s: float
) -> list[str | None] | None:
    """SHA-256 of each part beneath a folder, by its absolute path; None of what could not be read,
    and for all where the machine runs no commands or has no tool for it. Raises Late and LineLost.
    """
    try:
        ran = await run(
            line,
            "sh",
            stdin=script(root, parts),
            most=sum(len(part.path) + 200 for part in parts) + 65_536,
            within_s=within_s,
        )
    except LineLost:
        if line.link.is_closed():
            raise
        return None  # it takes files, and no commands
    if ran.late:
        raise Late
    return read(ran.stdout, parts)


def script(root: bytes, parts: Sequence[Part]) -> bytes:
    """What the machine's shell is sent."""
    calls = list(_calls(parts))
    head = resources.files("vast_mcp.working.files").joinpath("digest.sh").read_bytes()
    body = [
        b"main() {",
        b"choose",
        b'if [ "$tool" = none ]; then return; fi',
        b"cd " + quoted(root) + b" || return",
        *calls,
        b"}",
        b"main",
        b"",
    ]
    return head + b"\n".join(body)


def _calls(parts: Sequence[Part]) -> list[bytes]:
    """The calls: files by their names, many at once, and all else by its number."""
    named = [part for part in parts if part.piece is None and _PLAIN.match(part.path)]
    calls = [
        b" ".join([b"whole", *(quoted(b"./" + part.path) for part in named[at : at + AT_ONCE])])
        for at in range(0, len(named), AT_ONCE)
    ]
    step = PIECE // _MIB
    for number, part in enumerate(parts):
        name = quoted(b"./" + part.path)
        if part.piece is not None:
            calls.append(b"piece %d %s %d %d" % (number, name, part.piece * step, step))
        elif not _PLAIN.match(part.path):
            calls.append(b"one %d %s" % (number, name))
    return calls


def read(said: bytes, parts: Sequence[Part]) -> list[str | None] | None:
    """What the machine said, beside whatever else its shell prints."""
    tool, named, numbered = None, dict[bytes, str](), dict[int, str]()
    for line in said.split(b"\n"):
        if found := _NUMBERED.fullmatch(line):
            numbered[int(found[1])] = found[2].decode()
        elif found := _NAMED.fullmatch(line):
            named[found[2]] = found[1].decode()
        elif found := _TOOL.fullmatch(line):
            tool = found[1]
    if tool in {None, b"none"}:
        return None
    return [
        numbered.get(number, named.get(part.path) if part.piece is None else None)
        for number, part in enumerate(parts)
    ]


def quoted(name: bytes) -> bytes:
    """A name as a shell reads it, whatever bytes it has."""
    return b"'" + name.replace(b"'", b"'\\''") + b"'"
