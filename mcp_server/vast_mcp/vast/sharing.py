"""Equal reads, of which one request answers all: those in flight, and those of a moment ago.

Only for what need not be newer than that. A read that proves something (seen twice, absent, gone,
a label read back, a price before it is paid) begins after its question and is neither.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

from vast_mcp import errors
from vast_mcp.vast.pace import Tell
from vast_mcp.vast.replies import Reply

REMEMBERED = 64  # replies
MORE_TIME_S = 1.0  # who has so much more than the asker does not take the asker's failure


@dataclass(eq=False)
class _Flight:
    """A read that is being asked, and who waits for it."""

    deadline: float
    tellers: list[Tell]
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    done: anyio.Event = field(default_factory=anyio.Event)
    waiting: int = 0
    outcome: Reply | errors.VastMcpError | None = None  # None: the asker went away

    async def tell(self, text: str) -> None:
        for tell in self.tellers:
            await tell(text)


class Shared:
    """The reads in flight and those of a moment ago, by what was asked."""

    def __init__(self) -> None:
        self._flights: dict[str, _Flight] = {}
        self._heard: dict[str, tuple[float, Reply]] = {}  # with when it is too old
        self._changes = 0

    def forget(self) -> None:
        """Something may have changed at Vast: what was read, or is being read, is of before."""
        self._changes += 1
        self._flights.clear()
        self._heard.clear()

    def is_asked(self, question: str) -> bool:
        """Whether an equal read is in flight."""
        return question in self._flights

    @property
    def changes(self) -> int:
        """How often something may have changed."""
        return self._changes

    def remember(self, question: str, reply: Reply, seconds: float, changes: int) -> None:
        """Keep a reply for so long, unless something may have changed since it was asked for,
        when there were so many changes.
        """
        if changes != self._changes or seconds <= 0:
            return
        self._heard[question] = (anyio.current_time() + seconds, reply)
        for oldest in list(self._heard)[:-REMEMBERED]:
            del self._heard[oldest]

    def heard(self, question: str) -> Reply | None:
        """The reply of a moment ago, where there is one."""
        until, reply = self._heard.get(question, (0.0, None))
        if anyio.current_time() < until:
            return reply
        self._heard.pop(question, None)
        return None

    async def join(self, question: str, deadline: float, tell: Tell) -> Reply | None:
        """The reply to an equal read that is in flight; None where it came to nothing that holds
        for this caller. Raises its error, which holds for all.
        """
        flight = self._flights[question]
        flight.tellers.append(tell)
        flight.waiting += 1
        flight.scope.shield = True  # the asker's going away does not end what others wait for
        try:
            with anyio.move_on_after(deadline - anyio.current_time()):
                await flight.done.wait()
        finally:
            flight.tellers.remove(tell)
            flight.waiting -= 1
            if not flight.waiting:
                flight.scope.shield = False
        if not flight.done.is_set():
            raise errors.Unreachable("Vast did not answer in this call's time.")
        outcome = flight.outcome
        if isinstance(outcome, errors.VastMcpError):
            if deadline > flight.deadline + MORE_TIME_S:
                return None
            raise copy.copy(outcome)
        return outcome

    async def lead(
        self,
        question: str,
        deadline: float,
        tell: Tell,
        ask: Callable[[Tell], Awaitable[Reply]],
    ) -> Reply:
        """Ask, and let equal reads join meanwhile."""
        flight = self._flights[question] = _Flight(deadline, [tell])
        try:
            with flight.scope:
                flight.outcome = await ask(flight.tell)
        except errors.VastMcpError as exc:
            flight.outcome = exc
            raise
        finally:
            if self._flights.get(question) is flight:
                del self._flights[question]
            flight.done.set()
        if isinstance(flight.outcome, Reply):
            return flight.outcome
        raise AssertionError("a scope that nobody cancels ends with an outcome")
