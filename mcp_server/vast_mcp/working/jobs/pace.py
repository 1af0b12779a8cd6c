"""How long a call follows a job, and when it answers at the latest."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass

import anyio

from vast_mcp.session import Call

MARGIN_S = 2.0  # that an answer takes, of a call's time
SLICE_S = 2.0  # between two looks at what a job says
LATE_S = 8.0  # past the time in which a machine was to answer, before nobody listens any more
PATIENCE_S = (
    570.0  # that a call may wait beyond its time, where its host listens: Gemini CLI has 600
)


@dataclass
class Pace:
    """The times of one call, on anyio's clock."""

    until: float  # it follows until then
    end: float  # and has answered by then

    @classmethod
    def of(cls, call: Call, timeout_s: float, *, until_done: bool) -> Pace:
        """The pace of a call that waits so many seconds; until the job is over, where its host
        hears of progress and was never seen to give up.
        """
        budget = call.times.budget_s
        margin = min(MARGIN_S, budget / 10)
        until = call.deadline - max(margin, budget - timeout_s)
        if until_done and listens(call):
            until = call.deadline + PATIENCE_S - budget
        return cls(until, max(call.deadline, until + LATE_S) - margin / 2)

    @property
    def over(self) -> bool:
        """Whether it is time to answer."""
        return anyio.current_time() >= self.until

    @property
    def slice_s(self) -> int:
        """Whole seconds that the next look may wait in the machine."""
        left = self.until - anyio.current_time()
        return int(max(0.0, min(SLICE_S, left)))

    @property
    def left_s(self) -> float:
        """Seconds until nobody listens any more."""
        return max(0.1, self.end - anyio.current_time())


def listens(call: Call) -> bool:
    """Whether the host hears of progress, and waits for as long as it does."""
    host = call.host
    return host is not None and host.listens and not call.session.gave_up


@contextlib.contextmanager
def remembering(call: Call, pace: Pace) -> Generator[None]:
    """Remember a host that let a long wait go, though it was told of progress."""
    try:
        yield
    except anyio.get_cancelled_exc_class():
        if anyio.current_time() > call.deadline and pace.until > call.deadline:
            call.session.gave_up = True
        raise
