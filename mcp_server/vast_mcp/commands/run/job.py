"""The command of a line, as one job in its machine: begun once, and heard to its end."""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from vast_mcp.commands.run.desk import Desk, Failed
from vast_mcp.commands.run.line import Line
from vast_mcp.commands.run.patience import PAUSE_S, Lost, Patience
from vast_mcp.commands.run.spool import Spool
from vast_mcp.errors import Json, LeaseOver, NoSuchInstance, NotEntered, Unreachable
from vast_mcp.journal.runs import Run
from vast_mcp.working.jobs.hearing import Hearing

MOST = 200  # newest jobs of an account, among which it is


class Unheard(Exception):
    """Nobody could hear for long how it stands."""


@dataclass(eq=False)
class Job:
    """One command on the machine of a run."""

    desk: Desk
    line: Line
    run: Run
    spool: Spool
    told: Json | None = None  # what was last told of it

    async def begun(self) -> str | None:
        """Begin it, or find that it was: its name, or None where all that is known is that it is
        lost. Raises Lost where nothing of it was ever sent and nothing can be, and Unheard.
        """
        patience = Patience()
        was_sent = self.was_sent()
        while True:
            try:
                told = await self._asked()
            except Failed as exc:
                await self._pause(patience, exc)
                continue
            if told["state"] == "not_started" or (told["state"] == "lost" and not was_sent):
                raise Lost(told.get("message", "it takes no command"))
            if told["state"] != "unknown":
                return None if told["state"] == "lost" else told["job"]
            was_sent = True
            if patience.is_over:
                raise Unheard
            await anyio.sleep(PAUSE_S)

    async def _pause(self, patience: Patience, exc: Failed) -> None:
        """Wait where that helps. Raises Lost where nothing was sent, else Unheard, or the
        failure.
        """
        try:
            await patience.pause(exc)
        except Lost:
            if self.was_sent():
                raise Unheard from None
            raise

    def was_sent(self) -> bool:
        """Whether its start may have been sent, by the journal."""
        jobs = self.desk.session.journal.jobs.of_account(self.desk.account, MOST)
        mine = [one for one in jobs if one.wish == self.run.job_key]
        here = [one for one in mine if one.instance_id == self.run.instance_id]
        return any(one.ticket is not None for one in here)

    async def over(self, name: str | None) -> Json:
        """All that it says is kept until it is over; what became of it. Raises Unheard."""
        if name is None:
            return self.told or {"state": "lost"}
        machine_id = self.run.instance_id or 0
        hearing = Hearing(self.desk.quiet, machine_id, name, self.spool.kept, self.spool.add)
        try:
            await hearing.until_over()
            return await self._asked()
        except (LeaseOver, NoSuchInstance) as exc:
            return {"state": "lost", "message": exc.message}
        except (NotEntered, Unreachable) as exc:
            raise Unheard from exc

    async def _asked(self) -> Json:
        given = {"env_from": list(self.line.env_from)} if self.line.env_from else {}
        self.told = await self.desk.call(
            "run_command",
            instance_id=self.run.instance_id,
            command=self.line.command,
            request_key=self.run.job_key,
            timeout_s=1,
            **given,
        )
        return self.told
