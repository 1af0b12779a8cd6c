"""A command on one machine, begun once: journal, ticket, claim, and what is seen of it then.

The journal names the job before anything is sent. A ticket is put down in the machine and written
into the journal, and only then the start is sent, which that ticket is good for once: whoever
follows may send the start again, and the claim decides. No ticket and no folder means that nobody
can know what became of it: it is lost, and begins again by no one's guess.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import anyio

from vast_mcp import errors
from vast_mcp.journal.jobs import Ending, Job
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.ssh import LineLost
from vast_mcp.ssh.entering import LOGIN_S, Line, entered
from vast_mcp.vast.models import Instance
from vast_mcp.working.jobs import far
from vast_mcp.working.jobs.far import Act, ActName, Seen, Unreadable
from vast_mcp.working.jobs.order import Order
from vast_mcp.working.jobs.pace import Pace
from vast_mcp.working.jobs.words import last_line

MOST_READ = 65_536  # bytes of each stream's end, before secrets are masked and the rest is cut
STOPS_AFTER_S = 10  # a job that was asked to end is ended
STOPPING_S = 7  # that ending it may take then
PAUSES_S = (0.2, 0.5, 1, 2, 4, 8, 8, 8, 8)  # before connections that follow one that broke
ENDINGS: dict[str, Ending] = {
    "ended": "ended",
    "stopped": "stopped",
    "unstarted": "unstarted",
    "interrupted": "interrupted",
    "lost": "lost",
}


@dataclass(frozen=True)
class Told:
    """What there is to tell of a job on one machine. `seen` None: nothing could be read of it, for
    the reason in `trouble`. `job`: as the journal has it.
    """

    instance_id: int
    job: Job
    began_now: bool = False
    seen: Seen | None = None
    trouble: str = ""


@dataclass(eq=False)
class Errand:
    """A call's work on one machine. `began_now`: this call sent the start, or may have."""

    call: Call
    row: Instance
    order: Order
    pace: Pace
    job: Job
    account: str
    began_now: bool = False

    async def run(self) -> Told:
        """Begin or follow it, through as many connections as the time allows. Raises NoSshKey, and
        NotEntered where nothing of it was ever sent.
        """
        for pause_s in PAUSES_S:
            try:
                within_s = min(LOGIN_S, self.pace.left_s)
                async with entered(self.call, self.row, within_s=within_s) as line:
                    return self._told(await self._over(line))
            except LineLost:
                self._read_again()
                if self.pace.over:
                    break
                await anyio.sleep(min(pause_s, self.pace.left_s))
            except Unreadable:
                self._read_again()
                return self._unknown("it does not answer as a POSIX shell does")
            except errors.NotEntered as exc:
                if self.job.state == "named":
                    raise
                if not exc.next_steps:  # only a person goes on
                    exc.message += f" Job {self.job.name} may go on there."
                    raise
                return self._unknown(exc.message.rstrip("."))
        return self._unknown("the connection to it broke")

    async def _over(self, line: Line) -> Seen:
        """What is seen of it over one connection. Raises LineLost, Unreadable."""
        if self.order.stop:
            patience = int(max(1, min(STOPS_AFTER_S, self.pace.left_s - STOPPING_S)))
            return await self._followed(line, await self._ask(line, "stop", patience))
        if self.job.state == "named" and not await self._made_ready(line):
            return Seen(self.job.name, "unwritable", "unstarted")
        if self.job.state == "sent" and self.job.ticket is not None:
            return await self._followed(line, await self._start(line))
        return await self._followed(line, await self._ask(line, "look", self.pace.slice_s))

    async def _made_ready(self, line: Line) -> bool:
        """Put down what its start needs, and announce the start. False where the machine takes no
        file.
        """
        ticket = secrets.token_hex(6)
        command = self.order.command or ""
        was = await far.prepare(line, self.job.name, ticket, command, within_s=self.pace.left_s)
        if was == "unwritable":
            return False
        self.call.journal.jobs.mark_sent(self.job, ticket)
        self._read_again()
        return True

    async def _start(self, line: Line) -> Seen:
        """Send its start. Whether that arrived, only an answer says."""
        before, self.began_now = self.began_now, True
        with self.call.deeds.one("command", f"{self.row.id}/{self.job.name}") as deed:
            deed.leaves()
            seen = await self._ask(line, "start", self.pace.slice_s)
        if seen.was != "started":
            self.began_now = before
        if seen.was in {"unwritable", "lost"}:
            deed.left, deed.fate = False, "held"
        return seen

    async def _ask(self, line: Line, name: ActName, wait_s: int) -> Seen:
        act = Act(
            name,
            self.job.name,
            self.job.ticket or far.NOBODY,
            wait_s=wait_s,
            most=MOST_READ,
            values=self.order.values if name == "start" else {},
        )
        return await far.on_job(line, act, within_s=self.pace.left_s)

    async def _followed(self, line: Line, seen: Seen) -> Seen:
        """What is seen of it once it is over, or when the call is to answer."""
        self._note(seen)
        while seen.state == "running" and not self.pace.over:
            await self.call.say(last_line(seen.out, self.call) or "it runs")
            seen = await self._ask(line, "look", self.pace.slice_s)
            self._note(seen)
        return seen

    # ── what the journal keeps ──────────────────────────────────────────────────────────────────

    def _read_again(self) -> None:
        """The job as the journal has it now: another process may have gone on with it."""
        found = self.call.journal.jobs.by_name(self.account, self.job.name)
        self.job = found or self.job

    def _note(self, seen: Seen) -> None:
        """Keep what was seen of it."""
        with journal_may_fail:
            jobs = self.call.journal.jobs
            if seen.was != "unwritable" and seen.state not in {"lost", "unknown"}:
                jobs.mark_begun(self.job)
            ending = ENDINGS.get(seen.state)
            if ending is not None and seen.was != "unwritable":
                jobs.mark_over(self.job, ending, seen.exit_status)

    def _told(self, seen: Seen) -> Told:
        """What the answer tells."""
        with journal_may_fail:
            self._read_again()
        return Told(self.row.id, self.job, self.began_now, seen)

    def _unknown(self, trouble: str) -> Told:
        """What is told where nothing could be read. Raises NotEntered where no start was sent."""
        if self.job.state == "named":
            raise errors.NotEntered(
                f"Machine {self.row.id}: {trouble}, before anything was begun.",
                instance_id=self.row.id,
            )
        return Told(self.row.id, self.job, self.began_now, None, trouble)
