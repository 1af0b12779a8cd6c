"""A call of run_command: who is admitted, what is asked of the person, and all machines at once."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio

from vast_mcp import errors
from vast_mcp.account.reading import Reading
from vast_mcp.account.whose import account_of
from vast_mcp.errors import Problem
from vast_mcp.journal.jobs import Job, JobWish
from vast_mcp.journal.records import Notice
from vast_mcp.renting.consent import Consent
from vast_mcp.renting.proposal import Proposal
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.working.admission import admit_each, is_stopped
from vast_mcp.working.jobs import at_rest, words
from vast_mcp.working.jobs.at_rest import OnDisk, on_disk
from vast_mcp.working.jobs.once import Errand, Told
from vast_mcp.working.jobs.order import TOOL, Order
from vast_mcp.working.jobs.pace import Pace, remembering
from vast_mcp.working.jobs.words import OnMachine

OVER = frozenset({"ended", "stopped", "interrupted", "lost"})
ASKED_CHARACTERS = 1_000  # of each end of a command, in the question to the person


@dataclass(eq=False)
class Work:
    """One order on some machines of an account."""

    call: Call
    order: Order
    instance_ids: Sequence[int]
    not_ours: bool
    argument: str = "instance_id"
    account: str = ""
    known: dict[int, Job] = field(default_factory=dict[int, Job])

    async def done(self) -> list[OnMachine]:
        """What it came to, in the order of the ids. Raises what keeps all of it from beginning."""
        self.account = await account_of(self.call)
        settle_ends(self.call)
        self._look_up()
        admitted = await self._admitted()
        consent = self._consent(admitted)
        if consent is None:
            return await self._all(admitted)
        if await self._ask(consent, admitted):
            admitted = await self._admitted()  # a person has read meanwhile
        with consent.spent():
            return await self._all(admitted)

    @functools.cached_property
    def _on_disk(self) -> OnDisk | None:
        """The command where Vast runs it on the disk of a machine that is stopped."""
        return on_disk(self.order)

    def _removes_at_rest(self, admitted: Sequence[Reading | errors.VastMcpError]) -> OnDisk | None:
        """The command, where it removes something from a disk at rest."""
        command = self._on_disk
        if command is None or not command.removes:
            return None
        rests = any(isinstance(one, Reading) and is_stopped(one) for one in admitted)
        return command if rests else None

    async def _ask(
        self, consent: Consent, admitted: Sequence[Reading | errors.VastMcpError]
    ) -> bool:
        """Ask as before any command; before something is removed from a disk at rest wherever a
        person wants to be asked at all: of what costs, or of commands.
        """
        asks_at_all = self.call.settings.confirm_above is not None
        if asks_at_all and self._removes_at_rest(admitted) is not None:
            return await consent.ask_entry()
        return await consent.ask_command()

    def _look_up(self) -> None:
        """The jobs that the journal has of it. Raises KeyReused, BadArguments."""
        for instance_id in self.instance_ids:
            job = self._job_of(instance_id)
            if job is not None:
                self.known[instance_id] = job
        if self.order.stop and not self.known:
            no_job = "nothing of this is known; show_jobs lists the jobs"
            raise errors.bad(TOOL, [Problem("stop", no_job)])

    def _job_of(self, instance_id: int) -> Job | None:
        jobs, order = self.call.journal.jobs, self.order
        if order.job is not None:
            found = jobs.by_name(self.account, order.job) or _anybodys(order.job, instance_id)
            if found.instance_id != instance_id:
                of = Problem("job", f"it is machine {found.instance_id}'s")
                raise errors.bad(TOOL, [of])
            return found
        wish = order.wish(self.call, self.account, instance_id)
        found = jobs.of_wish(wish)
        if found is not None:
            _check_same(found, wish)
        return found

    async def _admitted(self) -> list[Reading | errors.VastMcpError]:
        order = self.order
        admitted = await admit_each(
            self.call,
            self.instance_ids,
            argument=self.argument,
            not_ours=self.not_ours,
            work="a command may change what is on it",
            again=lambda others: order.again(
                "the same call", **({"not_ours": True} if others else {})
            ),
            formerly=[one for one, job in self.known.items() if job.made_at is not None],
            keys=self._on_disk is None,
            stopped=True,
        )
        return [self._able(one) for one in admitted]

    def _able(self, one: Reading | errors.VastMcpError) -> Reading | errors.VastMcpError:
        """A machine, or why it does not run this at rest."""
        if not isinstance(one, Reading) or not is_stopped(one):
            return one
        if self._on_disk is None or one.machine.is_vm:
            return at_rest.refused(one, self.order)
        return one

    def _consent(self, admitted: Sequence[Reading | errors.VastMcpError]) -> Consent | None:
        """The person's yes to a command that is new on some machine; following needs none."""
        new = [
            one.row.id
            for one in admitted
            if isinstance(one, Reading)
            and (
                is_stopped(one)
                or one.row.id not in self.known
                or self.known[one.row.id].state == "named"
            )
        ]
        if not new or self.order.command is None:
            return None
        return Consent(self.call, self._proposal(new, self._removes_at_rest(admitted)))

    def _proposal(self, new: Sequence[int], removes: OnDisk | None) -> Proposal:
        machines = ", ".join(map(str, new))
        shown = _as_asked(self.order.command or "")
        values = (
            f" With the values of {', '.join(self.order.env_from)}." if self.order.env_from else ""
        )
        what = f"Run this as root on machine {machines}?\n{shown}\n{values}".rstrip()
        return Proposal(
            tool=TOOL,
            arguments={**self.order.given, "instance_ids": sorted(new)},
            what=what if removes is None else at_rest.question(machines, removes),
            again=self.order.again("the same call"),
            setting="VAST_MCP_CONFIRM_COMMANDS" if removes is None else "VAST_MCP_CONFIRM",
        )

    async def _all(self, admitted: Sequence[Reading | errors.VastMcpError]) -> list[OnMachine]:
        """All machines at once. One alone raises what it meets."""
        found: dict[int, OnMachine] = {}
        alone = len(self.instance_ids) == 1
        pace = Pace.of(self.call, self.order.timeout_s, until_done=self.order.until_done)

        async def work(instance_id: int, one: Reading | errors.VastMcpError) -> None:
            try:
                found[instance_id] = await self._one(instance_id, one, pace)
            except errors.VastMcpError as exc:
                if alone:
                    raise
                found[instance_id] = words.of_error(instance_id, exc)

        if alone:
            await work(self.instance_ids[0], admitted[0])
        else:
            async with anyio.create_task_group() as tasks:
                for instance_id, one in zip(self.instance_ids, admitted, strict=True):
                    tasks.start_soon(work, instance_id, one)
        in_order = [found[instance_id] for instance_id in self.instance_ids]
        self._tell_ends(in_order)
        return in_order

    def _tell_ends(self, found: Sequence[OnMachine]) -> None:
        """An end counts as told once this answer has arrived, and of several machines only with
        the last of them: the same call goes on with the others, and must not begin this one anew.
        """
        if all(one.state in OVER for one in found):
            self.call.ends |= {(one.job or "", Notice.JOB_OVER) for one in found}

    async def _one(
        self, instance_id: int, one: Reading | errors.VastMcpError, pace: Pace
    ) -> OnMachine:
        """One machine: its job by name, or the one of its wish. A job that was found is followed,
        whatever was told of it meanwhile: nobody was asked about another.
        """
        job = self.known.get(instance_id)
        if isinstance(one, errors.NoSuchInstance) and job is not None:
            return self._gone(instance_id, job)
        if isinstance(one, errors.VastMcpError):
            raise one
        if self._on_disk is not None and is_stopped(one):
            return await at_rest.run(self.call, one, self._on_disk, self.order, pace)
        if self.order.begins_none and (job is None or job.state == "named"):
            return words.of_unsent(instance_id, job)
        if job is None:
            job = self._named(instance_id)
        errand = Errand(self.call, one.row, self.order, pace, job, self.account)
        with remembering(self.call, pace):
            return self._words(await errand.run())

    def _named(self, instance_id: int) -> Job:
        """The job, which has its name in the journal from here on. Raises KeyReused."""
        wish = self.order.wish(self.call, self.account, instance_id)
        job = self.call.journal.jobs.named(wish)
        _check_same(job, wish)
        return job

    def _gone(self, instance_id: int, job: Job) -> OnMachine:
        """A job that ended with its machine."""
        with journal_may_fail:
            self.call.journal.jobs.mark_over(job, "gone")
        return words.of_gone(instance_id, job)

    def _words(self, told: Told) -> OnMachine:
        if told.seen is None:
            return words.of_trouble(
                told.instance_id, told.job, told.trouble, began_now=told.began_now
            )
        share = len(self.instance_ids)
        return words.of_seen(
            self.call, told.instance_id, told.job, told.seen, began_now=told.began_now, share=share
        )


