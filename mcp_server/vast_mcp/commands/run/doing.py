"""One process with one run: it goes on with it, or follows the one that does, and prints what the
job says.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio

from vast_mcp import signals
from vast_mcp.account.whose import account_of
from vast_mcp.commands.call import Person
from vast_mcp.commands.composing import compose
from vast_mcp.commands.run.course import Course, Stop
from vast_mcp.commands.run.desk import Desk
from vast_mcp.commands.run.line import Line, Misused
from vast_mcp.commands.run.spool import ERR, OUT, Printer, Spool
from vast_mcp.commands.statuses import NOT_BEGUN, REPEAT
from vast_mcp.commands.terminal import Progressing
from vast_mcp.errors import VastMcpError
from vast_mcp.journal.runs import Run
from vast_mcp.settings import Settings

FOLLOW_S = 0.3  # between looks at how far another process is


@dataclass(frozen=True)
class Ending:
    """What the process ends with. `tell`: the last that is done before, since from then on the same
    line runs anew.
    """

    status: int
    tell: Callable[[], None] = lambda: None


async def done(settings: Settings, line: Line) -> Ending:
    """How the line ends."""
    from mcp import Client

    server = compose(settings)
    person = Person(Progressing("run"))
    async with Client(server, elicitation_callback=person.callback()) as client:
        desk = Desk(client, server.session)
        try:
            desk = Desk(client, await server.sessions.now())
            desk.account = await account_of(desk.quiet)
            run = _opened(desk, line)
        except VastMcpError as exc:
            desk.say(f"{exc.code}: {exc.message}")
            return Ending(REPEAT if exc.billing_possible else NOT_BEGUN)
        except Misused as exc:
            desk.say(str(exc))
            return Ending(NOT_BEGUN)
        signals.end_in_order(lambda: _leave(desk))
        return await _printed(desk, line, run)


def _opened(desk: Desk, line: Line) -> Run:
    """The run of this line. Raises Misused where files that come back would meet others."""
    journal = desk.session.journal
    journal.take_ownership()
    found = journal.runs.of_wish(desk.account, line.wish)
    if found is None:
        line.check_room()
        found = journal.runs.opened(desk.account, line.wish)
    return found


async def _printed(desk: Desk, line: Line, run: Run) -> Ending:
    """How it ends, once all that the job said is printed."""
    path = desk.session.journal.path
    folder = Path(tempfile.mkdtemp()) if path is None else path.parent / "runs"
    spool = Spool(folder, run.name)
    with spool.paths[OUT].open("rb") as out, spool.paths[ERR].open("rb") as err:
        printers = [Printer(out, spool.sink(OUT)), Printer(err, spool.sink(ERR))]
        ended: Run | Stop = run
        async with anyio.create_task_group() as tasks:
            for one in printers:
                tasks.start_soon(one.run)
            ended = await _ended(desk, line, run, spool)
            for one in printers:
                one.last = True
    if isinstance(ended, Stop):
        desk.say(str(ended))
        return Ending(ended.status)
    if ended.said:
        desk.say(ended.said)
    return _told(desk, ended, spool)


def _told(desk: Desk, run: Run, spool: Spool) -> Ending:
    """The end of a run that is over."""
    journal = desk.session.journal

    def tell() -> None:
        journal.runs.mark_told(run)
        journal.close()
        spool.forget()

    return Ending(NOT_BEGUN if run.status is None else run.status, tell)


async def _ended(desk: Desk, line: Line, run: Run, spool: Spool) -> Run | Stop:
    """The run once it is over, or why it goes no further now."""
    journal = desk.session.journal
    following = False
    while run.stage != "over":
        taken = journal.runs.take(run)
        if taken is not None:
            try:
                run = await Course(desk, line, taken, spool).to_its_end()
            except Stop as stop:
                return stop
            continue
        if not following:
            following = True
            desk.say("another process does this line already; this one follows it")
        await anyio.sleep(FOLLOW_S)
        run = journal.runs.named(desk.account, run.name)
    return run


def _leave(desk: Desk) -> None:
    """An interrupt ends the process where it stands: what it leaves ends itself, and the same line
    goes on with it.
    """
    print(f"vast-mcp run: interrupted. {desk.left_behind}", file=sys.stderr, flush=True)
    os._exit(REPEAT if desk.may_bill else signals.INTERRUPTED)
