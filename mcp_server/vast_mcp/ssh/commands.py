"""A command over an open connection: what it reads and says, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import asyncssh
from asyncssh.constants import EXTENDED_DATA_STDERR

from vast_mcp.ssh.entering import Line
from vast_mcp.ssh.lost import LineLost

Hears = Callable[[bytes], None]
LONGEST_SIGNAL = 16  # characters; POSIX has VTALRM


@dataclass(frozen=True)
class Ran:
    """What a command came to. `exit_status` and `signal` are None where the machine did not say;
    with `late`, because its time was up, and it may go on there.

    Of each stream the last bytes are kept; `…_cut`: there was more before them.
    """

    exit_status: int | None
    signal: str | None
    stdout: bytes
    stderr: bytes
    stdout_cut: bool
    stderr_cut: bool
    late: bool


async def run(
    line: Line,
    command: str,
    *,
    stdin: bytes = b"",
    most: int,
    within_s: float,
    hears: Hears | None = None,
) -> Ran:
    """Run a command in the login shell of root, without a terminal.

    `stdin` is all that it reads, then its end comes. `most`: bytes kept of each stream. `hears` is
    told of stdout as it comes. After `within_s` seconds the channel is closed, which ends nothing
    that does not want to be ended. Raises LineLost, and nothing of asyncssh's.
    """
    ear = _Ear(_End(most), _End(most), hears)
    try:
        async with asyncio.timeout(within_s):
            await _hear_out(line.link, ear, command, stdin)
    except TimeoutError:
        late = not ear.over.is_set()
    else:
        late = False
    if not late and not ear.heard_all and (ear.trouble is not None or line.link.is_closed()):
        raise LineLost from ear.trouble
    out, err = ear.out, ear.err
    return Ran(
        ear.exit_status, ear.signal, bytes(out.kept), bytes(err.kept), out.cut, err.cut, late
    )


async def _hear_out(
    link: asyncssh.SSHClientConnection, ear: _Ear, command: str, stdin: bytes
) -> None:
    """Start a command, and hear it until its channel closes. Raises LineLost."""
    channel = await _opened(link, ear, command)
    try:
        with contextlib.suppress(OSError):  # who reads no more may still end as it should
            channel.write(stdin)
            channel.write_eof()
        await ear.over.wait()
    finally:
        channel.abort()


async def _opened(link: asyncssh.SSHClientConnection, ear: _Ear, command: str) -> Any:
    """The command's channel, of which asyncssh names half the types. Raises LineLost."""
    try:
        channel, _ = await cast("Any", link).create_session(lambda: ear, command, encoding=None)
    except asyncssh.ChannelOpenError as exc:
        raise LineLost(begun=link.is_closed()) from exc  # on an open link it is a plain no
    except Exception as exc:  # a stranger's bytes: whatever they break, the line is of no use
        raise LineLost from exc
    return channel


@dataclass(eq=False)
class _End:
    """The last bytes of a stream."""

    most: int
    kept: bytearray = field(default_factory=bytearray)
    cut: bool = False

    def add(self, data: bytes) -> None:
        """Keep these too, and of all of them as many as may be kept."""
        self.kept += data
        excess = len(self.kept) - self.most
        if excess > 0:
            del self.kept[:excess]
            self.cut = True


@dataclass(eq=False)
class _Ear(asyncssh.SSHClientSession[bytes]):
    """What a command says, and how it ends."""

    out: _End
    err: _End
    hears: Hears | None
    exit_status: int | None = None
    signal: str | None = None
    said_all: bool = False
    trouble: Exception | None = None  # that ended the connection
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def heard_all(self) -> bool:
        """Whether its output came to an end, and its end was told."""
        return self.said_all and not (self.exit_status is None and self.signal is None)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Keep the end of what is said."""
        if datatype == EXTENDED_DATA_STDERR:
            self.err.add(data)
            return
        self.out.add(data)
        if self.hears is not None:
            self.hears(data)

    def exit_status_received(self, status: int) -> None:
        """It ended by itself."""
        self.exit_status = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:  # noqa: ARG002
        """It was killed. A name is a name, whatever a stranger's server says."""
        self.signal = signal if signal.isalnum() and len(signal) <= LONGEST_SIGNAL else "unknown"

    def eof_received(self) -> bool:
        """Its output is over."""
        self.said_all = True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Its channel is closed, or the connection."""
        self.trouble = exc
        self.over.set()