def _as_asked(command: str) -> str:
    """A command as a person reads it before their yes: what a terminal would hide or turn around is
    written out, and what is not shown stands in its middle, and is counted.
    """
    hidden = len(command) - 2 * ASKED_CHARACTERS
    if hidden > 0:
        begin, end = command[:ASKED_CHARACTERS], command[-ASKED_CHARACTERS:]
        command = f"{begin}\n… {hidden} characters are not shown …\n{end}"
    shown = (one if one.isprintable() or one in "\n\t" else ascii(one)[1:-1] for one in command)
    return "".join(shown)


def settle_ends(call: Call) -> None:
    """What earlier answers told of ends, and that arrived, is told."""
    call.session.settle_told({one for one in call.told if one[1] is Notice.JOB_OVER})


def _check_same(job: Job, wish: JobWish) -> None:
    """Raises KeyReused where a key names another command."""
    if job.digest != wish.digest:
        raise errors.KeyReused(
            f"This request_key was used for another command on machine {wish.instance_id}; a new "
            "key runs this one.",
            request_key=wish.key,
            instance_id=wish.instance_id,
        )


def _anybodys(name: str, instance_id: int) -> Job:
    """A job that another journal named: it can be followed, and only its machine knows it."""
    return Job(name, instance_id, "", "", "begun", None, None, None, None, told=False)
