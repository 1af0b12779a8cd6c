"""What is run in machines: a job has its name here before anything of it is sent.

named → sent → begun → over. Its name is that of its folder in the machine. What may start it is a
ticket, which was put down on the machine's disk before the start was sent, and is good once: so a
start that nobody saw arrive can be sent again there, and nowhere else.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from vast_mcp.journal.database import Database
from vast_mcp.journal.looks import DAY_S
from vast_mcp.journal.records import holds, id_of, time_of

State = Literal["named", "sent", "begun", "over"]
Ending = Literal["ended", "stopped", "unstarted", "interrupted", "lost", "gone"]

KEPT_S = 90 * DAY_S
NAME = re.compile(r"[0-9a-f]{12}")
_ANEW: frozenset[Ending] = frozenset({"ended", "stopped", "unstarted"})


@dataclass(frozen=True)
class Job:
    """One job as the journal has it. `ticket`: what its start needs; None while none was sent."""

    name: str
    instance_id: int
    wish: str
    digest: str
    state: State
    ticket: str | None
    made_at: float | None
    ending: Ending | None
    exit_status: int | None
    told: bool

    @property
    def is_done_with(self) -> bool:
        """Whether its end is known and told: the same wish without a key begins anew. What was
        lost or interrupted may have done its work, and is not begun again by itself.
        """
        return self.told and self.ending in _ANEW


@dataclass(frozen=True)
class JobWish:
    """What is to be run: on which machine of whose, under which key, what. `derived`: the key was
    made of the rest, not given.
    """

    account: str
    instance_id: int
    key: str
    digest: str
    derived: bool


class Jobs:
    """Every job that a server of this user sent, or was about to."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def of_wish(self, wish: JobWish) -> Job | None:
        """The newest job of a wish; None where the same call begins one."""
        rows = self._db.rows(
            "job_of_wish", account=wish.account, instance_id=wish.instance_id, wish=wish.key
        )
        found = next(map(_job_of, rows), None)
        if found is None or found.ending == "unstarted" or (wish.derived and found.is_done_with):
            return None
        return found

    def named(self, wish: JobWish) -> Job:
        """The job of a wish, named in the transaction that finds none: two processes with the same
        wish have the same job.
        """
        with self._db.alone():
            found = self.of_wish(wish)
            if found is not None:
                return found
            self._db.write("forget_jobs", before=time.time() - KEPT_S)
            name = secrets.token_hex(6)
            self._db.write(
                "name_job",
                job=name,
                account=wish.account,
                instance_id=wish.instance_id,
                wish=wish.key,
                digest=wish.digest,
                now=time.time(),
            )
        return _job_of(self._db.rows("job_named", job=name, account=wish.account)[0])

    def by_name(self, account: str, name: str) -> Job | None:
        """A job by its name; None where another journal named it."""
        return next(map(_job_of, self._db.rows("job_named", job=name, account=account)), None)

    def of_account(self, account: str, most: int) -> list[Job]:
        """The newest jobs of an account."""
        return [
            _job_of(row) for row in self._db.rows("jobs_of_account", account=account, most=most)
        ]

    def is_any_in(self, account: str, instance_id: int) -> bool:
        """Whether any job was named for this machine."""
        return bool(self._db.rows("job_in", account=account, instance_id=instance_id))

    def mark_sent(self, job: Job, ticket: str) -> bool:
        """Announce that its start is sent, with this ticket. False where another process was the
        first, whose ticket is the one that counts.
        """
        return self._db.changes("mark_job_sent", job=job.name, ticket=ticket)

    def mark_begun(self, job: Job) -> None:
        """Its folder was seen in the machine."""
        self._db.write("mark_job_begun", job=job.name)

    def mark_over(self, job: Job, ending: Ending, exit_status: int | None = None) -> None:
        """It was seen to be over. An end that was read in the machine stays what it is."""
        self._db.write(
            "mark_job_over",
            job=job.name,
            ending=ending,
            exit_status=exit_status,
            now=time.time(),
        )

    def mark_told(self, name: str) -> None:
        """An answer that told its end has arrived."""
        self._db.write("mark_job_told", job=name)


def _job_of(row: Mapping[str, Any]) -> Job:
    """A row as a value. One that cannot be read may have begun, and nothing starts it again."""
    ending, state, ticket = row["ending"], row["state"], row["ticket"]
    status = row["exit_status"]
    return Job(
        name=row["job"] if NAME.fullmatch(str(row["job"])) else "0" * 12,
        instance_id=id_of(row["instance_id"]) or 0,
        wish=str(row["wish"]),
        digest=str(row["digest"]),
        state=cast("State", state if state in get_args(State) else "begun"),
        ticket=ticket if isinstance(ticket, str) and NAME.fullmatch(ticket) else None,
        made_at=time_of(row["made_at"]),
        ending=cast("Ending", ending) if ending in get_args(Ending) else None,
        exit_status=status if isinstance(status, int) and holds(status) else None,
        told=row["told"] == 1,
    )
