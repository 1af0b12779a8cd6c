"""Whoever is let in by SSH has a session: a command, or a shell that reads what is sent."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from .calls import Call, carried_out
from .commands import COMMANDS
from .machine import Machine
from .processes import KILL, NAMES, SIGNALS, Process, signalled
from .streams import AT_ONCE, Pipe, Stream

if TYPE_CHECKING:
    import asyncssh

RCFILE = "[ -r ~/.bashrc ] && . ~/.bashrc\n"


async def serve(guest: "asyncssh.SSHServerProcess[bytes]", machine: Machine) -> None:
    """Run what a guest asks for, and tell how it ended once nobody writes to it any more."""
    process = machine.entrant()
    source, sink = Pipe().ends()
    process.put(0, source)
    outs = list[Stream]()
    for number in (1, 2):
        out, into = Pipe().ends()
        process.put(number, into)
        outs.append(out)
    process.words = ["bash", "-c", guest.command] if guest.command is not None else ["-bash"]
    process.start(lambda: _run(process, guest.command))
    hearing = asyncio.ensure_future(_hear(guest, sink, process))
    writers = (guest.stdout, guest.stderr)
    try:
        pairs = zip(outs, writers, strict=True)
        await asyncio.gather(*(_tell(out, writer) for out, writer in pairs))
        await process.wait()
    finally:
        hearing.cancel()
        for out in outs:
            out.drop()
    _leave(guest, process)


async def _run(process: Process, command: str | None) -> int:
    """Do as bash does for sshd: its file of settings first, then what is asked for."""
    words = ["bash"] if command is None else ["bash", "-c", RCFILE + command]
    return await carried_out(COMMANDS["sh"], Call(process, words))


async def _hear(guest: "asyncssh.SSHServerProcess[bytes]", sink: Stream, process: Process) -> None:
    """Hand on what is sent: bytes, and signals."""
    import asyncssh

    try:
        while True:
            try:
                data = await guest.stdin.read(AT_ONCE)
            except asyncssh.SignalReceived as received:
                number = SIGNALS.get(received.signal, KILL)
                signalled(process.machine.processes.of_group(process.group), number)
                continue
            except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged):
                continue
            if not data:
                return
            process.machine.time.catch_up()
            await sink.write(data)
    except (OSError, asyncssh.Error):
        return  # nobody reads it, or the line is gone
    finally:
        sink.drop()


async def _tell(out: Stream, writer: Any) -> None:
    """Hand on what is written, until all who write have ended, or nobody hears it."""
    import asyncssh

    with contextlib.suppress(OSError, asyncssh.Error):
        while data := await out.read(AT_ONCE):
            writer.write(data)
            await writer.drain()


def _leave(guest: "asyncssh.SSHServerProcess[bytes]", process: Process) -> None:
    name = NAMES.get(process.killed_by, "")
    if name:
        guest.exit_with_signal(name)
    else:
        guest.exit(process.status)
