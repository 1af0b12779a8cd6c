"""A run from stage to stage. Each is safe to repeat from its beginning, so that a process that is
killed anywhere leaves nothing to mend: the next one does the stage again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import anyio

from vast_mcp.commands.run import machine
from vast_mcp.commands.run.desk import Desk, Failed
from vast_mcp.commands.run.line import Carried, Line
from vast_mcp.commands.run.machine import NoMachine
from vast_mcp.commands.run.spool import Spool
from vast_mcp.commands.statuses import FILES_MISSING, JOB_LOST, NO_MACHINE, NOT_BEGUN, REPEAT
from vast_mcp.errors import Json, VastMcpError
from vast_mcp.journal.runs import Run
from vast_mcp.working.jobs.hearing import Hearing

GONE = frozenset({"no_such_instance", "lease_over"})
PASSING = frozenset({"not_entered", "unreachable", "vast_unavailable", "rate_limited"})
PATIENCE_S = 180.0  # with a machine that lets nobody in
PAUSE_S = 2.0
MOST_PLANS = 3  # machines that are lost before the job begins


class Stop(Exception):
    """The run goes no further in this process; the same line goes on with it."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


class Lost(Exception):
    """The machine is of no use, or gone."""


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
                raise self._stopped(exc.may_bill, str(exc)) from exc
            except VastMcpError as exc:
                raise self._stopped(exc.billing_possible, f"{exc.code}: {exc.message}") from exc
        return self.run

    def _stopped(self, may_bill: bool, said: str) -> Stop:
        """Why it goes no further."""
        if may_bill or self.desk.may_bill:
            return Stop(REPEAT, f"{said} {self.desk.left_behind}")
        return Stop(NOT_BEGUN, said)

    def _note(self, **changed: Any) -> None:
        """Keep how far it is, before it goes on."""
        self.run = replace(self.run, **changed)
        self.desk.session.journal.runs.note(self.run)

    def _tell_what_is_left(self) -> None:
        """What an end of this process would leave."""
        if self.run.instance_id is None:
            return
        self.desk.may_bill = True
        self.desk.left_behind = (
            f"Machine {self.run.instance_id} bills until its lease ends; repeat this exact "
            "command to go on."
        )

    # ── stages ──────────────────────────────────────────────────────────────────────────────────

    async def _machine(self) -> None:
        try:
            got = await machine.found(self.desk, self.line, self.run, self._note)
        except NoMachine as exc:
            self._note(stage="over", status=exc.status, said=str(exc))
            return
        self._note(
            stage="up",
            instance_id=got.instance_id,
            usd_per_hour=got.usd_per_hour,
            left_usd=got.left_usd,
            ready_at=got.ready_at,
            said="",
        )

    async def _up(self) -> None:
        try:
            for one in self.line.up:
                await self._copied("up", one, overwrite=True)
        except Lost as exc:
            await self._another(str(exc))
        else:
            self._note(stage="job")

    async def _job(self) -> None:
        try:
            told = await self._begun()
        except Lost as exc:
            await self._another(str(exc))
            return
        if told["state"] in {"running", "ended", "stopped", "interrupted"}:
            self._note(job=told["job"])
            self.desk.say(f"the command runs on machine {self.run.instance_id}")
            await self._heard()
            told = await self._asked()
        self._note(**_outcome_of(told))

    async def _heard(self) -> None:
        """Keep all that the job says until it is over."""
        machine_id, job = self.run.instance_id or 0, self.run.job or ""
        hearing = Hearing(self.desk.quiet, machine_id, job, self.spool.kept, self.spool.add)
        await hearing.until_over()

    async def _begun(self) -> Json:
        """The job, begun or followed. Raises Lost where nothing of it was sent, and cannot be."""
        since = anyio.current_time()
        while True:
            try:
                told = await self._asked()
                if told["state"] == "not_started":
                    raise Lost(told["message"])
                if told["state"] != "unknown":
                    return told
            except Failed as exc:
                if not self._may_pass(exc, since):
                    raise
            if anyio.current_time() - since > PATIENCE_S:
                raise Stop(REPEAT, f"the command may run. {self.desk.left_behind}")
            await anyio.sleep(PAUSE_S)

    async def _asked(self) -> Json:
        return await self.desk.call(
            "run_command",
            instance_id=self.run.instance_id,
            command=self.line.command,
            request_key=self.run.job_key,
            timeout_s=1,
            env_from=list(self.line.env_from) or None,
        )

    def _may_pass(self, exc: Failed, since: float) -> bool:
        """Whether to try again. Raises Lost where it is the machine's."""
        if exc.code in GONE:
            raise Lost(str(exc))
        if exc.code not in PASSING:
            return False
        if anyio.current_time() - since > PATIENCE_S:
            raise Lost(str(exc))
        return True

    async def _down(self) -> None:
        missing: list[str] = []
        for one in self.line.down:
            try:
                missing += await self._copied("down", one, overwrite=self.line.overwrite)
            except Lost as exc:
                missing.append(str(exc))
        if missing:
            said = f"not all files came back: {'; '.join(missing)[:300]}"
            self._note(stage="end", status=FILES_MISSING, said=f"{self._own()}{said}")
        else:
            self._note(stage="end")

    def _own(self) -> str:
        return f"the command ended with {self.run.status}; "

    async def _copied(self, direction: str, one: Carried, *, overwrite: bool) -> list[str]:
        """Copy until all is there; the names of what cannot be. Raises Lost, Failed."""
        since = anyio.current_time()
        self.desk.say(f"copying {one.local} {direction}")
        while True:
            try:
                told = await self.desk.call(
                    "copy_files",
                    instance_id=self.run.instance_id,
                    direction=direction,
                    local=str(one.local),
                    remote=one.remote,
                    overwrite=overwrite,
                )
                if told["state"] == "copied":
                    return []
                if told["state"] == "incomplete":
                    return told["untrusted_names"] or told["warnings"] or [str(one.local)]
                since = anyio.current_time()
            except Failed as exc:
                if not self._may_pass(exc, since):
                    raise
                await anyio.sleep(PAUSE_S)

    async def _end(self) -> None:
        if self.run.instance_id is not None:
            self.desk.say(f"destroying machine {self.run.instance_id}")
            await self.desk.call("destroy_instance", instance_ids=[self.run.instance_id])
        self.desk.may_bill = False
        self._note(stage="over", status=NOT_BEGUN if self.run.status is None else self.run.status)

    async def _another(self, why: str) -> None:
        """End a machine that was lost before the job began, and look for another one."""
        self.desk.say(f"machine {self.run.instance_id} is of no use: {why}")
        await self.desk.call("destroy_instance", instance_ids=[self.run.instance_id])
        self.desk.may_bill = False
        if self.run.plans >= MOST_PLANS:
            self._note(stage="over", status=NO_MACHINE, said=why, instance_id=None)
            return
        self._note(
            stage="machine", plans=self.run.plans + 1, spent_usd=self._spent(), instance_id=None
        )

    def _spent(self) -> float:
        """Of the budget, at the most."""
        run = self.run
        hours = (time.time() - (run.ready_at or 0.0)) / 3600
        left = (run.left_usd or 0.0) - hours * (run.usd_per_hour or 0.0)
        return self.line.budget_usd - max(0.0, left)


def _outcome_of(told: Json) -> Json:
    """What the run ends with, by what became of its job."""
    state, status = told["state"], told.get("exit_status")
    if state in {"ended", "stopped"} and status is not None:
        return {"stage": "down", "status": status}
    if state == "interrupted":
        return {"stage": "down", "status": JOB_LOST, "said": told.get("message", "")}
    return {"stage": "end", "status": JOB_LOST, "said": told.get("message", "")}
