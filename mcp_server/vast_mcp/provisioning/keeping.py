"""A server's background task that drives the plans of its account, each while no other process
does: those of this process's calls, and what another one left.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskGroup

from vast_mcp import errors
from vast_mcp.account.whose import account_if_journalled
from vast_mcp.journal.plan_records import Plan
from vast_mcp.session import Call, Session

if TYPE_CHECKING:
    from vast_mcp.provisioning.driving import Driver

log = logging.getLogger("vast_mcp")

SIGHTS = 2  # of the journal, in the time after which a driver without a sign has lost its turn


async def keep_providing(session: Session) -> None:
    """Drive plans until cancelled. Without one nothing is asked of Vast, and a server that may only
    look drives none.
    """
    if session.settings.api_key is None or session.limits.read_only:
        return
    async with anyio.create_task_group() as tasks:
        keeper = _Keeper(session, tasks)
        while not session.closing:
            wake = session.plans_wake
            await keeper.look()
            with anyio.move_on_after(session.times.driver_s / SIGHTS):
                await wake.wait()


@dataclass(eq=False)
class _Keeper:
    """The plans that are driven here, by name, and those that this process can do nothing more for
    until somebody asks after them again: since when that was asked.
    """

    session: Session
    tasks: TaskGroup
    driven: set[str] = field(default_factory=set[str])
    rested: dict[str, float] = field(default_factory=dict[str, float])

    async def look(self) -> None:
        """Drive what nobody drives, and note which answers have arrived: whoever drives may be
        another process. Errors only make it wait.
        """
        try:
            self.session.settle_told(self.session.telling.heard())
            journal, known = self.session.journal, self.session.account
            if not journal.exists():
                return
            if known is not None:
                journal.plans.reopen(known)
            if not journal.plans.any_not_over():
                return
            account = await account_if_journalled(Call.quiet(self.session))
            if account is not None:
                for plan in journal.plans.not_over(account):
                    self._take(plan)
        except errors.VastMcpError as exc:
            log.info("plans wait: %s", exc.code)
        except Exception as exc:
            log.error("plans: defect: %s", type(exc).__name__)

    def _take(self, plan: Plan) -> None:
        """Drive a plan, unless another process does, or nothing is to be done for it here."""
        if plan.name in self.driven or self._rests(plan):
            return
        journal = self.session.journal
        journal.take_ownership()
        taken = journal.plans.take(plan.account, plan.name)
        if taken is not None:
            from vast_mcp.provisioning.driving import Driver

            self.driven.add(plan.name)
            self.tasks.start_soon(self._drive, Driver(self.session, taken))

    def _rests(self, plan: Plan) -> bool:
        """Whether nothing can be done for it here, since nobody has asked again and it is not to be
        ended for that.
        """
        unasked = time.time() - plan.asked_at >= self.session.times.unasked_s
        same = self.rested.get(plan.name) == plan.asked_at
        return same and plan.state == "open" and not unasked

    async def _drive(self, driver: Driver) -> None:
        """Drive one until nothing is left to do here."""
        name = driver.plan.name
        try:
            await driver.drive()
        except Exception as exc:
            # A defect here must not end the server, and a create with it; the type tells, its
            # text may hold anything.
            log.error("a plan: defect: %s", type(exc).__name__)
        finally:
            self.driven.discard(name)
        if driver.has_turn:  # else nothing is known of what can be done for it
            self.rested[name] = driver.plan.asked_at
