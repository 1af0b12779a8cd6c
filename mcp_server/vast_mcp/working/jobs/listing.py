"""The jobs that there are: those of the journal, and those that a machine itself has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import anyio

from vast_mcp import errors
from vast_mcp.account.reading import Reading
from vast_mcp.account.whose import account_of
from vast_mcp.errors import NextStep
from vast_mcp.journal.jobs import Job
from vast_mcp.session import Call
from vast_mcp.ssh import LineLost
from vast_mcp.ssh.entering import LOGIN_S, entered
from vast_mcp.working.admission import admit_each
from vast_mcp.working.jobs.far import Seen, Unreadable, jobs_there
from vast_mcp.working.jobs.shown import JobRow, RowState

MOST_SHOWN = 50
MOST_ENTERED = 10  # machines, where none is named
COMMAND_CHARACTERS = 120
MARGIN_S = 3.0
_TOOL = "show_jobs"


@dataclass(eq=False)
class Listing:
    """What one call finds, and what it could not look at."""

    call: Call
    not_ours: bool
    account: str = ""
    rows: list[JobRow] = field(default_factory=list[JobRow])
    warnings: list[str] = field(default_factory=list[str])

    async def of_machine(self, instance_id: int) -> None:
        """All jobs of a machine, whoever began them. Raises what keeps it from being entered."""
        self.account = await account_of(self.call)
        known = [one for one in self._journal() if one.instance_id == instance_id]
        [admitted] = await self._admitted([instance_id], bool(known))
        if isinstance(admitted, errors.NoSuchInstance):
            self.rows = [_gone(job) for job in known]
            return
        if isinstance(admitted, errors.VastMcpError):
            raise admitted
        seen = await self._look(admitted)
        if seen is None:
            raise _unheard(instance_id)
        self._merge(instance_id, known, seen)

    async def of_journal(self) -> None:
        """The jobs of this computer's journal; machines are entered whose jobs may not be over.
        Whose those are was settled as the jobs were begun.
        """
        self.not_ours = True
        self.account = await account_of(self.call)
        known = self._journal()
        ids = list(dict.fromkeys(job.instance_id for job in known if job.state != "over"))
        looked: dict[int, list[Seen] | str] = {}
        if len(ids) > MOST_ENTERED:
            self.warnings.append(f"Of {len(ids)} machines the newest {MOST_ENTERED} were entered.")
        await self._look_into(ids[:MOST_ENTERED], looked)
        for instance_id in dict.fromkeys(job.instance_id for job in known):
            jobs = [job for job in known if job.instance_id == instance_id]
            found = looked.get(instance_id, "")
            if isinstance(found, list):
                self._merge(instance_id, jobs, found)
            else:
                self.rows += [_gone(job) if found == "gone" else _by_journal(job) for job in jobs]

    def _journal(self) -> list[Job]:
        if not self.call.journal.exists():
            return []
        return self.call.journal.jobs.of_account(self.account, MOST_SHOWN)

    async def _admitted(
        self, ids: Sequence[int], known: bool
    ) -> list[Reading | errors.VastMcpError]:
        given = {"instance_id": ids[0]} if len(ids) == 1 else {}
        return await admit_each(
            self.call,
            ids,
            argument="instance_id",
            not_ours=self.not_ours,
            work="its jobs are somebody's work",
            again=lambda others: NextStep(
                _TOOL, given | ({"not_ours": True} if others else {}), "the same call"
            ),
            formerly=ids if known else (),
        )

    async def _look_into(self, ids: Sequence[int], looked: dict[int, list[Seen] | str]) -> None:
        """Enter these machines, all at once. What cannot be entered is said."""
        if not ids:
            return
        try:
            admitted = await self._admitted(ids, known=True)
        except (errors.Refused, errors.Rejected) as exc:
            self.warnings.append(f"No machine was entered: {exc.message}")
            return

        async def work(instance_id: int, one: Reading | errors.VastMcpError) -> None:
            try:
                if isinstance(one, errors.VastMcpError):
                    raise one
                seen = await self._look(one)
                looked[instance_id] = "" if seen is None else seen
            except errors.NoSuchInstance:
                looked[instance_id] = "gone"
            except errors.VastMcpError as exc:
                self.warnings.append(exc.message)

        async with anyio.create_task_group() as tasks:
            for instance_id, one in zip(ids, admitted, strict=True):
                tasks.start_soon(partial(work, instance_id, one))

    async def _look(self, reading: Reading) -> list[Seen] | None:
        """What a machine says of its jobs; None where nobody understands it."""
        left = max(1.0, self.call.deadline - anyio.current_time() - MARGIN_S)
        try:
            async with entered(self.call, reading.row, within_s=min(LOGIN_S, left)) as line:
                return await jobs_there(line, within_s=left)
        except (LineLost, Unreadable):
            self.warnings.append(f"Machine {reading.row.id} did not say which jobs it has.")
            return None

    def _merge(self, instance_id: int, known: Sequence[Job], seen: Sequence[Seen]) -> None:
        """A machine's own jobs, those that run and the newest first, and those that it does not
        have.
        """
        there = sorted(
            seen, key=lambda one: (one.state == "running", one.began or 0.0), reverse=True
        )
        self.rows += [self._row(instance_id, one) for one in there[:MOST_SHOWN]]
        if len(there) > MOST_SHOWN:
            self.warnings.append(
                f"Of {len(there)} jobs on {instance_id}, those that run and the newest are told."
            )
        names = {one.name for one in seen}
        self.rows += [_missing(job) for job in known if job.name not in names]

    def _row(self, instance_id: int, seen: Seen) -> JobRow:
        state: RowState = "not_started" if seen.state == "unstarted" else seen.state
        text = seen.command.decode("utf-8", "replace")
        masked = self.call.settings.mask.hide_foreign(text)
        began = None if seen.began is None else max(0, round(self.call.now() - seen.began))
        return JobRow(
            job=seen.name,
            instance_id=instance_id,
            state=state,
            exit_status=seen.exit_status,
            began_s_ago=began,
            duration_s=seen.took_s,
            stdout_bytes=seen.out_bytes,
            untrusted_command=errors.clean(masked, COMMAND_CHARACTERS) or None,
        )


def _by_journal(job: Job) -> JobRow:
    """What the journal knows of a job that nobody looked at now."""
    states: dict[str, RowState] = {
        "ended": "ended",
        "stopped": "stopped",
        "unstarted": "not_started",
        "interrupted": "interrupted",
    }
    state: RowState = "not_started" if job.state == "named" else "unknown"
    if job.ending is not None:
        state = states.get(job.ending, "lost")
    return JobRow(
        job=job.name, instance_id=job.instance_id, state=state, exit_status=job.exit_status
    )


def _gone(job: Job) -> JobRow:
    """A job that ended with its machine, if it had not before."""
    row = _by_journal(job)
    lived = row.state in {"unknown", "not_started"}
    return row.model_copy(update={"state": "lost" if lived else row.state, "machine_gone": True})


def _missing(job: Job) -> JobRow:
    """A job that the machine does not have: never begun, or nobody knows."""
    row = _by_journal(job)
    return row.model_copy(update={"state": "lost"}) if row.state == "unknown" else row


def _unheard(instance_id: int) -> errors.NotEntered:
    return errors.NotEntered(
        f"Machine {instance_id} let this server in and did not say which jobs it has: the "
        "connection broke, or it runs no plain sh.",
        instance_id=instance_id,
    )
