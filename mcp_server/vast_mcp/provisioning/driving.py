"""One plan, driven by the process whose turn it is: a step at a time (stepping.py), each made anew
from what the journal says and looks show, so that any process goes on from wherever another one
stopped. A step that breaks is made again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel

from vast_mcp import errors
from vast_mcp.caller import no_progress
from vast_mcp.journal.plan_records import Plan
from vast_mcp.provisioning.stepping import Came, Memory, Step
from vast_mcp.session import Call, Session, journal_may_fail

log = logging.getLogger("vast_mcp")

SIGNS = 6  # of its driver while its turn would last
LONGEST_PAUSE = 5  # times look_s, while nothing moves


@dataclass(eq=False)
class Driver:
    """The driver of one plan. `plan`: as it was taken, with the turn; `has_turn`: False once it is
    seen to be lost.
    """

    session: Session
    plan: Plan
    memory: Memory = field(default_factory=Memory)
    has_turn: bool = True
    _pause: float = 0.0

    async def drive(self) -> None:
        """Drive until it is over, or another one's, or nothing can be done for it here. Lets go of
        the turn in the end.
        """
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._give_signs, tasks.cancel_scope)
                while await self._goes_on():
                    pass
                tasks.cancel_scope.cancel()
        finally:
            with journal_may_fail:
                self.session.journal.plans.let_go(self.plan)
                self.session.wake_plans()

    async def _give_signs(self, scope: anyio.CancelScope) -> None:
        """Say that its driver is there; end where the turn was lost."""
        while True:
            await anyio.sleep(self.session.times.driver_s / SIGNS)
            with journal_may_fail:
                if not self.session.journal.plans.keep(self.plan):
                    self.has_turn = False
                    scope.cancel()

    async def _goes_on(self) -> bool:
        """Make a step; False where there is none to be made here."""
        try:
            came = await self._step()
        except errors.VastMcpError as exc:
            log.info("a plan waits: %s", exc.code)
            came = "waits"
        except Exception as exc:
            # A defect here must not end the server, and a create with it; the type tells, its
            # text may hold anything.
            log.error("a plan: defect: %s", type(exc).__name__)
            came = "waits"
        if came in {"rests", "over"} or self.session.closing:
            return False
        await self._rest(came)
        return True

    async def _step(self) -> Came:
        """The next step, by the journal as it is now."""
        plans, session = self.session.journal.plans, self.session
        now = plans.by_name(self.plan.account, self.plan.name)
        if now is None or now.state == "over":
            session.plan_values.pop(self.plan.name, None)
            return "over"
        if now.turn != self.plan.turn:
            self.has_turn = False
            return "rests"
        self.plan = now
        session.settle_told(session.telling.heard())
        call = Call(session, anyio.current_time() + session.times.budget_s, no_progress)
        return await Step(call, now, self.memory).make()

    async def _rest(self, came: Came) -> None:
        """Wait a little where nothing moved, and longer each time."""
        look_s = self.session.times.look_s
        if came == "moved":
            self._pause = 0.0
            await anyio.lowlevel.checkpoint()
            return
        self._pause = min(max(look_s, self._pause * 1.5), look_s * LONGEST_PAUSE)
        with anyio.move_on_after(self._pause):
            await self.session.plans_wake.wait()
