"""A run from stage to stage. Each is safe to repeat from its beginning, so that a process that is
killed anywhere leaves nothing to mend: the next one does the stage again.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from vast_mcp.commands.run import copies, machine
from vast_mcp.commands.run.desk import Desk, Failed
from vast_mcp.commands.run.job import Job, Unheard
from vast_mcp.commands.run.line import Line
from vast_mcp.commands.run.machine import NoMachine, PlanLost, Unenterable, Waits
from vast_mcp.commands.run.patience import Lost, gone_is_lost
from vast_mcp.commands.run.spool import Spool
from vast_mcp.commands.statuses import (
    FILES_MISSING,
    JOB_LOST,
    NO_MACHINE,
    NOT_BEGUN,
    OVER_BUDGET,
    REPEAT,
)
from vast_mcp.errors import Json, VastMcpError
from vast_mcp.journal.runs import Run

MOST_PLANS = 3  # machines that are lost before the job begins
LATE_S = 300.0  # before the budget's end, in which its lease ends


class Stop(Exception):
    """The run goes no further in this process; the same line goes on with it."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


@dataclass(eq=False)
class Course:
    """One process on its way through a run."""

    desk: Desk
    line: Line
    run: Run
    spool: Spool

    async def to_its_end(self) -> Run:
        """The run once it is over. Raises Stop."""
        stages = {
            "machine": self._machine,
            "up": self._up,
            "job": self._job,
            "down": self._down,
            "end": self._end,
        }
        while self.run.stage != "over":
            self._tell_what_is_left()
            try:
                await stages[self.run.stage]()
            except Failed as exc:
                if not self._lets_nobody_in(exc):
                    raise self._stopped(str(exc), may_bill=exc.may_bill) from exc
                self._note(stage="end", status=NO_MACHINE, said=str(exc))
            except VastMcpError as exc:
                said = f"{exc.code}: {exc.message}"
                raise self._stopped(said, may_bill=exc.billing_possible) from exc
        return self.run

    def _lets_nobody_in(self, exc: Failed) -> bool:
        """Whether its machine can be of no use to this computer, nor has been."""
        if exc.code != "no_ssh_key":
            return False
        job = Job(self.desk, self.line, self.run, self.spool)
        return self.run.stage == "up" or (self.run.stage == "job" and not job.was_sent())

    def _stopped(self, said: str, *, may_bill: bool) -> Stop:
        """Why it goes no further."""
        self._tell_what_is_left()
        if may_bill or self.desk.may_bill:
            return Stop(REPEAT, f"{said} {self.desk.left_behind}")
        return Stop(NOT_BEGUN, said)

    def _note(self, **changed: Any) -> None:
        """Keep how far it is, before it goes on."""
        self.run = replace(self.run, **changed)
        self.desk.session.journal.runs.note(self.run)

    def _tell_what_is_left(self) -> None:
        """What an end of this process would leave."""
        which = "What is rented" if self.run.instance_id is None else f"Machine {self._machine_id}"
        self.desk.may_bill = self.run.instance_id is not None or machine.may_have_rented(
            self.desk, self.run
        )
        self.desk.left_behind = (
            f"{which} bills until its lease ends; repeat this exact command to go on."
        )

    @property
    def _machine_id(self) -> int:
        return self.run.instance_id or 0

    # ── stages ──────────────────────────────────────────────────────────────────────────────────

    async def _machine(self) -> None:
        spent = await machine.used_up(self.desk, self.run)
        if spent is not None:
            self._note(plans=self.run.plans + 1, spent_usd=self.run.spent_usd + spent)
        try:
            await machine.check_keys(self.desk, self.line, self.run)
            self.desk.may_bill = True  # from here on an interrupt may leave something
            got = await machine.found(self.desk, self.line, self.run)
        except (Unenterable, Waits) as exc:
            raise Stop(NOT_BEGUN, str(exc)) from None
        except PlanLost:
            return
        except NoMachine as exc:
            self._note(stage="over", status=exc.status, said=str(exc))
            return
        size = copies.size_of(self.line.up)
        traffic = await copies.traffic_usd(self.desk, got.instance_id, up=size)
        self._note(stage="up", **asdict(replace(got, left_usd=max(0.0, got.left_usd - traffic))))

    async def _up(self) -> None:
        missing: list[str] = []
        try:
            with gone_is_lost():
                await machine.lengthen(self.desk, self.run)
            for one in self.line.up:
                missing += await copies.copied(
                    self.desk, self._machine_id, "up", one, overwrite=True
                )
        except Lost as exc:
            await self._another(str(exc))
            return
        if missing:
            said = f"the command was not run: not all files came up: {'; '.join(missing)}"
            self._note(stage="end", status=FILES_MISSING, said=said)
        else:
            self._note(stage="job")

    async def _job(self) -> None:
        job = Job(self.desk, self.line, self.run, self.spool)
        try:
            name = await job.begun()
            if name is not None:
                self._note(job=name)
                self.desk.say(f"the command runs on machine {self._machine_id}")
            told = await job.over(name)
        except Lost as exc:
            await self._another(str(exc))
        except Unheard:
            raise Stop(REPEAT, f"the command may run. {self.desk.left_behind}") from None
        else:
            self._note(**self._outcome_of(told))

    def _outcome_of(self, told: Json) -> Json:
        """What the run ends with, by what became of its job."""
        state, status, said = told["state"], told.get("exit_status"), told.get("message", "")
        if state in {"ended", "stopped"} and status is not None:
            return {"stage": "down", "status": status}
        if state == "interrupted":
            return {"stage": "down", "status": JOB_LOST, "said": said}
        if time.time() > machine.life_ends_at(self.run) - LATE_S:
            said = f"the budget ended first. {said}"
            return {"stage": "end", "status": OVER_BUDGET, "said": said}
        return {"stage": "end", "status": JOB_LOST, "said": said}

    async def _down(self) -> None:
        """Nothing is destroyed as long as files in it could come back by the same line."""
        missing: list[str] = []
        try:
            with gone_is_lost():
                if await self._is_too_dear():
                    return
            for one in self.line.down:
                if not await self._brought(one):
                    missing.append(f"there is no {one.remote}")
        except Lost as exc:
            missing.append(str(exc))
        if missing and not self.run.status:
            said = f"the command ended with 0, and not all files came back: {'; '.join(missing)}"
            self._note(stage="end", status=FILES_MISSING, said=said)
        else:
            self._note(stage="end", said="; ".join([self.run.said, *missing]).strip("; "))

    async def _brought(self, one: copies.Carried) -> bool:
        """Copy one down; False where nothing is there. Raises Stop where some of it did not come,
        and may yet.
        """
        try:
            missing = await copies.copied(
                self.desk, self._machine_id, "down", one, overwrite=self.line.overwrite
            )
        except Failed as exc:
            if exc.is_about("remote"):
                return False
            raise
        if missing:
            named = "; ".join(missing)
            raise Stop(REPEAT, f"not all files came back: {named}. {self.desk.left_behind}")
        return True

    async def _is_too_dear(self) -> bool:
        """Whether what came of it costs more traffic than the budget has left. It stays in the
        machine then, which ends by its lease, within the budget.
        """
        key = f"{self.run.job_key}:size"
        size = await copies.size_there(self.desk, self._machine_id, self.line.down, key)
        traffic = await copies.traffic_usd(self.desk, self._machine_id, down=size)
        left = machine.left_now(self.run)
        if traffic <= left:
            return False
        said = (
            f"the command ended with {self.run.status}; the traffic of its files costs "
            f"{traffic:.2f} $, and {left:.2f} are left of the budget: they stay in machine "
            f"{self._machine_id} until its lease ends"
        )
        self._note(stage="over", status=OVER_BUDGET, said=said)
        return True

    async def _end(self) -> None:
        if self.run.instance_id is not None:
            await self._destroyed()
        self._note(stage="over", status=NOT_BEGUN if self.run.status is None else self.run.status)

    async def _destroyed(self) -> None:
        """End its machine, and see it gone."""
        self.desk.say(f"destroying machine {self._machine_id}")
        try:
            await self.desk.call("destroy_instance", instance_ids=[self._machine_id])
        except Failed as exc:
            if exc.code != "no_such_instance":
                raise

    async def _another(self, why: str) -> None:
        """End a machine that was lost before the job began, and look for another one."""
        self.desk.say(f"machine {self._machine_id} is of no use: {why}")
        await self._destroyed()
        if self.run.plans >= MOST_PLANS:
            self._note(stage="over", status=NO_MACHINE, said=why, instance_id=None)
            return
        spent = self.line.budget_usd - machine.left_now(self.run)
        self._note(stage="machine", plans=self.run.plans + 1, spent_usd=spent, instance_id=None)
