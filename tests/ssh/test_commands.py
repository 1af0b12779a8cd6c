"""A command over an open connection: what it hears and says, and how its end is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from openssh import Sshd, needs_openssh, needs_root_to_serve, public_line
from trying import Tryer, machine

from vast_mcp.session import Call
from vast_mcp.ssh import LineLost
from vast_mcp.ssh.entering import Line, entered

pytestmark = [needs_openssh, needs_root_to_serve]


@contextlib.asynccontextmanager
async def at_work(tryer: Tryer, sshd: Sshd) -> AsyncIterator[Line]:
    """A connection to a server that runs commands."""
    sshd.authorize(public_line(tryer.key()))
    async with entered(Call.quiet(tryer.session), machine(sshd.port)) as line:
        yield line


async def test_both_streams_the_end_and_what_was_read_come_back(
    tryer: Tryer, workplace: Sshd
) -> None:
    from vast_mcp.ssh.commands import run

    said: list[bytes] = []
    async with at_work(tryer, workplace) as line:
        ran = await run(
            line,
            "cat; printf 'oops\\377' >&2; exit 7",
            stdin=b"\x00\xff\r\nlast",
            most=100,
            within_s=30,
            hears=said.append,
        )
    assert (ran.exit_status, ran.signal, ran.late) == (7, None, False)
    assert (ran.stdout, ran.stderr) == (b"\x00\xff\r\nlast", b"oops\xff")
    assert (ran.stdout_cut, ran.stderr_cut, b"".join(said)) == (False, False, ran.stdout)


async def test_of_more_output_than_is_wanted_the_end_is_kept(tryer: Tryer, workplace: Sshd) -> None:
    from vast_mcp.ssh.commands import run

    async with at_work(tryer, workplace) as line:
        ran = await run(line, "yes 1234567 | head -c 3000000; echo end", most=12, within_s=30)
        killed = await run(line, "kill -9 $$", most=12, within_s=30)
    assert (ran.stdout, ran.stdout_cut, ran.exit_status) == (b"1234567\nend\n", True, 0)
    assert (killed.exit_status, killed.signal) == (None, "KILL")


async def test_a_command_that_reads_nothing_ends_as_it_does(tryer: Tryer, workplace: Sshd) -> None:
    from vast_mcp.ssh.commands import run

    async with at_work(tryer, workplace) as line:
        ran = await run(line, "exit 3", stdin=b"x" * 5_000_000, most=1, within_s=30)
    assert (ran.exit_status, ran.late) == (3, False)


async def test_what_is_late_goes_on_and_the_connection_is_of_use_still(
    tryer: Tryer, workplace: Sshd
) -> None:
    from vast_mcp.ssh.commands import run

    async with at_work(tryer, workplace) as line:
        late = await run(line, "echo a; exec sleep 60 >/dev/null", most=9, within_s=0.5)
        assert (late.exit_status, late.late) == (None, True)
        assert (await run(line, "echo b", most=9, within_s=30)).stdout == b"b\n"


async def test_a_connection_that_breaks_is_one_exception_whatever_broke(
    tryer: Tryer, workplace: Sshd
) -> None:
    from vast_mcp.ssh.commands import run

    async with at_work(tryer, workplace) as line:
        running = asyncio.create_task(run(line, "exec sleep 60", most=9, within_s=60))
        with pytest.raises(LineLost) as lost:
            await run(line, "kill -9 $PPID; exec sleep 60", most=9, within_s=60)
        assert lost.value.begun
        with pytest.raises(LineLost):
            await running
        with pytest.raises(LineLost):
            await run(line, "echo late", most=9, within_s=60)


async def test_a_machine_that_opens_no_more_channels_says_no_and_nothing_began(
    tryer: Tryer, workplace: Sshd
) -> None:
    from vast_mcp.ssh.commands import run

    workplace.configure("MaxSessions 0")
    async with at_work(tryer, workplace) as line:
        with pytest.raises(LineLost) as lost:
            await run(line, "touch begun", most=9, within_s=60)
    assert not lost.value.begun
