"""Lines of `vast-mcp run`: what is done for one, so that the same line goes on wherever it was.

machine → up → job → down → end → over. One process goes on with a line at a time, for as long as it
lives; the others follow.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

from vast_mcp import errors
from vast_mcp.journal.database import Database
from vast_mcp.journal.looks import DAY_S
from vast_mcp.journal.records import holds, id_of, number_of, time_of

Stage = Literal["machine", "up", "job", "down", "end", "over"]

KEPT_S = 90 * DAY_S


@dataclass(frozen=True)
class Run:
    """One line as the journal has it. Money in $.

    `plans`: how many machines were asked for, each by a plan; `spent_usd`: by those before the last
    one. `left_usd`: of the budget, as the machine was ready. `status`: what the line ends with, and
    `said` why.
    """

    name: str
    account: str
    stage: Stage
    owner: str | None
    plans: int = 1
    instance_id: int | None = None
    job: str | None = None
    spent_usd: float = 0.0
    left_usd: float | None = None
    ready_at: float | None = None
    usd_per_hour: float | None = None
    status: int | None = None
    said: str = ""
    told: bool = False

    @property
    def plan_key(self) -> str:
        """The request key of the plan that finds its machine."""
        return f"run:{self.name}:{self.plans}"

    @property
    def job_key(self) -> str:
        """The request key of its job: one in all, on whichever machine."""
        return f"run:{self.name}"


class Runs:
    """Every line that was begun here. `owner`: this process; `alive`: whether another one lives."""

    def __init__(self, db: Database, owner: str, alive: Callable[[str], bool]) -> None:
        self._db, self._owner, self._alive = db, owner, alive

    def opened(self, account: str, wish: str) -> Run:
        """The run of a line, made in the transaction that finds none whose status is untold: two
        processes with the same line have the same run.
        """
        with self._db.alone():
            found = self._of_wish(account, wish)
            if found is not None and not found.told:
                return found
            self._db.write("forget_runs", before=time.time() - KEPT_S)
            name = secrets.token_hex(6)
            self._db.write("open_run", run=name, account=account, wish=wish, now=time.time())
        return self.named(account, name)

    def of_wish(self, account: str, wish: str) -> Run | None:
        """The run that the same line goes on with; None where it begins one."""
        found = self._of_wish(account, wish)
        return None if found is None or found.told else found

    def _of_wish(self, account: str, wish: str) -> Run | None:
        return next(map(_run_of, self._db.rows("run_of_wish", account=account, wish=wish)), None)

    def named(self, account: str, name: str) -> Run:
        """A run by its name. Raises JournalUnavailable where somebody deleted it."""
        for row in self._db.rows("run_named", account=account, run=name):
            return _run_of(row)
        raise errors.JournalUnavailable("The journal has lost what it knew of this run.")

    def take(self, run: Run) -> Run | None:
        """Go on with it; None while another process that lives does."""
        with self._db.alone():
            found = self.named(run.account, run.name)
            other = found.owner is not None and found.owner != self._owner
            if other and self._alive(cast("str", found.owner)):
                return None
            self._db.write("take_run", run=run.name, owner=self._owner)
        return self.named(run.account, run.name)

    def note(self, run: Run) -> None:
        """Keep how far it is. Raises NotRented where another process goes on with it."""
        values = asdict(run)
        del values["name"], values["account"], values["told"]
        if not self._db.changes("note_run", **(values | {"run": run.name, "owner": self._owner})):
            raise errors.NotRented("Another process goes on with this run now.")

    def mark_told(self, run: Run) -> None:
        """Whoever waits for its status is about to have it."""
        self._db.write("mark_run_told", run=run.name)


def _run_of(row: Mapping[str, Any]) -> Run:
    """A row as a value. One that cannot be read may have rented and run, and does neither again:
    its machine is ended.
    """
    stage, status, job = row["stage"], row["status"], row["job"]
    return Run(
        name=str(row["run"]),
        account=str(row["account"]),
        stage=cast("Stage", stage if stage in get_args(Stage) else "end"),
        owner=row["owner"] if isinstance(row["owner"], str) else None,
        plans=row["plans"],
        instance_id=id_of(row["instance_id"]),
        job=job if isinstance(job, str) else None,
        spent_usd=number_of(row["spent_usd"]) or 0.0,
        left_usd=number_of(row["left_usd"]),
        ready_at=time_of(row["ready_at"]),
        usd_per_hour=number_of(row["usd_per_hour"]),
        status=status if isinstance(status, int) and holds(status) else None,
        said=str(row["said"]),
        told=row["told"] == 1,
    )
